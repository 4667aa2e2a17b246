//go:build !windows

package atomicfile

import (
	"os"

	"golang.org/x/sys/unix"
)

func openToSync(path string, _ bool) (*os.File, error) { return os.Open(path) }

// handOver gives a file's content to the disk. On macOS that does not empty the disk's
// own cache, which os.File.Sync does at a much higher price.
func handOver(f *os.File) error {
	if err := unix.Fsync(int(f.Fd())); err != nil && !unsupported(err) {
		return err
	}
	return nil
}
