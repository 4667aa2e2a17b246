package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/d44b7504/vault/internal/creds"
	"github.com/d44b7504/vault/internal/testenv"
)

func keyItem(id string) string {
	return fmt.Sprintf(`{"AccessKeyID":%q,"SecretAccessKey":"secret of %s","SessionToken":"","Odd":[1, 2]}`, id, id)
}

// filled is a store with a key for each name, and a session.
func filled(t *testing.T, s Store, names ...string) Store {
	t.Helper()
	for _, n := range names {
		put(t, s, n, keyItem("AKIA"+n))
	}
	put(t, s, SessionName("a", "k"), "session")
	return s
}

// move runs a migration of all keys and returns what became of each.
func move(t *testing.T, m Migration) (map[string]Outcome, []Moved) {
	t.Helper()
	names, err := AllKeyNames(soon(t), m.From)
	if err != nil {
		t.Fatal(err)
	}
	moved, err := m.Run(soon(t), names)
	if err != nil {
		t.Fatal(err)
	}
	outcomes := map[string]Outcome{}
	for _, one := range moved {
		outcomes[one.Name] = one.Outcome
	}
	return outcomes, moved
}

func TestAMigrationCopiesKeysByteForByteAndNoSessions(t *testing.T) {
	from, to := filled(t, newMemory(), "a", "b/c"), newMemory()
	got, _ := move(t, Migration{From: from, To: to})
	if len(got) != 2 || got["a"] != Copied || got["b/c"] != Copied {
		t.Errorf("outcomes: %v", got)
	}
	wantValue(t, to, "a", keyItem("AKIAa"))
	wantValue(t, from, "a", keyItem("AKIAa"))
	if all, _ := to.List(soon(t), ""); !slices.Equal(all, []string{"a", "b/c"}) {
		t.Errorf("there is now %q", all)
	}
	if got, _ = move(t, Migration{From: from, To: to}); got["a"] != Present || got["b/c"] != Present {
		t.Errorf("a second time: %v", got)
	}
}

func TestAMigrationLeavesAnotherKeyUnlessToldToOverwrite(t *testing.T) {
	from, to := filled(t, newMemory(), "a", "b", "c", "d"), newMemory()
	put(t, to, "a", keyItem("AKIAother"))
	put(t, to, "b", `{"AccessKeyID":"AKIAb","SecretAccessKey":"secret of AKIAb"}`) // the same, told otherwise
	put(t, to, "c", "no key at all")
	m := Migration{From: from, To: to, DeleteSource: true}
	got, moved := move(t, m)
	if got["a"] != Conflict || got["b"] != Present || got["c"] != Conflict || got["d"] != Copied {
		t.Errorf("outcomes: %v", got)
	}
	if slices.ContainsFunc(moved, func(x Moved) bool { return x.Deleted }) {
		t.Error("something was deleted although not everything was moved")
	}
	wantValue(t, to, "a", keyItem("AKIAother"))
	m.Overwrite = true
	if got, _ = move(t, m); got["a"] != Replaced || got["c"] != Replaced {
		t.Errorf("overwriting: %v", got)
	}
	wantValue(t, to, "a", keyItem("AKIAa"))
	if all, _ := from.List(soon(t), ""); len(all) != 1 || !strings.HasPrefix(all[0], SessionPrefix) {
		t.Errorf("left behind: %q", all)
	}
}

func TestAMigrationLeavesWhatIsNotAKeyAlone(t *testing.T) {
	from, to := filled(t, newMemory(), "a"), newMemory()
	for name, item := range map[string]string{"mail": "hunter2", "json": `{"password":"x"}`, "empty": ""} {
		put(t, from, name, item)
	}
	got, _ := move(t, Migration{From: from, To: to, DeleteSource: true})
	if got["mail"] != Foreign || got["json"] != Foreign || got["empty"] != Foreign || got["a"] != Copied {
		t.Errorf("outcomes: %v", got)
	}
	wantValue(t, from, "mail", "hunter2")
	if _, err := to.Get(soon(t), "mail"); !errors.Is(err, ErrNotFound) {
		t.Errorf("a person's password was copied: %v", err)
	}
}

