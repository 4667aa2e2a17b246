package store

import (
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/d44b7504/vault/env"
)

func TestEveryEntryOfTheTableIsComplete(t *testing.T) {
	var names, flags, variables []string
	for _, b := range table {
		names = append(names, b.Name)
		if b.exists() != (b.open != nil) {
			t.Errorf("%s: that it exists on %s is %v, that it can be opened is %v", b.Name, runtime.GOOS, b.exists(), b.open != nil)
		}
		places := 0
		for _, s := range b.Settings {
			flags, variables = append(flags, s.Flag), append(variables, s.Variable)
			if s.Kind.isPlace() {
				places++
			}
			if s.Usage == "" || s.Value(&Options{}) == nil || s.Kind.isPlace() && s.Placeholder == "" {
				t.Errorf("%s: the setting %q is not complete", b.Name, s.Flag)
			}
		}
		if p := b.Passphrase; places > 1 || b.PlaceNamesIt && places == 0 || (p.Variable == "") != (p.Value == nil) {
			t.Errorf("%s: %d places, the passphrase is %q", b.Name, places, p.Variable)
		}
		if p := b.Passphrase.Variable; p != "" {
			variables = append(variables, p)
		}
	}
	for _, list := range [][]string{names, flags, variables} {
		slices.Sort(list)
		if slices.Contains(list, "") || len(slices.Compact(slices.Clone(list))) != len(list) {
			t.Errorf("one is empty or there twice: %q", list)
		}
	}
}

// No program that this one starts gets a passphrase of a store.
func TestEveryPassphraseVariableIsKeptFromChildren(t *testing.T) {
	for _, b := range table {
		p := b.Passphrase.Variable
		if p != "" && !slices.Contains(env.Passphrases, p) {
			t.Errorf("%s is not among env.Passphrases", p)
		}
	}
}

func TestEveryBackendIsInTheDocuments(t *testing.T) {
	text := func(file string) string {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	keys, settings, architecture := text("../docs/keys.md"), text("../docs/settings.md"), text("../docs/architecture.md")
	for _, b := range table {
		variables := []string{b.Passphrase.Variable}
		for _, s := range b.Settings {
			variables = append(variables, s.Variable)
		}
		for _, v := range variables {
			if v != "" && !strings.Contains(settings, "`"+v+"`") {
				t.Errorf("docs/settings.md does not have `%s`", v)
			}
		}
		if !strings.Contains(keys, "| `"+b.Name+"` |") {
			t.Errorf("docs/keys.md does not have `%s`", b.Name)
		}
		if !strings.Contains(architecture, "`"+b.Name+"`") {
			t.Errorf("docs/architecture.md does not have `%s`", b.Name)
		}
	}
}

func TestNamesThatMayBeOtherProgramsAreShared(t *testing.T) {
	for _, c := range []struct {
		o    Options
		want bool
	}{
		{Options{Backend: "pass"}, true},
		{Options{Backend: "pass", PassPrefix: "aws"}, false},
		{Options{Backend: "secret-service"}, false},
		{Options{Backend: "secret-service", Collection: "login"}, true},
		{Options{Backend: "file", FileDir: "/x"}, false},
		{Options{Backend: "age"}, false},
	} {
		if got := entryOf(t, c.o.Backend).Shared(c.o); got != c.want {
			t.Errorf("%+v: %v", c.o, got)
		}
	}
}
