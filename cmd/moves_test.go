//go:build unix

package cmd_test

// Keys on the move: out of plaintext files, and from one keyring to another. Whatever
// happens on the way, a working key is in one of the two places.

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/d44b7504/vault/internal/creds"
	"github.com/d44b7504/vault/internal/testenv"
	"github.com/d44b7504/vault/store"
)

// inClear is a section with a key, as a credentials file has it.
func inClear(name string, k creds.Key) string {
	return fmt.Sprintf("[%s]\naws_access_key_id = %s\naws_secret_access_key = %s\n", name, k.ID, k.Secret.Reveal())
}

// clearWorld has users whose keys are in the credentials file, and them by profile.
func clearWorld(t *testing.T, names ...string) (*world, map[string]creds.Key) {
	w := newWorld(t, "")
	keys := map[string]creds.Key{}
	var text strings.Builder
	for i, n := range names {
		_, k := w.user(fmt.Sprintf("user%d", i))
		keys[n] = k
		text.WriteString(inClear(n, k) + "\n")
	}
	w.write("home/.aws/credentials", text.String())
	return w, keys
}

// kept reports whether the keyring has exactly this key.
func (w *world) kept(name string, k creds.Key) bool {
	got, err := store.GetKey(context.Background(), w.keyring(), name)
	return err == nil && got.Equal(k)
}

func (w *world) credentials() string {
	return string(must(os.ReadFile(w.path("home/.aws/credentials"))))
}

// sealed fails when standard output tells a secret, which w.run looks for elsewhere.
func (w *world) sealed(t *testing.T, r result) {
	t.Helper()
	if found := w.leak(r.out); found != "" {
		t.Errorf("a secret on standard output: %s", found)
	}
}

func TestImportAsksOnceAndDoesWhatItIsTold(t *testing.T) {
	t.Parallel()
	w, keys := clearWorld(t, "default", "work")
	before := w.credentials()
	r, shown := w.talk(t, w.environ(), []exchange{{"store 2 keys and remove them from the file? [y/N] ", "n\r"}}, "import")
	if r.status != 1 || !strings.Contains(r.err, "nothing was imported") || w.credentials() != before || w.kept("work", keys["work"]) {
		t.Errorf("after a no: status %d: %s; shown %q", r.status, r.err, shown)
	}
	w.sealed(t, r)
	r, _ = w.talk(t, w.environ(), []exchange{{"? [y/N] ", "y\r"}}, "import")
	if r.status != 0 || w.credentials() != "" || !w.kept("work", keys["work"]) || !w.kept("default", keys["default"]) {
		t.Errorf("after a yes: status %d: %s; left %q", r.status, r.err, w.credentials())
	}
	w.sealed(t, r)
}

func TestImportReadsAFileAgainThatWasChangedWhileItAsked(t *testing.T) {
	t.Parallel()
	w, keys := clearWorld(t, "work")
	w.meanwhile = func() {
		w.write("home/.aws/credentials", w.credentials()+"# new\n[other]\nregion = x\n")
		w.write("home/.aws/config", "[profile other]\nregion = x\n")
	}
	r, _ := w.talk(t, w.environ(), []exchange{{"? [y/N] ", "y\r"}}, "import")
	if r.status != 0 || !w.kept("work", keys["work"]) || w.credentials() != "# new\n[other]\nregion = x\n" {
		t.Errorf("status %d: %s; left %q", r.status, r.err, w.credentials())
	}
	if text := string(must(os.ReadFile(w.path("home/.aws/config")))); text != "[profile other]\nregion = x\n\n[profile work]\n" {
		t.Errorf("the config file is %q", text)
	}
}

func TestImportLeavesAKeyThatWasReplacedWhileItAsked(t *testing.T) {
	t.Parallel()
	w, keys := clearWorld(t, "work", "spare")
	_, newer := w.user("newer")
	w.meanwhile = func() { w.write("home/.aws/credentials", inClear("work", newer)+inClear("spare", keys["spare"])) }
	r, _ := w.talk(t, w.environ(), []exchange{{"? [y/N] ", "y\r"}}, "import")
	if r.status != 1 || !strings.Contains(r.err, "the file has another key for it by now") || w.credentials() != inClear("work", newer) {
		t.Errorf("status %d: %s; left %q", r.status, r.err, w.credentials())
	}
	if !w.kept("spare", keys["spare"]) {
		t.Error("the other key was not imported")
	}
}

