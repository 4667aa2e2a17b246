// Package project reads the files that name the AWS profile of a directory, and remembers
// which of them a person trusts. A file counts for the directory that it is in and for those
// below; the nearest one wins. Nothing in a file is believed before a person has trusted it,
// with the content that it had then.
package project

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/d44b7504/vault/internal/atomicfile"
	"github.com/d44b7504/vault/refresh"
)

// FileName is the name of the file in a directory.
const FileName = ".vault-profile"

const (
	mostBytes = 4096 // of a file
	mostName  = 512  // bytes of a profile's name
)

// ErrGone is the problem of a file that is not there.
var ErrGone = errors.New("is not there any more")

// File is a file that names a profile. If Problem is not nil it counts for nothing, and
// Profile is "".
type File struct {
	Dir     string // the directory, as an absolute path without symbolic links where that is known
	Profile string
	Hash    string // of the content, "" if it could not be read
	Problem error  // in words that follow the file's name, as in "is a symbolic link"
}

// Path is the file itself.
func (f File) Path() string { return filepath.Join(f.Dir, FileName) }

// Find returns the nearest directory with such a file, from dir, an absolute path, upwards;
// false if there is none. What cannot be looked into has none.
func Find(dir string) (string, bool) {
	for {
		if _, err := os.Lstat(filepath.Join(dir, FileName)); err == nil {
			return dir, true
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", false
		}
		dir = parent
	}
}

// Read reads the file in a directory. It does not block on what is not a regular file.
func Read(dir string) File {
	f := File{Dir: dir}
	if real, err := filepath.EvalSymlinks(dir); err == nil {
		f.Dir = real
	}
	text, err := content(f.Path())
	if err != nil {
		f.Problem = err
		return f
	}
	sum := sha256.Sum256(text)
	f.Hash = hex.EncodeToString(sum[:])
	f.Profile, f.Problem = nameIn(text)
	return f
}

// content reads the file, if it is one that only its owner could have written.
func content(path string) ([]byte, error) {
	var refused error
	text, err := atomicfile.ReadChecked(path, mostBytes, func(info os.FileInfo) error {
		refused = acceptable(info)
		return refused
	})
	var size *atomicfile.SizeError
	switch {
	case refused != nil:
		return nil, refused
	case errors.As(err, &size):
		return nil, fmt.Errorf("is larger than %d bytes", mostBytes)
	case err != nil:
		return nil, unreadable(err)
	}
	return text, nil
}

func acceptable(info os.FileInfo) error {
	switch mode := info.Mode(); {
	case mode&fs.ModeSymlink != 0:
		return errors.New("is a symbolic link")
	case !mode.IsRegular():
		return errors.New("is not a regular file")
	case !refresh.OwnedByUser(info):
		return errors.New("belongs to another user")
	case runtime.GOOS != "windows" && mode.Perm()&0o002 != 0:
		return errors.New("can be written by every user")
	}
	return nil
}

func unreadable(err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return ErrGone
	case errors.Is(err, fs.ErrPermission):
		return errors.New("cannot be read")
	}
	var path *fs.PathError
	if errors.As(err, &path) {
		err = path.Err
	}
	return fmt.Errorf("cannot be read: %w", err)
}

// nameIn is the one name in the text of a file, beside empty lines and those that begin
// with #.
func nameIn(text []byte) (name string, err error) {
	switch {
	case bytes.HasPrefix(text, []byte("\xff\xfe")), bytes.HasPrefix(text, []byte("\xfe\xff")):
		return "", errors.New("is UTF-16; save it as UTF-8")
	case !utf8.Valid(text):
		return "", errors.New("is not text in UTF-8")
	}
	for line := range strings.Lines(strings.TrimPrefix(string(text), "\ufeff")) {
		line = strings.TrimSpace(line)
		switch {
		case line == "", strings.HasPrefix(line, "#"):
		case name != "":
			return "", errors.New("has more than the name of one profile")
		default:
			name = line
		}
	}
	switch {
	case name == "":
		return "", errors.New("names no profile")
	case len(name) > mostName, strings.ContainsFunc(name, func(c rune) bool { return !unicode.IsPrint(c) }):
		return "", errors.New("has something else than the name of a profile")
	}
	return name, nil
}
