//go:build !windows

package atomicfile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// separators end a directory in a path.
const separators = "/"

// asItIs opens what is there: no link is followed, and a pipe does not block.
const asItIs = unix.O_NOFOLLOW | unix.O_NONBLOCK

// claim locks a temporary file for as long as it is open. It is false when a sweep has taken it for a dead process's, which is possible between its creation and now.
// The lock is the kernel's, so a process that is killed lets go of it.
func claim(f *os.File) bool {
	if errors.Is(lock(f), unix.EWOULDBLOCK) {
		return false
	}
	var st unix.Stat_t
	return unix.Fstat(int(f.Fd()), &st) != nil || st.Nlink > 0
}

func lock(f *os.File) error {
	for {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

// unsupported reports whether the file system cannot sync such a file at all.
func unsupported(err error) bool {
	return errors.Is(err, errors.ErrUnsupported) || errors.Is(err, unix.EINVAL)
}

// sweep deletes a temporary file whose writer is dead: no process has the lock.
func sweep(path string) {
	const how = unix.O_NOFOLLOW | unix.O_NONBLOCK
	f, err := os.OpenFile(path, os.O_RDWR|how, 0)
	if err != nil {
		f, err = os.OpenFile(path, os.O_RDONLY|how, 0) // it has its mode already, 0400
	}
	if err != nil {
		return
	}
	defer func() { _ = f.Close() }()
	st, err := f.Stat()
	if err != nil || !mayDelete(st) {
		return
	}
	switch err := lock(f); {
	case errors.Is(err, unix.EWOULDBLOCK):
		return
	case err != nil && time.Since(st.ModTime()) < abandoned:
		return
	}
	_ = os.Remove(path)
}

// mayDelete reports whether a file belongs to this user, or this user is root.
func mayDelete(st fs.FileInfo) bool {
	sys, ok := st.Sys().(*syscall.Stat_t)
	return ok && (int(sys.Uid) == os.Geteuid() || os.Geteuid() == 0)
}

// giveOwner gives a temporary file the owner of the file it will replace or, when root
// makes a new one, the owner of the directory.
func giveOwner(f *os.File, target string, old fs.FileInfo) error {
	if old == nil {
		return giveDirOwner(f.Name(), filepath.Dir(target))
	}
	now, err := f.Stat()
	if err != nil {
		return err
	}
	have, want := now.Sys().(*syscall.Stat_t), old.Sys().(*syscall.Stat_t)
	if have.Uid != want.Uid {
		if err := f.Chown(int(want.Uid), int(want.Gid)); err != nil {
			return &OwnerError{ID: int(want.Uid)}
		}
		return nil
	}
	if have.Gid == want.Gid {
		return nil
	}
	err = f.Chown(-1, int(want.Gid))
	if err != nil && groupMatters(old.Mode()) {
		return &OwnerError{Group: true, ID: int(want.Gid)}
	}
	return nil
}

// groupMatters reports whether the members of a file's group may do other things with it
// than everybody else.
func groupMatters(mode fs.FileMode) bool { return mode.Perm()>>3&7 != mode.Perm()&7 }

// giveDirOwner gives what root has just made in another user's directory to that user. A
// directory that every user may write to, such as /tmp, does not count as one user's.
func giveDirOwner(path, dir string) error {
	if os.Geteuid() != 0 {
		return nil
	}
	st, err := os.Stat(dir)
	if err != nil || st.Mode().Perm()&0o002 != 0 {
		return err
	}
	made, err := os.Lstat(path)
	if err != nil {
		return err
	}
	want := st.Sys().(*syscall.Stat_t)
	if want.Uid == made.Sys().(*syscall.Stat_t).Uid {
		return nil
	}
	if err := os.Lchown(path, int(want.Uid), int(want.Gid)); err != nil {
		return &OwnerError{ID: int(want.Uid)}
	}
	return nil
}

// giveMode gives a temporary file the mode and the access list of the file it will replace.
func giveMode(f *os.File, target string, old fs.FileInfo) error {
	if old == nil {
		return f.Chmod(privateFile)
	}
	return copyAccess(f, target, old.Mode().Perm())
}

// moveInto gives a temporary file its name. The lock is held until it has it.
func moveInto(f *os.File, target string) error {
	if err := rename(f.Name(), target); err != nil {
		return err
	}
	_ = f.Close() // it has been written and, where that matters, synced
	return nil
}

func rename(from, to string) error {
	err := os.Rename(from, to)
	if errors.Is(err, unix.EBUSY) || errors.Is(err, unix.EXDEV) {
		return errMounted
	}
	return err
}

// syncFile brings a file's content to the disk, where the file system can.
func syncFile(f *os.File) error {
	if err := f.Sync(); err != nil && !unsupported(err) {
		return err
	}
	return nil
}

// syncDir brings new and changed names in a directory to the disk.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if errors.Is(err, fs.ErrPermission) {
		return nil // one may be allowed to write to a directory and not to read it
	}
	if err != nil {
		return err
	}
	return errors.Join(syncFile(d), d.Close())
}

func links(st fs.FileInfo) int {
	sys, ok := st.Sys().(*syscall.Stat_t)
	if !ok {
		return 0
	}
	return int(sys.Nlink)
}

func isFull(err error) bool {
	return errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) || errors.Is(err, unix.EFBIG)
}

func isReadOnly(err error) bool { return errors.Is(err, unix.EROFS) }

// patiently is for Windows: here no program keeps others from a file by having it open.
func patiently(do func() error) error { return do() }
