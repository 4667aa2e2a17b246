package shells

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/d44b7504/vault/env"
	"github.com/d44b7504/vault/internal/creds"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// reviewed is one list of changes, with the values that tell the dialects apart.
var reviewed = []env.Change{
	{Name: "AWS_ACCESS_KEY_ID", Value: creds.New("FAKEID")},
	{Name: "AWS_PROFILE", Unset: true},
	{Name: "AWS_VAULT", Value: creds.New("it's")},
	{Name: "V1", Value: creds.New("$HOME `id` $(id)")},
	{Name: "V2", Value: creds.New("two\nlines")},
	{Name: "V3", Value: creds.New("curly \u2019 quote")},
	{Name: "V4", Value: creds.New("")},
	{Name: "V5", Value: creds.New(`back\slash`)},
	{Name: "V6", Value: creds.New("a 🔑 and é")},
}

func TestEachDialectIsAsReviewed(t *testing.T) {
	for _, name := range Names() {
		sh := dialect(t, name)
		got, err := sh.Render(reviewed)
		if err != nil {
			t.Fatal(err)
		}
		call, err := sh.Call("__vault_set", "1700000000", "0", "mfa!", "it's ’ $x")
		if err != nil {
			t.Fatal(err)
		}
		got += call
		file := filepath.Join("testdata", "golden", name+".txt")
		if *update {
			if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if got != string(want) {
			t.Errorf("%s differs from %s; go test ./shells -update shows how:\n%s", name, file, got)
		}
	}
}

func dialect(t testing.TB, name string) Shell {
	t.Helper()
	sh, err := For(name)
	if err != nil {
		t.Fatal(err)
	}
	return sh
}

func TestNULIsRefused(t *testing.T) {
	for _, name := range Names() {
		sh := dialect(t, name)
		for _, s := range []string{"\x00", "a\x00b", "é\x00"} {
			if q, err := sh.Quote(s); !errors.Is(err, ErrNUL) || q != "" {
				t.Errorf("%s: Quote(%q) = %q, %v", name, s, q, err)
			}
			if text, err := sh.Call("f", "fine", s); !errors.Is(err, ErrNUL) || text != "" {
				t.Errorf("%s: Call(%q) = %q, %v", name, s, text, err)
			}
			changes := []env.Change{{Name: "FINE", Value: creds.New("x")}, {Name: "V", Value: creds.New(s)}}
			if text, err := sh.Render(changes); !errors.Is(err, ErrNUL) || text != "" {
				t.Errorf("%s: Render(%q) = %q, %v", name, s, text, err)
			}
		}
	}
}

// A value must not reach a message either: it may be a secret.
func TestARefusalNamesTheVariableAndNotTheValue(t *testing.T) {
	_, err := dialect(t, "bash").Render([]env.Change{{Name: "AWS_SECRET_ACCESS_KEY", Value: creds.New("not-a-real\x00-secret")}})
	if got, want := err.Error(), "AWS_SECRET_ACCESS_KEY: "+ErrNUL.Error(); got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestWhatIsNoNameOfAVariableIsRefused(t *testing.T) {
	for _, name := range Names() {
		sh := dialect(t, name)
		for _, bad := range []string{"", "1A", "A B", "A;id", "A=B", "A-B", "$(id)", "A\n", "É", "a.b", "A:"} {
			for _, c := range []env.Change{{Name: bad, Value: creds.New("x")}, {Name: bad, Unset: true}} {
				if text, err := sh.Render([]env.Change{{Name: "FINE", Unset: true}, c}); err == nil || text != "" {
					t.Errorf("%s took the name %q: %q", name, bad, text)
				}
			}
		}
	}
}

func TestForKnowsPowerShellByBothNames(t *testing.T) {
	for _, name := range []string{"pwsh", "powershell"} {
		if got := dialect(t, name).Name(); got != "pwsh" {
			t.Errorf("For(%q) is %q", name, got)
		}
	}
	var unknown *UnknownError
	if _, err := For("csh"); !errors.As(err, &unknown) || unknown.Name != "csh" {
		t.Errorf("For(csh): %v", err)
	}
}

// Windows PowerShell reads a program's output in the console's code page.
func TestPowerShellCodeIsASCII(t *testing.T) {
	for _, s := range awkward {
		q, err := dialect(t, "pwsh").Quote(s)
		if err != nil || !ascii(q) {
			t.Errorf("Quote(%q) = %q, %v", s, q, err)
		}
	}
}
