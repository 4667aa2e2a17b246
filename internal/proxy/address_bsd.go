//go:build darwin || freebsd || netbsd || openbsd || dragonfly

package proxy

import (
	"fmt"
	"net"
	"os/exec"
	"strings"

	"github.com/d44b7504/vault/internal/server"
)

const (
	socketDir = "/var/run"
	socket    = socketDir + "/vault-proxy.sock"
)

// leftover reports whether the loopback interface has the address: nothing but a proxy
// like this one gives it that.
func leftover() (bool, error) {
	all, err := net.Interfaces()
	if err != nil {
		return false, err
	}
	for _, i := range all {
		addresses, _ := i.Addrs()
		for _, a := range addresses {
			if strings.HasPrefix(a.String(), server.MetadataAddr+"/") {
				if i.Flags&net.FlagLoopback == 0 {
					return false, ErrForeign
				}
				return true, nil
			}
		}
	}
	return false, nil
}

func addAddress() error {
	return ifconfig("alias", server.MetadataAddr, "netmask", "255.255.255.255")
}

func removeAddress() error { return ifconfig("-alias", server.MetadataAddr) }

func ifconfig(words ...string) error {
	out, err := exec.Command("/sbin/ifconfig", append([]string{"lo0"}, words...)...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("ifconfig: %w: %s", err, strings.TrimSpace(string(out)))
	}
	return nil
}
