package atomicfile_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/d44b7504/vault/internal/atomicfile"
	"github.com/d44b7504/vault/internal/testenv"
)

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := atomicfile.Write(path, []byte(text)); err != nil {
		t.Fatal(err)
	}
}

// holds checks a file's content, and that nothing temporary lies beside it.
func holds(t *testing.T, path, text string) {
	t.Helper()
	got, err := os.ReadFile(path)
	if err != nil || string(got) != text {
		t.Errorf("%s holds %q, %v; want %q", path, got, err, text)
	}
	if left := atomicfile.Leftovers(filepath.Dir(path)); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
}

// posix skips what Windows has no word for.
func posix(t *testing.T) {
	t.Helper()
	if runtime.GOOS == "windows" {
		testenv.Missing(t, "unix", "Windows has no modes and owners")
	}
}

func hasMode(t *testing.T, path string, want fs.FileMode) {
	t.Helper()
	st, err := os.Stat(path)
	if err != nil || st.Mode().Perm() != want {
		t.Errorf("mode of %s: %v, %v; want %v", path, st.Mode(), err, want)
	}
}

func TestANewFileAndItsDirectoriesArePrivate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a", "b", "config")
	write(t, path, "one")
	holds(t, path, "one")
	if runtime.GOOS != "windows" {
		hasMode(t, path, 0o600)
		hasMode(t, filepath.Dir(path), 0o700)
		hasMode(t, filepath.Dir(filepath.Dir(path)), 0o700)
	}
}

func TestAFileKeepsItsMode(t *testing.T) {
	posix(t)
	path := filepath.Join(t.TempDir(), "config")
	for _, mode := range []fs.FileMode{0o644, 0o640, 0o600, 0o400, 0o666} {
		if err := errors.Join(os.WriteFile(path, []byte("old"), 0o600), os.Chmod(path, mode)); err != nil {
			t.Fatal(err)
		}
		write(t, path, "new")
		holds(t, path, "new")
		hasMode(t, path, mode)
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
}

// A chain of links, a relative one, one through a linked directory, one that leads to
// nothing yet: the file at the end is written and the links stay.
func TestASymlinkIsFollowed(t *testing.T) {
	posix(t)
	dir := t.TempDir()
	real := filepath.Join(dir, "disk", "dotfiles", "config")
	for link, to := range map[string]string{
		"chain":            "chain2",
		"chain2":           real,
		"home":             "disk/home",          // a directory
		"disk/home/":       "",                   // made
		"disk/home/config": "../dotfiles/config", // relative to disk/home, not to home
		"disk/dotfiles/":   "",
	} {
		path := filepath.Join(dir, link)
		if to == "" {
			if err := os.MkdirAll(path, 0o700); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.Symlink(to, path)); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"chain", "home/config"} {
		path := filepath.Join(dir, name)
		for _, text := range []string{name, name + " again"} {
			write(t, path, text)
			holds(t, real, text)
			if st, err := os.Lstat(path); err != nil || st.Mode()&fs.ModeSymlink == 0 {
				t.Errorf("%s is no longer a link: %v, %v", name, st.Mode(), err)
			}
			info, err := atomicfile.Inspect(path)
			if want, _ := filepath.EvalSymlinks(real); err != nil || info.Target != want || !info.Exists {
				t.Errorf("Inspect(%s) = %+v, %v", name, info, err)
			}
		}
		if err := os.Remove(real); err != nil {
			t.Fatal(err)
		}
	}
}

func TestACircleOfSymlinksIsAnError(t *testing.T) {
	posix(t)
	path := filepath.Join(t.TempDir(), "a")
	if err := os.Symlink(path, path); err != nil {
		t.Fatal(err)
	}
	var e *fs.PathError
	if err := atomicfile.Write(path, nil); !errors.As(err, &e) || e.Path != path {
		t.Errorf("Write: %v", err)
	}
}

// A rename would put a file in the place of a device, for root even of /dev/null.
func TestWhatIsNotAFileIsNotReplaced(t *testing.T) {
	dir := t.TempDir()
	if err := atomicfile.Write(dir, []byte("x")); !errors.Is(err, atomicfile.ErrNotFile) {
		t.Errorf("a directory: %v", err)
	}
	if runtime.GOOS != "windows" {
		if err := atomicfile.Write(os.DevNull, []byte("x")); !errors.Is(err, atomicfile.ErrNotFile) {
			t.Errorf("a device: %v", err)
		}
	}
	file := filepath.Join(dir, "file")
	write(t, file, "x")
	if err := atomicfile.Write(filepath.Join(file, "below"), nil); err == nil {
		t.Error("a file took the place of a directory")
	}
	holds(t, file, "x")
}

func TestAFileWithOtherNamesIsToldOf(t *testing.T) {
	posix(t)
	dir := t.TempDir()
	a, b := filepath.Join(dir, "a"), filepath.Join(dir, "b")
	if info, err := atomicfile.Inspect(a); err != nil || info.Exists || info.Links != 0 {
		t.Errorf("nothing there: %+v, %v", info, err)
	}
	write(t, a, "old")
	if info, err := atomicfile.Inspect(a); err != nil || info.Links != 1 {
		t.Errorf("one name: %+v, %v", info, err)
	}
	if err := os.Link(a, b); err != nil {
		t.Fatal(err)
	}
	if info, err := atomicfile.Inspect(a); err != nil || info.Links != 2 {
		t.Errorf("two names: %+v, %v", info, err)
	}
	write(t, a, "new")
	holds(t, a, "new")
	holds(t, b, "old")
}

func TestAnErrorNamesTheFileAndNoTemporaryOne(t *testing.T) {
	posix(t)
	dir := t.TempDir()
	path := filepath.Join(dir, strings.Repeat("x", 300))
	err := atomicfile.Write(path, []byte("x"))
	if err == nil || !strings.Contains(err.Error(), path) || strings.Contains(err.Error(), ".vault-tmp-") {
		t.Errorf("Write: %v", err)
	}
	if left := atomicfile.Leftovers(dir); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
}

// People's own files have names that look like the temporary ones of other programs, and
// of this one as it was.
func TestASweepDeletesNothingButItsOwn(t *testing.T) {
	dir := t.TempDir()
	theirs := []string{
		".config20261127150405123", ".new-project/notes", ".vault-tmp-", ".vault-tmp-notes", ".vault-123456789",
		".vault-tmp-ABCDEFGHIJKLMNOPQRSTUVWXY", ".vault-tmp-ABCDEFGHIJKLMNOPQRSTUVWXYZA", ".vault-tmp-abcdefghijklmnopqrstuvwxyz",
		"x.vault-tmp-ABCDEFGHIJKLMNOPQRSTUVWXYZ", ".vault-tmp-ABCDEFGHIJKLMNOPQRSTUVWXYZ.json",
	}
	for _, name := range theirs {
		path := filepath.Join(dir, name)
		old := time.Now().Add(-1000 * time.Hour)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, nil, 0o600), os.Chtimes(path, old, old)); err != nil {
			t.Fatal(err)
		}
	}
	atomicfile.Sweep(dir)
	write(t, filepath.Join(dir, "config"), "x")
	for _, name := range theirs {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			t.Error(err)
		}
	}
}

