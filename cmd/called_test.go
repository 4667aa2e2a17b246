package cmd_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// loading is the line that loads the hook, before there is a function.
var loading = regexp.MustCompile(`vault hook (bash|zsh|fish|pwsh) --name av`)

// usualWord finds the usual name of the program where a person would type it.
var usualWord = regexp.MustCompile(`(?m)(^|[\s"'(` + "`" + `])vault(:? |$)`)

func TestWhatThisProgramSaysHasTheNameByWhichItIsCalled(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "[profile dev]\n[profile prod]\nrole_arn = arn:aws:iam::111122223333:role/prod\nsource_profile = dev\nrgion = x\n")
	w.stored("alice", "dev")
	check(os.Link(filepath.Join(bin, "vault"), w.path("av")))
	calls := [][]string{
		{"--help"}, {"help", "exec"}, {"help", "sso"}, {"help", "nosuch"}, {"store", "age", "--help"}, {"export", "--help"}, {"hook", "--help"},
		{"usee", "dev"}, {"use"}, {"use", "dev"}, {"use", "prdo", "--shell", "bash"}, {"off", "now"}, {"exec"}, {"exec", "aws", "s3", "ls"}, {"add"},
		{"status"}, {"refresh"}, {"list", "--nonsense"}, {"whoami", "a", "b"}, {"rotate", "--list", "x"}, {"sso", "login"}, {"sso", "lgin"},
		{"remove", "dev"}, {"clear", "prdo"}, {"doctor", "--offline"}, {"doctor", "--offline", "--json"}, {"migrate"}, {"proxy", "--stop"}, {"demo", "--shell", "tcsh"},
		{"rotate", "prod", "--resume"}, {"export", "nokey"}, {"version"}, {"store", "age", "recipients"}, {"use", "-", "--shell", "bash"},
	}
	for i, args := range calls {
		var r result
		if i%2 == 0 {
			r = w.run(t, w.environ(), w.path("av"), args...)
		} else {
			r = w.vault(t, w.environ(), append([]string{"--called-as=av"}, args...)...)
		}
		if text := loading.ReplaceAllString(r.out+r.err, ""); usualWord.MatchString(text) || text == "" {
			t.Errorf("%q, status %d, says\n%s", args, r.status, text)
		}
		if r.err != "" && !strings.HasPrefix(r.err, "av: ") {
			t.Errorf("%q begins with %q", args, r.err)
		}
	}
}

func TestANameThatLooksLikeTheProgramsStays(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "[profile vault]\n")
	w.stored("alice", "vault")
	r := w.vault(t, w.environ(), "--called-as=av", "use", "vault", "--shell", "bash")
	if r.status != 0 || !strings.Contains(r.err, "\nav: vault until ") {
		t.Errorf("status %d, said %q", r.status, r.err)
	}
	if r = w.vault(t, w.environ(), "--called-as=av", "use", "vaul", "--shell", "bash"); !strings.Contains(r.err, `did you mean "vault"?`) {
		t.Errorf("said %q", r.err)
	}
	// what cannot be the name of a function is an argument like any other
	if r = w.vault(t, w.environ(), "--called-as=a b", "status"); r.status != 2 {
		t.Errorf("status %d, said %q", r.status, r.err)
	}
}