// AWS_CONFIG_FILE and AWS_SHARED_CREDENTIALS_FILE may lead to the same file.
func TestImportFromOneFileWithTwoNamesDoesNotWaitForItself(t *testing.T) {
	t.Parallel()
	for how, link := range map[string]func(old, new string) error{"the same path": nil, "a symlink": os.Symlink, "a hard link": os.Link} {
		w, keys := clearWorld(t, "default", "work")
		both := w.path("home/.aws/credentials")
		w.write("home/.aws/credentials", w.credentials()+"[profile ops]\nregion = eu-west-1\n")
		config := both
		if link != nil {
			config = w.path("home/.aws/config")
			check(os.Remove(config))
			check(link(both, config))
		}
		r := w.vault(t, w.environ("AWS_CONFIG_FILE="+config), "import", "--yes", "--no-check")
		if r.status != 0 || !w.kept("work", keys["work"]) || !w.kept("default", keys["default"]) {
			t.Errorf("%s: status %d: %s", how, r.status, r.err)
		}
		left := w.credentials()
		if strings.Contains(left, "aws_") || !strings.Contains(left, "[profile ops]\nregion = eu-west-1\n") {
			t.Errorf("%s: left %q", how, left)
		}
	}
}

func TestImportReportsOtherNamesOfAFileWithKeys(t *testing.T) {
	t.Parallel()
	w, keys := clearWorld(t, "work")
	check(os.Link(w.path("home/.aws/credentials"), w.path("home/backup")))
	const told = "has 1 other name, under which the keys will stay in plain text"
	if r := w.vault(t, w.environ(), "import", "--dry-run"); !strings.Contains(r.err, told) {
		t.Errorf("before: %s", r.err)
	}
	if r := w.vault(t, w.environ(), "import", "--yes"); r.status != 0 || !strings.Contains(r.err, told) || !w.kept("work", keys["work"]) || w.credentials() != "" {
		t.Errorf("status %d: %s", r.status, r.err)
	}
}

// keyctl forgets at a restart, and the file would no longer have the key.
func TestMovingKeysIntoAKeyringThatARestartEmptiesNeedsAFlag(t *testing.T) {
	t.Parallel()
	name := fmt.Sprintf("vault-test-%d", os.Getpid()) // the kernel's keyring is the user's own
	w, keys := clearWorld(t, name)
	environ := w.environ("AWS_VAULT_BACKEND=keyctl")
	before := w.credentials()
	r := w.vault(t, environ, "import", "--yes", "--no-check")
	if strings.Contains(r.err, "the keyring cannot be used") {
		testenv.Missing(t, "keyctl", r.err)
	}
	oneSentence(t, r)
	if r.status != 2 || !strings.Contains(r.err, "a restart of this machine loses what is in keyctl") || !strings.Contains(r.err, "hint: --volatile moves") || w.credentials() != before {
		t.Errorf("import: status %d: %s", r.status, r.err)
	}
	check(store.PutKey(context.Background(), w.keyring(), "stored", keys[name]))
	move := []string{"migrate", "--from", "file:" + w.path("keys"), "--to", "keyctl", "--delete-source"}
	r = w.vault(t, environ, move...)
	oneSentence(t, r)
	if r.status != 2 || !strings.Contains(r.err, "a restart of this machine loses") || !w.kept("stored", keys[name]) {
		t.Errorf("migrate: status %d: %s", r.status, r.err)
	}
	for _, args := range [][]string{{"import", "--dry-run"}, append(move, "--dry-run"), {"import", "--keep", "--yes", "--no-check"}} {
		if r = w.vault(t, environ, args...); r.status != 0 {
			t.Errorf("%q, which moves nothing: status %d: %s", args, r.status, r.err)
		}
	}
	t.Cleanup(func() { w.vault(t, environ, "remove", "--force", name) })
	if r = w.vault(t, environ, "import", "--yes", "--no-check", "--volatile"); r.status != 0 || w.credentials() != "" {
		t.Errorf("with the flag: status %d: %s", r.status, r.err)
	}
}

func TestImportKeepsLinksAndModesAndReadOnlyFiles(t *testing.T) {
	t.Parallel()
	w, keys := clearWorld(t, "work")
	check(os.Mkdir(w.path("dotfiles"), 0o700))
	check(os.Rename(w.path("home/.aws/credentials"), w.path("dotfiles/aws")))
	check(os.Symlink("../../dotfiles/aws", w.path("home/.aws/credentials")))
	check(os.Chmod(w.path("dotfiles/aws"), 0o400))
	r := w.vault(t, w.environ(), "import", "--yes")
	info := must(os.Lstat(w.path("home/.aws/credentials")))
	target := must(os.Lstat(w.path("dotfiles/aws")))
	if r.status != 0 || info.Mode()&os.ModeSymlink == 0 || target.Mode().Perm() != 0o400 || w.credentials() != "" || !w.kept("work", keys["work"]) {
		t.Errorf("status %d, %v, %v: %s", r.status, info.Mode(), target.Mode(), r.err)
	}
	if left := must(filepath.Glob(w.path("dotfiles/*"))); len(left) != 1 {
		t.Errorf("left behind: %v", left)
	}
}

