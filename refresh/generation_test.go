package refresh

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/d44b7504/vault/internal/creds"
	"github.com/d44b7504/vault/internal/testenv"
)

func newDirectory(t *testing.T) Directory {
	t.Helper()
	return Directory{filepath.Join(t.TempDir(), "vault")}
}

func fresh(id string, life time.Duration) creds.Session {
	now := time.Now().UTC()
	return creds.Session{AccessKeyID: id, SecretKey: creds.New("fake"), Issued: now, Expires: now.Add(life).Truncate(time.Second)}
}

// files lists everything below the directory that is not a directory.
func files(t *testing.T, d Directory) []string {
	t.Helper()
	var found []string
	err := filepath.WalkDir(d.Path, func(p string, e os.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			rel, _ := filepath.Rel(d.Path, p)
			found = append(found, filepath.ToSlash(rel))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func set(t *testing.T, d Directory, key string, s creds.Session, note Note) string {
	t.Helper()
	file, err := d.Set(key, s, note)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

func TestAMarkSaysWhatWasSet(t *testing.T) {
	d, s := newDirectory(t), fresh("ASIAONE", time.Hour)
	if _, ok := d.Mark("prod"); ok {
		t.Error("a mark before anything was set")
	}
	file := set(t, d, "prod", s, "")
	m, ok := d.Mark("prod")
	if !ok || m.File != file || !m.Expires.Equal(s.Expires) || m.Note != "" {
		t.Errorf("mark %+v, want %s until %v", m, file, s.Expires)
	}
	info, err := os.Stat(file)
	if err != nil || info.Size() != 0 || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("the file is %v, %v", info, err)
	}
	set(t, d, "prod", s, "mfa!")
	if m, _ := d.Mark("prod"); m.Note != "mfa!" || !m.Expires.Equal(s.Expires) {
		t.Errorf("mark with a note: %+v", m)
	}
	if _, ok := d.Mark("other"); ok {
		t.Error("the mark is another profile's too")
	}
	set(t, d, "key", creds.Session{AccessKeyID: "AKIAFAKE"}, "")
	if m, ok := d.Mark("key"); !ok || !m.Expires.IsZero() {
		t.Errorf("the mark of what does not expire: %+v", m)
	}
}

func TestAnotherSessionOrNoteIsAnotherFile(t *testing.T) {
	d := newDirectory(t)
	one, two := fresh("ASIAONE", time.Hour), fresh("ASIATWO", time.Hour)
	seen := map[string]bool{}
	for _, c := range []struct {
		s    creds.Session
		note Note
	}{{one, ""}, {two, ""}, {two, "offline!"}, {two, "mfa!"}, {one, "mfa!"}} {
		file := set(t, d, "prod", c.s, c.note)
		if seen[file] {
			t.Errorf("%s was seen before", file)
		}
		seen[file] = true
		if got := files(t, d); len(got) != 1 {
			t.Errorf("files %q: the old generation is still there", got)
		}
	}
	later := one
	later.Expires = later.Expires.Add(time.Hour)
	if set(t, d, "prod", later, "") == set(t, d, "prod", one, "") {
		t.Error("the same key with another expiry has the same file")
	}
}

func TestSettingTheSameAgainTouchesNothing(t *testing.T) {
	d, s := newDirectory(t), fresh("ASIAONE", time.Hour)
	file := set(t, d, "prod", s, "")
	before, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	set(t, d, "prod", s, "")
	after, err := os.Stat(file)
	if err != nil || !os.SameFile(before, after) {
		t.Errorf("the file was replaced: %v", err)
	}
}

func TestSweepingRemovesOldGenerationsOfItsOwnSessionOnly(t *testing.T) {
	d := newDirectory(t)
	set(t, d, "alive", fresh("ASIAALIVE", time.Hour), "")
	set(t, d, "yesterday", fresh("ASIAYESTERDAY", -time.Hour), "")
	set(t, d, "long over", fresh("ASIAOVER", -72*time.Hour), "")
	set(t, d, "prod", fresh("ASIAONE", time.Hour), "")
	set(t, d, "prod", fresh("ASIATWO", time.Hour), "")
	for key, want := range map[string]bool{"alive": true, "yesterday": true, "prod": true, "long over": false} {
		if _, ok := d.Mark(key); ok != want {
			t.Errorf("%s is there: %v", key, ok)
		}
	}
}

func TestForgetLeavesNoTrace(t *testing.T) {
	d := newDirectory(t)
	set(t, d, "prod", fresh("ASIAONE", time.Hour), "offline!")
	set(t, d, "dev", fresh("ASIADEV", time.Hour), "")
	d.setRetry("prod", 3, time.Now())
	d.Forget("prod")
	if n, _ := d.Retry("prod"); n != 0 {
		t.Errorf("%d failures are still known", n)
	}
	if _, ok := d.Mark("prod"); ok {
		t.Error("the mark is still there")
	}
	if _, ok := d.Mark("dev"); !ok {
		t.Error("another profile's mark is gone")
	}
}

func TestRetryRemembersFailuresAndWhenToTryAgain(t *testing.T) {
	d, at := newDirectory(t), time.Now().Add(time.Minute).Truncate(time.Second)
	if n, _ := d.Retry("prod"); n != 0 {
		t.Errorf("%d failures before any", n)
	}
	for n := 1; n < 12; n++ {
		d.setRetry("prod", n, at)
		if got, next := d.Retry("prod"); got != n || !next.Equal(at) {
			t.Errorf("%d failures, next %v; want %d, %v", got, next, n, at)
		}
	}
	d.clearRetry("prod")
	if got := files(t, d); len(got) != 0 {
		t.Errorf("left: %q", got)
	}
}

func TestNoNameOfAProfileIsOnTheDisk(t *testing.T) {
	d := newDirectory(t)
	for _, key := range []string{"secret-project", "../../up", "a/b", "nul\x00", strings.Repeat("x", 3000), "*", "[", "\n", "-rf"} {
		set(t, d, key, fresh("ASIAONE", time.Hour), "")
		d.setRetry(key, 1, time.Now())
		if _, ok := d.Mark(key); !ok {
			t.Errorf("%.20q has no mark", key)
		}
	}
	for _, f := range files(t, d) {
		if name := filepath.Base(f); strings.Trim(name, "0123456789abcdef.") != "" || len(name) > 40 {
			t.Errorf("file %q", f)
		}
	}
	if got, want := len(files(t, d)), 2*9; got != want {
		t.Errorf("%d files, want %d", got, want)
	}
}

func TestTheDirectoryIsForItsOwnerAlone(t *testing.T) {
	if runtime.GOOS == "windows" {
		testenv.Missing(t, "unix", "access is by lists there, not by modes")
	}
	d := newDirectory(t)
	if err := os.Mkdir(d.Path, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(d.Path, 0o777); err != nil {
		t.Fatal(err)
	}
	set(t, d, "prod", fresh("ASIAONE", time.Hour), "")
	for _, p := range []string{d.Path, d.path("g")} {
		info, err := os.Stat(p)
		if err != nil || info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s is %v, %v", p, info.Mode(), err)
		}
	}
}

func TestADirectoryOfAnotherUserIsRefused(t *testing.T) {
	s := fresh("ASIAONE", time.Hour)
	t.Run("a symbolic link", func(t *testing.T) {
		d, elsewhere := newDirectory(t), t.TempDir()
		if err := os.Symlink(elsewhere, d.Path); err != nil {
			testenv.Missing(t, "symlinks", err.Error())
		}
		if _, err := d.Set("prod", s, ""); err == nil || !strings.Contains(err.Error(), "not a directory of yours") {
			t.Errorf("set: %v", err)
		}
		if got := files(t, Directory{elsewhere}); len(got) != 0 {
			t.Errorf("written behind the link: %q", got)
		}
	})
	t.Run("another user's", func(t *testing.T) {
		d := newDirectory(t)
		if err := os.Mkdir(d.Path, 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.Chown(d.Path, 65534, 65534); err != nil {
			testenv.Missing(t, "root", "only root can give a directory away: "+err.Error())
		}
		if _, err := d.Set("prod", s, ""); err == nil || !strings.Contains(err.Error(), "not a directory of yours") {
			t.Errorf("set: %v", err)
		}
		if got := files(t, d); len(got) != 0 {
			t.Errorf("written all the same: %q", got)
		}
	})
	t.Run("a file", func(t *testing.T) {
		d := newDirectory(t)
		if err := os.WriteFile(d.Path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := d.Set("prod", s, ""); err == nil {
			t.Error("a file is not a directory")
		}
	})
}

func TestAPathIsReturnedEvenWhereNothingCanBeWritten(t *testing.T) {
	d := Directory{filepath.Join(t.TempDir(), "file", "vault")}
	if err := os.WriteFile(filepath.Dir(d.Path), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	file, err := d.Set("prod", fresh("ASIAONE", time.Hour), "")
	if err == nil || !strings.HasPrefix(file, d.Path) {
		t.Errorf("%q, %v", file, err)
	}
}

func TestConcurrentSetsLeaveOneMarkAtMost(t *testing.T) {
	d := newDirectory(t)
	done := make(chan struct{})
	const n = 20
	for i := range n {
		go func() {
			defer func() { done <- struct{}{} }()
			_, _ = d.Set("prod", fresh(fmt.Sprint("ASIA", i), time.Hour), "")
		}()
	}
	for range n {
		<-done
	}
	if got := files(t, d); len(got) > 1 || len(got) == 1 && !strings.HasPrefix(got[0], "g/") {
		t.Errorf("left: %q", got)
	}
}

func TestTheRuntimeDirectoryIsTheUsers(t *testing.T) {
	run, state, home := t.TempDir(), t.TempDir(), t.TempDir()
	if runtime.GOOS == "windows" || runtime.GOOS == "darwin" {
		testenv.Missing(t, "linux", "these systems have one of their own")
	}
	for _, c := range []struct {
		env  map[string]string
		want string
	}{
		{map[string]string{"XDG_RUNTIME_DIR": run, "HOME": home}, run + "/vault"},
		{map[string]string{"XDG_RUNTIME_DIR": run + "/missing", "HOME": home}, home + "/.local/state/vault/run"},
		{map[string]string{"XDG_RUNTIME_DIR": "relative", "HOME": home}, home + "/.local/state/vault/run"},
		{map[string]string{"XDG_STATE_HOME": state, "HOME": home}, state + "/vault/run"},
		{map[string]string{"XDG_STATE_HOME": "relative", "HOME": home}, home + "/.local/state/vault/run"},
		{map[string]string{"TMPDIR": run, "HOME": home}, home + "/.local/state/vault/run"},
	} {
		if got := RuntimeDir(func(n string) string { return c.env[n] }, c.env["HOME"]); got.Path != c.want {
			t.Errorf("%v: %s, want %s", c.env, got.Path, c.want)
		}
	}
	if os.Getuid() == 0 { // as after su, with the first user's directory still named
		if err := os.Chown(run, 65534, 65534); err != nil {
			t.Fatal(err)
		}
		m := map[string]string{"XDG_RUNTIME_DIR": run, "HOME": home}
		if got := RuntimeDir(func(n string) string { return m[n] }, home); strings.HasPrefix(got.Path, run) {
			t.Error("another user's directory was chosen")
		}
	}
}

func TestMarksAreWhatMarkSaysOfEach(t *testing.T) {
	d := newDirectory(t)
	if _, ok := d.Marks().Of("prod"); ok {
		t.Error("a mark where there is no directory")
	}
	set(t, d, "prod", fresh("ASIAONE", time.Hour), "mfa!")
	set(t, d, "dev", fresh("ASIATWO", -time.Hour), "")
	set(t, d, "key", creds.Session{AccessKeyID: "AKIAFAKE"}, "")
	for _, odd := range []string{".abc", "odd", ".", "x.y"} {
		_ = os.WriteFile(d.path("g", odd), nil, 0o600)
	}
	all := d.Marks()
	for _, key := range []string{"prod", "dev", "key", "nobody"} {
		want, wantOK := d.Mark(key)
		if got, ok := all.Of(key); got != want || ok != wantOK {
			t.Errorf("%s: %+v, %v; Mark says %+v, %v", key, got, ok, want, wantOK)
		}
	}
}

func TestForgetRemovesSeveralAndClearRemovesAll(t *testing.T) {
	d := newDirectory(t)
	d.Forget("prod") // nothing is there yet
	d.Clear()
	for _, key := range []string{"prod", "dev", "ops"} {
		set(t, d, key, fresh("ASIAONE", time.Hour), "offline!")
		d.setRetry(key, 2, time.Now())
	}
	unlock, got := d.TryLock("prod")
	if !got {
		t.Fatal("the lock is taken")
	}
	defer unlock()
	if err := os.WriteFile(d.path("g", ".being-made"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	d.Forget()
	d.Forget("prod", "dev", "nobody")
	for key, want := range map[string]bool{"prod": false, "dev": false, "ops": true} {
		_, ok := d.Mark(key)
		if n, _ := d.Retry(key); ok != want || (n > 0) != want {
			t.Errorf("%s: mark %v, %d failures", key, ok, n)
		}
	}
	d.Clear()
	if _, ok := d.Mark("ops"); ok {
		t.Error("a mark is left")
	}
	for _, f := range files(t, d) {
		if !strings.HasPrefix(f, "l/") && f != "g/.being-made" {
			t.Errorf("%s is left", f)
		}
	}
}

func TestRecheckMakesEveryTerminalAsk(t *testing.T) {
	d := newDirectory(t)
	d.Recheck() // nothing is there yet
	set(t, d, "prod", fresh("ASIAONE", time.Hour), "")
	set(t, d, "dev", fresh("ASIATWO", time.Hour), "mfa!")
	d.setRetry("dev", 2, time.Now())
	if err := os.WriteFile(d.path("g", ".being-made"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	d.Recheck()
	for _, key := range []string{"prod", "dev"} {
		if _, ok := d.Mark(key); ok {
			t.Errorf("%s has a mark", key)
		}
	}
	if n, _ := d.Retry("dev"); n != 2 {
		t.Error("a backoff was forgotten")
	}
	if _, err := os.Stat(d.path("g", ".being-made")); err != nil {
		t.Error("a temporary file is gone")
	}
}

// Another user could put a file there whose name is meant for this user's terminal.
func TestADirectoryThatOthersCanWriteToIsNotRead(t *testing.T) {
	if runtime.GOOS == "windows" || runtime.GOOS == "darwin" {
		testenv.Missing(t, "linux", "these systems have directories of their own")
	}
	run, home := t.TempDir(), t.TempDir()
	getenv := func(n string) string { return map[string]string{"XDG_RUNTIME_DIR": run}[n] }
	dir := filepath.Join(run, "vault")
	chosen := func() string { return RuntimeDir(getenv, home).Path }
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if got := chosen(); got != dir {
		t.Errorf("this user's own: %s", got)
	}
	next := filepath.Join(home, ".local", "state", "vault", "run")
	for _, mode := range []os.FileMode{0o777, 0o720, 0o702, os.ModeSticky | 0o777} {
		if err := os.Chmod(dir, mode); err != nil {
			t.Fatal(err)
		}
		if got := chosen(); got != next {
			t.Errorf("mode %v: %s", mode, got)
		}
	}
	if err := errors.Join(os.Remove(dir), os.Symlink(t.TempDir(), dir)); err != nil {
		t.Fatal(err)
	}
	if got := chosen(); got != next {
		t.Errorf("a symlink: %s", got)
	}
	if err := errors.Join(os.Remove(dir), os.Mkdir(dir, 0o700)); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(dir, 65534, 65534); err != nil {
		testenv.Missing(t, "root", "only root can give a directory away: "+err.Error())
	}
	if got := chosen(); got != next {
		t.Errorf("another user's: %s", got)
	}
}

// sudo -E: all directories that the environment names are another user's.
func TestWithoutADirectoryOfOnesOwnTheNextBaseIsTaken(t *testing.T) {
	if runtime.GOOS == "windows" || runtime.GOOS == "darwin" {
		testenv.Missing(t, "linux", "these systems have directories of their own")
	}
	last := fmt.Sprintf("/tmp/vault-%d", os.Getuid())
	for _, home := range []string{"", "relative", filepath.Join(t.TempDir(), "file", "home")} {
		if filepath.IsAbs(home) {
			if err := os.WriteFile(filepath.Dir(home), nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if got := RuntimeDir(func(string) string { return "" }, home).Path; got != last {
			t.Errorf("home %q: %q", home, got)
		}
	}
	home := t.TempDir()
	if err := os.Chown(home, 65534, 65534); err != nil {
		testenv.Missing(t, "root", "only root can give a directory away: "+err.Error())
	}
	if got := RuntimeDir(func(string) string { return "" }, home).Path; got != last {
		t.Errorf("another user's home: %q", got)
	}
}

func TestWithoutADirectoryNothingIsReadOrWritten(t *testing.T) {
	t.Chdir(t.TempDir())
	var d Directory
	if file, err := d.Set("prod", fresh("ASIAONE", time.Hour), ""); err == nil || file != "" {
		t.Errorf("set: %q, %v", file, err)
	}
	if _, ok := d.Mark("prod"); ok || len(d.Marks()) > 0 {
		t.Error("a mark was found")
	}
	d.setRetry("prod", 1, time.Now())
	unlock, err := d.Lock(t.Context(), "prod", nil)
	if err != nil {
		t.Fatal(err)
	}
	unlock()
	d.Forget("prod")
	d.Clear()
	d.Recheck()
	if entries, err := os.ReadDir("."); err != nil || len(entries) > 0 {
		t.Errorf("in the current directory are %v, %v", entries, err)
	}
}

func TestOnlyNotesOfTheTableReachATerminal(t *testing.T) {
	d, s := newDirectory(t), fresh("ASIAONE", time.Hour)
	file := set(t, d, "prod", s, "")
	for text, want := range map[string]Note{"mfa!": NeedsCode, "\x1b[31mowned": Failed, "mfa": Failed, "old-word!": Failed} {
		if err := os.Rename(file, d.path("g", fileKey("prod")+"."+generationOf(s)+"."+text)); err != nil {
			if runtime.GOOS == "windows" {
				continue // it has no such names
			}
			t.Fatal(err)
		}
		file = d.path("g", fileKey("prod")+"."+generationOf(s)+"."+text)
		if m, ok := d.Mark("prod"); !ok || m.Note != want {
			t.Errorf("%q: %+v, %v", text, m, ok)
		}
		if m, ok := d.Marks().Of("prod"); !ok || m.Note != want {
			t.Errorf("%q among all: %+v, %v", text, m, ok)
		}
	}
}

func TestTheFileOfALeaseIsGoneWithTheProcessThatServesIt(t *testing.T) {
	d := Directory{Path: t.TempDir()}
	alive := filepath.Join(t.TempDir(), "alive")
	if err := os.Mkdir(alive, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(alive, lifeName), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	first, err := d.SetLease("one", "127.0.0.1:1/x", "", alive)
	if err != nil {
		testenv.Missing(t, "symlinks", err.Error())
	}
	again, _ := d.SetLease("one", "127.0.0.1:1/x", "", alive)
	if m, there := d.Mark(LeaseKey("one")); again != first || !there || m.File != first || !m.Served || m.Note != "" || !m.Expires.IsZero() {
		t.Errorf("%+v, %v", m, there)
	}
	troubled, _ := d.SetLease("one", "127.0.0.1:1/x", NeedsCode, alive)
	if _, err := os.Lstat(first); err == nil || troubled == first {
		t.Error("the file without the note is left")
	}
	if m, _ := d.Mark(LeaseKey("one")); m.Note != NeedsCode {
		t.Errorf("%+v", m)
	}
	other, _ := d.SetLease("one", "127.0.0.1:2/y", NeedsCode, alive)
	if other == troubled {
		t.Error("another address has the same file")
	}
	long := time.Now().Add(-2 * longExpired)
	_ = os.Chtimes(alive, long, long)
	if _, err := d.Set("profile", creds.Session{}, ""); err != nil { // which sweeps
		t.Fatal(err)
	}
	if _, there := d.Mark(LeaseKey("one")); !there {
		t.Error("the file of a lease that lives is swept")
	}
	_ = os.RemoveAll(alive)
	if m, there := d.Mark(LeaseKey("one")); there {
		t.Errorf("the process has ended: %+v", m)
	}
	if !Hidden(other) || Hidden(first) {
		t.Error("a file of a process that cannot be seen is not told from one that is not there")
	}
	_, _ = d.Set("other", creds.Session{}, "")
	if left, _ := filepath.Glob(filepath.Join(d.Path, "g", fileKey(LeaseKey("one"))+".*")); len(left) > 0 {
		t.Errorf("a killed process has left %v", left)
	}
}
