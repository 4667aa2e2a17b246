package console

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
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
		here := inTable(l.Addr().(*net.TCPAddr))
		if uid, found := ownerOf("/proc/net/tcp", here, "00000000:0000"); !found || uid != os.Getuid() {
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

// The browser may have connected to something else from the same port before.
func TestTheOwnerIsThatOfTheConnectionAndNotOfAnotherFromItsPort(t *testing.T) {
	table := filepath.Join(t.TempDir(), "tcp")
	err := os.WriteFile(table, []byte(`  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:9C40 0100007F:1F90 06 00000000:00000000 03:000009A4 00000000     0        0 0 3 0000000000000000
   1: 0100007F:9C40 0100007F:A0E1 01 00000000:00000000 00:00000000 00000000  1000        0 4711 1 0000000000000000 20 0 0 10 -1
`), 0o600)
	if err != nil {
		t.Fatal(err)
	}
	if uid, found := ownerOf(table, "0100007F:9C40", "0100007F:A0E1"); !found || uid != 1000 {
		t.Errorf("the connection belongs to %d, %v", uid, found)
	}
}
