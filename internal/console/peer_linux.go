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
	if !ok || peer.IP.To4() == nil {
		return false
	}
	if os.Getenv("WSL_INTEROP") != "" || os.Getenv("WSL_DISTRO_NAME") != "" {
		return true
	}
	plain := fmt.Sprintf("%08X:%04X", binary.NativeEndian.Uint32(peer.IP.To4()), peer.Port)
	mapped := "0000000000000000FFFF0000" + plain
	for range looks {
		for file, local := range map[string]string{"/proc/net/tcp": plain, "/proc/net/tcp6": mapped} {
			if uid, found := ownerOf(file, local); found {
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

// ownerOf finds the user of the socket with a local address in one of the kernel's tables.
func ownerOf(file, local string) (uid int, found bool) {
	f, err := os.Open(file)
	if err != nil {
		return 0, false
	}
	defer func() { _ = f.Close() }()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		if len(fields) > 7 && fields[1] == local {
			uid, err := strconv.Atoi(fields[7])
			return uid, err == nil
		}
	}
	return 0, false
}
