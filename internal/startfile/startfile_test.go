package startfile

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/d44b7504/vault/internal/atomicfile"
	"github.com/d44b7504/vault/internal/testenv"
	"github.com/d44b7504/vault/shells"
)

func must[T any](v T, err error) T { check(err); return v }

func check(err error) {
	if err != nil {
		panic(err)
	}
}

// wanted is the usual line of a shell, with files below home.
func wanted(shell, home string, flags ...string) Wanted {
	sh := must(shells.For(shell))
	line, start := must(sh.RCLine("vault", flags...)), strings.TrimSuffix(must(sh.RCLine("vault")), `)"`)
	return Wanted{
		Shell: sh, Places: shells.Places{OS: "linux", Home: home, Env: map[string]string{}}, Called: "vault",
		Line: func(bool) (string, string) { return line, start }, Force: len(flags) > 0,
	}
}

func (w Wanted) line() string {
	line, _ := w.Line(false)
	return line
}

func add(t *testing.T, w Wanted) *Plan {
	t.Helper()
	p, err := PlanAdd(w)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range p.Changes {
		check(c.Write())
	}
	return p
}

func undo(t *testing.T, w Wanted) {
	t.Helper()
	list, err := PlanRemove(w.Shell, w.Places)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range list {
		check(c.Write())
	}
}

// file is the first start file of a shell with a text.
func file(w Wanted, text string) string {
	path := w.Shell.HookFiles(w.Places, func(string) (string, bool) { return "", false })[0].Path
	check(os.MkdirAll(filepath.Dir(path), 0o700))
	check(os.WriteFile(path, []byte(text), 0o640))
	return path
}

func TestUndoGivesTheBytesBack(t *testing.T) {
	for _, shell := range shells.Names() {
		for _, text := range []string{
			"", "\n", "a=1\n", "a=1", "a=1\n\n\n", "a=1\r\nb=2\r\n", "a=1\r\nb=2", "a=1 \\", "a=1 \\\n", "\xef\xbb\xbfa\n",
			"# latin: caf\xe9\n", "# begin: something else\n", "cat <<X\nX\n# no end", "\t\n \t",
		} {
			w := wanted(shell, t.TempDir())
			path := file(w, text)
			add(t, w)
			if now := string(must(os.ReadFile(path))); now == text || !strings.HasPrefix(now, text) || !strings.Contains(now, w.line()) {
				t.Errorf("%s: %q became %q", shell, text, now)
			}
			again := add(t, w)
			if len(again.Changes) != 0 || len(again.Loaded) == 0 {
				t.Errorf("%s: %q is changed twice", shell, text)
			}
			undo(t, w)
			st := must(os.Stat(path))
			if now := string(must(os.ReadFile(path))); now != text || runtime.GOOS != "windows" && st.Mode().Perm() != 0o640 {
				t.Errorf("%s: %q came back as %q, mode %v", shell, text, now, st.Mode())
			}
		}
		w := wanted(shell, t.TempDir())
		add(t, w)
		undo(t, w)
		_ = filepath.WalkDir(w.Places.Home, func(p string, d os.DirEntry, _ error) error {
			if !d.IsDir() {
				t.Errorf("%s: %s was made and is left", shell, p)
			}
			return nil
		})
	}
}

// What a person writes between add and undo stays, and stays on lines of its own.
func TestUndoKeepsWhatWasWrittenMeanwhile(t *testing.T) {
	for text, want := range map[string]string{"a=1": "a=1\nb=2\n", "a=1\n": "a=1\nb=2\n", "": "b=2\n"} {
		w := wanted("zsh", t.TempDir())
		path := filepath.Join(w.Places.Home, ".zshrc")
		if text != "" {
			file(w, text)
		}
		add(t, w)
		now := string(must(os.ReadFile(path)))
		check(os.WriteFile(path, []byte(now+"b=2\n"), 0o600))
		undo(t, w)
		if got := string(must(os.ReadFile(path))); got != want {
			t.Errorf("%q came back as %q", text, got)
		}
	}
}

func TestALineThatLoadsTheHookAlreadyIsLeftAlone(t *testing.T) {
	for _, line := range []string{
		`eval "$(vault hook zsh)"`, `eval "$('/opt/a b/vault' hook zsh --no-prompt)"`, `  source <(vault hook zsh)`,
		`command -v vault >/dev/null && eval "$(vault --backend file hook zsh)"`,
	} {
		w := wanted("zsh", t.TempDir())
		path := file(w, "a=1\n"+line+"\n")
		p := add(t, w)
		if len(p.Changes) != 0 || len(p.Loaded) != 1 || p.Loaded[0] != (Found{path, 2}) {
			t.Errorf("%s: %+v", line, p)
		}
	}
	for _, line := range []string{`# eval "$(vault hook zsh)"`, `eval "$(vault hook bash)"`, `eval "$(direnv hook zsh)"`, "echo vault"} {
		w := wanted("zsh", t.TempDir())
		file(w, line+"\n")
		if p := add(t, w); len(p.Changes) != 1 {
			t.Errorf("%s counts as the hook's line", line)
		}
	}
}

