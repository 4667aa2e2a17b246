package console

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/d44b7504/vault/internal/testenv"
)

// Another user sees the address in the browser's command line.
func TestAnotherUserOfTheMachineIsNotSentOn(t *testing.T) {
	h := handoff(t)
	if os.Getuid() != 0 {
		l, err := net.Listen("tcp4", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = l.Close() }()
		port := l.Addr().(*net.TCPAddr).Port
		if uid, found := ownerOf("/proc/net/tcp", fmt.Sprintf("0100007F:%04X", port)); !found || uid != os.Getuid() {
			t.Errorf("our own socket belongs to %d, %v", uid, found)
		}
		return
	}
	testenv.Require(t, "curl", "curl", "setpriv")
	curl := func(as string) string {
		out, err := exec.Command("setpriv", "--reuid="+as, "--clear-groups", "curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", h.Address()).Output()
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimSpace(string(out))
	}
	if got := curl("65534"); got != "404" {
		t.Errorf("nobody was answered %s", got)
	}
	if got := curl("0"); got != "303" {
		t.Errorf("the user was answered %s", got)
	}
}
