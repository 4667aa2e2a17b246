//go:build !windows

package cmd_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/d44b7504/vault/internal/testenv"
)

// cheapGPG spares gpg's agent a search for a number of rounds that takes long enough.
const cheapGPG = "s2k-count 65536\n"

// gpgStore makes a gpg key and a password store for it, and returns what finds them.
func (w *world) gpgStore(t *testing.T, passphrase string) (environ []string) {
	t.Helper()
	for _, program := range []string{"docker-credential-pass", "pass", "gpg", "gpgconf"} {
		testenv.Require(t, "helper", program)
	}
	home := must(os.MkdirTemp("", "vg")) // a socket's path has room for 107 bytes
	environ = append(without(w.environ(), "AWS_VAULT_BACKEND", "AWS_VAULT_FILE_DIR", "AWS_VAULT_FILE_PASSPHRASE"),
		"GNUPGHOME="+home, "PASSWORD_STORE_DIR="+w.path("store"))
	run := func(name string, args ...string) {
		c := exec.Command(name, args...)
		c.Env = environ
		if out, err := c.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", name, err, out)
		}
	}
	t.Cleanup(func() {
		_ = exec.Command("gpgconf", "--homedir", home, "--kill", "all").Run()
		_ = os.RemoveAll(home)
	})
	check(os.WriteFile(filepath.Join(home, "gpg-agent.conf"), []byte(cheapGPG), 0o600))
	run("gpg", "--batch", "--quiet", "--pinentry-mode", "loopback", "--passphrase", passphrase,
		"--quick-gen-key", "vault test <t@example.invalid>", "default", "default", "never")
	run("pass", "init", "t@example.invalid")
	run("gpgconf", "--kill", "gpg-agent")
	return environ
}

// The program as a user meets it, with a password manager's own helper in place of a
// keyring: keys and sessions go there, and a prompt's hook reads them without asking.
func TestAHelperKeepsKeysAndSessions(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "[profile work]\nregion = eu-west-1\n")
	environ := append(w.gpgStore(t, ""), "AWS_VAULT_HELPER=pass")
	_, k := w.user("alice")
	add := append(environ, "AWS_ACCESS_KEY_ID="+k.ID, "AWS_SECRET_ACCESS_KEY="+k.Secret.Reveal())
	if r := w.vault(t, add, "add", "work", "--env"); r.status != 0 {
		t.Fatalf("status %d: %s", r.status, r.err)
	}
	if r := w.vault(t, environ, "list", "--credentials"); strings.TrimSpace(r.out) != "work" {
		t.Errorf("list: %q %s", r.out, r.err)
	}
	for range 2 {
		if r := w.vault(t, environ, "exec", "work", "--", "sh", "-c", "echo $AWS_VAULT $PASSWORD_STORE_GPG_OPTS"); r.status != 0 || strings.TrimSpace(r.out) != "work" {
			t.Errorf("exec: status %d: %q %s", r.status, r.out, r.err)
		}
	}
	if n := w.aws.Calls("GetSessionToken"); n != 1 {
		t.Errorf("AWS was asked for %d sessions: none was cached", n)
	}
	if files := must(filepath.Glob(w.path("store/docker-credential-helpers/*/aws-vault.gpg"))); len(files) != 2 {
		t.Errorf("the store has %q", files)
	}
}