// A folder in which nothing can be written: the keys are stored, and the file still has
// them.
func TestImportThatCannotChangeTheFileHasLostNothing(t *testing.T) {
	t.Parallel()
	w, keys := clearWorld(t, "work")
	if os.Getuid() == 0 {
		testenv.Require(t, "chattr")
		if out, err := exec.Command("chattr", "+i", w.path("home/.aws")).CombinedOutput(); err != nil {
			testenv.Missing(t, "immutable-folders", string(out))
		}
		t.Cleanup(func() { check(exec.Command("chattr", "-i", w.path("home/.aws")).Run()) })
	} else {
		check(os.Chmod(w.path("home/.aws"), 0o500))
		t.Cleanup(func() { check(os.Chmod(w.path("home/.aws"), 0o700)) })
	}
	before := w.credentials()
	r := w.vault(t, w.environ(), "import", "--yes")
	if r.status != 1 || !strings.Contains(r.err, "the keys are stored, and still in the file too: ") || w.credentials() != before || !w.kept("work", keys["work"]) {
		t.Errorf("status %d: %s", r.status, r.err)
	}
}

func TestImportsAtOnceDoNotGetInEachOthersWay(t *testing.T) {
	t.Parallel()
	w, keys := clearWorld(t, "a", "b", "c")
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() { w.vault(t, w.environ(), "import", "--yes", "--no-check") })
	}
	wg.Wait()
	if r := w.vault(t, w.environ(), "import", "--yes", "--no-check"); r.status != 0 || w.credentials() != "" {
		t.Errorf("status %d: %s; left %q", r.status, r.err, w.credentials())
	}
	for n, k := range keys {
		if !w.kept(n, k) {
			t.Errorf("%s is not in the keyring", n)
		}
	}
	if text := string(must(os.ReadFile(w.path("home/.aws/config")))); strings.Count(text, "[profile ") != 3 {
		t.Errorf("the config file is %q", text)
	}
}

func TestImportOfHostileNames(t *testing.T) {
	t.Parallel()
	names := []string{}
	for _, n := range hostileNames {
		if !strings.ContainsAny(n, "\x1b\a\t]") && len(n) < 200 && n != ".." {
			names = append(names, n)
		}
	}
	w, keys := clearWorld(t, names...)
	_, k := w.user("eve")
	odd := inClear("a\x1b[31mred", k) + inClear(strings.Repeat("long ", 60)+".", k) + inClear("x]\x1b]0;t\x07", k)
	w.write("home/.aws/credentials", w.credentials()+odd)
	r := w.vault(t, w.environ(), "import", "--dry-run")
	w.sealed(t, r)
	w.harmless(t, r.out+r.err)
	r = w.vault(t, w.environ(), "import", "--yes", "--no-check")
	w.sealed(t, r)
	w.harmless(t, r.out+r.err)
	for n, k := range keys {
		if !w.kept(n, k) {
			t.Errorf("%q is not in the keyring: %s", n, r.err)
		}
	}
	// A name that a config file cannot have, or a file system, is left with its key.
	if got := w.credentials(); got != odd {
		t.Errorf("left in the file: %q", got)
	}
	if r.status != 1 {
		t.Errorf("status %d", r.status)
	}
	var shown []struct{ Profile string }
	r = w.vault(t, w.environ(), "import", "--dry-run", "--json")
	if check(json.Unmarshal([]byte(r.out), &shown)); len(shown) != 3 {
		t.Errorf("JSON: %s", r.out)
	}
	w.sealed(t, r)
}

func TestImportIntoAKeyringThatCannotBeWrittenLeavesTheFile(t *testing.T) {
	t.Parallel()
	w, keys := clearWorld(t, "work")
	before := w.credentials()
	check(os.RemoveAll(w.path("keys"))) // a file is where its folder would be
	w.write("keys", "")
	r := w.vault(t, w.environ(), "import", "--yes")
	if r.status != 1 || w.credentials() != before {
		t.Errorf("without a keyring: status %d: %s", r.status, r.err)
	}
	check(os.Remove(w.path("keys")))
	if r = w.vault(t, w.environ(), "import", "--yes"); r.status != 0 || !w.kept("work", keys["work"]) {
		t.Errorf("with one: status %d: %s", r.status, r.err)
	}
}

