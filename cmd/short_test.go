//go:build unix

package cmd_test

import (
	"strings"
	"testing"

	"github.com/d44b7504/vault/internal/shelltest"
)

func TestAProfileMayStandWhereACommandDoesIfThatIsWanted(t *testing.T) {
	t.Parallel()
	inEachShell(t, shelltest.All(t), func(t *testing.T, s *shellScript) {
		s.add("vault lsit", "vault prod") // it is not wanted yet
		s.print("AWS_VAULT")
		s.export("AWS_VAULT_SHORT=1")
		s.add("vault prod")
		s.print("AWS_VAULT")
		s.add("vault base --region ue1")
		s.print("AWS_VAULT", "AWS_REGION")
		s.add("vault -")
		s.print("AWS_VAULT")
		s.add("vault exec base -- vault prompt", "vault off")
		s.print("AWS_VAULT")
		s.add("vault prdo")
		r := s.prints("AWS_VAULT=", "AWS_VAULT=prod", "AWS_VAULT=base", "AWS_REGION=us-east-1", "AWS_VAULT=prod", ">base 59m", "AWS_VAULT=")
		for _, says := range []string{`there is no command "prod"`, `there is no command "prdo"`, `did you mean "vault use prod"`, `did you mean "vault list"?`} {
			if !strings.Contains(r.err, says) {
				t.Errorf("it does not say %s\n%s", says, r.err)
			}
		}
	})
}

func TestAProfileNamedAsACommandIsReachedByUse(t *testing.T) {
	t.Parallel()
	w := newSSOWorld(t, corp+"[profile status]\nrole_arn = arn:aws:iam::111122223333:role/x\nsource_profile = dev\n[profile \"two words\"]\nregion = us-east-1\n")
	w.stored("alice", "two words")
	on := "AWS_VAULT_SHORT=1"
	want(t, w.vault(t, w.environ(on), "status"), 1, "no profile")
	for _, x := range []struct{ word, says string }{
		{"dev", "this shell has not loaded the hook"}, {"two words", "hook"}, {"corp:111122223333:Admin", "hook"}, {"-", "hook"},
		{"nobody", `there is no command "nobody"`}, {"--regoin", "has no flag"}, {"", ""},
	} {
		if r := w.vault(t, w.environ(on), x.word, "--shell", "bash"); x.says == "hook" && r.status == 2 || x.says != "hook" && !strings.Contains(r.err+r.out, x.says) && r.status == 0 {
			t.Errorf("%q: status %d\n%s%s", x.word, r.status, r.out, r.err)
		}
	}
	want(t, w.vault(t, w.environ(on), "two words", "--shell", "bash"), 0, "AWS_VAULT='two words'")
	for line, offers := range map[string]string{"d": "dev\t", "": "status\t", "dev --reg": "--region\t"} {
		words := strings.Split(line, " ")
		if list := w.vault(t, w.environ(on), append([]string{"__words", "fish"}, words...)...).out; !strings.Contains(list, offers) {
			t.Errorf("%q offers %q", line, list)
		}
	}
	if list := w.vault(t, w.environ(), "__words", "fish", "d").out; strings.Contains(list, "dev\t") {
		t.Errorf("without the setting it offers %q", list)
	}
	if list := w.vault(t, w.environ(on), "__words", "fish", "s").out; strings.Count(list, "status\t") != 1 {
		t.Errorf("a name that is a command is offered twice: %q", list)
	}
}
