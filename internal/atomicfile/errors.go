package atomicfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// Every error of this package is an *fs.PathError with the path that the caller gave. In
// it may be one of these, or what the operating system says; see IsFull and IsReadOnly.
var (
	// errMounted: the file is mounted by itself, as containers do with single files. Such a
	// file can be overwritten and not replaced, and a crash would leave it half-written.
	errMounted = errors.New("it is a mount point and cannot be replaced; mount its directory instead of the file")

	// ErrNotFile: what is there is a directory, a device or a pipe.
	ErrNotFile = errors.New("it is not a regular file")

	// ErrInUse: another program has the file open and keeps others away from it, on Windows.
	ErrInUse = errors.New("another program has it open; close it there and try again")

	// errNoWriter: what is there is a named pipe, and no program has opened it to write to it.
	errNoWriter = errors.New("it is a named pipe, and no program writes to it")
)

// OwnerError: the file, or the directory of a new one, belongs to another user, or to a
// group of which this user is not a member, and this process may not make a file that
// does. Replacing the file would take it from them. The system knows the name of ID.
type OwnerError struct {
	Group bool // ID is a group's
	ID    int
}

func (e *OwnerError) Error() string {
	kind := "user"
	if e.Group {
		kind = "group"
	}
	return fmt.Sprintf("it belongs to %s %d, and could only be replaced by a file that does not", kind, e.ID)
}

// SizeError: the file is longer than any file of its kind.
type SizeError struct{ Limit int64 }

func (e *SizeError) Error() string { return fmt.Sprintf("it is longer than %d bytes", e.Limit) }

// IsFull reports whether an error means that the disk is full, or the user's quota of it.
func IsFull(err error) bool { return isFull(err) }

// IsReadOnly reports whether an error means that the file system cannot be written to.
func IsReadOnly(err error) bool { return isReadOnly(err) }

// failed makes the error that a caller gets. It takes out of err the paths that only this
// package knows.
func failed(op, path string, err error) error {
	var p *fs.PathError
	var l *os.LinkError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &p):
		err = p.Err
	case errors.As(err, &l):
		err = l.Err
	}
	return &fs.PathError{Op: op, Path: path, Err: err}
}
