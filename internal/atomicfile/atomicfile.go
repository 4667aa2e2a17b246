// Package atomicfile writes files that must never be half-written or readable by others:
// configuration, keys, tokens, journals. It is the only place in this program that writes
// them, so that each file is replaced with the same care.
//
// A write goes to a temporary file in the same directory, which becomes the file by a
// rename. Whoever reads sees the old content or the new one, and so does whoever looks
// after a crash or a loss of power. Any error leaves the old file as it was.
package atomicfile

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

const (
	privateFile = 0o600
	privateDir  = 0o700
)

// Write makes data the content of the file at path.
//
// A symlink is followed, also one whose target does not exist yet. An existing file keeps
// its mode and its owner; a new one is readable by its owner alone. When root writes into
// another user's directory, a new file belongs to that user. A missing directory is made,
// as MkdirAll does.
//
// When Write returns nil, file and directory are on the disk. It does not wait for other
// writers: with two at a time, the file has the content of one of them. It also removes
// what killed processes have left in the directory; see Sweep.
func Write(path string, data []byte) error { return write(path, content(data), true) }

// WriteCache is Write for what can be made again: it does not wait for the disk. After a
// loss of power the file may be the old one, or missing, empty or cut off; whoever reads it
// must take all of these for a file that does not exist. A crash of the program does no
// such harm.
func WriteCache(path string, data []byte) error { return write(path, content(data), false) }

func content(data []byte) func(*os.File) error {
	return func(f *os.File) error {
		_, err := f.Write(data)
		return err
	}
}

// Mark makes an empty file at path with a modification time, which is what such a file
// says. It is as Write is, except that nothing is synced: a loss of power may undo it.
func Mark(path string, at time.Time) error {
	return write(path, func(f *os.File) error { return os.Chtimes(f.Name(), at, at) }, false)
}

// Link makes path a symbolic link to target, in place of what is there. It is not synced.
func Link(target, path string) error {
	dir := filepath.Dir(path)
	if err := MkdirAll(dir); err != nil {
		return err
	}
	temp := tempName(dir)
	err := os.Symlink(target, temp)
	if err == nil {
		err = os.Rename(temp, path)
	}
	if err != nil {
		_ = os.Remove(temp)
		return failed("link", path, err)
	}
	return nil
}

// write makes the file at path what fill puts into a temporary file.
func write(path string, fill func(*os.File) error, durable bool) error {
	target, err := resolve(path)
	if err != nil {
		return failed("write", path, err)
	}
	dir := filepath.Dir(target)
	if err := MkdirAll(dir); err != nil {
		return err
	}
	err = replace(target, fill, durable)
	if err == nil && durable {
		err = syncDir(dir)
	}
	if err != nil {
		return failed("write", path, err)
	}
	Sweep(dir)
	return nil
}

// replace does the work of write for a path that is not a symlink.
func replace(target string, fill func(*os.File) error, durable bool) error {
	old, err := os.Lstat(target)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		old = nil
	case err != nil:
		return err
	case !old.Mode().IsRegular():
		return ErrNotFile
	}
	f, err := createTemp(filepath.Dir(target))
	if err != nil {
		return err
	}
	err = giveOwner(f, target, old)
	if err == nil {
		err = fill(f)
	}
	if err == nil {
		err = giveMode(f, target, old)
	}
	if err == nil && durable {
		err = syncFile(f)
	}
	if err == nil {
		err = moveInto(f, target)
	}
	if err != nil {
		_ = f.Close()
		_ = os.Remove(f.Name())
	}
	return err
}

// MkdirAll makes a directory and its missing parents, for their owner alone. When root
// makes one in another user's directory, it belongs to that user. Directories that exist
// stay as they are. New ones are on the disk when it returns.
func MkdirAll(dir string) error {
	st, err := os.Stat(dir)
	switch {
	case err == nil && st.IsDir():
		return nil
	case err == nil:
		return failed("mkdir", dir, syscall.ENOTDIR)
	case !errors.Is(err, fs.ErrNotExist):
		return failed("mkdir", dir, err)
	}
	parent := filepath.Dir(filepath.Clean(dir))
	if parent != dir {
		if err := MkdirAll(parent); err != nil {
			return err
		}
	}
	err = os.Mkdir(dir, privateDir)
	if errors.Is(err, fs.ErrExist) {
		if st, err := os.Stat(dir); err == nil && st.IsDir() {
			return nil // another process has just made it
		}
	}
	if err == nil {
		err = giveDirOwner(dir, parent)
	}
	if err == nil {
		err = syncDir(parent)
	}
	return failed("mkdir", dir, err)
}

