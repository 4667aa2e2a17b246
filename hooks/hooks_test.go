package hooks

import (
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/d44b7504/vault/internal/shelltest"
	"github.com/d44b7504/vault/internal/testenv"
	"github.com/d44b7504/vault/shells"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// hooked names the shells whose hook reads a descriptor.
func hooked(t testing.TB) []string {
	t.Helper()
	var names []string
	for _, sh := range shelltest.Hooked(t) {
		names = append(names, sh.Name)
	}
	return names
}

func rendered(t testing.TB, shell string, o Options) string {
	t.Helper()
	text, err := Script(must(shells.For(shell)), o)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// usual is what `vault hook` prints for most people.
var usual = Options{Binary: "vault", Prompt: true, Now: time.Unix(1700000000, 0), ValueFlags: []string{"--backend", "--keychain"}}

// withProjects is usual with the part that looks for project directories.
func withProjects() Options {
	o := usual
	o.Project = "switch"
	return o
}

func TestEachHookIsAsReviewed(t *testing.T) {
	later := usual
	later.Call = true
	golden := map[string]string{
		"draw.bash": Drawing(must(shells.For("bash")), "new,title"), "draw.zsh": Drawing(must(shells.For("zsh")), "new,right,countdown"),
		"draw.fish": Drawing(must(shells.For("fish")), "new"), "call.ps1": rendered(t, "pwsh", later),
	}
	for _, shell := range shells.Names() {
		golden["hook."+must(shells.For(shell)).Extension] = rendered(t, shell, usual)
	}
	for _, shell := range shells.Names() {
		fill := map[string]string{"BINARY": "vault"}
		check(Options{Project: "switch"}.addProject(must(shells.For(shell)), fill))
		golden["project."+must(shells.For(shell)).Extension] = strings.TrimPrefix(fill["CHECK"]+fill["AGAIN"]+fill["PROJECT"], "\n")
	}
	for name, got := range golden {
		file := filepath.Join("testdata", "golden", name)
		if *update {
			check(os.MkdirAll(filepath.Dir(file), 0o755))
			check(os.WriteFile(file, []byte(got), 0o644))
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if got != string(want) {
			t.Errorf("the hook differs from %s; go test ./hooks -update shows how", file)
		}
	}
}

// It is the bash of macOS, and is not to be had for these tests.
func TestTheBashHookHasNothingNewerThanBash32(t *testing.T) {
	drawing := Drawing(must(shells.For("bash")), "new,title")
	for _, found := range shelltest.NewerThanBash32(rendered(t, "bash", withProjects()) + drawing) {
		t.Error(found)
	}
}

// largest is how many bytes each hook may have.
var largest = map[string]int{"bash": 8192, "zsh": 8192, "fish": 8192, "pwsh": 8192}

func TestAHookIsSmallAndHasEveryPlaceholderFilled(t *testing.T) {
	for _, shell := range shells.Names() {
		got := rendered(t, shell, usual)
		if most := shelltest.In(t, shell, largest); len(got) > most {
			t.Errorf("%s: %d bytes, more than %d", shell, len(got), most)
		}
		for _, blank := range []string{"@BINARY@", "@NAME@", "@CALL_FLAGS@", "@PROMPT@", "@EPOCH@", "@VALUE_FLAGS@", "@RCLINE@"} {
			if strings.Contains(got, blank) {
				t.Errorf("%s: %s was not filled", shell, blank)
			}
		}
	}
}

func TestTheFivePartsAreInOrder(t *testing.T) {
	for _, shell := range shells.Names() {
		got := rendered(t, shell, usual)
		at := 0
		for _, part := range []string{"--- the function", "--- the precmd", "--- the prompt segment", "--- registration", "as the last line:"} {
			next := strings.Index(got[at:], part)
			if next < 0 {
				t.Fatalf("%s: no %q after byte %d", shell, part, at)
			}
			at += next
		}
	}
}

func TestTheNameIsUsedThroughout(t *testing.T) {
	o := usual
	o.Name = "av"
	defines := map[string]string{"bash": "\nav() {", "zsh": "\nav() {", "fish": "function av ", "pwsh": "function global:av {"}
	for _, shell := range shells.Names() {
		got := rendered(t, shell, o)
		if !strings.Contains(got, shelltest.In(t, shell, defines)) || !strings.Contains(got, "vault hook "+shell+" --name av") {
			t.Errorf("%s: the function or the rc line is not called av", shell)
		}
		if strings.Contains(got, "vault: ") || !strings.Contains(got, " "+CalledAs+"av") {
			t.Errorf("%s: a message or a call does not say av", shell)
		}
	}
}

func TestAProgramOfAnotherNameIsAFunctionOfThatName(t *testing.T) {
	for binary, want := range map[string]string{
		"vault": "vault", "av": "av", "/opt/x/av": "av", `C:\x\av.exe`: "av", "/opt/a b": "vault", "": "vault", "/opt/2x": "vault",
	} {
		if got := NameOf(binary); got != want {
			t.Errorf("%q: %q", binary, got)
		}
	}
	o := usual
	o.Binary = "/opt/x/av"
	for _, shell := range shells.Names() {
		got := rendered(t, shell, o)
		if strings.Contains(got, CalledAs) || strings.Contains(got, "--name") || !strings.Contains(got, "av") {
			t.Errorf("%s: it is not called by its own name", shell)
		}
	}
}

func TestShellsParseTheirHooks(t *testing.T) {
	for _, shell := range hooked(t) {
		t.Run(shell, func(t *testing.T) {
			testenv.Require(t, shell)
			file := filepath.Join(t.TempDir(), "hook")
			check(os.WriteFile(file, []byte(rendered(t, shell, withProjects())), 0o600))
			if out, err := exec.Command(shell, "-n", file).CombinedOutput(); err != nil || len(out) > 0 {
				t.Errorf("%v: %s", err, out)
			}
		})
	}
}

func TestShellcheckPassesTheBashHook(t *testing.T) {
	testenv.Require(t, "shellcheck")
	file := filepath.Join(t.TempDir(), "hook.bash")
	check(os.WriteFile(file, []byte(rendered(t, "bash", withProjects())), 0o600))
	if out, err := exec.Command("shellcheck", "--norc", "--shell=bash", file).CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}

func TestScriptRefusesWhatItCannotQuoteOrName(t *testing.T) {
	for _, shell := range shells.Names() {
		sh := must(shells.For(shell))
		for _, o := range []Options{{Binary: "a\x00b"}, {Binary: "vault", Name: "a b"}, {Binary: "vault", Name: "x;id"}} {
			if text, err := Script(sh, o); err == nil || text != "" {
				t.Errorf("%s took %+v", shell, o)
			}
		}
	}
}

func TestWord(t *testing.T) {
	for s, want := range map[string]bool{
		"vault": true, "av": true, "a-v2": true, "_x": true, "A": true,
		"": false, "-v": false, "2v": false, "a b": false, "a;b": false, "a\n": false, "é": false, "a$": false, "a'b": false, "@X@": false,
	} {
		if got := Word(s); got != want {
			t.Errorf("Word(%q) = %v", s, got)
		}
	}
}
