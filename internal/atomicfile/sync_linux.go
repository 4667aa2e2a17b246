package atomicfile

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// syncTree flushes the file system that dir is on. It is one call, however many files
// there are, and needs no right to read them.
func syncTree(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer func() { _ = d.Close() }()
	if err := unix.Syncfs(int(d.Fd())); !errors.Is(err, unix.ENOSYS) {
		return err
	}
	return syncEach(dir)
}
