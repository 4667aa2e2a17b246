//go:build unix

package cmd_test

import (
	"os"
	"strings"
	"testing"

	"github.com/d44b7504/vault/internal/testenv"
)

func TestInitChangesAFileOnlyAfterAYes(t *testing.T) {
	w := newWorld(t, "")
	w.write("home/.zshrc", "export TOKEN=private")
	for _, answer := range []string{"n\r", "\r", "y\r"} {
		changed := answer == "y\r"
		r, shown := w.talk(t, w.environ(), []exchange{{"add the hook to ~/.zshrc? [y/N] ", answer}}, "init", "zsh")
		text := string(must(os.ReadFile(w.path("home/.zshrc"))))
		if done := strings.Contains(text, "vault hook zsh"); done != changed || (r.status == 0) != changed {
			t.Errorf("%q: %+v\n%s", answer, r, text)
		}
		if strings.Contains(r.out+r.err+shown, "private") || !strings.Contains(r.out, `+eval "$(vault hook zsh)"`) {
			t.Errorf("%q: %s%s%s", answer, r.out, r.err, shown)
		}
		if changed {
			continue
		}
		if want := "vault: nothing was changed\n"; !strings.HasSuffix(r.err, want) {
			t.Errorf("%q: %q", answer, r.err)
		}
	}
}

// With sudo the home directory, the shell or both are root's.
func TestInitUnderSudoChangesNothing(t *testing.T) {
	w := newWorld(t, "")
	bash, sudo := must(os.ReadFile(testenv.Require(t, "bash"))), w.path("sudo")
	check(os.WriteFile(sudo, bash, 0o700)) // the program's file is what counts
	r := w.run(t, w.environ(), sudo, "--norc", "-c", "vault init --yes; exit $?")
	if _, err := os.Stat(w.path("home/.bashrc")); err == nil || r.status != 1 || !strings.Contains(r.err, "nothing was changed: with sudo this would be for root's shell") {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestInitSaysWhyAFileCannotBeChanged(t *testing.T) {
	w := newWorld(t, "")
	w.write("home/.zshrc", "a=1\n")
	check(os.Chmod(w.path("home/.zshrc"), 0o400))
	r := w.vault(t, w.environ(), "init", "zsh", "--yes")
	if r.status != 1 || !strings.Contains(r.err, "the file is read-only\nvault: hint: add this line where the file is made: eval \"$(vault hook zsh)\"") {
		t.Errorf("%+v", r)
	}
}
