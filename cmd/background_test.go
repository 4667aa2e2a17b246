//go:build unix

package cmd_test

// Renewals in the background: they outlive the terminal, end by themselves, and no
// prompt waits for them.

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/d44b7504/vault/internal/fakeaws"
	"github.com/d44b7504/vault/internal/shelltest"
	"github.com/d44b7504/vault/internal/testenv"
	"github.com/d44b7504/vault/store"
)

// active is the environment of a shell in which prod is active, and its generation file.
func (w *world) active(t testing.TB) (environ []string, generation string) {
	t.Helper()
	r := w.bash(t, w.environ(), "vault use prod && env -0")
	if r.status != 0 {
		t.Fatal(r.err)
	}
	environ = activeEnviron(r.out)
	for _, e := range environ {
		if file, ok := strings.CutPrefix(e, "__VAULT_TOKEN="); ok {
			return environ, file
		}
	}
	t.Fatal("no generation file is named")
	return nil, ""
}

func gone(file string) bool {
	_, err := os.Lstat(file)
	return os.IsNotExist(err)
}

func TestARenewalOutlivesTheTerminalThatBeganIt(t *testing.T) {
	t.Parallel()
	testenv.Require(t, "bash")
	w := roleWorld(t)
	environ, generation := w.active(t)
	check(w.age("prod", 50*time.Minute))
	w.aws.Inject("AssumeRole", fakeaws.Fault{Delay: 300 * time.Millisecond})
	c := exec.Command(filepath.Join(bin, "vault"), "refresh", "--if-due")
	c.Env, c.Dir = environ, w.dir
	check(c.Start())
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	check(w.aws.WaitCalls(ctx, "AssumeRole", 2))
	check(c.Process.Kill())
	_ = c.Wait()
	for !gone(generation) {
		if ctx.Err() != nil {
			t.Fatal("the renewal ended with the terminal")
		}
		time.Sleep(5 * time.Millisecond)
	}
	w.wantNoProcess(t)
	if r := w.vault(t, environ, "refresh", "--env", "--shell", "bash"); r.status != 0 || !strings.Contains(r.out, "AWS_SESSION_TOKEN=") || w.aws.Calls("AssumeRole") != 2 {
		t.Errorf("status %d, %d calls: %s", r.status, w.aws.Calls("AssumeRole"), r.err)
	}
}

func TestARenewalThatHangsEndsByItself(t *testing.T) {
	t.Parallel()
	testenv.OnlyLong(t, "it takes as long as a renewal may")
	testenv.Require(t, "bash")
	w := roleWorld(t)
	environ, generation := w.active(t)
	check(w.age("prod", 50*time.Minute))
	w.aws.Inject("AssumeRole", fakeaws.Fault{Delay: time.Hour, Times: -1})
	r := w.vault(t, environ, "refresh", "--if-due") // no longer than run's patience
	if r.status != 0 || r.out+r.err != "" {
		t.Errorf("status %d: %s", r.status, r.out+r.err)
	}
	if !gone(generation) {
		t.Error("no terminal learns of it")
	}
	r = w.vault(t, environ, "status")
	if r.status != 0 || !strings.Contains(r.out, "AWS could not be reached") {
		t.Errorf("status %d: %s", r.status, r.out)
	}
}

func TestAPromptDoesNotWaitForAKeyringThatHangs(t *testing.T) {
	t.Parallel()
	testenv.Require(t, "bash")
	w := roleWorld(t)
	environ, generation := w.active(t)
	check(os.Remove(generation))
	check(os.MkdirAll(w.path("pass"), 0o700))
	for _, name := range must(w.keyring().List(context.Background(), store.ProfilePrefix("prod"))) {
		w.write("pass/"+name+".gpg", "")
	}
	w.write("hang", "#!/bin/sh\n: >hanging\nexec sleep 20\n")
	check(os.Chmod(w.path("hang"), 0o700))
	environ = append(without(environ, "AWS_VAULT_BACKEND"), "AWS_VAULT_BACKEND=pass",
		"AWS_VAULT_PASS_PASSWORD_STORE_DIR="+w.path("pass"), "AWS_VAULT_PASS_CMD="+w.path("hang"))
	began := time.Now()
	r := w.vault(t, environ, "refresh", "--env", "--shell", "bash")
	if d := time.Since(began); d > 10*time.Second {
		t.Errorf("the prompt waited %v: %s", d, r.err)
	}
	if gone(w.path("hanging")) {
		t.Errorf("the keyring was not read: %s%s", r.out, r.err)
	}
	if strings.Contains(r.out, "unset -v AWS_ACCESS_KEY_ID") {
		t.Errorf("the session that was there is taken away:\n%s", r.out)
	}
	w.wantNoProcess(t)
}

func TestTheHookCallsTheProgramItCameFrom(t *testing.T) {
	t.Parallel()
	w := roleWorld(t)
	dir := w.path("it's $(touch x) `touch x`; dir")
	check(os.MkdirAll(dir, 0o700))
	program := filepath.Join(dir, "vault")
	check(os.Symlink(filepath.Join(bin, "vault"), program))
	path := "PATH=" + os.Getenv("PATH")
	for _, sh := range shelltest.All(t) {
		t.Run(sh.Name, func(t *testing.T) {
			testenv.Require(t, sh.Name)
			script := w.path("script." + sh.Extension)
			check(os.WriteFile(script, []byte(must(sh.RCLine(program))+"\nvault use prod\n"+sh.PrintVariable("AWS_VAULT")+"\nvault off\n"), 0o600))
			r := w.run(t, w.environ(path), sh.Name, append(slices.Clone(sh.Script), script)...)
			if r.status != 0 || strings.TrimSpace(r.out) != "prod" {
				t.Errorf("status %d: %q\n%s", r.status, r.out, r.err)
			}
			w.harmless(t, r.err)
		})
	}
}

func TestAConfigFileThatIsMissingIsMadePrivate(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	check(os.RemoveAll(w.path("home/.aws")))
	_, k := w.user("alice")
	r := w.vault(t, w.environ("AWS_ACCESS_KEY_ID="+k.ID, "AWS_SECRET_ACCESS_KEY="+k.Secret.Reveal()), "add", "work", "--env", "--region", "eu-west-1")
	if r.status != 0 {
		t.Fatal(r.err)
	}
	for p, want := range map[string]os.FileMode{"home/.aws": 0o700, "home/.aws/config": 0o600} {
		if got := must(os.Stat(w.path(p))).Mode().Perm(); got != want {
			t.Errorf("%s has mode %o", p, got)
		}
	}
	if got := string(must(os.ReadFile(w.path("home/.aws/config")))); got != "[profile work]\nregion = eu-west-1\n" {
		t.Errorf("the file says %q", got)
	}
}