// Whichever call of the system it is killed before, a working key is in the keyring or
// in the file, and the next import does the rest.
func TestImportMayBeKilledAnywhere(t *testing.T) {
	strace := testenv.Require(t, "strace")
	calls := []string{"renameat", "rename", "unlinkat", "mkdirat", "fsync", "fchmod"}
	killed := 0
	for _, call := range calls {
		for nth := 1; nth < 20; nth++ {
			w, keys := clearWorld(t, "work", "spare")
			c := exec.Command(strace, "-f", "-qq", "-o", w.path("trace"), "-e", "trace="+call,
				"-e", fmt.Sprintf("inject=%s:signal=KILL:when=%d", call, nth), filepath.Join(bin, "vault"), "import", "--yes", "--no-check")
			c.Env = w.environ()
			var errs bytes.Buffer
			c.Stderr = &errs
			ended := c.Run()
			if ended == nil {
				break // there are no more such calls
			}
			if strings.Contains(errs.String(), "PTRACE") || strings.Contains(errs.String(), "invalid system call") {
				testenv.Missing(t, "strace", errs.String())
			}
			killed++
			left := w.credentials()
			for n, k := range keys {
				if !w.kept(n, k) && !strings.Contains(left, k.Secret.Reveal()) {
					t.Fatalf("%s %d: the key of %s is gone", call, nth, n)
				}
			}
			r := w.vault(t, w.environ(), "import", "--yes", "--no-check")
			if r.status != 0 || w.credentials() != "" || !w.kept("work", keys["work"]) || !w.kept("spare", keys["spare"]) {
				t.Errorf("%s %d: the next one: status %d: %s", call, nth, r.status, r.err)
			}
			if text := string(must(os.ReadFile(w.path("home/.aws/config")))); strings.Count(text, "[profile ") != 2 {
				t.Errorf("%s %d: the config file is %q", call, nth, text)
			}
			for _, e := range must(os.ReadDir(w.path("home/.aws"))) {
				if strings.HasPrefix(e.Name(), ".") { // it holds keys
					t.Errorf("%s %d: left behind: %s", call, nth, e.Name())
				}
			}
		}
	}
	if killed < 6 {
		t.Errorf("it was killed %d times", killed)
	}
	t.Logf("killed %d times", killed)
}

// Both stores are asked for their own passphrase where nothing else is known.
func TestMigrateAsksForThePassphraseOfTheOldStore(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	_, k := w.user("alice")
	check(store.PutKey(context.Background(), w.keyring(), "work", k))
	environ := w.environ("AWS_VAULT_FILE_PASSPHRASE=of the new one")
	r, shown := w.talk(t, environ, []exchange{{"Passphrase of the keys in " + w.path("keys"), passphrase + "\r"}},
		"migrate", "--from", "file:"+w.path("keys"), "--to", "file:"+w.path("new"), "--delete-source")
	if r.status != 0 || !strings.Contains(r.err, "1 copied, 1 deleted from the old store") {
		t.Fatalf("status %d: %s; shown %q", r.status, r.err, shown)
	}
	pass := creds.New("of the new one")
	s := must(store.Open(context.Background(), store.Options{Backend: "file", FileDir: w.path("new"), FilePassphrase: &pass}))
	if got, err := store.GetKey(context.Background(), s, "work"); err != nil || !got.Equal(k) {
		t.Errorf("in the new one: %v", err)
	}
	if len(must(w.keyring().List(context.Background(), ""))) != 0 {
		t.Error("it is still in the old one")
	}
	r = w.vault(t, w.environ("AWS_VAULT_FILE_PASSPHRASE=of the new one", "AWS_VAULT_FROM_PASSPHRASE=x"), "exec", "--no-session", "work", "--", "env")
	if strings.Contains(r.out, "AWS_VAULT_FROM_PASSPHRASE") {
		t.Error("a child sees the passphrase")
	}
}

