package atomicfile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// syncEach flushes every file and directory below dir, and at last the disk's own cache,
// which on macOS is another step. What this user may not open is left out: this user did
// not write it.
func syncEach(dir string) error {
	if _, err := os.Stat(dir); err != nil {
		return err
	}
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.IsDir() && !e.Type().IsRegular() {
			return skipForbidden(err)
		}
		f, err := openToSync(path, e.IsDir())
		if f == nil || err != nil {
			return skipForbidden(err)
		}
		return errors.Join(handOver(f), f.Close())
	})
	if err != nil {
		return err
	}
	return syncDir(dir)
}

func skipForbidden(err error) error {
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
