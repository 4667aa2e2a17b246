//go:build unix

package cmd_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const pickable = `
[default]
region = eu-west-1
[profile work]
[profile other]
role_arn = arn:aws:iam::111122223333:role/other
source_profile = work
vault_description = the other team's
[profile third]
role_arn = arn:aws:iam::111122223333:role/third
source_profile = work
`

// Numbered lines are for a terminal that cannot be drawn on, and for who has them read out.
func TestAProfileIsChosenFromNumberedLinesToo(t *testing.T) {
	t.Parallel()
	w := newWorld(t, pickable)
	w.stored("alice", "work")
	const asked = "Number, name, or a part of it: "
	for _, c := range []struct {
		variable string
		typed    []exchange
	}{
		{"TERM=dumb", []exchange{{asked, "1\r"}}},
		{"ACCESSIBLE=1", []exchange{{asked, "work\r"}}},
		{"AWS_VAULT_PICKER=lines", []exchange{{asked, "ROLE/ third\r"}, {`No profile has "ROLE/ third" in it.`, ""}, {asked, "111122223333\r"}, {"3  third: 111122223333, third, over work", ""}, {asked, "1\r"}}},
	} {
		r, shown := w.talk(t, w.environ(c.variable), c.typed, "export", "--format", "json") // its output is read by another program
		if r.status != 0 || !strings.Contains(r.out, `"SessionToken"`) || !strings.Contains(shown, "2  other: 111122223333, other, over work, the other team's\r\n") || strings.Contains(shown, "\x1b") {
			t.Errorf("%s: status %d, said %q, shown %q", c.variable, r.status, r.err, shown)
		}
	}
	r, _ := w.talk(t, w.environ("TERM=dumb"), []exchange{{asked, "\x04"}}, "export")
	if r.status != 130 || r.out != "" || r.err != "" {
		t.Errorf("Ctrl-D: status %d, said %q", r.status, r.err)
	}
	want(t, w.vault(t, w.environ("AWS_VAULT_PICKER=menu"), "use", "work", "--shell", "bash"), 0)
}

func TestWithoutATerminalAProfileHasToBeNamed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, pickable)
	for _, line := range [][]string{{"use", "--shell", "bash"}, {"export"}, {"rotate"}, {"exec", "--", "true"}} {
		r := w.vault(t, w.environ(), line...)
		want(t, r, 2, "no profile was named, and there is no terminal to choose one on", "vault list --profiles shows the names")
		if r.out != "" {
			t.Errorf("%q: %q", line, r.out)
		}
	}
}

func TestWhoHasNoProfileIsToldHowToGetOne(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	check(os.Remove(w.path("home/.aws/config")))
	for _, line := range [][]string{{"use", "--shell", "bash"}, {"rotate"}} {
		r, _ := w.talk(t, w.environ(), nil, line...)
		want(t, r, 1, "vault add NAME ", "vault import ", "vault sso login --start-url URL ")
	}
}

func TestRotateOffersOnlyProfilesWithAKey(t *testing.T) {
	t.Parallel()
	w := newWorld(t, pickable)
	w.stored("alice", "work")
	r, shown := w.talk(t, w.environ("TERM=dumb"), []exchange{{"Number, name", "work\r"}}, "rotate", "--dry-run")
	if r.status != 0 || strings.Contains(shown, "other") || !strings.Contains(r.err, "work") {
		t.Errorf("status %d, said %q, shown %q", r.status, r.err, shown)
	}
}

func TestTheListHasTheRolesAndAccountNamesThatIdentityCenterGaveLast(t *testing.T) {
	t.Parallel()
	w := newSSOWorld(t, corp)
	environ := w.browser("TERM=dumb")
	if r, shown := w.talk(t, environ, nil, "sso", "list"); r.status != 0 {
		t.Fatalf("status %d, said %q, shown %q", r.status, r.err, shown)
	}
	calls := w.aws.Calls("*")
	const named, other = "1  dev: dev team, 111122223333, Admin, corp\r\n", "2  corp:111122223333:ReadOnly: dev team, 111122223333, ReadOnly, corp"
	_, shown := w.talk(t, environ, []exchange{{"Number, name", "\x04"}}, "export")
	if !strings.Contains(shown, named) || !strings.Contains(shown, other) || w.aws.Calls("*") != calls {
		t.Errorf("%d calls, shown %q", w.aws.Calls("*")-calls, shown)
	}
	r, _ := w.talk(t, environ, []exchange{{"Number, name", "team read\r"}}, "exec", "--", filepath.Join(bin, "vault"), "status")
	want(t, r, 0, "account  111122223333 (dev team)")

	file := w.path("home/.local/state/vault/accounts.json") // cut off, as by a loss of power
	text := must(os.ReadFile(file))
	for _, end := range []int{0, 1, len(text) / 2, len(text) - 1} {
		check(os.WriteFile(file, text[:end], 0o600))
		want(t, w.vault(t, environ, "status"), 1)
		if _, shown := w.talk(t, environ, []exchange{{"Number, name", "\x04"}}, "export"); !strings.Contains(shown, "dev: 111122223333, Admin, corp\r\n") {
			t.Errorf("cut off at %d: %q", end, shown)
		}
	}
}
