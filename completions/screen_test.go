package completions_test

// This file drives a real interactive shell in a terminal: it types, presses TAB, and
// reads what the screen shows and what programs were given.

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/d44b7504/vault/internal/shelltest"
	"github.com/d44b7504/vault/internal/testenv"
)

const patience = 2 * time.Minute

// home is a person's home with a shell, the program and a config file.
type home struct {
	t     testing.TB
	shell string
	entry *shelltest.Shell
	dir   string
	path  string // what is on PATH

	configured bool // fish reads the configuration it comes with
}

func newHome(t testing.TB, shell string) *home {
	t.Helper()
	testenv.Require(t, shell)
	h := &home{t: t, shell: shell, entry: shelltest.For(t, shell), dir: t.TempDir()}
	h.path = h.file("bin") + ":" + os.Getenv("PATH")
	check(os.Mkdir(h.file("bin"), 0o700))
	h.link("vault")
	h.write("config", config)
	return h
}

func (h *home) file(name string) string { return filepath.Join(h.dir, name) }
func (h *home) write(name, text string) { check(os.WriteFile(h.file(name), []byte(text), 0o600)) }
func (h *home) link(name string)        { check(os.Symlink(must(os.Executable()), h.file("bin/"+name))) }

func (h *home) environ() []string {
	return []string{
		"HOME=" + h.dir, "ZDOTDIR=" + h.dir, "XDG_CONFIG_HOME=" + h.dir, "XDG_DATA_HOME=" + h.dir, "XDG_CACHE_HOME=" + h.dir,
		"fish_features=qmark-noglob,no-query-term", "PATH=" + h.path, "TERM=xterm-256color", "LANG=C.UTF-8", "INPUTRC=/dev/null", stubDir + "=" + h.dir,
		"AWS_CONFIG_FILE=" + h.file("config"), "DBUS_SESSION_BUS_ADDRESS=unix:path=/nonexistent",
		"GORACE=atexit_sleep_ms=0", // under -race our stand-in for the program would stay a second longer
	}
}

// calls returns the program runs so far that were not asked by TAB.
func (h *home) calls() (calls []call) {
	for _, c := range h.all() {
		if !answered(c.Args) {
			calls = append(calls, c)
		}
	}
	return calls
}

// tabs counts how often the program was asked what a word may become.
func (h *home) tabs() int {
	n := 0
	for _, c := range h.all() {
		if len(c.Args) > 0 && c.Args[0] == "__words" {
			n++
		}
	}
	return n
}

func (h *home) all() (calls []call) {
	b, err := os.ReadFile(h.file("log"))
	if err != nil {
		return nil
	}
	for line := range strings.Lines(string(b)) {
		var c call
		if json.Unmarshal([]byte(line), &c) == nil { // the last line may be half-written
			calls = append(calls, c)
		}
	}
	return calls
}

// prompt gives every shell the same prompt, and zsh its completion system.
func prompt(t testing.TB, shell string) string {
	t.Helper()
	sh := shelltest.For(t, shell)
	return sh.Prompt + sh.Completion
}

// load is the line that loads what a command of the program prints.
func load(t testing.TB, shell, command string) string {
	t.Helper()
	return shelltest.For(t, shell).Evaluate(command)
}

// loadScript is the line that loads the completion script.
func loadScript(t testing.TB, shell string) string {
	t.Helper()
	return load(t, shell, "vault completion "+shell)
}

// start opens a terminal in the usual way: a prompt, then the completion.
func (h *home) start() *term {
	h.t.Helper()
	return h.open(prompt(h.t, h.shell) + loadScript(h.t, h.shell) + "\n")
}

// term is one shell in one terminal.
type term struct {
	*home
	*shelltest.Terminal
}

func (h *home) open(rc string) *term {
	h.t.Helper()
	cmd := h.entry.Start(h.dir, rc)
	if h.configured {
		cmd.Args = append(cmd.Args[:1], h.entry.Interactive("")...)
	}
	cmd.Env = h.environ()
	x := &term{h, shelltest.Open(h.t, cmd, 120, 60)}
	x.eventually("a prompt", func() bool { return strings.HasPrefix(x.Row(), "R>") })
	return x
}

func (x *term) send(s string) { check(x.Send(s)) }

// eventually waits until ok, or fails with the screen.
func (x *term) eventually(what string, ok func() bool) {
	x.t.Helper()
	if !x.Await(patience, ok) {
		x.t.Fatalf("%s: never saw %s; calls %q; screen:\n%s", x.shell, what, x.all(), x.Text())
	}
}

// shows waits until all of texts are on the screen.
func (x *term) shows(texts ...string) {
	x.t.Helper()
	for _, s := range texts {
		x.eventually(s, func() bool { return strings.Contains(x.Text(), s) })
	}
}

// tab types, presses TAB, ends the line with one more word and Enter, and returns what
// the program got before that word.
func (x *term) tab(typed string) []string {
	x.t.Helper()
	n := len(x.calls())
	x.send(typed + "\t end\r")
	x.eventually("a call after "+typed, func() bool { return len(x.calls()) > n })
	args := x.calls()[n].Args
	if len(args) == 0 || args[len(args)-1] != "end" {
		x.t.Errorf("%s: %s TAB gave %q; screen:\n%s", x.shell, typed, args, x.Text())
		return nil
	}
	return args[:len(args)-1]
}

// press types, presses TAB, waits until that has been dealt with, and takes back what
// was typed. The letters typed last appear when the shell has done with TAB.
func (x *term) press(typed string) {
	x.t.Helper()
	x.send(typed + "\tZZ")
	x.eventually("ZZ", func() bool { return strings.Contains(x.Row(), "ZZ") })
	x.send(strings.Repeat("\x7f", 150))
	x.eventually("an empty line", func() bool { return x.Row() == "R>" })
}

// pressAll presses TAB after each line. The PowerShell engine is asked as its line editor
// asks it, in one go: a key pressed while the editor is not yet reading is the terminal's.
func (x *term) pressAll(lines ...string) {
	x.t.Helper()
	if x.shell != "pwsh" {
		for _, l := range lines {
			x.press(l)
		}
		return
	}
	x.write("lines", strings.Join(lines, "\n"))
	x.send("foreach ($l in [IO.File]::ReadAllLines('" + x.file("lines") + "')) { $null = TabExpansion2 $l $l.Length }; 'All' + 'Done'\r")
	x.shows("AllDone")
}

// eachQuick runs a test in the shells that start quickly, and among the long tests in
// every shell.
func eachQuick(t *testing.T, test func(t *testing.T, h *home)) {
	t.Helper()
	list := shelltest.Hooked(t)
	if testenv.Long() {
		list = shelltest.All(t)
	}
	shelltest.Each(t, list, func(t *testing.T, sh *shelltest.Shell) { test(t, newHome(t, sh.Name)) })
}

// each runs a test in every shell.
func each(t *testing.T, test func(t *testing.T, h *home)) {
	t.Helper()
	shelltest.Each(t, shelltest.All(t), func(t *testing.T, sh *shelltest.Shell) { test(t, newHome(t, sh.Name)) })
}
