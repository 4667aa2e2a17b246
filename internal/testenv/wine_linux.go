package testenv

import (
	"cmp"
	"context"
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
		root, err := output("go", "list", "-m", "-f", "{{.Dir}}")
		if err != nil {
			w.t.Fatal(err)
		}
		w.must(w.inherit, "x86_64-w64-mingw32-gcc", "-shared", "-O2", "-o", library,
			filepath.Join(root, "internal/testenv/testdata/wine/bcryptprimitives.c"), "-ladvapi32")
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
