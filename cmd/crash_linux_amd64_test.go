package cmd_test

// Crashes: every command that writes a key is killed at every step, and its disk fails
// from every step on. After each of these, a working key is stored, and the same command,
// run again, finishes the job and cleans up. A few steps of each command are tried; with
// AWS_VAULT_TEST_LONG all of them.

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"filippo.io/age"

	"github.com/d44b7504/vault/internal/creds"
	"github.com/d44b7504/vault/internal/fakeaws"
	"github.com/d44b7504/vault/internal/profiles"
	"github.com/d44b7504/vault/internal/sessions"
	"github.com/d44b7504/vault/internal/testenv"
	"github.com/d44b7504/vault/store"
)

// scenario is one command and what must be true of it.
type scenario struct {
	name string
	// begin makes what is there before, and returns the environment and the rest.
	begin func(w *world) scene
	// slow: each run takes a second, because it makes a passphrase hard to guess.
	slow bool
}

type scene struct {
	environ []string
	args    []string
	// again is what a person does after a crash, with the function that runs the
	// program; what the last run said is returned. nil: the same command once more.
	again func(vault func(args ...string) result) result
	safe  func(testing.TB)   // holds at any moment
	done  func(testing.TB)   // holds at the end
	open  func() store.Store // for the next write, which cleans up; nil: the test's own
}

// stride is the distance between the steps that are tried.
func (s scenario) stride(steps int) int {
	switch {
	case testenv.Long() && s.slow:
		return max(1, steps/5)
	case testenv.Long():
		return 1
	}
	return max(1, steps/2)
}

// kills counts them over all scenarios.
var kills atomic.Int64

func TestAKillAtAnyStepLosesNoKey(t *testing.T) {
	t.Run("commands", func(t *testing.T) {
		for _, s := range scenarios() {
			t.Run(s.name, func(t *testing.T) {
				t.Parallel()
				s.needsLong(t, false)
				s.interrupt(t, kill)
			})
		}
	})
	t.Logf("%d kills", kills.Load())
	if testenv.Long() && kills.Load() < 500 && !t.Failed() {
		t.Errorf("only %d kills: the commands have become too short", kills.Load())
	}
}

func TestADiskThatFailsFromAnyStepOnLosesNoKey(t *testing.T) {
	for i, s := range scenarios() {
		for j, what := range []string{diskFull, readOnly} {
			t.Run(s.name+" "+what, func(t *testing.T) {
				t.Parallel()
				s.needsLong(t, (i+j)%4 != 0)
				s.interrupt(t, what)
			})
		}
	}
}

// needsLong skips a slow scenario, or one that is left out of the sample, unless all
// are asked for.
func (s scenario) needsLong(t *testing.T, leftOut bool) {
	t.Helper()
	if s.slow || leftOut {
		testenv.OnlyLong(t, "every command in every kind of trouble")
	}
}

// interrupt runs the command once for each step that is tried, each time in a world of
// its own.
func (s scenario) interrupt(t *testing.T, what string) {
	whole := s.run(t, what, toCount)
	if whole.steps == 0 {
		t.Fatal("it takes no step")
	}
	for step := 1; step <= whole.steps; step += s.stride(whole.steps) {
		if e := s.run(t, what, step); e.killed {
			kills.Add(1)
		}
		if t.Failed() {
			t.Fatalf("at step %d of %d", step, whole.steps)
		}
	}
}

func (c scenario) run(t *testing.T, what string, step int) ending {
	dir := must(os.MkdirTemp(t.TempDir(), ""))
	w := must(makeWorld(dir, fakeaws.Options{}))
	defer func() { _ = w.aws.Close(); _ = os.RemoveAll(dir) }()
	s := c.begin(w)
	e := w.tracedVault(t, what, step, s.environ, s.args...)
	switch {
	case step == toCount && e.status != 0:
		t.Fatalf("left alone: status %d: %s", e.status, e.err)
	case what != kill && e.status != 0:
		endsInOneSentence(t, e.result)
	}
	s.finish(t, w, e.result)
	return e
}

// finish checks what holds after an interrupted run, does what a person does then, and
// checks what holds at the end.
func (s scene) finish(t *testing.T, w *world, before result) {
	t.Helper()
	s.safe(t)
	if before.status != 0 {
		backdate(w.dir, time.Hour)
		vault := func(args ...string) result { return w.vault(t, s.environ, args...) }
		if s.again == nil {
			s.again = func(vault func(...string) result) result { return vault(s.args...) }
		}
		if r := s.again(vault); r.status != 0 {
			t.Errorf("run again: status %d: %s\nbefore: %s", r.status, r.err, before.err)
		}
	}
	s.safe(t)
	s.done(t)
	w.writeOnce(s)
	for _, left := range leftovers(w.dir) {
		t.Errorf("left behind: %s", left)
	}
}

