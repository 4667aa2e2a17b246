package hooks

// This file drives a real interactive shell in a terminal: it types, and waits for what
// the screen shows.

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/d44b7504/vault/env"
	"github.com/d44b7504/vault/internal/creds"
	"github.com/d44b7504/vault/internal/shelltest"
	"github.com/d44b7504/vault/internal/testenv"
	"github.com/d44b7504/vault/shells"
)

const patience = 2 * time.Minute

// world is a home, a stub and a rendered hook for one shell.
type world struct {
	t     testing.TB
	shell string
	entry *shelltest.Shell
	stub
	home  string
	find  string   // what is on PATH
	extra []string // NAME=value for the shell
}

func newWorld(t testing.TB, shell string) *world {
	t.Helper()
	testenv.Require(t, shell)
	w := &world{t: t, shell: shell, entry: shelltest.For(t, shell), home: must(os.MkdirTemp("", "hook"))}
	t.Cleanup(func() { os.RemoveAll(w.home) })
	w.dir = filepath.Join(w.home, "stub")
	check(os.MkdirAll(w.path("bin"), 0o700))
	w.find = w.path("bin") + ":" + os.Getenv("PATH")
	w.link("vault")
	w.plans(plan{Life: 2490, Due: 2000, Life2: 3550, Due2: 3000})
	w.write("hook", w.script(Options{Binary: "vault", Prompt: true}))
	return w
}

func (w *world) link(name string) {
	check(os.Symlink(must(os.Executable()), w.path("bin/"+name)))
}

func (w *world) script(o Options) string {
	o.Now = time.Now()
	o.ValueFlags = []string{"--backend", "--keychain"}
	return must(Script(must(shells.For(w.shell)), o))
}

func (w *world) write(name, text string) {
	check(os.WriteFile(filepath.Join(w.home, name), []byte(text), 0o600))
}

func (w *world) plans(p plan) { check(os.WriteFile(w.path("plan"), must(json.Marshal(p)), 0o600)) }

// calls returns the stub's log so far: "SHELL: words" for each process.
func (w *world) calls() []string {
	b, err := os.ReadFile(w.path("log"))
	if err != nil {
		return nil
	}
	return strings.Split(strings.TrimSpace(string(b)), "\n")
}

// called counts the calls that are exactly this one.
func (w *world) called(call string) int {
	n := 0
	for _, c := range w.calls() {
		if c == call {
			n++
		}
	}
	return n
}

// asks counts the times the shell asked for its session again.
func (w *world) asks() int {
	return w.called(w.shell+": refresh --env") + w.called(w.shell+": refresh --if-due --env")
}

func (w *world) environ() []string {
	return append([]string{
		"HOME=" + w.home, "ZDOTDIR=" + w.home, "XDG_CONFIG_HOME=" + w.home, "XDG_DATA_HOME=" + w.home, "XDG_CACHE_HOME=" + w.home,
		"fish_features=qmark-noglob,no-query-term", "PATH=" + w.find, "TERM=xterm-256color", "LANG=C.UTF-8", stubDir + "=" + w.dir,
		"GORACE=atexit_sleep_ms=0", // the stub is this test binary: with -race each exit would take a second
	}, w.extra...)
}

// start opens a terminal whose shell has run `before`, the hook, and `after`.
func (w *world) start(before, after string) *term {
	w.t.Helper()
	return w.open(w.command(w.entry.Prompt + before + "\n" + w.load() + "\n" + after + "\n"))
}

// command starts the shell as for a person, with this start file.
func (w *world) command(rc string) *exec.Cmd { return w.entry.Start(w.home, rc) }

func (w *world) load() string { return w.entry.LoadFile(filepath.Join(w.home, "hook")) }

// term is one shell in one terminal.
type term struct {
	*world
	*shelltest.Terminal
	marks int
}

func (w *world) open(cmd *exec.Cmd) *term {
	w.t.Helper()
	cmd.Env, cmd.Dir = w.environ(), w.home
	x := &term{world: w, Terminal: shelltest.Open(w.t, cmd, 100, 60)}
	x.waitPrompt("R>")
	return x
}

