package shells_test

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/d44b7504/vault/env"
	"github.com/d44b7504/vault/internal/creds"
	"github.com/d44b7504/vault/shells"
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
	for _, name := range shells.Names() {
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

func dialect(t testing.TB, name string) *shells.Shell {
	t.Helper()
	sh, err := shells.For(name)
	if err != nil {
		t.Fatal(err)
	}
	return sh
}

func TestNULIsRefused(t *testing.T) {
	for _, name := range shells.Names() {
		sh := dialect(t, name)
		for _, s := range []string{"\x00", "a\x00b", "é\x00"} {
			if q, err := sh.Quote(s); !errors.Is(err, shells.ErrNUL) || q != "" {
				t.Errorf("%s: Quote(%q) = %q, %v", name, s, q, err)
			}
			if text, err := sh.Call("f", "fine", s); !errors.Is(err, shells.ErrNUL) || text != "" {
				t.Errorf("%s: Call(%q) = %q, %v", name, s, text, err)
			}
			changes := []env.Change{{Name: "FINE", Value: creds.New("x")}, {Name: "V", Value: creds.New(s)}}
			if text, err := sh.Render(changes); !errors.Is(err, shells.ErrNUL) || text != "" {
				t.Errorf("%s: Render(%q) = %q, %v", name, s, text, err)
			}
		}
	}
}

// A value must not reach a message either: it may be a secret.
func TestARefusalNamesTheVariableAndNotTheValue(t *testing.T) {
	_, err := dialect(t, "bash").Render([]env.Change{{Name: "AWS_SECRET_ACCESS_KEY", Value: creds.New("not-a-real\x00-secret")}})
	if got, want := err.Error(), "AWS_SECRET_ACCESS_KEY: "+shells.ErrNUL.Error(); got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestWhatCannotBeTheNameOfAVariableIsRefused(t *testing.T) {
	for _, name := range shells.Names() {
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
		if got := dialect(t, name).Name; got != "pwsh" {
			t.Errorf("For(%q) is %q", name, got)
		}
	}
	var unknown *shells.UnknownError
	if _, err := shells.For("csh"); !errors.As(err, &unknown) || unknown.Name != "csh" {
		t.Errorf("For(csh): %v", err)
	}
}

// Windows PowerShell reads a program's output in the console's code page.
func TestPowerShellCodeIsASCII(t *testing.T) {
	for _, s := range awkward {
		q, err := dialect(t, "pwsh").Quote(s)
		if err != nil || strings.ContainsFunc(q, func(r rune) bool { return r > '~' && r != 0x7f }) {
			t.Errorf("Quote(%q) = %q, %v", s, q, err)
		}
	}
}

// mayBeEmpty are the fields that an entry may leave out, and what that means.
var mayBeEmpty = map[string]string{
	"Aliases":       "its program has one name",
	"HookList":      "no variable lists its hooks",
	"Where":         "the environment tells where its files are",
	"BeforeCommand": "its hook never acts before a command",
}

func TestAnEntryLeavesNothingOut(t *testing.T) {
	for _, sh := range shells.All() {
		v := reflect.ValueOf(*sh)
		for i := range v.NumField() {
			if name := v.Type().Field(i).Name; v.Field(i).IsZero() && mayBeEmpty[name] == "" {
				t.Errorf("%s does not say its %s", sh.Name, name)
			}
		}
		if sh.Complete.Words == 0 || sh.Complete.Candidates == 0 {
			t.Errorf("%s does not say how it completes: %+v", sh.Name, sh.Complete)
		}
		if sh.Complete.Words != shells.WordsUnquoted && sh.ReadWord == nil {
			t.Errorf("%s passes words as typed, and does not say how to read them", sh.Name)
		}
	}
}

func TestNoTwoShellsShareANameOrAFile(t *testing.T) {
	seen := map[string]string{}
	for _, sh := range shells.All() {
		for _, name := range append(sh.Programs(), "file."+sh.Extension) {
			if other := seen[name]; other != "" {
				t.Errorf("%s and %s share %q", other, sh.Name, name)
			}
			seen[name] = sh.Name
		}
	}
}

func TestStartFilesAreWhereTheSystemHasThem(t *testing.T) {
	moved := map[string]string{"XDG_CONFIG_HOME": "/c", "XDG_DATA_HOME": "/d", "ZDOTDIR": "/z", "HISTFILE": "/hist", "APPDATA": "/roaming"}
	for _, c := range []struct {
		shell, os string
		env       map[string]string
		want      string
	}{
		{"bash", "linux", nil, "/h/.bashrc"},
		{"bash", "darwin", nil, "/h/.bash_profile"},
		{"zsh", "linux", nil, "/h/.zshrc"},
		{"zsh", "darwin", moved, "/z/.zshrc"},
		{"fish", "linux", nil, "/h/.config/fish/config.fish"},
		{"fish", "linux", moved, "/c/fish/config.fish"},
		{"pwsh", "linux", moved, "/c/powershell/Microsoft.PowerShell_profile.ps1"},
		{"pwsh", "windows", nil, "/h/Documents/PowerShell/Microsoft.PowerShell_profile.ps1"},
	} {
		files := dialect(t, c.shell).StartFiles(shells.Places{OS: c.os, Home: "/h", Env: c.env})
		if got := filepath.ToSlash(files[0]); got != c.want {
			t.Errorf("%s on %s with %v: %s, want %s", c.shell, c.os, c.env, got, c.want)
		}
	}
	for shell, want := range map[string]string{
		"bash": "/hist /h/.bash_history", "fish": "/d/fish/fish_history", "zsh": "/hist /z/.zsh_history /h/.zsh_history /h/.zhistory /h/.history",
		"pwsh": "/d/powershell/PSReadLine/ConsoleHost_history.txt /roaming/Microsoft/Windows/PowerShell/PSReadLine/ConsoleHost_history.txt",
	} {
		files := dialect(t, shell).HistoryFiles(shells.Places{OS: "linux", Home: "/h", Env: moved})
		if got := filepath.ToSlash(strings.Join(files, " ")); got != want {
			t.Errorf("%s keeps its history in %s, want %s", shell, got, want)
		}
	}
}

func TestTheRCLineCallsTheProgramAsItIsCalled(t *testing.T) {
	for _, c := range []struct {
		shell, program string
		flags          []string
		want           string
	}{
		{"zsh", "vault", nil, `eval "$(vault hook zsh)"`},
		{"bash", "/opt/v/vault", []string{"--name", "av"}, `eval "$(/opt/v/vault hook bash --name av)"`},
		{"bash", "/it's/vault", nil, `eval "$('/it'\''s/vault' hook bash)"`},
		{"fish", "/a b/vault", []string{"--no-prompt"}, `'/a b/vault' hook fish --no-prompt | source`},
		{"pwsh", `C:\v\vault.exe`, nil, `Invoke-Expression (& 'C:\v\vault.exe' hook pwsh | Out-String)`},
	} {
		if got, err := dialect(t, c.shell).RCLine(c.program, c.flags...); err != nil || got != c.want {
			t.Errorf("%s: %q, %v, want %q", c.shell, got, err, c.want)
		}
	}
	for _, sh := range shells.All() {
		if line, err := sh.RCLine("a\x00b"); !errors.Is(err, shells.ErrNUL) || line != "" {
			t.Errorf("%s: %q, %v", sh.Name, line, err)
		}
	}
}

func TestFillReplacesEachMarkOnce(t *testing.T) {
	values := map[string]string{"A": "1", "B": "@A@"}
	for text, want := range map[string]string{
		"":                    "",
		"@A@":                 "1",
		"x@A@@A@y":            "x11y",
		"@B@ @A@":             "@A@ 1",
		`"${list[@]}" @A@ $@`: `"${list[@]}" 1 $@`,
		"@C@A@":               "@C1",
		"@A":                  "@A",
	} {
		if got := shells.Fill(text, values); got != want {
			t.Errorf("%q becomes %q, want %q", text, got, want)
		}
	}
}
