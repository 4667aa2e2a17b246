package atomicfile_test

// What depends on who owns a file needs several users, and so root.

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/d44b7504/vault/internal/atomicfile"
	"github.com/d44b7504/vault/internal/testenv"
)

// other is a user who is not root, in a group of another number.
const other, otherGroup = 65501, 65502

// root makes a directory that every user may look into.
func root(t *testing.T) (dir string) {
	t.Helper()
	if os.Geteuid() != 0 {
		testenv.Missing(t, "root", "only root can make files of other users")
	}
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// theirs makes a file or directory the other user's.
func theirs(t *testing.T, path string, mode fs.FileMode) string {
	t.Helper()
	var err error
	if mode.IsDir() {
		err = os.Mkdir(path, 0o700)
	} else {
		err = os.WriteFile(path, []byte("old"), 0o600)
	}
	if err = errors.Join(err, os.Chmod(path, mode.Perm()), os.Lchown(path, other, otherGroup)); err != nil {
		t.Fatal(err)
	}
	return path
}

func ownedBy(t *testing.T, path string, uid, gid uint32) {
	t.Helper()
	st, err := os.Lstat(path)
	if err != nil {
		t.Fatal(err)
	}
	if sys := st.Sys().(*syscall.Stat_t); sys.Uid != uid || sys.Gid != gid {
		t.Errorf("%s belongs to %d:%d, want %d:%d", path, sys.Uid, sys.Gid, uid, gid)
	}
}

// as runs f as another user. The kernel has a user for each thread; this one ends with f.
func as(uid int, groups []int, f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // and never unlocked: the thread is of no further use
		list := make([]uint32, len(groups)+1)
		for i, g := range groups {
			list[i] = uint32(g)
		}
		_, _, _ = syscall.RawSyscall(unix.SYS_SETGROUPS, uintptr(len(groups)), uintptr(unsafe.Pointer(&list[0])), 0)
		_, _, _ = syscall.RawSyscall(unix.SYS_SETRESGID, uintptr(uid), uintptr(uid), uintptr(uid))
		_, _, _ = syscall.RawSyscall(unix.SYS_SETRESUID, uintptr(uid), uintptr(uid), uintptr(uid))
		f()
	}()
	<-done
}

func TestRootKeepsTheOwnerOfAFile(t *testing.T) {
	dir := theirs(t, filepath.Join(root(t), "aws"), fs.ModeDir|0o700)
	config := theirs(t, filepath.Join(dir, "config"), 0o640)
	write(t, config, "new")
	holds(t, config, "new")
	ownedBy(t, config, other, otherGroup)
	hasMode(t, config, 0o640)
}

// sudo -E vault exec: what it makes in the user's directories must be of use to the user.
func TestWhatRootMakesInAUsersDirectoryIsTheUsers(t *testing.T) {
	dir := theirs(t, filepath.Join(root(t), "home"), fs.ModeDir|0o755)
	file := filepath.Join(dir, ".aws", "sso", "cache", "token.json")
	write(t, file, "new")
	ownedBy(t, file, other, otherGroup)
	ownedBy(t, filepath.Dir(file), other, otherGroup)
	ownedBy(t, filepath.Join(dir, ".aws"), other, otherGroup)
}

func TestWhatRootMakesInASharedDirectoryIsRoots(t *testing.T) {
	dir := theirs(t, filepath.Join(root(t), "tmp"), fs.ModeDir|0o777)
	file := filepath.Join(dir, "file")
	write(t, file, "new")
	ownedBy(t, file, 0, uint32(os.Getegid()))
}

func TestAnotherUsersFileIsRefusedWithItsOwner(t *testing.T) {
	dir := root(t)
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	config := theirs(t, filepath.Join(dir, "config"), 0o666)
	var err error
	as(other+1, nil, func() { err = atomicfile.Write(config, []byte("new")) })
	var owner *atomicfile.OwnerError
	if !errors.As(err, &owner) || owner.ID != other || owner.Group {
		t.Errorf("the error is %v", err)
	}
	holds(t, config, "old")
	ownedBy(t, config, other, otherGroup)
}

// A group is kept where this user may, and matters only where it may do more than others.
func TestAFileOfAnotherGroup(t *testing.T) {
	dir := root(t)
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	var owner *atomicfile.OwnerError
	for _, c := range []struct {
		mode    fs.FileMode
		member  bool
		refused bool
	}{{0o640, true, false}, {0o640, false, true}, {0o600, false, false}, {0o644, false, false}, {0o604, false, true}} {
		config := theirs(t, filepath.Join(dir, "config"), c.mode)
		var groups []int
		if c.member {
			groups = []int{otherGroup}
		}
		var err error
		as(other, groups, func() { err = atomicfile.Write(config, []byte("new")) })
		if c.refused != (errors.As(err, &owner) && owner.Group && owner.ID == otherGroup) || !c.refused && err != nil {
			t.Errorf("%+v: %v", c, err)
		}
		if c.member {
			ownedBy(t, config, other, otherGroup)
		}
		hasMode(t, config, c.mode)
		if err := os.Remove(config); err != nil {
			t.Fatal(err)
		}
	}
}

// What another user's process is writing, or has left, is that user's.
func TestASweepLeavesOtherUsersFiles(t *testing.T) {
	dir := root(t)
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	left := theirs(t, filepath.Join(dir, ".vault-tmp-ABCDEFGHIJKLMNOPQRSTUVWXYZ"), 0o666)
	as(other+1, nil, func() { atomicfile.Sweep(dir) })
	if _, err := os.Stat(left); err != nil {
		t.Error(err)
	}
	as(other, nil, func() { atomicfile.Sweep(dir) })
	if _, err := os.Stat(left); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("its owner does not sweep it: %v", err)
	}
}
