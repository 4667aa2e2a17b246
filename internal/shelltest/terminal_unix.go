//go:build unix

package shelltest

import (
	"os"

	"golang.org/x/sys/unix"
)

// pollable is the same file, which can be closed while it is read. The terminal hangs up only
// then; the one from package pty blocks, and would be kept open by its reader.
func pollable(f *os.File) (*os.File, error) {
	fd, err := unix.FcntlInt(f.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	if err := unix.SetNonblock(fd, true); err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), f.Name()), f.Close()
}
