//go:build darwin || freebsd

package agent

import (
	"net"

	"golang.org/x/sys/unix"
)

const solLocal = 0 // SOL_LOCAL of sys/un.h

// peer is the user of the process at the other end, and whether the system tells.
func peer(c *net.UnixConn) (uid int, known bool, err error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return 0, true, err
	}
	var cred *unix.Xucred
	failed := raw.Control(func(fd uintptr) { cred, err = unix.GetsockoptXucred(int(fd), solLocal, unix.LOCAL_PEERCRED) })
	if failed != nil || err != nil {
		return 0, true, err
	}
	return int(cred.Uid), true, nil
}