// A small disk of its own, and the kernel's own errors: full to the last byte, or mounted
// read-only, before the command begins.
func TestARealDiskThatIsFullOrReadOnlyLosesNoKey(t *testing.T) {
	for i, c := range scenarios() {
		for j, what := range []string{diskFull, readOnly} {
			t.Run(c.name+" "+what, func(t *testing.T) {
				c.needsLong(t, (i+j)%2 == 0)
				disk := smallDisk(t, "512k")
				w := must(makeWorld(filepath.Join(disk, "w"), fakeaws.Options{}))
				t.Cleanup(func() { _ = w.aws.Close() })
				s := c.begin(w)
				trouble, mend := func() { fill(filepath.Join(disk, "ballast")) }, func() { check(os.Remove(filepath.Join(disk, "ballast"))) }
				if what == readOnly {
					trouble = func() { check(syscall.Mount("", disk, "", syscall.MS_REMOUNT|syscall.MS_RDONLY, "")) }
					mend = func() { check(syscall.Mount("", disk, "", syscall.MS_REMOUNT, "")) }
				}
				trouble()
				r := w.vault(t, s.environ, s.args...)
				mend()
				if r.status == 0 {
					t.Errorf("it claims to have done it: %s", r.err)
				}
				endsInOneSentence(t, r)
				s.finish(t, w, r)
			})
		}
	}
}

// writeOnce writes an item to the store and deletes it, because each write also removes
// what a killed process has left.
func (w *world) writeOnce(s scene) {
	backdate(w.dir, time.Hour)
	open := s.open
	if open == nil {
		open = w.keyring
	}
	const name = "vault.test,bm90aGluZw,,9999999999"
	check(open().Put(context.Background(), name, creds.New("nothing")))
	check(open().Delete(context.Background(), name))
}

// endsInOneSentence checks that a failure ends in one sentence, and a hint at most, and
// that the reason is told.
func endsInOneSentence(t *testing.T, r result) {
	t.Helper()
	lines := strings.Split(strings.TrimSuffix(r.err, "\n"), "\n")
	if last := len(lines) - 1; strings.HasPrefix(lines[last], "vault: hint: ") && last > 0 {
		lines = lines[:last]
	}
	last := lines[len(lines)-1]
	told := strings.Contains(r.err+r.out, "the disk is full") || strings.Contains(r.err+r.out, "read-only")
	if !strings.HasPrefix(last, "vault: ") || !told {
		t.Errorf("status %d, said:\n%s\nprinted:\n%s", r.status, r.err, r.out)
	}
}

// backdate makes everything below dir older, so that what a killed run has left is no
// longer taken for the work of a run that goes on.
func backdate(dir string, by time.Duration) {
	then := time.Now().Add(-by)
	check(filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.Type()&fs.ModeSymlink != 0 {
			return err
		}
		return os.Chtimes(path, then, then)
	}))
}

// leftovers are files and folders that the program needs only while it runs.
func leftovers(dir string) (list []string) {
	belong := []string{".aws", ".local", ".config", ".awsvault", ".gitignore", ".gitattributes"}
	check(filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		rel, name := strings.TrimPrefix(path, dir), filepath.Base(path)
		hidden := strings.HasPrefix(name, ".") && !slices.Contains(belong, name)
		if err == nil && !strings.HasPrefix(rel, "/run/") && (hidden || strings.Contains(name, ".next")) {
			list = append(list, rel)
		}
		return err
	}))
	return list
}

// scenarios are the commands that write keys.
func scenarios() []scenario {
	return []scenario{
		{name: "add", begin: beginAdd},
		{name: "add to age", begin: beginAddToAge},
		{name: "add the first key to age", begin: beginAgeItself, slow: true},
		{name: "import", begin: beginImport},
		{name: "migrate from file to file", begin: beginMigrate},
		{name: "migrate from file to age", begin: beginMigrateToAge},
		{name: "rotate", begin: beginRotate},
		{name: "rotate a key in age", begin: beginRotateInAge},
		{name: "rotate the key under two roles", begin: beginRotateUnderRoles},
		{name: "add a recipient to age", begin: beginAddRecipient},
		{name: "remove a recipient from age", begin: beginRemoveRecipient},
	}
}

