//go:build darwin || freebsd || netbsd || openbsd || dragonfly

package agent

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// watch calls gone once when the file at path is not there any more. It waits for the
// kernel's word and costs nothing meanwhile.
func watch(path string, gone func()) (stop func()) {
	queue, err := unix.Kqueue()
	if err != nil {
		return func() {}
	}
	dir, err := unix.Open(filepath.Dir(path), unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		_ = unix.Close(queue)
		return func() {}
	}
	var event unix.Kevent_t
	unix.SetKevent(&event, dir, unix.EVFILT_VNODE, unix.EV_ADD|unix.EV_CLEAR)
	event.Fflags = unix.NOTE_WRITE | unix.NOTE_DELETE | unix.NOTE_RENAME | unix.NOTE_REVOKE
	go func() { // it ends with the process: a call that waits cannot be stopped
		changes := []unix.Kevent_t{event}
		for {
			n, err := unix.Kevent(queue, changes, make([]unix.Kevent_t, 1), nil)
			if changes = nil; err != nil && err != unix.EINTR || n < 0 && err == nil {
				return
			}
			if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
				gone()
				return
			}
		}
	}()
	return func() {}
}
