// Package testenv tells a test what the machine offers and how long it may take. Only
// tests import it.
//
// It reads two variables:
//
//	AWS_VAULT_TEST_REQUIRE   tools, separated by commas: a test that misses one of them
//	                         fails, instead of being skipped
//	AWS_VAULT_TEST_LONG      if set to anything: the long tests run in full, instead of
//	                         with a sample of their cases
package testenv

import (
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
)

// Long reports whether the long tests run in full.
func Long() bool { return os.Getenv("AWS_VAULT_TEST_LONG") != "" }

// Sample returns the cases of a long test: all of them if the long tests run in full,
// else the first one and every nth after it.
func Sample[T any](cases []T, n int) []T {
	if Long() {
		return cases
	}
	var some []T
	for i := 0; i < len(cases); i += n {
		some = append(some, cases[i])
	}
	return some
}

// OnlyLong skips a test unless the long tests run in full. what says what makes the test
// long.
func OnlyLong(t testing.TB, what string) {
	t.Helper()
	if !Long() {
		t.Skipf("%s: runs with AWS_VAULT_TEST_LONG=1", what)
	}
}

// Require skips the test if one of the programs is not installed, or fails it if
// AWS_VAULT_TEST_REQUIRE lists the tool. Without programs, the tool is the program. It
// returns the path of the first program.
func Require(t testing.TB, tool string, programs ...string) string {
	t.Helper()
	if len(programs) == 0 {
		programs = []string{tool}
	}
	var first string
	for _, p := range programs {
		path, err := exec.LookPath(p)
		if err != nil {
			Missing(t, tool, p+" is not installed")
		}
		if first == "" {
			first = path
		}
	}
	return first
}

// Python returns the path of a Python that has the modules, and skips the test, or fails
// it if AWS_VAULT_TEST_REQUIRE lists the tool, where there is none.
func Python(t testing.TB, tool string, modules ...string) string {
	t.Helper()
	pythons.Lock()
	defer pythons.Unlock()
	key := strings.Join(modules, ", ")
	path, known := pythons.paths[key]
	if !known {
		path = findPython(key)
		pythons.paths[key] = path
	}
	if path == "" {
		Missing(t, tool, "no Python has "+key)
	}
	return path
}

// pythons remembers what was found: to import boto3 takes as long as many a test.
var pythons = struct {
	sync.Mutex
	paths map[string]string
}{paths: map[string]string{}}

// findPython asks for the path of the interpreter itself, because what is on PATH may be
// a script that looks for the interpreter each time.
func findPython(modules string) (path string) {
	for _, name := range []string{"python3", "python"} {
		out, err := exec.Command(name, "-c", "import sys, "+modules+"; print(sys.executable)").Output()
		if err == nil {
			return strings.TrimSpace(string(out))
		}
	}
	return ""
}

// Missing skips the test because the tool cannot be used, or fails it if
// AWS_VAULT_TEST_REQUIRE lists the tool.
func Missing(t testing.TB, tool, reason string) {
	t.Helper()
	if Required(tool) {
		t.Fatalf("AWS_VAULT_TEST_REQUIRE lists %s, and it cannot be used: %s", tool, reason)
	}
	t.Skipf("%s cannot be used: %s", tool, reason)
}

// Required reports whether AWS_VAULT_TEST_REQUIRE lists the tool.
func Required(tool string) bool {
	return slices.Contains(strings.Split(os.Getenv("AWS_VAULT_TEST_REQUIRE"), ","), tool)
}

// ReceiveInterrupts undoes that a script which starts the tests in the background has them
// ignore Ctrl-C: the programs that they start would ignore it too. It is called at the
// beginning of TestMain.
func ReceiveInterrupts() {
	if signal.Ignored(os.Interrupt) {
		// A signal that is caught, even if nothing reads it, has its default effect on a new program.
		signal.Notify(make(chan os.Signal, 1), os.Interrupt)
	}
}

// Build builds this module's program into a directory and returns the path of the
// executable.
func Build(dir string) (string, error) {
	root, err := output("go", "list", "-m", "-f", "{{.Dir}}")
	if err != nil {
		return "", err
	}
	noteSources(root)
	path := filepath.Join(dir, "vault")
	if runtime.GOOS == "windows" {
		path += ".exe"
		_, err = output("go", "build", "-C", root, "-o", path, ".")
		return path, err
	}
	// "go run" keeps what it links in the build cache, which "go build" does not: only
	// the first of the packages under test has to wait for the linker.
	_, err = output("go", "run", "-C", root, "-exec", "cp", ".", path)
	return path, err
}

// noteSources looks at the Go files in the module's root, which makes "go test" run
// the tests again when one of them changes. It sees the packages' files by itself.
func noteSources(root string) {
	files, _ := filepath.Glob(filepath.Join(root, "*.go"))
	for _, f := range files {
		_, _ = os.Stat(f)
	}
}

func output(name string, args ...string) (string, error) {
	cmd := exec.Command(name, args...)
	var errs strings.Builder
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%s %s: %w\n%s", name, strings.Join(args, " "), err, errs.String())
	}
	return strings.TrimSpace(string(out)), nil
}
