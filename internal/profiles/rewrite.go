package profiles

import (
	"bytes"
	"errors"
	"io/fs"

	"github.com/d44b7504/vault/internal/atomicfile"
)

// This file reads and replaces the files of the AWS tools.

// maxSize is more than a config file can be: 20,000 profiles are 3 MB.
const maxSize = 16 << 20

// ReadFile reads a file of the AWS tools. A file that does not exist is empty. One that is
// longer than maxSize, such as a device that never ends, is an error.
func ReadFile(path string) ([]byte, error) {
	data, err := atomicfile.Read(path, maxSize)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return data, err
}

// rewrite replaces the content of a file, which is old, by text. If the file has another
// content by now, nothing is written and the error is a *ChangedError. A file that does
// not exist has no content, and is made. See atomicfile.Write for the rest.
func rewrite(path string, old, text []byte) error {
	now, err := ReadFile(path)
	if err != nil {
		return err
	}
	if !bytes.Equal(now, old) {
		return &ChangedError{File: path}
	}
	return atomicfile.Write(path, text)
}