func TestARehearsalWritesNothing(t *testing.T) {
	from, to := filled(t, newMemory(), "a", "b"), newMemory()
	put(t, to, "b", keyItem("AKIAother"))
	got, _ := move(t, Migration{From: from, To: to, DryRun: true, Overwrite: true, DeleteSource: true})
	if got["a"] != Copied || got["b"] != Replaced {
		t.Errorf("outcomes: %v", got)
	}
	wantValue(t, to, "b", keyItem("AKIAother"))
	if all, _ := to.List(soon(t), ""); len(all) != 1 {
		t.Errorf("written: %q", all)
	}
	wantValue(t, from, "a", keyItem("AKIAa"))
}

// faulty is a store that misbehaves: before says what happens instead of a call.
type faulty struct {
	Store
	before func(verb, key string) error
	twist  func(creds.Secret) creds.Secret
}

func (f *faulty) Get(ctx context.Context, key string) (creds.Secret, error) {
	if err := f.before("get", key); err != nil {
		return creds.Secret{}, err
	}
	return f.Store.Get(ctx, key)
}

func (f *faulty) Put(ctx context.Context, key string, v creds.Secret) error {
	if err := f.before("put", key); err != nil {
		return err
	}
	if f.twist != nil {
		v = f.twist(v)
	}
	return f.Store.Put(ctx, key, v)
}

func (f *faulty) Delete(ctx context.Context, key string) error {
	if err := f.before("delete", key); err != nil {
		return err
	}
	return f.Store.Delete(ctx, key)
}

func TestAStoreThatKeepsSomethingElseIsFoundOut(t *testing.T) {
	from := filled(t, newMemory(), "a", "b")
	to := &faulty{Store: newMemory(), before: func(string, string) error { return nil }, twist: func(v creds.Secret) creds.Secret {
		return creds.New(v.Reveal()[1:])
	}}
	got, moved := move(t, Migration{From: from, To: to, DeleteSource: true})
	if got["a"] != Failed || got["b"] != Failed || !strings.Contains(moved[0].Err.Error(), "is not what was stored") {
		t.Errorf("outcomes: %v", moved)
	}
	wantValue(t, from, "a", keyItem("AKIAa"))
	if err := KeepKey(soon(t), to, "k", creds.Key{ID: "AKIA", Secret: creds.New("s")}); !errors.Is(err, ErrUnavailable) {
		t.Errorf("KeepKey: %v", err)
	}
}

func TestOneThatFailsDoesNotKeepTheOthers(t *testing.T) {
	from := filled(t, newMemory(), "a", "b", "c")
	to := &faulty{Store: newMemory(), before: func(verb, key string) error {
		if verb == "put" && key == "b" {
			return fmt.Errorf("%w: the disk is full", ErrUnavailable)
		}
		return nil
	}}
	var told []string
	m := Migration{From: from, To: to, DeleteSource: true, Tell: func(x Moved) { told = append(told, x.Name) }}
	got, _ := move(t, m)
	if got["a"] != Copied || got["b"] != Failed || got["c"] != Copied || !slices.Equal(told, []string{"a", "b", "c"}) {
		t.Errorf("outcomes: %v, told %q", got, told)
	}
	wantValue(t, from, "a", keyItem("AKIAa"))
}

func TestOneStoreUnderTwoNamesIsNeverEmptied(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "keys")
	o := Options{Backend: "file", FileDir: dir, FilePassphrase: phrase("pp")}
	from, to := filled(t, open(t, o), "a"), open(t, o)
	_, err := Migration{From: from, To: to, DeleteSource: true}.Run(soon(t), []string{"a"})
	if !errors.Is(err, ErrSameStore) {
		t.Errorf("Run: %v", err)
	}
	wantValue(t, from, "a", keyItem("AKIAa"))
	if all, _ := from.List(soon(t), "vault.probe"); len(all) != 0 {
		t.Errorf("left behind: %q", all)
	}
}