// works says whether AWS takes the key.
func (w *world) works(k creds.Key) error {
	p := must(profiles.Parse("", []byte("[profile x]\nregion=us-east-1\n")).Resolve("x", profiles.Overrides{HasKey: func(string) bool { return true }}))
	e := sessions.Endpoint{Region: "us-east-1", URL: w.aws.URL(), Network: p.Network}
	_, err := sessions.WhoAmI(context.Background(), e, creds.Session{AccessKeyID: k.ID, SecretKey: k.Secret})
	return err
}

// holdsWorkingKey checks that the store has a key for the profile that AWS takes, and
// returns it.
func (w *world) holdsWorkingKey(t testing.TB, s store.Store, profile string) creds.Key {
	t.Helper()
	k, err := store.GetKey(context.Background(), s, profile)
	if err != nil {
		t.Errorf("%s: %v", profile, err)
	} else if err := w.works(k); err != nil {
		t.Errorf("%s: its key …%s: %v", profile, k.ID[16:], err)
	}
	return k
}

// beginAdd replaces a key by another one.
func beginAdd(w *world) scene {
	w.write("home/.aws/config", "[default]\nregion = eu-west-1\n")
	w.stored("alice", "work")
	_, k := w.user("bob")
	return scene{
		environ: w.environ("AWS_ACCESS_KEY_ID="+k.ID, "AWS_SECRET_ACCESS_KEY="+k.Secret.Reveal()),
		args:    []string{"add", "--env", "work"},
		safe:    func(t testing.TB) { w.holdsWorkingKey(t, w.keyring(), "work") },
		done: func(t testing.TB) {
			if got := w.holdsWorkingKey(t, w.keyring(), "work"); got.ID != k.ID {
				t.Error("the new key is not stored")
			}
			if !must(profiles.Load(w.path("home/.aws/config"))).Has("work") {
				t.Error("the profile has no section")
			}
		},
	}
}

// beginAddToAge replaces a key in an age store.
func beginAddToAge(w *world) scene {
	environ := w.aged()
	w.write("home/.aws/config", "[profile work]\nregion = eu-west-1\n")
	_, old := w.user("alice")
	check(store.PutKey(context.Background(), w.ageStore(), "work", old))
	_, k := w.user("bob")
	return scene{
		environ: append(environ, "AWS_ACCESS_KEY_ID="+k.ID, "AWS_SECRET_ACCESS_KEY="+k.Secret.Reveal()),
		args:    []string{"add", "--env", "work"},
		open:    w.ageStore,
		safe:    func(t testing.TB) { w.holdsWorkingKey(t, w.ageStore(), "work") },
		done: func(t testing.TB) {
			if got := w.holdsWorkingKey(t, w.ageStore(), "work"); got.ID != k.ID {
				t.Error("the new key is not stored")
			}
		},
	}
}

// beginAgeItself makes the store with its first key, under a passphrase.
func beginAgeItself(w *world) scene {
	w.write("home/.aws/config", "[profile work]\nregion = eu-west-1\n")
	_, k := w.user("alice")
	environ := w.environ("AWS_VAULT_BACKEND=age", "AWS_VAULT_AGE_DIR="+w.path("age"), "AWS_VAULT_AGE_PASSPHRASE="+passphrase)
	return scene{
		environ: append(environ, "AWS_ACCESS_KEY_ID="+k.ID, "AWS_SECRET_ACCESS_KEY="+k.Secret.Reveal()),
		args:    []string{"add", "--env", "work"},
		safe:    func(testing.TB) {}, // the key is where it came from
		done: func(t testing.TB) {
			pass := creds.New(passphrase)
			s := must(store.Open(context.Background(), store.Options{Backend: "age", AgeDir: w.path("age"), AgePassphrase: &pass}))
			if got := w.holdsWorkingKey(t, s, "work"); got.ID != k.ID {
				t.Error("the key is not stored")
			}
		},
	}
}

// aged is an environment with an age store whose identity needs no passphrase, or every
// run would take a second.
func (w *world) aged() []string {
	id := must(age.GenerateX25519Identity())
	w.mu.Lock()
	w.secrets = append(w.secrets, id.String())
	w.mu.Unlock()
	w.write("identity", id.String()+"\n")
	return w.environ("AWS_VAULT_BACKEND=age", "AWS_VAULT_AGE_DIR="+w.path("age"), "AWS_VAULT_AGE_IDENTITY="+w.path("identity"))
}

