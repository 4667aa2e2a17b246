package console

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"time"
)

// sameUser reports whether the other end of a connection within this machine belongs to this
// user. Another user can see the address in the browser's command line, and be faster. In WSL
// the other end is Windows, of which the table of Linux knows nothing.
func sameUser(c net.Conn) bool {
	peer, ok := c.RemoteAddr().(*net.TCPAddr)
	here, is := c.LocalAddr().(*net.TCPAddr)
	if !ok || !is || peer.IP.To4() == nil || here.IP.To4() == nil {
		return false
	}
	if os.Getenv("WSL_INTEROP") != "" || os.Getenv("WSL_DISTRO_NAME") != "" {
		return true
	}
	for range looks {
		for file, before := range map[string]string{"/proc/net/tcp": "", "/proc/net/tcp6": "0000000000000000FFFF0000"} {
			if uid, found := ownerOf(file, before+inTable(peer), before+inTable(here)); found {
				return uid == os.Getuid()
			}
		}
		time.Sleep(5 * time.Millisecond)
	}
	return false
}

// looks is how often the tables are read. The kernel gives them in pieces, and a reader may miss a
// socket while others come and go.
const looks = 20

// inTable is an address as the kernel's tables have it.
func inTable(a *net.TCPAddr) string {
	return fmt.Sprintf("%08X:%04X", binary.NativeEndian.Uint32(a.IP.To4()), a.Port)
}

// ownerOf finds the user of the socket between two addresses in one of the kernel's tables. One local
// address may have sockets to several others, and those that have ended belong to root there.
func ownerOf(file, local, remote string) (uid int, found bool) {
	f, err := os.Open(file)
	if err != nil {
		return 0, false
	}
	defer func() { _ = f.Close() }()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		if len(fields) > 7 && fields[1] == local && fields[2] == remote {
			uid, err := strconv.Atoi(fields[7])
			return uid, err == nil
		}
	}
	return 0, false
}