// A migration that is killed before any one of its steps has lost nothing, and another
// one does the rest.
func TestAMigrationMayBeKilledAtAnyStep(t *testing.T) {
	names := []string{"a", "b", "c"}
	for step := 0; ; step++ {
		from, to := filled(t, newMemory(), names...), newMemory()
		ctx, kill := context.WithCancel(t.Context())
		count := 0
		dying := func(string, string) error {
			if count++; count > step {
				kill()
				return context.Canceled
			}
			return nil
		}
		m := Migration{From: &faulty{Store: from, before: dying}, To: &faulty{Store: to, before: dying}, DeleteSource: true}
		_, err := m.Run(ctx, names)
		if kill(); err == nil {
			if step < 15 {
				t.Errorf("only %d steps", step)
			}
			return
		}
		for _, n := range names {
			here, _ := from.Get(t.Context(), n)
			there, _ := to.Get(t.Context(), n)
			if want := creds.New(keyItem("AKIA" + n)); !here.Equal(want) && !there.Equal(want) {
				t.Errorf("step %d: %s is nowhere", step, n)
			}
		}
		left, _ := AllKeyNames(t.Context(), from)
		if _, err := (Migration{From: from, To: to, DeleteSource: true}).Run(t.Context(), left); err != nil {
			t.Errorf("step %d: the second run: %v", step, err)
		}
		there, _ := AllKeyNames(t.Context(), to)
		if left, _ = AllKeyNames(t.Context(), from); len(left) != 0 || !slices.Equal(there, names) {
			t.Errorf("step %d: after the second run %q here, %q there", step, left, there)
		}
		if all, _ := to.List(t.Context(), "vault.probe"); len(all) != 0 {
			t.Errorf("step %d: left behind: %q", step, all)
		}
	}
}

func TestSpecsNameStores(t *testing.T) {
	home, _ := os.UserHomeDir()
	t.Chdir(t.TempDir())
	here, _ := os.Getwd()
	for spec, want := range map[string]string{
		"file":                 "file:" + filepath.Join(home, ".awsvault", "keys"),
		"file:~/x/":            "file:" + filepath.Join(home, "x"),
		"file:x":               "file:" + filepath.Join(here, "x"),
		"pass:x":               "pass:" + filepath.Join(here, "x"),
		"age":                  "age:" + filepath.Join(home, ".awsvault", "age"),
		"secret-service":       "secret-service:awsvault",
		"secret-service:login": "secret-service:login",
		"keychain:other":       "keychain:other",
		"helper:pass":          "helper:pass",
		"kwallet":              "kwallet",
		"wincred":              "wincred",
		"file:/a:b":            "file:/a:b",
	} {
		o, err := Options{}.At(spec)
		if err != nil || o.Spec() != filepath.FromSlash(want) && o.Spec() != want {
			t.Errorf("%q is %q, %v; want %q", spec, o.Spec(), err, want)
		}
	}
	for _, spec := range []string{"", ":x", "file:", "kwallet:x", "wincred:x", "keyctl:x", "file:a\x00b", "shoebox:x"} {
		if o, err := (Options{}).At(spec); err == nil {
			t.Errorf("%q is %q", spec, o.Spec())
		}
	}
}