func TestAHelperThatIsLockedOrFailsIsToldInOneSentence(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "[profile work]\nregion = eu-west-1\n")
	environ := w.gpgStore(t, "fake passphrase")
	_, k := w.user("alice")
	add := append(environ, "AWS_VAULT_HELPER=pass", "AWS_ACCESS_KEY_ID="+k.ID, "AWS_SECRET_ACCESS_KEY="+k.Secret.Reveal())
	if r := w.vault(t, add, "add", "work", "--env", "--no-check"); r.status != 0 { // encrypting needs no passphrase
		t.Fatalf("status %d: %s", r.status, r.err)
	}
	check(os.MkdirAll(w.path("bin"), 0o700))
	for name, script := range map[string]string{"broken": `echo "the cat ate it"; exit 1`, "slow": `exec sleep 60`} {
		check(os.WriteFile(w.path("bin/docker-credential-"+name), []byte("#!/bin/sh\n"+script+"\n"), 0o700))
	}
	path := "PATH=" + w.path("bin") + ":" + bin + ":" + os.Getenv("PATH")
	for helper, want := range map[string]string{
		"pass":   "the keyring is locked: gpg may need a passphrase (docker-credential-pass: ",
		"broken": "docker-credential-broken: the cat ate it",
		"slow":   "docker-credential-slow get: ",
		"absent": `the program "docker-credential-absent" is not on the PATH`,
		"../up":  "is not the name of a helper",
	} {
		began := time.Now()
		r := w.vault(t, append(without(environ, "PATH"), path, "AWS_VAULT_HELPER="+helper), "exec", "work", "--no-session", "--", "true")
		oneSentence(t, r)
		status := 1
		if helper == "pass" {
			status = 3
		}
		if r.status != status || !strings.Contains(r.err, want) {
			t.Errorf("%s: status %d: %s", helper, r.status, r.err)
		}
		if took := time.Since(began); took > 15*time.Second {
			t.Errorf("%s took %v", helper, took)
		}
	}
}

// A password store has entries that a person has made, and a profile may have the name of one.
func TestNoEntryThatAPersonMadeInPassIsReplacedOrDeleted(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "[profile github]\nregion = eu-west-1\n")
	environ := w.gpgStore(t, "")
	_, k := w.user("alice")
	key := append(environ, "AWS_ACCESS_KEY_ID="+k.ID, "AWS_SECRET_ACCESS_KEY="+k.Secret.Reveal())
	entries := []string{"github", "bank", "oidc:mine"}
	for _, name := range entries {
		c := exec.Command("pass", "insert", "-m", name)
		c.Env, c.Stdin = environ, strings.NewReader("hunter2 of "+name+"\n")
		check(c.Run())
	}
	kept := func(names ...string) {
		t.Helper()
		for _, name := range names {
			c := exec.Command("pass", "show", name)
			c.Env = environ
			if out := string(must(c.Output())); out != "hunter2 of "+name+"\n" {
				t.Errorf("the entry %s is now %q", name, out)
			}
		}
	}
	r := w.vault(t, key, "add", "github", "--env", "--backend", "pass")
	says(t, r, `replace the key of "github" in pass: the entry is another program's or your own, it was not stored by this program`, "hint: vault add --overwrite github replaces it")
	if r.status != 1 {
		t.Errorf("add: status %d", r.status)
	}
	r = w.vault(t, environ, "rm", "-y", "bank", "--backend", "pass")
	if r.status != 1 || !strings.Contains(r.err, `delete the key of "bank" in pass: the entry is another program's`) {
		t.Errorf("rm: status %d: %s", r.status, r.err)
	}
	if r := w.vault(t, environ, "clear", "--backend", "pass"); r.status != 0 {
		t.Errorf("clear: status %d: %s", r.status, r.err)
	}
	w.write("home/.aws/credentials", "[github]\naws_access_key_id = "+k.ID+"\naws_secret_access_key = "+k.Secret.Reveal()+"\n")
	if r := w.vault(t, environ, "import", "--yes", "--overwrite", "--no-check", "--backend", "pass"); r.status == 0 {
		t.Errorf("import: status %d: %s", r.status, r.err)
	}
	if !strings.Contains(w.credentials(), k.ID) {
		t.Error("import took the key out of the file")
	}
	kept(entries...)
	if r := w.vault(t, key, "add", "github", "--env", "--overwrite", "--backend", "pass"); r.status != 0 || !strings.Contains(r.err, "in place of something that is not an access key") {
		t.Errorf("add --overwrite: status %d: %s", r.status, r.err)
	}
	if r := w.vault(t, environ, "rm", "-y", "github", "--backend", "pass"); r.status != 0 {
		t.Errorf("rm of a key: status %d: %s", r.status, r.err)
	}
	kept("bank", "oidc:mine")
}