// PrivateDir makes a directory as MkdirAll does. One that exists and that others may read
// or change is closed to them; where that is not allowed, because it is another user's, it
// stays as it is, without an error.
func PrivateDir(dir string) error {
	if err := MkdirAll(dir); err != nil {
		return err
	}
	if st, err := os.Stat(dir); err == nil && st.Mode().Perm()&0o077 != 0 {
		_ = os.Chmod(dir, privateDir)
	}
	return nil
}

// Remove deletes the file at path. When it returns nil, that is on the disk. The error is
// fs.ErrNotExist when there is none. A symlink is not followed.
func Remove(path string) error {
	err := patiently(func() error { return os.Remove(path) })
	if err == nil {
		err = syncDir(filepath.Dir(path))
	}
	return failed("remove", path, err)
}

// Rename gives a file another name, in the place of a file that has it. When it returns
// nil, that is on the disk. Both must be on one file system. Symlinks are not followed.
func Rename(from, to string) error {
	err := rename(from, to)
	if err == nil {
		err = syncDir(filepath.Dir(to))
	}
	if err == nil && filepath.Dir(from) != filepath.Dir(to) {
		err = syncDir(filepath.Dir(from))
	}
	return failed("rename", from, err)
}

// Sync brings to the disk what other programs have written to files below dir. It
// flushes at least these, and on Linux the whole file system that dir is on.
func Sync(dir string) error {
	return failed("sync", dir, syncTree(dir))
}

// Read returns the content of the file at path, at most limit bytes; a longer file is a
// *SizeError. It is for files that a person may have named: a device like /dev/zero never
// ends. At a named pipe it waits for a writer for five seconds, see ErrNoWriter, and then for
// as long as the writer takes.
func Read(path string, limit int64) ([]byte, error) {
	f, err := open(path)
	if err != nil {
		return nil, failed("read", path, err)
	}
	defer func() { _ = f.Close() }()
	return readAll(f, path, limit)
}

// ReadChecked is Read for a file that another user may have put there. It does not follow a
// link, nor block on a pipe, and reads only what check agrees to, whose error it returns as it
// is. Where links cannot be refused (Windows), check is asked about the link first.
func ReadChecked(path string, limit int64, check func(os.FileInfo) error) ([]byte, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return nil, failed("read", path, err)
	}
	if err := check(info); err != nil {
		return nil, err
	}
	var f *os.File
	err = patiently(func() error { f, err = os.OpenFile(path, os.O_RDONLY|asItIs, 0); return err })
	if err != nil {
		return nil, failed("read", path, err)
	}
	defer func() { _ = f.Close() }()
	if info, err = f.Stat(); err == nil { // another one may have taken its place
		err = check(info)
	}
	if err != nil {
		return nil, err
	}
	return readAll(f, path, limit)
}

func readAll(f *os.File, path string, limit int64) ([]byte, error) {
	var room int64 = 512
	if st, err := f.Stat(); err == nil {
		room = min(st.Size()+room, limit+1) // so that most files are read in one piece
	}
	text := bytes.NewBuffer(make([]byte, 0, room))
	switch _, err := text.ReadFrom(io.LimitReader(f, limit+1)); {
	case err != nil:
		return nil, failed("read", path, err)
	case int64(text.Len()) > limit:
		return nil, failed("read", path, &SizeError{limit})
	}
	return text.Bytes(), nil
}

// Info says what a caller may want to tell about a file before it is replaced.
type Info struct {
	Target string // the file itself: where the symlinks lead
	Exists bool
	// Links is how many names the file has, hard links, in its file system. Write changes
	// what one of them says; the others keep the old content.
	Links int
}

// Inspect says what is at path. It is not an error if there is no file.
func Inspect(path string) (Info, error) {
	target, err := resolve(path)
	if err != nil {
		return Info{}, failed("read", path, err)
	}
	st, err := os.Lstat(target)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return Info{Target: target}, nil
	case err != nil:
		return Info{}, failed("read", path, err)
	}
	return Info{Target: target, Exists: true, Links: links(st)}, nil
}
