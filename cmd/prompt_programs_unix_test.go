//go:build unix

package cmd_test

// The programs that draw prompts, themselves: each recipe of docs/prompt.md is put where its user
// puts it, and the screen is read.

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"
	"github.com/hinshun/vt10x"

	"github.com/d44b7504/vault/internal/shelltest"
	"github.com/d44b7504/vault/internal/testenv"
)

// shellScreen is an interactive shell with a screen.
type shellScreen struct {
	t      *testing.T
	pty    *os.File
	screen vt10x.Terminal
	marks  int
}

// opens starts a shell for a person, with this start file, and waits for its first prompt.
func (w *world) opens(t *testing.T, shell, rc string) *shellScreen {
	t.Helper()
	sh := shelltest.For(t, shell)
	c := sh.Start(w.path("home"), rc)
	c.Env = without(w.environ("TERM=xterm-256color", "XDG_CONFIG_HOME="+w.path("home"), "VIRTUAL_ENV_DISABLE_PROMPT=1"), "NO_COLOR")
	tty := must(pty.StartWithSize(c, &pty.Winsize{Rows: 40, Cols: 100}))
	x := &shellScreen{t: t, pty: tty, screen: vt10x.New(vt10x.WithSize(100, 40), vt10x.WithWriter(tty))}
	done := make(chan struct{})
	go func() { defer close(done); _, _ = io.Copy(x.screen, tty) }()
	t.Cleanup(func() {
		// A theme's own helpers end with a shell that ends by itself.
		late := time.AfterFunc(10*time.Second, func() { _ = c.Process.Kill() })
		_, _ = io.WriteString(tty, "\x15exit\r")
		_ = c.Wait()
		late.Stop()
		_ = tty.Close()
		select {
		case <-done:
		case <-time.After(time.Second):
		}
	})
	return x
}

// after types a line and returns what the screen shows behind what it printed: the next prompt,
// once that has what ok wants.
func (x *shellScreen) after(line, what string, ok func(prompt string) bool) string {
	x.t.Helper()
	x.marks++
	mark := fmt.Sprintf("End%d.", x.marks)
	_, err := fmt.Fprintf(x.pty, "%s; echo E''nd%d.\r", line, x.marks)
	check(err)
	for end := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		_, prompt, ended := strings.Cut(x.screen.String(), "\n"+mark)
		if ended && ok(prompt) {
			return prompt
		}
		if time.Now().After(end) {
			x.t.Fatalf("%s: never saw %s; the screen:\n%s", line, what, strings.TrimSpace(x.screen.String()))
		}
	}
}

// theme is a file of a package for zsh, in a directory of NODE_PATH.
func theme(t *testing.T, name, file string) string {
	t.Helper()
	for _, dir := range filepath.SplitList(os.Getenv("NODE_PATH")) {
		path := filepath.Join(dir, name, file)
		if _, err := os.Stat(path); err == nil {
			return path
		}
	}
	testenv.Missing(t, name, "NODE_PATH does not have it")
	return ""
}

// recipe is the first block of code behind a name in docs/prompt.md.
func recipe(t *testing.T, name string) string {
	t.Helper()
	_, text, found := strings.Cut(string(must(os.ReadFile("../docs/prompt.md"))), "\n**"+name+"**")
	_, text, fenced := strings.Cut(text, "\n```")
	_, text, _ = strings.Cut(text, "\n")
	text, _, closed := strings.Cut(text, "\n```")
	if !found || !fenced || !closed {
		t.Fatalf("docs/prompt.md has no recipe for %s", name)
	}
	return text + "\n"
}

// drawn is a program in a shell: the start file, in which HOOK is the hook's line, and what the
// prompt shows.
type drawn struct {
	program, shell string
	rc             func(t *testing.T, w *world) string
	shows          string // a pattern
}

var starshipInit = map[string]string{
	"bash": "export STARSHIP_CONFIG=$HOME/starship.toml\nHOOK\neval \"$(starship init bash)\"",
	"zsh":  "export STARSHIP_CONFIG=$HOME/starship.toml\neval \"$(starship init zsh)\"\nHOOK",
	"fish": "set -gx STARSHIP_CONFIG $HOME/starship.toml\nset -g fish_greeting\nstarship init fish | source\nHOOK",
}

func withStarship(shell, toml string) func(t *testing.T, w *world) string {
	return func(t *testing.T, w *world) string {
		testenv.Require(t, "starship")
		if toml == "" {
			toml = recipe(t, "starship")
		}
		w.write("home/starship.toml", toml)
		return starshipInit[shell]
	}
}

// installed is a file of a Debian package.
func installed(t *testing.T, tool, path string) string {
	t.Helper()
	if _, err := os.Stat(path); err != nil {
		testenv.Missing(t, tool, err.Error())
	}
	return path
}

func withPure(t *testing.T, _ *world) string {
	return "fpath+=(" + filepath.Dir(theme(t, "pure-prompt", "pure.zsh")) + "); autoload -U promptinit; promptinit; prompt pure\n" + recipe(t, "pure") + "HOOK"
}

