package profiles

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// This file puts the new text of a file in the place of the old one: whole or not at
// all, and only where the old text is still there. What a killed program leaves behind
// is in one folder beside the file, which the next change clears away; so changes of
// one file must not overlap, which callers see to with a lock.

// staging is the folder in which the new file is written.
const staging = ".vault-new"

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
	dir := filepath.Dir(target)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	dir = filepath.Join(dir, staging)
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	return replace(target, dir, text)
}

// Tidy clears away what a change of the file at path left behind when it was killed.
// It must not run while another process changes the file.
func Tidy(path string) {
	if target, err := linkTarget(path); err == nil {
		_ = os.RemoveAll(filepath.Join(filepath.Dir(target), staging))
	}
}
