//go:build unix

package host

import "golang.org/x/sys/unix"

// CloseInherited closes every descriptor but the standard streams that this process was
// started with: who reads the other end of one would wait for the end of a process that
// lives long. What Go itself has opened is not inherited by anyone, and by that it is known.
func CloseInherited() {
	const most = 1 << 16
	last := uint64(most)
	var limit unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &limit) == nil {
		last = min(last, uint64(limit.Cur))
	}
	for fd := uintptr(3); uint64(fd) < last; fd++ {
		if flags, err := unix.FcntlInt(fd, unix.F_GETFD, 0); err == nil && flags&unix.FD_CLOEXEC == 0 {
			_ = unix.Close(int(fd))
		}
	}
}