// The flags that a person has added to our line stay, and others replace them only when they
// are asked for.
func TestTheLineChangesOnlyForOtherFlagsOrAnotherProgram(t *testing.T) {
	w := wanted("zsh", t.TempDir())
	path := file(w, "a=1\n")
	add(t, wanted("zsh", w.Places.Home, "--no-prompt"))
	if p := add(t, w); len(p.Changes) != 0 {
		t.Error("without flags the line is changed back")
	}
	add(t, wanted("zsh", w.Places.Home, "--no-completion"))
	moved := w
	moved.Line = func(bool) (string, string) { return `eval "$(/new/vault hook zsh)"`, `eval "$(/new/vault hook zsh` }
	if text := string(must(os.ReadFile(path))); !strings.Contains(text, "hook zsh --no-completion") || strings.Contains(text, "--no-prompt") {
		t.Errorf("%s", text)
	}
	p := add(t, moved)
	if text := string(must(os.ReadFile(path))); len(p.Changes) != 1 || strings.Count(text, "hook zsh") != 1 || !strings.Contains(text, "/new/vault") {
		t.Errorf("%s", text)
	}
	undo(t, w)
	if text := string(must(os.ReadFile(path))); text != "a=1\n" {
		t.Errorf("%q", text)
	}
}

// Login shells of bash, as those of ssh and of macOS, read one file of three, and ~/.bashrc
// only if that one does.
func TestBashLoadsTheHookInLoginShellsAndInOthers(t *testing.T) {
	for _, c := range []struct {
		files map[string]string
		want  string
	}{
		{nil, ".bashrc .bash_profile"},
		{map[string]string{".bash_profile": "[ -f ~/.bashrc ] && . ~/.bashrc\n"}, ".bashrc"},
		{map[string]string{".bash_profile": "# . ~/.bashrc\n"}, ".bashrc .bash_profile"},
		{map[string]string{".profile": "PATH=x\n"}, ".bashrc .profile"},
		{map[string]string{".profile": "source ~/.bashrc\n", ".bash_login": "x=1\n"}, ".bashrc .bash_login"},
		{map[string]string{".bash_profile": "link"}, ".bashrc"},
	} {
		w := wanted("bash", t.TempDir())
		for name, text := range c.files {
			path := filepath.Join(w.Places.Home, name)
			if text != "link" {
				check(os.WriteFile(path, []byte(text), 0o600))
			} else if err := os.Symlink(".bashrc", path); err != nil {
				testenv.Missing(t, "symlinks", err.Error())
			}
		}
		p := add(t, w)
		var names []string
		for _, x := range p.Changes {
			names = append(names, filepath.Base(x.Path))
		}
		if got := strings.Join(names, " "); got != c.want {
			t.Errorf("%v: %s", c.files, got)
		}
	}
}

func TestALinkStaysALinkAndIsWrittenThrough(t *testing.T) {
	for _, exists := range []bool{true, false} {
		w := wanted("zsh", t.TempDir())
		real, link := filepath.Join(w.Places.Home, "dotfiles", "zshrc"), filepath.Join(w.Places.Home, ".zshrc")
		check(os.Mkdir(filepath.Dir(real), 0o700))
		if exists {
			check(os.WriteFile(real, []byte("a=1\n"), 0o600))
		}
		if err := os.Symlink(filepath.Join("dotfiles", "zshrc"), link); err != nil {
			testenv.Missing(t, "symlinks", err.Error())
		}
		add(t, w)
		if text := string(must(os.ReadFile(real))); !strings.Contains(text, w.line()) {
			t.Errorf("%q", text)
		}
		undo(t, w)
		if to, err := os.Readlink(link); err != nil || to != filepath.Join("dotfiles", "zshrc") {
			t.Errorf("the link is gone: %v", err)
		}
		if text, err := os.ReadFile(real); exists && string(text) != "a=1\n" || !exists && !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%q, %v", text, err)
		}
	}
}

func TestAFileThatCannotTakeALineStaysAsItIs(t *testing.T) {
	w := wanted("pwsh", t.TempDir())
	file(w, "\xff\xfea\x00=\x001\x00\n\x00")
	if _, err := PlanAdd(w); !errors.Is(err, ErrNotText) {
		t.Errorf("UTF-16: %v", err)
	}
	w = wanted("zsh", t.TempDir())
	path := file(w, "a=1\n")
	check(os.Chmod(path, 0o400))
	if _, err := PlanAdd(w); !errors.Is(err, ErrReadOnly) {
		t.Errorf("read-only: %v", err)
	}
	check(os.Chmod(path, 0o600))
	p := must(PlanAdd(w))
	check(os.WriteFile(path, []byte("b=2\n"), 0o600))
	if err := p.Changes[0].Write(); !errors.Is(err, ErrChanged) || string(must(os.ReadFile(path))) != "b=2\n" {
		t.Errorf("changed meanwhile: %v", err)
	}
	check(os.Remove(path))
	check(os.Mkdir(path, 0o700))
	if _, err := PlanAdd(w); !errors.Is(err, atomicfile.ErrNotFile) {
		t.Errorf("a directory: %v", err)
	}
	for _, text := range []string{beginMark + "\nx\n", beginMark + "\nx\n" + endMark + "\n" + beginMark + "\n" + endMark + "\n"} {
		w = wanted("zsh", t.TempDir())
		file(w, text)
		if _, err := PlanAdd(w); err == nil {
			t.Errorf("%q: no error", text)
		}
		if _, err := PlanRemove(w.Shell, w.Places); err == nil {
			t.Errorf("%q: no error on undo", text)
		}
	}
}

// A start file may have a secret in the line beside ours.
func TestTheDiffShowsOnlyWhatChanges(t *testing.T) {
	for _, text := range []string{"export TOKEN=secret", "export TOKEN=secret\n", "export TOKEN=secret\r\n"} {
		w := wanted("zsh", t.TempDir())
		file(w, text)
		diff := must(PlanAdd(w)).Changes[0].Diff()
		add(t, w)
		diff += must(PlanRemove(w.Shell, w.Places))[0].Diff()
		if strings.Contains(diff, "secret") || strings.Count(diff, w.line()) != 2 {
			t.Errorf("%q:\n%s", text, diff)
		}
	}
}
