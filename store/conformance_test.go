package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/d44b7504/vault/internal/creds"
)

// awkward are names every back end has to keep apart and give back unchanged.
var awkward = []string{
	"plain", "with space", `quo"te's`, "a/b", "a:b", "ünï—✓", "two\nlines", "50%", "a%2Fb", "-dash", ".hidden",
	"semi;colon", "$(id)", "`id`", `back\slash`, "a//b", "/lead", "trail/", "../up", "vault.session,aGFzaA,,4102444800",
	strings.Repeat("long", 50),
}

// stages run conforms on a back end in a place of the test's own, by the back end's name.
// One whose place is a folder of its own needs no stage.
var stages = map[string]func(t *testing.T){}

func TestEveryBackendConforms(t *testing.T) {
	for _, b := range All() {
		t.Run(b.Name, func(t *testing.T) {
			if stage := stages[b.Name]; stage != nil {
				stage(t)
				return
			}
			conforms(t, open(t, inTempDir(t, b)), 0, 1, 100, 100_000)
		})
	}
}

// inTempDir opens a back end in a temporary folder, with a passphrase if it takes one.
func inTempDir(t *testing.T, b Backend) Options {
	t.Helper()
	o := Options{Backend: b.Name}
	place, ok := b.Place()
	if !ok || place.Kind != OwnFolder {
		t.Fatalf("the back end %s has no folder of its own: the tests need a stage for it", b.Name)
	}
	dir, err := os.MkdirTemp("", "vault-store-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) }) // not t.TempDir, which Wine cannot delete
	*place.Value(&o) = filepath.Join(dir, "store")
	o.SetPassphrases(func(string) *creds.Secret { return phrase("correct horse") })
	return o
}

// conforms is what every Store does, whatever is behind it. sizes are the lengths of
// values it is tried with.
func conforms(t *testing.T, s Store, sizes ...int) {
	t.Run("a missing item is ErrNotFound, also when deleted twice", func(t *testing.T) { missing(t, s) })
	t.Run("awkward names come back", func(t *testing.T) { names(t, s) })
	t.Run("values of all sizes come back", func(t *testing.T) { values(t, s, sizes) })
	t.Run("a second put replaces the first", func(t *testing.T) { replaces(t, s) })
	t.Run("list is sorted and by prefix", func(t *testing.T) { lists(t, s) })
	t.Run("names that differ in case are two", func(t *testing.T) { cases(t, s) })
	t.Run("many at once", func(t *testing.T) { concurrently(t, s) })
	t.Run("impossible names are refused", func(t *testing.T) { refuses(t, s) })
}

// Conforms is conforms for tests outside this package.
var Conforms = conforms

func missing(t *testing.T, s Store) {
	if _, err := s.Get(soon(t), "never put"); !errors.Is(err, ErrNotFound) {
		t.Errorf("Get: %v", err)
	}
	if err := s.Delete(soon(t), "never put"); !errors.Is(err, ErrNotFound) {
		t.Errorf("Delete: %v", err)
	}
	put(t, s, "fleeting", "value")
	if err := s.Delete(soon(t), "fleeting"); err != nil {
		t.Errorf("first Delete: %v", err)
	}
	if err := s.Delete(soon(t), "fleeting"); !errors.Is(err, ErrNotFound) {
		t.Errorf("second Delete: %v", err)
	}
	if _, err := s.Get(soon(t), "fleeting"); !errors.Is(err, ErrNotFound) {
		t.Errorf("Get after Delete: %v", err)
	}
}

func names(t *testing.T, s Store) {
	for _, name := range awkward {
		put(t, s, name, "value of "+name)
	}
	got, err := s.List(soon(t), "")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range awkward {
		wantValue(t, s, name, "value of "+name)
		if !slices.Contains(got, name) {
			t.Errorf("List lacks %q", name)
		}
		if err := s.Delete(soon(t), name); err != nil {
			t.Errorf("Delete(%q): %v", name, err)
		}
	}
	if got, err = s.List(soon(t), ""); err != nil || len(got) != 0 {
		t.Errorf("after deleting everything List gives %q, %v", got, err)
	}
}

// A store that cannot have both refuses the second.
func cases(t *testing.T, s Store) {
	put(t, s, "Cased", "one")
	if _, err := s.Get(soon(t), "cASED"); !errors.Is(err, ErrNotFound) {
		t.Errorf("Get: %v", err)
	}
	if err := s.Delete(soon(t), "cASED"); !errors.Is(err, ErrNotFound) {
		t.Errorf("Delete: %v", err)
	}
	if err := s.Put(soon(t), "cASED", creds.New("two")); err == nil {
		wantValue(t, s, "cASED", "two")
		err = s.Delete(soon(t), "cASED")
		if err != nil {
			t.Error(err)
		}
	} else if !errors.Is(err, ErrUnavailable) {
		t.Errorf("Put: %v", err)
	}
	wantValue(t, s, "Cased", "one")
	put(t, s, "Cased", "three")
	wantValue(t, s, "Cased", "three")
	if err := s.Delete(soon(t), "Cased"); err != nil {
		t.Error(err)
	}
}

func values(t *testing.T, s Store, sizes []int) {
	for _, n := range sizes {
		value := strings.Repeat("v\x00é\n", n)[:n]
		put(t, s, "sized", value)
		wantValue(t, s, "sized", value)
	}
	if err := s.Delete(soon(t), "sized"); err != nil {
		t.Error(err)
	}
}

func replaces(t *testing.T, s Store) {
	put(t, s, "twice", "a longer first value")
	put(t, s, "twice", "second")
	wantValue(t, s, "twice", "second")
	if got, err := s.List(soon(t), "twice"); err != nil || len(got) != 1 {
		t.Errorf("List gives %q, %v", got, err)
	}
	if err := s.Delete(soon(t), "twice"); err != nil {
		t.Error(err)
	}
}

func lists(t *testing.T, s Store) {
	for _, name := range []string{"p/b", "p/a", "q", "p"} {
		put(t, s, name, "v")
		defer func() { _ = s.Delete(soon(t), name) }()
	}
	for prefix, want := range map[string][]string{"": {"p", "p/a", "p/b", "q"}, "p/": {"p/a", "p/b"}, "none": nil} {
		if got, err := s.List(soon(t), prefix); err != nil || !slices.Equal(got, want) {
			t.Errorf("List(%q) = %q, %v; want %q", prefix, got, err, want)
		}
	}
}

func concurrently(t *testing.T, s Store) {
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			own := fmt.Sprintf("own %d", i)
			for round := range 3 {
				value := fmt.Sprintf("%d.%d", i, round)
				if err := s.Put(soon(t), own, creds.New(value)); err != nil {
					t.Errorf("Put: %v", err)
				}
				if got, err := s.Get(soon(t), own); err != nil || got.Reveal() != value {
					t.Errorf("Get: %v", err)
				}
				if err := s.Put(soon(t), "shared", creds.New(value)); err != nil {
					t.Errorf("Put of a shared name: %v", err)
				}
			}
			if err := s.Delete(soon(t), own); err != nil {
				t.Errorf("Delete: %v", err)
			}
		})
	}
	wg.Wait()
	if got, err := s.List(soon(t), ""); err != nil || !slices.Equal(got, []string{"shared"}) {
		t.Errorf("left are %q, %v", got, err)
	}
	if err := s.Delete(soon(t), "shared"); err != nil {
		t.Error(err)
	}
}

func refuses(t *testing.T, s Store) {
	for _, name := range []string{"", ".", "..", "a\x00b"} {
		if err := s.Put(soon(t), name, creds.New("v")); !errors.Is(err, ErrUnavailable) {
			t.Errorf("Put(%q): %v", name, err)
		}
	}
}