// From files to pass and back, in a password store that has a person's passwords too.
func TestMigrateThroughASharedPasswordStore(t *testing.T) {
	t.Parallel()
	for _, tool := range []string{"pass", "gpg"} {
		testenv.Require(t, "pass", tool)
	}
	w := newWorld(t, "")
	environ := w.gnupg(t)
	_, k := w.user("alice")
	for _, n := range []string{"work", "team/prod"} {
		check(store.PutKey(context.Background(), w.keyring(), n, k))
	}
	insert := exec.Command("pass", "insert", "-m", "mail/home")
	insert.Env, insert.Stdin = environ, strings.NewReader("hunter2\n")
	if out, err := insert.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	r := w.vault(t, environ, "migrate", "--from", "file", "--to", "pass", "--delete-source")
	if r.status != 0 || !strings.Contains(r.err, "2 copied, 2 deleted from the old store") || !strings.Contains(r.err, "export AWS_VAULT_BACKEND=pass\n") {
		t.Fatalf("there: status %d: %s%s", r.status, r.out, r.err)
	}
	r = w.vault(t, environ, "migrate", "--from", "pass", "--to", "file", "--delete-source")
	if r.status != 0 || !strings.Contains(r.out, "mail/home: not moved, it is not an access key\n") || !strings.Contains(r.err, "2 copied, 1 that are not access keys, 2 deleted") {
		t.Fatalf("back: status %d: %s%s", r.status, r.out, r.err)
	}
	if !w.kept("work", k) || !w.kept("team/prod", k) {
		t.Error("a key was lost on the way")
	}
	show := exec.Command("pass", "show", "mail/home")
	show.Env = environ
	if out, err := show.Output(); err != nil || string(out) != "hunter2\n" {
		t.Errorf("the person's password is %q, %v", out, err)
	}
}

// gnupg makes a key without a passphrase and a password store for it.
func (w *world) gnupg(t *testing.T) []string {
	t.Helper()
	home := must(os.MkdirTemp("", "gpg")) // the agent's socket wants a short path
	check(os.Chmod(home, 0o700))
	check(os.WriteFile(filepath.Join(home, "gpg-agent.conf"), []byte(cheapGPG), 0o600))
	environ := w.environ("GNUPGHOME="+home, "PASSWORD_STORE_DIR="+w.path("passwords"))
	t.Cleanup(func() {
		stop := exec.Command("gpgconf", "--kill", "all")
		stop.Env = environ
		_ = stop.Run()
		check(os.RemoveAll(home))
	})
	for _, args := range [][]string{
		{"gpg", "--batch", "--quiet", "--passphrase", "", "--quick-gen-key", "somebody@example.com", "default", "default", "never"},
		{"pass", "init", "somebody@example.com"},
	} {
		c := exec.Command(args[0], args[1:]...)
		c.Env = environ
		if out, err := c.CombinedOutput(); err != nil {
			t.Fatalf("%q: %v\n%s", args, err, out)
		}
	}
	return environ
}

func TestMigrateWaitsForARotationToBeFinished(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	w.stored("alice", "work")
	check(w.keyring().Put(context.Background(), store.StagedName("work"), creds.New("{}")))
	before := snapshot(w.path("keys"))
	r := w.vault(t, w.environ(), "migrate", "--from", "file", "--to", "file:"+w.path("other"), "--delete-source")
	oneSentence(t, r)
	if !strings.Contains(r.err, "vault rotate --resume work") || snapshot(w.path("keys")) != before {
		t.Error(r.err)
	}
}

// Two names that differ in such bytes alone were one item in some stores.
func TestANameThatIsNotUTF8IsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	_, k := w.user("alice")
	environ := w.environ("AWS_ACCESS_KEY_ID="+k.ID, "AWS_SECRET_ACCESS_KEY="+k.Secret.Reveal())
	for _, name := range []string{"a\xff", "\xc3(", "caf\xe9"} {
		r := w.vault(t, environ, "add", "--env", "--no-check", name)
		oneSentence(t, r)
		if r.status != 1 || !strings.Contains(r.err, "UTF-8") {
			t.Errorf("%q: status %d: %s", name, r.status, r.err)
		}
		if err := store.PutKey(context.Background(), w.keyring(), name, k); !errors.Is(err, store.ErrUnavailable) {
			t.Errorf("%q was stored: %v", name, err)
		}
	}
	if left := must(os.ReadDir(w.path("keys"))); len(left) > 0 {
		t.Errorf("stored: %v", left)
	}
}

func TestReplacingAConfigFileReportsItsOtherNames(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "[profile x]\nregion = eu-west-1\n")
	check(os.Link(w.path("home/.aws/config"), w.path("home/dotfile")))
	_, k := w.user("alice")
	environ := w.environ("AWS_ACCESS_KEY_ID="+k.ID, "AWS_SECRET_ACCESS_KEY="+k.Secret.Reveal())
	const told = "has 1 other name (hard links), which will keep the old content"
	for i, want := range []bool{true, false} { // the second time the names are of two files
		r := w.vault(t, environ, "add", "--env", "--no-check", fmt.Sprint("new", i))
		if r.status != 0 || strings.Contains(r.err, told) != want {
			t.Errorf("status %d: %s", r.status, r.err)
		}
	}
}
