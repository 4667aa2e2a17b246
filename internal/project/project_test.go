//go:build unix

package project

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

func check(err error) {
	if err != nil {
		panic(err)
	}
}

func TestAFileIsReadOnlyIfOnlyItsOwnerCouldHaveWrittenItAndItNamesOneProfile(t *testing.T) {
	write := func(text string) func(path string) {
		return func(path string) { check(os.WriteFile(path, []byte(text), 0o600)) }
	}
	for want, make := range map[string]func(path string){
		"":                                   write("prod\n"),
		"is larger than 4096 bytes":          write(strings.Repeat("x", 5000)),
		"names no profile":                   write("\n# prod\n\n"),
		"has more than the name of one prof": write("prod\ndev\n"),
		"is UTF-16; save it as UTF-8":        write("\xff\xfep\x00"),
		"is not text in UTF-8":               write("pr\xffod\n"),
		"has something else than the name":   write("prod\x1b]2;x\x07\n"),
		"has something else":                 write("pr\u202eod\n"),
		"is a symbolic link":                 func(path string) { check(os.Symlink("/etc/hostname", path)) },
		"is not a regular file":              func(path string) { check(syscall.Mkfifo(path, 0o600)) },
		"is not a regular":                   func(path string) { check(os.Mkdir(path, 0o700)) },
		"can be written by every user": func(path string) {
			write("prod\n")(path)
			check(os.Chmod(path, 0o666))
		},
		"is not there any more": func(string) {},
	} {
		dir := t.TempDir()
		make(filepath.Join(dir, FileName))
		f := Read(dir)
		got := ""
		if f.Problem != nil {
			got = f.Problem.Error()
		}
		if !strings.HasPrefix(got, want) || (want == "") != (f.Profile == "prod") {
			t.Errorf("%q, not %q: %+v", got, want, f)
		}
		if err := (Records{t.TempDir()}).Trust(f, time.Now()); (err == nil) != (want == "") {
			t.Errorf("%s: %v", want, err)
		}
	}
	for _, text := range []string{"a b", "\ufeffa b\r\n", "# why\r\n\r\n  a b \r\n", "\n\na b"} {
		dir := t.TempDir()
		write(text)(filepath.Join(dir, FileName))
		if f := Read(dir); f.Profile != "a b" {
			t.Errorf("%q: %+v", text, f)
		}
	}
}

func TestTrustIsOfOnePlaceAndOneContent(t *testing.T) {
	top, records := t.TempDir(), Records{filepath.Join(t.TempDir(), "state", "projects")}
	at := func(name, text string) File {
		dir := filepath.Join(top, name)
		check(os.MkdirAll(dir, 0o700))
		check(os.WriteFile(filepath.Join(dir, FileName), []byte(text), 0o600))
		return Read(dir)
	}
	is := func(f File, want Verdict) {
		t.Helper()
		if got := records.Of(f); got != want {
			t.Errorf("%s: %s, not %s", f.Path(), got, want)
		}
	}
	one := at("one", "prod\n")
	is(one, Unknown)
	future := time.Now().Add(time.Hour)
	check(os.Chtimes(one.Path(), future, future))
	check(records.Trust(one, time.Now()))
	is(one, Trusted)
	is(at("two", "prod\n"), Unknown)
	is(at("one", "prod"), Changed)
	is(at("one", "prod\n"), Trusted)
	check(os.Symlink(filepath.Join(top, "one"), filepath.Join(top, "link")))
	is(Read(filepath.Join(top, "link")), Trusted)
	info, err := os.Stat(records.File(one.Path()))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info, err)
	}
	check(os.Chtimes(one.Path(), future, future))
	check(records.Trust(one, time.Now()))
	if info, _ := os.Stat(records.File(one.Path())); info.ModTime().Before(future) {
		t.Error("the record seems older than the file")
	}
	check(records.Ignore(Read(filepath.Join(top, "two")), time.Now()))
	is(at("two", "anything"), Ignored)
	if list, err := records.List(); err != nil || len(list) != 2 || list[0].Path != one.Path() || !list[1].Ignored {
		t.Errorf("%+v %v", list, err)
	}
	check(os.WriteFile(records.File(one.Path()), []byte(`{"path":"/elsewhere","sha256":"`+one.Hash+`"}`), 0o600))
	is(one, Unknown)
	for range 2 {
		if _, err := records.Revoke(one.Path()); err != nil || records.Has(one.Path()) {
			t.Error(err)
		}
	}
	is(one, Unknown)
}

func TestTheNearestFileUpToTheRootIsFound(t *testing.T) {
	top := t.TempDir()
	deep := filepath.Join(top, "a/b/c")
	check(os.MkdirAll(deep, 0o700))
	if at, there := Find(deep); there && strings.HasPrefix(at, top) {
		t.Error(at)
	}
	for _, dir := range []string{top, filepath.Join(top, "a/b")} {
		check(os.WriteFile(filepath.Join(dir, FileName), nil, 0o600))
		if at, _ := Find(deep); at != dir {
			t.Error(at, dir)
		}
	}
	if at, _ := Find(filepath.Join(top, "a")); at != top {
		t.Error(at)
	}
	if f := Read(filepath.Join(top, "gone")); !errors.Is(f.Problem, ErrGone) {
		t.Error(f)
	}
}
