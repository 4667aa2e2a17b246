package completions_test

import (
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/d44b7504/vault/completions"
	"github.com/d44b7504/vault/internal/shelltest"
	"github.com/d44b7504/vault/internal/testenv"
	"github.com/d44b7504/vault/shells"
)

var update = flag.Bool("update", false, "rewrite the golden files")

var options = map[string]completions.Options{
	"comp": {Binary: "vault"},
	"av":   {Binary: "/opt/it's $(here)/vault", Name: "av"},
}

func script(t testing.TB, shell string, o completions.Options) string {
	t.Helper()
	return must(completions.Script(must(shells.For(shell)), o))
}

func file(name, shell string) string { return name + "." + must(shells.For(shell)).Extension }

func TestScriptsAreGolden(t *testing.T) {
	for name, o := range options {
		for _, shell := range shells.Names() {
			path := filepath.Join("testdata", "golden", file(name, shell))
			got := script(t, shell, o)
			if *update {
				check(os.WriteFile(path, []byte(got), 0o644))
			}
			if want := string(must(os.ReadFile(path))); got != want {
				t.Errorf("%s differs; go test ./completions -update rewrites it, the diff is yours to judge", path)
			}
		}
	}
}

func TestScriptsHaveTheSyntaxOfTheirShell(t *testing.T) {
	for shell, check := range map[string][]string{
		"bash": {"bash", "-n"}, "zsh": {"zsh", "-n"}, "fish": {"fish", "--no-config", "-n"}, "shellcheck": {"shellcheck", "-s", "bash", "-e", "SC2016"}, // the path in av has a $
	} {
		t.Run(shell, func(t *testing.T) {
			testenv.Require(t, check[0])
			dialect := strings.Replace(shell, "shellcheck", "bash", 1)
			for name, o := range options {
				path := filepath.Join(t.TempDir(), file(name, dialect))
				if err := os.WriteFile(path, []byte(script(t, dialect, o)), 0o600); err != nil {
					t.Fatal(err)
				}
				if out, err := exec.Command(check[0], append(check[1:], path)...).CombinedOutput(); err != nil || len(out) > 0 {
					t.Errorf("%s: %v\n%s", name, err, out)
				}
			}
		})
	}
}

// It is the bash of macOS, and is not to be had for these tests.
func TestTheBashScriptHasNothingNewerThanBash32(t *testing.T) {
	for _, found := range shelltest.NewerThanBash32(script(t, "bash", options["comp"])) {
		t.Error(found)
	}
}

// Windows PowerShell reads a program's output in the console's code page.
func TestThePowerShellScriptIsASCII(t *testing.T) {
	for _, o := range []completions.Options{{Binary: "vault"}, {Binary: "C:\\Grüße’\\vault.exe"}} {
		for _, r := range script(t, "pwsh", o) {
			if r > '~' {
				t.Fatalf("%q is not ASCII", r)
			}
		}
	}
}

func TestScriptsAreSmall(t *testing.T) {
	for _, shell := range shells.Names() {
		if n := len(script(t, shell, options["comp"])); n > 6<<10 {
			t.Errorf("%s: %d bytes are read at the start of every shell", shell, n)
		}
	}
}

func TestANameThatIsNotOneWordIsRefused(t *testing.T) {
	for _, name := range []string{"a b", "a;touch x", "$(x)", "-x", "a'b", "é", "9"} {
		for _, shell := range shells.Names() {
			if _, err := completions.Script(must(shells.For(shell)), completions.Options{Binary: "vault", Name: name}); err == nil {
				t.Errorf("%s: %q was accepted", shell, name)
			}
		}
	}
}