func TestOneStoreHasManyNames(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	for _, d := range []string{"a/b", "c"} {
		if err := os.MkdirAll(d, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("a", "link"); err != nil {
		testenv.Missing(t, "symlinks", err.Error())
	}
	at := func(spec, prefix string) Options {
		o, err := Options{PassPrefix: prefix}.At(spec)
		if err != nil {
			t.Fatal(err)
		}
		return o
	}
	for _, c := range []struct {
		a, b Options
		same bool
	}{
		{at("file:a", ""), at("file:./a/", ""), true},
		{at("file:a", ""), at("file:link", ""), true},
		{at("file:a", ""), at("file:link/../a", ""), true},
		{at("file:a", ""), at("file:"+filepath.Join(dir, "c", "..", "a"), ""), true},
		{at("file:a", ""), at("file:c", ""), false},
		{at("file:none", ""), at("file:./none", ""), true},
		{at("file:none", ""), at("file:a", ""), false},
		{at("file:a", ""), at("age:a", ""), false},
		{at("pass:a", "b"), at("pass:link/b", ""), true},
		{at("pass:a", "b"), at("pass:a", ""), false},
		{at("keychain:x", ""), at("keychain:x", ""), true},
		{at("keychain:x", ""), at("keychain", ""), false},
		{at("keychain:aws-vault", ""), at("keychain", ""), true},
		{at("kwallet", ""), at("kwallet", ""), true},
	} {
		if Same(c.a, c.b) != c.same || Same(c.b, c.a) != c.same {
			t.Errorf("%s and %s: not %v", c.a.Spec(), c.b.Spec(), c.same)
		}
	}
}

func TestTheUsualStoresAreAWSVaultsAndOnes(t *testing.T) {
	other := t.TempDir()
	var specs []string
	for _, o := range Usual(Options{FileDir: other}) {
		specs = append(specs, o.Spec())
	}
	for _, want := range []string{"file:" + other, Options{Backend: "file"}.Spec()} {
		if !slices.Contains(specs, want) {
			t.Errorf("%q is not among %q", want, specs)
		}
	}
	for i, spec := range specs {
		if slices.Contains(specs[:i], spec) || strings.HasPrefix(spec, "age") || strings.HasPrefix(spec, "helper") || strings.HasPrefix(spec, "keyctl") {
			t.Errorf("%q does not belong in %q", spec, specs)
		}
	}
}

// A rotation or another command may store another key while the rest is being copied.
func TestAMigrationDeletesOnlyWhatItCopied(t *testing.T) {
	for what, change := range map[string]func(from, to Store) error{
		"rotated in the old store": func(from, _ Store) error { return from.Put(soon(t), "a", creds.New(keyItem("AKIAnew"))) },
		"replaced in the new store": func(_, to Store) error {
			return to.Put(soon(t), "a", creds.New(keyItem("AKIAother")))
		},
		"gone from the new store": func(_, to Store) error { return to.Delete(soon(t), "a") },
	} {
		from, to := filled(t, newMemory(), "a", "b"), newMemory()
		m := Migration{From: from, To: to, DeleteSource: true, Tell: func(x Moved) {
			if x.Name == "b" { // the last one: a was copied
				if err := change(from, to); err != nil {
					t.Error(err)
				}
			}
		}}
		before, _ := from.Get(soon(t), "a")
		_, moved := move(t, m)
		now, err := from.Get(soon(t), "a")
		if err != nil {
			t.Errorf("%s: the key is gone: %v", what, err)
		}
		if strings.Contains(what, "new store") && !now.Equal(before) {
			t.Errorf("%s: the old store was changed", what)
		}
		for _, x := range moved {
			if x.Deleted != (x.Name == "b") || (x.Err != nil) != (x.Name == "a") {
				t.Errorf("%s: %s: deleted %v, %v", what, x.Name, x.Deleted, x.Err)
			}
		}
	}
}

func TestAMigrationDeletesNothingThatIsLocked(t *testing.T) {
	from, to := filled(t, newMemory(), "a", "b"), newMemory()
	held := errors.New("another process has it")
	locked := 0
	m := Migration{From: from, To: to, DeleteSource: true, Lock: func(_ context.Context, name string) (func(), error) {
		if name == "a" {
			return nil, held
		}
		locked++
		return func() { locked-- }, nil
	}}
	_, moved := move(t, m)
	if len(moved) != 2 || moved[0].Deleted || !errors.Is(moved[0].Err, held) || !moved[1].Deleted || locked != 0 {
		t.Errorf("%+v, %d locks are held", moved, locked)
	}
	wantValue(t, from, "a", keyItem("AKIAa"))
}