func TestWhatADeadProcessLeftIsDeleted(t *testing.T) {
	dir := t.TempDir()
	old := time.Now().Add(-time.Hour)
	for name, mode := range map[string]fs.FileMode{".vault-tmp-ABCDEFGHIJKLMNOPQRSTUVWXYZ": 0o600, ".vault-tmp-ABCDEFGHIJKLMNOPQRSTUVWX77": 0o400} {
		path := filepath.Join(dir, name)
		if err := errors.Join(os.WriteFile(path, []byte("secret"), mode), os.Chtimes(path, old, old)); err != nil {
			t.Fatal(err)
		}
	}
	write(t, filepath.Join(dir, "config"), "x")
	holds(t, filepath.Join(dir, "config"), "x")
}

func TestManyWritersLeaveOneWholeFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config")
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for range 10 {
				if err := atomicfile.Write(path, []byte(strings.Repeat(string(rune('a'+i)), 10_000))); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	got, err := os.ReadFile(path)
	if err != nil || len(got) != 10_000 || strings.Trim(string(got), string(got[:1])) != "" {
		t.Errorf("it holds %d bytes, %v", len(got), err)
	}
	holds(t, path, string(got))
}

func TestAMarkIsEmptyAndHasItsTime(t *testing.T) {
	path := filepath.Join(t.TempDir(), "g", "mark")
	at := time.Now().Add(time.Hour).Truncate(time.Second)
	if err := atomicfile.Mark(path, at); err != nil {
		t.Fatal(err)
	}
	if st, err := os.Stat(path); err != nil || !st.ModTime().Equal(at) || st.Size() != 0 {
		t.Errorf("%v, %v", st, err)
	}
	holds(t, path, "")
}

func TestPrivateDirClosesADirectory(t *testing.T) {
	posix(t)
	dir := filepath.Join(t.TempDir(), "state")
	if err := errors.Join(os.Mkdir(dir, 0o755), atomicfile.MkdirAll(dir)); err != nil {
		t.Fatal(err)
	}
	hasMode(t, dir, 0o755)
	if err := atomicfile.PrivateDir(dir); err != nil {
		t.Fatal(err)
	}
	hasMode(t, dir, 0o700)
}

func TestRemoveAndRename(t *testing.T) {
	dir := t.TempDir()
	a, b := filepath.Join(dir, "a"), filepath.Join(dir, "sub", "b")
	write(t, a, "a")
	write(t, b, "b")
	if err := atomicfile.Rename(a, b); err != nil {
		t.Fatal(err)
	}
	holds(t, b, "a")
	if err := atomicfile.Remove(a); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Remove of nothing: %v", err)
	}
	if err := atomicfile.Remove(b); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(b); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("after Remove: %v", err)
	}
}

func TestSyncOfADirectory(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "a", "b", "c"), "x")
	if err := atomicfile.Sync(dir); err != nil {
		t.Error(err)
	}
	if err := atomicfile.Sync(filepath.Join(dir, "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a directory that is not there: %v", err)
	}
}
