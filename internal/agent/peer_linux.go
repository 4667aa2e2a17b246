package agent

import (
	"net"

	"golang.org/x/sys/unix"
)

// peer is the user of the process at the other end, and whether the system tells.
func peer(c *net.UnixConn) (uid int, known bool, err error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return 0, true, err
	}
	var cred *unix.Ucred
	failed := raw.Control(func(fd uintptr) { cred, err = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED) })
	if failed != nil || err != nil {
		return 0, true, err
	}
	return int(cred.Uid), true, nil
}
