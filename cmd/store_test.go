//go:build unix

package cmd_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/d44b7504/vault/internal/storetest"
	"github.com/d44b7504/vault/internal/testenv"
)

// headless is the environment on a machine without a keyring and without a setting.
func (w *world) headless(extra ...string) []string {
	return without(w.environ(extra...), "AWS_VAULT_BACKEND", "AWS_VAULT_FILE_DIR", "AWS_VAULT_FILE_PASSPHRASE")
}

// onlyLinux: elsewhere age is used by name.
func onlyLinux(t *testing.T) {
	if runtime.GOOS != "linux" {
		testenv.Missing(t, "linux", "elsewhere the age back end is used by name")
	}
}

func TestAFirstRunOnAHeadlessBoxJustWorks(t *testing.T) {
	t.Parallel()
	onlyLinux(t)
	w := newWorld(t, "")
	_, k := w.user("alice")
	environ := w.headless("AWS_ACCESS_KEY_ID="+k.ID, "AWS_SECRET_ACCESS_KEY="+k.Secret.Reveal())
	r, shown := w.talk(t, environ, []exchange{
		{"New passphrase for the keys in " + w.path("home/.awsvault/age") + ": ", "typo\r"}, {"again: ", "tipo\r"},
		{"New passphrase", passphrase + "\r"}, {"The same passphrase again: ", passphrase + "\r"},
	}, "add", "work", "--env")
	if r.status != 0 || !strings.Contains(r.err, "stored the key") || strings.Contains(shown, passphrase) {
		t.Fatalf("status %d, said %q, shown %q", r.status, r.err, shown)
	}
	environ = w.headless()
	opens := []exchange{{"Passphrase of " + w.path("home/.awsvault/age/own/identity.age") + ": ", passphrase + "\r"}}
	if r, _ = w.talk(t, environ, opens, "exec", "work", "--", "true"); r.status != 0 {
		t.Fatalf("status %d: %s", r.status, r.err)
	}
	// the session is kept, and read with one question
	if r, _ = w.talk(t, environ, opens, "exec", "work", "--", "true"); r.status != 0 || w.aws.Calls("GetSessionToken") != 1 {
		t.Fatalf("status %d, %d calls: %s", r.status, w.aws.Calls("GetSessionToken"), r.err)
	}
	// what cannot be read without a person is not renewed without one, and that is said
	if r, _ = w.talk(t, environ, opens, "use", "work", "--shell", "bash"); !strings.Contains(r.err, "(then asks for the passphrase)") {
		t.Errorf("status %d: %s", r.status, r.err)
	}
	if r := w.vault(t, environ, "list", "--sessions"); r.out != "work\n" {
		t.Errorf("listed %q, said %q", r.out, r.err)
	}
	r = w.vault(t, environ, "exec", "work", "--", "true")
	if r.status != 3 || !strings.Contains(r.err, "the keyring is locked: the passphrase of ") {
		t.Errorf("with nobody there: status %d, said %q", r.status, r.err)
	}
	for _, secret := range []string{passphrase, k.Secret.Reveal(), k.ID} {
		if strings.Contains(snapshot(w.path("home/.awsvault")), secret) {
			t.Errorf("%q is on the disk in plain text", secret)
		}
	}
}

func TestAFirstRunWithoutAPersonTakesThePassphraseFromTheEnvironment(t *testing.T) {
	t.Parallel()
	onlyLinux(t)
	w := newWorld(t, "")
	_, k := w.user("alice")
	keys := []string{"AWS_ACCESS_KEY_ID=" + k.ID, "AWS_SECRET_ACCESS_KEY=" + k.Secret.Reveal()}
	r := w.vault(t, w.headless(keys...), "add", "work", "--env", "--no-check")
	want := `vault: write the key of "work" in age: the keyring is locked: there is no age identity in ` + w.path("home/.awsvault/age") +
		" yet, and a new passphrase cannot be asked for here\n" +
		"vault: hint: run vault store age create in a terminal, or set AWS_VAULT_AGE_PASSPHRASE to the passphrase that it is to have\n"
	if r.status != 3 || r.err != want {
		t.Errorf("status %d, said %q", r.status, r.err)
	}
	if _, err := os.Stat(w.path("home/.awsvault")); err == nil {
		t.Error("a folder was made for nothing")
	}
	if r = w.vault(t, w.headless(append(keys, "AWS_VAULT_AGE_PASSPHRASE="+passphrase)...), "add", "work", "--env"); r.status != 0 {
		t.Fatalf("status %d: %s", r.status, r.err)
	}
	r = w.vault(t, w.headless("AWS_VAULT_AGE_PASSPHRASE="+passphrase), "exec", "work", "--", "env")
	if r.status != 0 || !strings.Contains(r.out, "AWS_SESSION_TOKEN=") || strings.Contains(r.out, "PASSPHRASE") {
		t.Errorf("status %d: %s", r.status, r.err)
	}
}