func (x *term) send(s string) { check(x.Send(s)) }

// eventually waits until ok, or fails with the screen.
func (x *term) eventually(what string, ok func() bool) {
	x.t.Helper()
	if !x.Await(patience, ok) {
		x.t.Fatalf("%s: never saw %s; calls %q; screen:\n%s", x.shell, what, x.calls(), x.Text())
	}
}

func (x *term) wait(text string) {
	x.t.Helper()
	x.eventually(fmt.Sprintf("%q", text), func() bool { return strings.Contains(x.Screen.String(), text) })
}

func (x *term) waitPrompt(text string) {
	x.t.Helper()
	x.eventually(fmt.Sprintf("%q in the prompt", text), func() bool { return strings.Contains(x.Row(), text) })
}

// segment is what the prompt shows beside the shell's own "R> ", without brackets.
func (x *term) segment() string {
	left, right, _ := strings.Cut(x.Row(), "R>")
	s := strings.TrimSpace(left)
	if x.shell == "fish" {
		s = strings.TrimSpace(right)
	}
	return strings.TrimSuffix(strings.TrimPrefix(s, "["), "]")
}

// shows waits until the prompt's segment is exactly text.
func (x *term) shows(text string) {
	x.t.Helper()
	x.eventually(fmt.Sprintf("the segment %q", text), func() bool { return strings.Contains(x.Row(), "R>") && x.segment() == text })
}

// run types lines, one after the other as each prompt comes, and waits for the prompt
// after the last one.
func (x *term) run(lines ...string) {
	x.t.Helper()
	x.marks++
	mark := fmt.Sprintf("End%d.", x.marks)
	for _, l := range append(lines, x.printf()+` '%s\n' E""nd`+fmt.Sprint(x.marks)+".") {
		x.send(l + "\r")
	}
	x.eventually("the end of "+lines[0], func() bool {
		at := strings.LastIndex(x.Screen.String(), "\n"+mark)
		return at >= 0 && strings.Contains(x.Screen.String()[at:], "R>") && strings.Contains(x.Row(), "R>")
	})
}

// value is what the shell expands a word to, byte for byte. The lines before it are typed first.
func (x *term) value(word string, before ...string) string {
	x.t.Helper()
	file := filepath.Join(x.home, fmt.Sprintf("value%d", x.marks))
	x.run(append(before, x.printf()+` '%s' `+word+` > `+file)...)
	return string(must(os.ReadFile(file)))
}

// output is what a command prints.
func (x *term) output(command string) string {
	x.t.Helper()
	file := filepath.Join(x.home, fmt.Sprintf("output%d", x.marks))
	x.run(command + " > " + file + " 2>&1")
	return string(must(os.ReadFile(file)))
}

func (x *term) want(word, want string) {
	x.t.Helper()
	if got := x.value(word); got != want {
		x.t.Errorf("%s: %s is %q, want %q", x.shell, word, got, want)
	}
}

// status is how this shell spells the last command's status.
func (w *world) status() string {
	return w.in(map[string]string{"bash": "$?", "zsh": "$?", "fish": "$status"})
}

// printf is the builtin, whatever the user made of its name.
func (w *world) printf() string {
	return w.in(map[string]string{"bash": `\builtin printf`, "zsh": `\builtin printf`, "fish": "builtin printf"})
}

// export is how this shell exports a variable.
func (w *world) export(name, value string) string {
	return strings.TrimSpace(must(w.entry.Render([]env.Change{{Name: name, Value: creds.New(value)}})))
}

// each runs a test, at the same time, in every shell whose hook reads a descriptor.
func each(t *testing.T, test func(t *testing.T, w *world)) {
	t.Helper()
	shelltest.Each(t, shelltest.Hooked(t), func(t *testing.T, sh *shelltest.Shell) { test(t, newWorld(t, sh.Name)) })
}

// in returns a test's own value for this shell, or fails the test.
func (w *world) in(values map[string]string) string {
	w.t.Helper()
	return shelltest.In(w.t, w.shell, values)
}