func (w *world) ageStore() store.Store {
	return must(store.Open(context.Background(), store.Options{Backend: "age", AgeDir: w.path("age"), AgeIdentity: w.path("identity")}))
}

// three are users with a key each, by the profile it is for.
func (w *world) three() map[string]creds.Key {
	keys := map[string]creds.Key{}
	for _, name := range []string{"default", "work", "ci"} {
		_, keys[name] = w.user("user-" + name)
	}
	return keys
}

func beginImport(w *world) scene {
	keys := w.three()
	w.write("home/.aws/config", "[profile work]\nregion = eu-west-1\n")
	text := "# my keys\n"
	for _, name := range slices.Sorted(maps.Keys(keys)) {
		text += fmt.Sprintf("[%s]\naws_access_key_id = %s\naws_secret_access_key = %s\n# stays\noutput = json\n\n", name, keys[name].ID, keys[name].Secret.Reveal())
	}
	w.write("home/.aws/credentials", text)
	file := func() string { return string(must(os.ReadFile(w.path("home/.aws/credentials")))) }
	return scene{
		environ: w.environ(),
		args:    []string{"import", "--yes"},
		safe: func(t testing.TB) {
			for name, k := range keys {
				if !strings.Contains(file(), "aws_secret_access_key = "+k.Secret.Reveal()+"\n") {
					w.holdsWorkingKey(t, w.keyring(), name)
				}
			}
		},
		done: func(t testing.TB) {
			for name, k := range keys {
				if got := w.holdsWorkingKey(t, w.keyring(), name); !got.Secret.Equal(k.Secret) {
					t.Errorf("%s: not its key", name)
				}
			}
			if left := file(); strings.Contains(left, "aws_") || strings.Count(left, "# stays\noutput = json\n") != 3 || !strings.HasPrefix(left, "# my keys\n") {
				t.Errorf("the file is now\n%s", left)
			}
			if set := must(profiles.Load(w.path("home/.aws/config"))); !set.Has("ci") || !set.Has("work") {
				t.Error("a profile is missing")
			}
		},
	}
}

func beginMigrate(w *world) scene {
	other := func() store.Store {
		pass := creds.New(passphrase)
		return must(store.Open(context.Background(), store.Options{Backend: "file", FileDir: w.path("other"), FilePassphrase: &pass}))
	}
	return w.migration(w.environ(), "file:"+w.path("other"), other)
}

func beginMigrateToAge(w *world) scene {
	return w.migration(w.aged(), "age", w.ageStore)
}

func (w *world) migration(environ []string, to string, newStore func() store.Store) scene {
	keys := w.three()
	for name, k := range keys {
		check(store.PutKey(context.Background(), w.keyring(), name, k))
	}
	return scene{
		environ: environ,
		open:    newStore,
		args:    []string{"migrate", "--from", "file:" + w.path("keys"), "--to", to, "--delete-source"},
		safe: func(t testing.TB) {
			for name := range keys {
				if _, err := store.GetKey(context.Background(), w.keyring(), name); err != nil {
					w.holdsWorkingKey(t, newStore(), name)
				}
			}
		},
		done: func(t testing.TB) {
			for name, k := range keys {
				if got := w.holdsWorkingKey(t, newStore(), name); !got.Secret.Equal(k.Secret) {
					t.Errorf("%s: not its key", name)
				}
			}
			if left, _, err := store.KeyNames(context.Background(), w.keyring()); err != nil || len(left) > 0 {
				t.Errorf("in the old store are %q, %v", left, err)
			}
		},
	}
}

func beginAddRecipient(w *world) scene {
	bob := must(age.GenerateX25519Identity())
	check(os.WriteFile(w.path("bob"), []byte(bob.String()+"\n"), 0o600))
	return w.recipients("add-recipient", bob.Recipient().String(), func(t testing.TB, keys map[string]creds.Key) {
		s := must(store.Open(context.Background(), store.Options{Backend: "age", AgeDir: w.path("age"), AgeIdentity: w.path("bob")}))
		for name := range keys {
			w.holdsWorkingKey(t, s, name)
		}
	})
}

