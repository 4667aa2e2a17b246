//go:build unix

package store

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/d44b7504/vault/internal/creds"
	"github.com/d44b7504/vault/internal/testenv"
)

// A person who shares a store can commit anything to it. What comes with the store must not
// decide where the private part is written.
func TestAStoreWithALinkInItIsRefusedAndNothingIsWrittenThroughIt(t *testing.T) {
	for _, place := range []string{
		"own", "own/identity.age", "own/recipients.txt", "own/seen.txt", "own/.gitignore",
		"recipients.txt", "recipients.next.txt", ".gitignore", ".gitattributes",
	} {
		for _, existing := range []bool{true, false} {
			o := ageOptions(t, "correct horse")
			target := filepath.Join(t.TempDir(), "elsewhere")
			if existing && place == "own" {
				check(t, os.Mkdir(target, 0o700))
			} else if existing {
				check(t, os.WriteFile(target, []byte("as it was\n"), 0o600))
			}
			link := filepath.Join(o.AgeDir, filepath.FromSlash(place))
			check(t, os.MkdirAll(filepath.Dir(link), 0o700))
			check(t, os.Symlink(target, link))

			_, err := newAgeFiles(o.withDefaults())
			var refused *LinkError
			if !errors.As(err, &refused) || refused.Path != link {
				t.Errorf("%s: %v", place, err)
			}
			s, err := Open(soon(t), o)
			if err == nil {
				err = s.Put(soon(t), "base", creds.New("v"))
			}
			if err == nil {
				t.Errorf("%s: the key was stored", place)
			}
			if text, err := os.ReadFile(target); err == nil && string(text) != "as it was\n" || !existing && !errors.Is(err, os.ErrNotExist) {
				t.Errorf("%s: the file behind the link is %q, %v", place, text, err)
			}
			if entries, _ := os.ReadDir(target); len(entries) > 0 {
				t.Errorf("%s: %q was written behind the link", place, entries)
			}
		}
	}
}

func TestTheIdentityOfANewcomerIsNotInTheRepository(t *testing.T) {
	testenv.Require(t, "git")
	o := created(t, "a")
	git := func(args ...string) string {
		t.Helper()
		c := exec.Command("git", append([]string{"-C", o.AgeDir, "-c", "user.name=a", "-c", "user.email=a@example.com"}, args...)...)
		c.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "GIT_CONFIG_NOSYSTEM=1"}
		out, err := c.CombinedOutput()
		if err != nil {
			t.Fatalf("git %q: %v\n%s", args, err, out)
		}
		return string(out)
	}
	git("init", "-q")
	// Whoever shares the store may empty the ignore file that is shared.
	check(t, os.WriteFile(filepath.Join(o.AgeDir, ".gitignore"), nil, 0o600))
	git("add", "-A")
	if files := git("ls-files"); strings.Contains(files, "own") || !strings.Contains(files, "recipients.txt") {
		t.Errorf("in the repository: %s", files)
	}
	check(t, os.Remove(filepath.Join(o.AgeDir, "own", ".gitignore")))
	report, err := keeper(t, o).Check(soon(t))
	if err != nil || len(report.Defects) != 1 || report.Defects[0].Problem != ProblemNotIgnored {
		t.Errorf("%+v, %v", report, err)
	}
	put(t, ageStore(t, o), "b", "v")
	if report, err := keeper(t, o).Check(soon(t)); err != nil || len(report.Defects) != 0 {
		t.Errorf("after the next key: %+v, %v", report, err)
	}
}

func TestARecipientWhoIsNewIsToldAtTheNextKey(t *testing.T) {
	o := created(t, "a")
	var told []string
	o.Tell = func(line string) { told = append(told, line) }
	store := func(name string) string {
		t.Helper()
		told = nil
		put(t, ageStore(t, o), name, "v")
		return strings.Join(told, "\n")
	}
	if said := store("b"); said != "" {
		t.Errorf("without a new recipient: %s", said)
	}
	eve := outsider(t)
	a := driverOf(t, o)
	list, err := a.recipients()
	check(t, err)
	list.all = append(list.all, AgeRecipient{Recipient: eve, Name: "laptop"})
	check(t, os.WriteFile(a.current(), list.text(), 0o600)) // as git does

	quiet := o
	quiet.Tell = nil
	put(t, ageStore(t, quiet), "c", "v") // without a person to tell, it stays new
	want := `2 can read what is stored here now; "laptop" (` + eve + `) is new since this machine last wrote to the store`
	if said := store("d"); said != want {
		t.Errorf("said %q", said)
	}
	if said := store("e"); said != "" {
		t.Errorf("told twice: %s", said)
	}
	if _, err := keeper(t, o).Add(soon(t), AgeRecipient{Recipient: outsider(t)}); err != nil {
		t.Fatal(err)
	}
	if said := store("f"); said != "" {
		t.Errorf("about one that was added here: %s", said)
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