func TestAWSVaultsUserOnAHeadlessBoxKeepsTheFileBackEnd(t *testing.T) {
	t.Parallel()
	onlyLinux(t)
	w := newWorld(t, "")
	check(os.MkdirAll(w.path("home/.awsvault"), 0o700))
	w.stored("alice", "work")
	check(os.Rename(w.path("keys"), w.path("home/.awsvault/keys")))
	if r := w.vault(t, append(w.headless(), "AWS_VAULT_FILE_PASSPHRASE="+passphrase), "exec", "work", "--", "true"); r.status != 0 {
		t.Errorf("status %d: %s", r.status, r.err)
	}
	// without the variable the items alone decide
	if r := w.vault(t, w.headless(), "list", "--credentials"); r.out != "work\n" {
		t.Errorf("listed %q, said %q", r.out, r.err)
	}
	if _, err := os.Stat(w.path("home/.awsvault/age")); err == nil {
		t.Error("an age store was made")
	}
}

// keysIn returns the names of the keys in what vault store list prints.
func keysIn(listed string) []string {
	var names []string
	for line := range strings.Lines(listed) {
		if f := strings.Fields(line); len(f) == 2 && f[1] == "key" {
			names = append(names, f[0])
		}
	}
	return names
}

func TestATeamSharesAStoreThroughGit(t *testing.T) {
	t.Parallel()
	testenv.Require(t, "git")
	w := newWorld(t, "")
	_, k := w.user("alice")
	person := func(name string) (environ []string, dir string) {
		dir = w.path(name)
		return w.environ("AWS_VAULT_BACKEND=age", "AWS_VAULT_AGE_DIR="+dir, "AWS_VAULT_AGE_PASSPHRASE="+name+"'s passphrase",
			"AWS_ACCESS_KEY_ID="+k.ID, "AWS_SECRET_ACCESS_KEY="+k.Secret.Reveal()), dir
	}
	alice, hers := person("alice")
	bob, his := person("bob")
	git := func(dir string, args ...string) string {
		t.Helper()
		c := exec.Command("git", append([]string{"-c", "user.name=x", "-c", "user.email=x@example.com", "-C", dir}, args...)...)
		c.Env = alice
		out, err := c.CombinedOutput()
		if err != nil {
			t.Fatalf("git %q: %v\n%s", args, err, out)
		}
		return string(out)
	}
	ok := func(environ []string, args ...string) result {
		t.Helper()
		r := w.vault(t, environ, args...)
		if r.status != 0 {
			t.Fatalf("%q: status %d: %s", args, r.status, r.err)
		}
		return r
	}
	check(storetest.CheapIdentity(hers, "alice's passphrase"))
	ok(alice, "add", "customer", "--env", "--no-check")
	ok(alice, "exec", "customer", "--", "true") // a session is cached
	git(hers, "init", "-q", "-b", "main")
	git(hers, "add", "-A")
	git(hers, "commit", "-qm", "keys")
	tracked := strings.Fields(git(hers, "ls-files"))
	if len(tracked) != 4 || slices.ContainsFunc(tracked, func(f string) bool { return strings.HasPrefix(f, "own") || strings.Contains(f, "session") }) {
		t.Fatalf("git has %q", tracked)
	}
	if text := snapshot(filepath.Join(hers, ".git")) + git(hers, "log", "-p"); strings.Contains(text, "customer") || strings.Contains(text, k.ID) {
		t.Error("git knows the name or the key")
	}
	if attr := git(hers, "check-attr", "text", tracked[2]); !strings.HasSuffix(attr, "text: unset\n") {
		t.Errorf("git takes an item for text: %q", attr)
	}

	git(w.dir, "clone", "-q", hers, his)
	if r := w.vault(t, bob, "store", "list"); r.status != 3 || !strings.Contains(r.err, "you have no identity in the store in") {
		t.Errorf("before: status %d, %s", r.status, r.err)
	}
	check(storetest.CheapIdentity(his, "bob's passphrase"))
	created := ok(bob, "store", "age", "create")
	if !strings.Contains(created.err, "you cannot read this store yet") {
		t.Errorf("create said %q", created.err)
	}
	if r := w.vault(t, bob, "export", "customer", "--no-session"); r.status != 1 || !strings.Contains(r.err, "you are not among the recipients of") {
		t.Errorf("not yet: status %d, %s", r.status, r.err)
	}
	ok(bob, "add", "from-bob", "--env", "--no-check", "--no-add-config") // encrypted to those on the list
	git(his, "add", "-A")
	git(his, "commit", "-qm", "a key")

	if r := ok(alice, "store", "age", "add-recipient", strings.TrimSpace(created.out), "--name", "bob"); !strings.Contains(r.err, "commit recipients.txt and items/ together") {
		t.Errorf("said %q", r.err)
	}
	git(hers, "commit", "-qam", "bob")
	git(his, "pull", "-q", "--rebase")
	ok(bob, "exec", "customer", "--", "true")
	// his own key was written before he was on the list
	if r := w.vault(t, bob, "store", "check"); r.status != 1 || strings.Count(r.err, ".age ") != 1 {
		t.Errorf("status %d, %s", r.status, r.err)
	}
	git(hers, "pull", "-q", his, "main")
	ok(alice, "store", "age", "reencrypt", "--yes")
	git(hers, "commit", "-qam", "all to all")
	git(his, "pull", "-q", "--rebase")
	for _, environ := range [][]string{alice, bob} {
		if r := ok(environ, "store", "list"); !slices.Equal(keysIn(r.out), []string{"customer", "from-bob"}) {
			t.Errorf("listed %q", r.out)
		}
		ok(environ, "store", "check")
	}
	ok(alice, "store", "age", "remove-recipient", "bob", "--yes")
	git(hers, "commit", "-qam", "no bob")
	git(his, "pull", "-q", "--rebase")
	if r := w.vault(t, bob, "export", "customer", "--no-session"); r.status != 1 {
		t.Errorf("after: status %d, %s", r.status, r.err)
	}
}

