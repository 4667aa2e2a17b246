package atomicfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// ErrFull and ErrReadOnly are what an *Error is, for errors.Is, when the disk is full (or
// the user's quota used up), and when it cannot be written to.
var (
	ErrFull     = errors.New("the disk is full")
	ErrReadOnly = errors.New("the file system is read-only")
)

// Error says which file could not be changed, under the name that the caller gave.
type Error struct {
	Op   string // what was tried: "write", "remove", …
	Path string
	Err  error
}

func (e *Error) Error() string { return fmt.Sprintf("%s %s: %v", e.Op, e.Path, e.Err) }
func (e *Error) Unwrap() error { return e.Err }

// Is makes errors.Is(err, ErrFull) true on every operating system.
func (e *Error) Is(target error) bool {
	return target == ErrFull && isFull(e.Err) || target == ErrReadOnly && isReadOnly(e.Err)
}

// OwnerError: the file, or the directory of a new one, belongs to another user, or to a
// group of which this user is no member, and this process may not make a file that does.
// Replacing the file would take it from them. The system knows the name that goes with ID.
type OwnerError struct {
	Path  string
	Group bool // ID is a group's
	ID    int
}

func (e *OwnerError) Error() string {
	kind := "user"
	if e.Group {
		kind = "group"
	}
	return fmt.Sprintf("%s belongs to %s %d, and this user cannot make a file that does", e.Path, kind, e.ID)
}

// MountError: the file is mounted by itself, as containers do. Such a file cannot be
// replaced, only overwritten, which a crash would leave half done.
type MountError struct{ Path string }

func (e *MountError) Error() string {
	return fmt.Sprintf("%s is a mount point and cannot be replaced; mount its directory instead of the file", e.Path)
}

// TypeError: what is there is a directory, a device or a pipe, and would be lost.
type TypeError struct{ Path string }

func (e *TypeError) Error() string { return e.Path + " exists and is of another type" }

// failed wraps an error, and takes out of it the names that only this package knows.
func failed(op, path string, err error) error {
	var already *Error
	if err == nil || errors.As(err, &already) {
		return err
	}
	var p *fs.PathError
	var l *os.LinkError
	switch {
	case errors.As(err, &p):
		err = p.Err
	case errors.As(err, &l):
		err = l.Err
	}
	return &Error{op, path, err}
}
