package profiles

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// This file puts the new text of a file in the place of the old one, only where the old
// text is still there.

// rewrite replaces a file that still says old with text. A missing file says nothing,
// and is made with mode 0600, its directory with 0700. A symlink is followed.
func rewrite(path string, old, text []byte) error {
	target, err := linkTarget(path)
	if err != nil {
		return err
	}
	now, err := os.ReadFile(target)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if !bytes.Equal(now, old) {
		return &ChangedError{File: path}
	}
	if err := os.MkdirAll(filepath.Dir(target), 0o700); err != nil {
		return err
	}
	return replace(target, text)
}

// Tidy clears away at once what a change of the file at path left behind when it was
// killed: it may hold keys. It must not run while another process changes the file.
func Tidy(path string) {
	target, err := linkTarget(path)
	if err != nil {
		return
	}
	dir, base := filepath.Split(target)
	entries, _ := os.ReadDir(filepath.Clean(dir))
	for _, e := range entries {
		if e.Type().IsRegular() && halfWritten(e.Name(), base) {
			_ = os.Remove(filepath.Join(dir, e.Name()))
		}
	}
}