func beginRemoveRecipient(w *world) scene {
	bob := must(age.GenerateX25519Identity())
	check(os.WriteFile(w.path("bob"), []byte(bob.String()+"\n"), 0o600))
	s := w.recipients("remove-recipient", bob.Recipient().String(), func(t testing.TB, keys map[string]creds.Key) {
		s := must(store.Open(context.Background(), store.Options{Backend: "age", AgeDir: w.path("age"), AgeIdentity: w.path("bob")}))
		for name := range keys {
			if _, err := store.GetKey(context.Background(), s, name); err == nil {
				t.Errorf("%s can still be read", name)
			}
		}
	})
	if out, err := vaultOutput(s.environ, "store", "age", "add-recipient", bob.Recipient().String()); err != nil {
		panic(fmt.Errorf("%w: %s", err, out))
	}
	s.args = append(s.args, "--yes")
	s.again = func(vault func(...string) result) result {
		r := vault(s.args...)
		if strings.Contains(r.err, "no such recipient") { // that was done already, and something after it was not
			r = vault("store", "age", "reencrypt", "--yes")
		}
		return r
	}
	return s
}

// recipients changes who can read an age store with three keys.
func (w *world) recipients(command, recipient string, then func(testing.TB, map[string]creds.Key)) scene {
	environ := w.aged()
	keys := w.three()
	for name, k := range keys {
		check(store.PutKey(context.Background(), w.ageStore(), name, k))
	}
	safe := func(t testing.TB) {
		for name := range keys {
			w.holdsWorkingKey(t, w.ageStore(), name)
		}
	}
	return scene{
		environ: environ,
		args:    []string{"store", "age", command, recipient},
		open:    w.ageStore,
		safe:    safe,
		done: func(t testing.TB) {
			safe(t)
			then(t, keys)
			if r := w.vault(t, environ, "store", "check"); r.status != 0 {
				t.Errorf("check: %s%s", r.out, r.err)
			}
		},
	}
}

func vaultOutput(environ []string, args ...string) ([]byte, error) {
	c := exec.Command(filepath.Join(bin, "vault"), args...)
	c.Env = environ
	return c.CombinedOutput()
}

func beginRotate(w *world) scene { return w.rotation(w.environ(), w.keyring, "base") }

func beginRotateInAge(w *world) scene { return w.rotation(w.aged(), w.ageStore, "base") }

func beginRotateUnderRoles(w *world) scene { return w.rotation(w.environ(), w.keyring, "ops") }

// rotation replaces the key of base, over which there is prod and over that ops.
func (w *world) rotation(environ []string, open func() store.Store, profile string) scene {
	w.write("home/.aws/config", roleConfig+"[profile ops]\nsource_profile = prod\nrole_arn = arn:aws:iam::111122223333:role/ops\nregion = eu-west-1\n")
	arn, old := w.user("alice")
	check(store.PutKey(context.Background(), open(), "base", old))
	w.role("prod", fakeaws.Trust{Principals: []string{arn}})
	w.role("ops", fakeaws.Trust{Principals: []string{"arn:aws:iam::111122223333:role/prod"}})
	safe := func(t testing.TB) { w.holdsWorkingKey(t, open(), "base") }
	return scene{
		environ: environ,
		args:    []string{"rotate", profile},
		again: func(vault func(...string) result) result {
			r := vault("rotate", "--resume", profile)
			if k, err := store.GetKey(context.Background(), open(), "base"); r.status == 0 && err == nil && k.ID == old.ID {
				r = vault("rotate", profile) // nothing had been begun
			}
			return r
		},
		open: open,
		safe: safe,
		done: func(t testing.TB) {
			k := w.holdsWorkingKey(t, open(), "base")
			c := sessions.IAM{Endpoint: sessions.Endpoint{Region: "eu-west-1", URL: w.aws.URL()}, User: "alice", Session: creds.Session{AccessKeyID: k.ID, SecretKey: k.Secret}}
			if list, err := c.ListAccessKeys(context.Background()); err != nil || len(list) != 1 || list[0].ID != k.ID || !list[0].Active || k.ID == old.ID {
				t.Errorf("AWS has %+v, stored is %s, %v", list, k.Tail(), err)
			}
			if _, err := open().Get(context.Background(), store.StagedName("base")); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("beside it: %v", err)
			}
			if journals, _ := filepath.Glob(w.path("home/.local/state/vault/rotate/*")); len(journals) > 0 {
				t.Errorf("left behind: %q", journals)
			}
			if r := w.vault(t, environ, "exec", "ops", "--", "true"); r.status != 0 {
				t.Errorf("exec: %s", r.err)
			}
		},
	}
}