func TestThePassphraseIsChangedAtTheTerminal(t *testing.T) {
	testenv.OnlyLong(t, "seven passphrases, each of them made hard to guess")
	t.Parallel()
	w := newWorld(t, "")
	environ := w.environ("AWS_VAULT_BACKEND=age", "AWS_VAULT_AGE_DIR="+w.path("age"))
	twice := []exchange{{"New passphrase", "first one\r"}, {"again: ", "first one\r"}}
	if r, _ := w.talk(t, environ, twice, "store", "age", "create"); r.status != 0 || !strings.HasPrefix(r.out, "age1") {
		t.Fatalf("status %d: %s", r.status, r.err)
	}
	r, shown := w.talk(t, environ, []exchange{
		{"Passphrase of ", "wrong\r"}, {"Passphrase of ", "first one\r"},
		{"New passphrase of ", passphrase + "\r"}, {"again: ", passphrase + "\r"},
	}, "store", "age", "passphrase")
	if r.status != 0 || r.err != "vault: the passphrase is changed\n" || strings.Contains(shown, "first one") {
		t.Fatalf("status %d, said %q, shown %q", r.status, r.err, shown)
	}
	_, k := w.user("alice")
	if r := w.vault(t, append(environ, "AWS_ACCESS_KEY_ID="+k.ID, "AWS_SECRET_ACCESS_KEY="+k.Secret.Reveal()), "add", "x", "--env", "--no-check"); r.status != 0 {
		t.Fatal(r.err)
	}
	r, _ = w.talk(t, environ, []exchange{{"Passphrase of ", passphrase + "\r"}}, "store", "list")
	if r.status != 0 || !slices.Equal(keysIn(r.out), []string{"x"}) {
		t.Errorf("status %d, listed %q: %s", r.status, r.out, r.err)
	}
	// a no at the question leaves everything as it is
	before := snapshot(w.path("age/items"))
	r, _ = w.talk(t, environ, []exchange{{"Encrypt every key to 1 recipient? [y/N] ", "n\r"}}, "store", "age", "reencrypt")
	if r.status != 1 || !strings.HasSuffix(r.err, "vault: nothing was changed\n") || snapshot(w.path("age/items")) != before {
		t.Errorf("status %d, said %q", r.status, r.err)
	}
}
