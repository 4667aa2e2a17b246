//go:build unix && !linux

package host

import (
	"sync"

	"golang.org/x/sys/unix"
)

// onEnd waits for the kernel's word, with a look now and then whether it was stopped.
func onEnd(pid int, ended func()) (stop func(), told bool) {
	queue, err := unix.Kqueue()
	if err != nil {
		return nil, false
	}
	var event unix.Kevent_t
	unix.SetKevent(&event, pid, unix.EVFILT_PROC, unix.EV_ADD|unix.EV_ONESHOT)
	event.Fflags = unix.NOTE_EXIT
	if _, err := unix.Kevent(queue, []unix.Kevent_t{event}, nil, nil); err != nil {
		_ = unix.Close(queue)
		return nil, false
	}
	over := make(chan struct{})
	go func() {
		defer func() { _ = unix.Close(queue) }()
		look := unix.NsecToTimespec(60e9)
		for {
			n, err := unix.Kevent(queue, nil, make([]unix.Kevent_t, 1), &look)
			select {
			case <-over:
				return
			default:
			}
			if n > 0 || err != nil && err != unix.EINTR {
				ended()
				return
			}
		}
	}()
	return sync.OnceFunc(func() { close(over) }), true
}

// LifeDir is "": no path of this system ends with a process.
func LifeDir() string { return "" }
