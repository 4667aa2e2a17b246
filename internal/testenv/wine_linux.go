package testenv

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// Wine runs programs for Windows. Its Credential Manager, files and sockets are not Microsoft's,
// but they are reached by the same calls and have the same limits.
type Wine struct {
	t       testing.TB
	ctx     context.Context
	prefix  string
	inherit []string // the environment of compilers
	environ []string // that of programs for Windows
}

// NewWine starts Wine, and skips the test where it is not installed. inherited is the environment in
// which compilers run. AWS_VAULT_TEST_WINE names a directory that keeps Wine's files between runs, those
// of each name apart; making them takes ten seconds. Wine ends with the test, at the latest after five minutes.
func NewWine(t testing.TB, name string, inherited []string) *Wine {
	t.Helper()
	Require(t, "wincred", "go", "wine", "wineserver", "x86_64-w64-mingw32-gcc")
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	t.Cleanup(cancel)
	home := t.TempDir()
	prefix := filepath.Join(cmp.Or(os.Getenv("AWS_VAULT_TEST_WINE"), home), name)
	if err := os.MkdirAll(prefix, 0o700); err != nil {
		t.Fatal(err)
	}
	w := &Wine{t: t, ctx: ctx, prefix: prefix, inherit: slices.Clone(inherited)}
	w.environ = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + home, "WINEPREFIX=" + prefix, "WINEDEBUG=-all", "LC_ALL=C.UTF-8",
		"WINEDLLOVERRIDES=mscoree,mshtml=;winemenubuilder.exe=d",
		"CI_MARK=" + os.Getenv("CI_MARK"), "AWS_VAULT_TEST_REQUIRE=" + os.Getenv("AWS_VAULT_TEST_REQUIRE"), "AWS_VAULT_TEST_LONG=" + os.Getenv("AWS_VAULT_TEST_LONG")}
	t.Cleanup(w.end)
	w.complete()
	return w
}

// end stops the processes of this prefix alone.
func (w *Wine) end() {
	for _, how := range []string{"-k", "-w"} {
		c := exec.Command("wineserver", how)
		c.Env = w.environ
		_ = c.Run()
	}
}

// complete makes Wine's files, and the library that Go's programs need and this Wine does not have.
func (w *Wine) complete() {
	w.t.Helper()
	system := filepath.Join(w.prefix, "drive_c/windows/system32")
	if _, err := os.Stat(system); err != nil {
		w.must(w.environ, "wineboot", "-i")
		w.must(w.environ, "wineserver", "-w")
	}
	library := filepath.Join(system, "bcryptprimitives.dll")
	if _, err := os.Stat(library); err != nil {
		w.must(w.inherit, "x86_64-w64-mingw32-gcc", "-shared", "-O2", "-o", library,
			filepath.Join(w.root(), "internal/testenv/testdata/wine/bcryptprimitives.c"), "-ladvapi32")
	}
}

// Go runs the go command as for Windows.
func (w *Wine) Go(args ...string) {
	w.t.Helper()
	w.must(append(slices.Clone(w.inherit), "GOOS=windows", "GOARCH=amd64", "CGO_ENABLED=0"), "go", args...)
}

// Run runs a program for Windows with more in its environment, and returns what it printed to either
// stream, also when it failed.
func (w *Wine) Run(environ []string, exe string, args ...string) (string, error) {
	w.t.Helper()
	return w.run(append(slices.Clone(w.environ), environ...), "wine", append([]string{exe}, args...)...)
}

func (w *Wine) must(environ []string, name string, args ...string) {
	w.t.Helper()
	if out, err := w.run(environ, name, args...); err != nil {
		w.t.Fatalf("%s %q: %v\n%s", name, args, err, out)
	}
}

func (w *Wine) run(environ []string, name string, args ...string) (string, error) {
	w.t.Helper()
	log, err := os.CreateTemp(w.t.TempDir(), "log") // no pipe, which Wine's server would keep open
	if err != nil {
		w.t.Fatal(err)
	}
	defer func() { _ = log.Close() }()
	c := exec.CommandContext(w.ctx, name, args...)
	c.Env, c.Stdout, c.Stderr = environ, log, log
	ended := c.Run()
	out, err := os.ReadFile(log.Name())
	return string(out), errors.Join(ended, err)
}

// Path is a file of this system by the name that it has in Wine.
func (*Wine) Path(file string) string { return "Z:" + strings.ReplaceAll(file, "/", `\`) }

// WineCall is a program for Windows to be run by another one, which gives it its whole environment.
type WineCall struct {
	Environ []string // replaces what Wine sets, in any case of the names; NAME= removes; $PID is the caller's number
	Dir     string   // "": where the caller is
	Argv    []string
	Input   string
	Hold    string // a file that another program has open for itself alone
	HoldFor int    // milliseconds; 0: until the call has ended
}

// WineResult is what came of a call.
type WineResult struct {
	Out, Err string
	Status   int
	Failed   string // why it could not be started, or did not end in a minute
}

// Caller builds what Calls runs, and returns its path on this system. As a program of its own it does what its
// source says of "wait" and "words".
func (w *Wine) Caller() string {
	w.t.Helper()
	exe := filepath.Join(w.t.TempDir(), "calls.exe")
	w.Go("build", "-o", exe, filepath.Join(w.root(), "internal/testenv/testdata/wine/calls.go"))
	return exe
}

// Calls carries out all calls in one start of Wine, one after the other.
func (w *Wine) Calls(caller string, calls []WineCall) []WineResult {
	w.t.Helper()
	list, answer := filepath.Join(w.t.TempDir(), "calls.json"), filepath.Join(w.t.TempDir(), "results.json")
	text, err := json.Marshal(calls)
	if err == nil {
		err = os.WriteFile(list, text, 0o600)
	}
	if err != nil {
		w.t.Fatal(err)
	}
	if out, err := w.Run(nil, caller, w.Path(list), w.Path(answer)); err != nil {
		w.t.Fatalf("%v\n%s", err, out)
	}
	var results []WineResult
	if text, err = os.ReadFile(answer); err == nil {
		err = json.Unmarshal(text, &results)
	}
	if err != nil || len(results) != len(calls) {
		w.t.Fatalf("%d calls have %d results: %v", len(calls), len(results), err)
	}
	return results
}

// Share makes a directory of this system \\server\NAME in Wine.
func (w *Wine) Share(name, dir string) {
	w.t.Helper()
	server := filepath.Join(w.prefix, "dosdevices/unc/server")
	err := os.MkdirAll(server, 0o700)
	if err == nil {
		_ = os.Remove(filepath.Join(server, name))
		err = os.Symlink(dir, filepath.Join(server, name))
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

// InTerminal is the command that runs a program for Windows in the terminal that it is started in.
func (w *Wine) InTerminal(environ []string, exe string, args ...string) *exec.Cmd {
	c := exec.CommandContext(w.ctx, "wine", append([]string{exe}, args...)...)
	c.Env = append(slices.Clone(w.environ), environ...)
	return c
}

// root is the directory of this module.
func (w *Wine) root() string {
	w.t.Helper()
	root, err := output("go", "list", "-m", "-f", "{{.Dir}}")
	if err != nil {
		w.t.Fatal(err)
	}
	return root
}