func withSpaceship(t *testing.T, _ *world) string {
	return "source " + theme(t, "spaceship-prompt", "spaceship.zsh") + "\n" + recipe(t, "spaceship") + "HOOK"
}

func withPowerlevel9k(t *testing.T, _ *world) string {
	return recipe(t, "powerlevel10k") + "source " + installed(t, "powerlevel9k", "/usr/share/powerlevel9k/powerlevel9k.zsh-theme") + "\nHOOK"
}

func withLiquidprompt(t *testing.T, _ *world) string {
	return "source " + installed(t, "liquidprompt", "/usr/share/liquidprompt/liquidprompt") + "\nHOOK"
}

func withPowerlineGo(t *testing.T, _ *world) string {
	testenv.Require(t, "powerline-go")
	return "update() { PS1=\"$(powerline-go -modules cwd -error $?)\"; }\nPROMPT_COMMAND=\"update; $PROMPT_COMMAND\"\nHOOK"
}

// withTide does with an item what tide does: it calls the item's function, which hands its text on.
func withTide(t *testing.T, _ *world) string {
	return "set -g fish_greeting\nfunction _tide_print_item; echo -n \"($argv[2]) \"; end\n" + recipe(t, "tide") +
		"function fish_prompt; for item in vault; _tide_item_$item; end; echo -n 'R> '; end\nHOOK"
}

// withOhMyPosh does with a segment of the type command what oh-my-posh does: its shell runs it.
func withOhMyPosh(t *testing.T, w *world) string {
	var segment struct {
		Type       string
		Properties struct{ Shell, Command string }
	}
	check(json.Unmarshal([]byte(recipe(t, "oh-my-posh")), &segment))
	if segment.Type != "command" {
		t.Fatalf("%+v", segment)
	}
	w.write("home/theme.json", recipe(t, "oh-my-posh"))
	return "export POSH_THEME=$HOME/theme.json\n_omp_hook() { PS1=\"($(" + segment.Properties.Shell + " -c '" + segment.Properties.Command + "')) R> \"; }\nPROMPT_COMMAND=_omp_hook\nHOOK"
}

// withPureForFish has of that only what the hook knows it by.
func withPureForFish(t *testing.T, _ *world) string {
	return "set -g fish_greeting\nfunction fish_prompt; set -l x _pure_prompt; echo -n 'R> '; end\n" + recipe(t, "pure for fish") + "HOOK"
}

var drawnPrompts = []drawn{
	{"starship", "bash", withStarship("bash", ""), `\[prod \d+m\]`},
	{"starship", "zsh", withStarship("zsh", ""), `\[prod \d+m\]`},
	{"starship", "fish", withStarship("fish", ""), `\[prod \d+m\]`},
	{"starship without the recipe", "bash", withStarship("bash", "add_newline = true\n"), `prod \(us-east-1\) \[\d+m`},
	{"pure", "zsh", withPure, `\[prod \d+m\]`},
	{"powerlevel9k", "zsh", withPowerlevel9k, ` prod \d+m `},
	{"spaceship", "zsh", withSpaceship, `\[prod \d+m\]`},
	{"liquidprompt", "bash", withLiquidprompt, `\[prod \d+m\]`},
	{"liquidprompt", "zsh", withLiquidprompt, `\[prod \d+m\]`},
	{"powerline-go", "bash", withPowerlineGo, `\[prod \d+m\]`},
	{"an imitation of pure", "fish", withPureForFish, `\[prod \d+m\]`},
	{"an imitation of tide", "fish", withTide, `\(prod \d+m\)`},
	{"an imitation of oh-my-posh", "bash", withOhMyPosh, `\(prod \d+m\)`},
}

func TestEachRecipeShowsTheSessionInTheProgramThatDrawsThePrompt(t *testing.T) {
	t.Parallel()
	for _, d := range testenv.Sample(drawnPrompts, 4) {
		t.Run(d.program+"/"+d.shell, func(t *testing.T) {
			t.Parallel()
			testenv.Require(t, d.shell)
			w := newWorld(t, "[profile prod]\nregion = us-east-1\n")
			w.stored("alice", "prod")
			hook := map[string]string{"bash": `eval "$(vault hook bash)"`, "zsh": `eval "$(vault hook zsh)"`, "fish": "vault hook fish | source"}[d.shell]
			x := w.opens(t, d.shell, strings.Replace(d.rc(t, w), "HOOK", hook, 1)+"\n")
			without := func(s string) bool { return strings.TrimSpace(s) != "" && !strings.Contains(s, "prod") }
			x.after("true", "a prompt without a session", without)
			x.after("vault use prod -d 50m", "a prompt", func(s string) bool { return strings.TrimSpace(s) != "" })
			shows := regexp.MustCompile(d.shows)
			got := x.after("true", d.shows, shows.MatchString)
			if n := len(shows.FindAllString(got, -1)); n != 1 {
				t.Errorf("the session is shown %d times:\n%s", n, got)
			}
			if strings.Contains(x.screen.String(), "does not show") {
				t.Errorf("the person is told what is not so:\n%s", x.screen.String())
			}
			x.after("vault off", "the prompt of before", without)
		})
	}
}
