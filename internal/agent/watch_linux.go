package agent

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// watch calls gone once when the file at path is not there any more. It waits for the
// kernel's word and costs nothing meanwhile. stop ends it.
func watch(path string, gone func()) (stop func()) {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return func() {}
	}
	events := os.NewFile(uintptr(fd), "inotify")
	const what = unix.IN_DELETE | unix.IN_MOVED_FROM | unix.IN_DELETE_SELF | unix.IN_MOVE_SELF | unix.IN_UNMOUNT
	if _, err := unix.InotifyAddWatch(fd, filepath.Dir(path), what); err != nil {
		_ = events.Close()
		return func() {}
	}
	go func() {
		buffer := make([]byte, 4096)
		for {
			if _, err := events.Read(buffer); err != nil {
				return
			}
			if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
				gone()
				return
			}
		}
	}()
	return func() { _ = events.Close() }
}
