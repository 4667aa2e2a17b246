//go:build !windows

package store

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"

	"github.com/d44b7504/vault/internal/testenv"
)

func TestAgePutThatRunsOutOfSpaceLeavesTheOldItem(t *testing.T) {
	o := created(t, "k")
	before := snapshot(t, o.AgeDir)
	out, err := child(t, "STORE_TEST_CHILD=small-files", "STORE_TEST_BACKEND=age", "STORE_TEST_DIR="+o.AgeDir).CombinedOutput()
	if err != nil || !strings.Contains(string(out), "refused: ") {
		t.Fatalf("%v\n%s", err, out)
	}
	if after := snapshot(t, o.AgeDir); !slices.Equal(before, after) {
		t.Errorf("the folder changed from %q to %q", before, after)
	}
	wantValue(t, open(t, o), "k", "value of k")
}

func TestAgeOnAReadOnlyDiskReads(t *testing.T) {
	o := created(t, "k")
	if os.Getuid() == 0 {
		t.Log("root writes everywhere: only reading is tried")
	}
	err := filepath.WalkDir(o.AgeDir, func(path string, e os.DirEntry, err error) error {
		if err == nil && e.IsDir() {
			t.Cleanup(func() { _ = os.Chmod(path, 0o700) })
			return os.Chmod(path, 0o500)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	wantValue(t, open(t, o), "k", "value of k")
	wantProblems(t, o)
	if err := keeper(t, o).a.remove(soon(t), "k"); os.Getuid() != 0 && !errors.Is(err, os.ErrPermission) {
		t.Errorf("remove: %v", err)
	}
}

// atTerminal runs a program that asks on its terminal, and types the answers when asked.
func atTerminal(t *testing.T, cmd *exec.Cmd, typed ...string) (shown string) {
	t.Helper()
	tty, err := pty.Start(cmd)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tty.Close() }()
	var screen bytes.Buffer
	buf := make([]byte, 1024)
	for {
		n, err := tty.Read(buf)
		screen.Write(buf[:n])
		if err != nil {
			break
		}
		if len(typed) > 0 && strings.HasSuffix(strings.TrimRight(screen.String(), " \x1b[0123456789;m"), ":") {
			_, _ = io.WriteString(tty, typed[0]+"\r")
			typed = typed[1:]
		}
	}
	if err := cmd.Wait(); err != nil {
		t.Fatalf("%v: %v\n%s", cmd.Args, err, screen.String())
	}
	return screen.String()
}

func TestTheProgramAgeOpensOurIdentityAndItems(t *testing.T) {
	testenv.Require(t, "age", "age")
	o := created(t, "prod")
	out := filepath.Join(t.TempDir(), "out")
	item := findIn(t, driverOf(t, o), "prod")
	atTerminal(t, exec.Command("age", "-d", "-o", out, "-i", filepath.Join(o.AgeDir, "own", "identity.age"), item), "correct horse")
	text, err := os.ReadFile(out)
	if err != nil || !strings.HasPrefix(string(text), `vault item "prod" for `) || !strings.HasSuffix(string(text), "\nvalue of prod") {
		t.Errorf("%q, %v", text, err)
	}
}

func TestAgeTakesAnIdentityThatTheProgramAgeMade(t *testing.T) {
	testenv.OnlyLong(t, "five passphrases, each of them made hard to guess")
	testenv.Require(t, "age", "age", "age-keygen")
	dir := t.TempDir()
	key, locked := filepath.Join(dir, "key"), filepath.Join(dir, "key.age")
	if out, err := exec.Command("age-keygen", "-o", key).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	atTerminal(t, exec.Command("age", "--passphrase", "--armor", "-o", locked, key), "made elsewhere", "made elsewhere")
	o := ageOptions(t, "made elsewhere")
	if _, in, err := keeper(t, o).Create(soon(t), AgePlan{Identity: locked}); err != nil || !in {
		t.Fatal(err)
	}
	put(t, open(t, unasked(o)), "k", "v")
	wantValue(t, open(t, o), "k", "v")

	// its recipients file is one that age encrypts to; what it encrypts is not an item
	o = created(t, "k")
	cmd := exec.Command("age", "-R", filepath.Join(o.AgeDir, "recipients.txt"), "-o", findIn(t, driverOf(t, o), "k"))
	cmd.Stdin = strings.NewReader("by hand")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if err := getErr(t, open(t, o), "k"); !errors.Is(err, errNoItem) {
		t.Error(err)
	}
}

func TestAPluginThatHangsIsEnded(t *testing.T) {
	if runtime.GOOS != "linux" {
		testenv.Missing(t, "proc", "there is no /proc")
	}
	o := plugged(t)
	put(t, open(t, o), "a", "value of a")
	pid := filepath.Join(t.TempDir(), "pid")
	t.Setenv("STORE_TEST_PLUGIN", "hang")
	t.Setenv("STORE_TEST_PLUGIN_PID", pid)
	o.Deadline = 2 * time.Second
	if err := getErr(t, open(t, o), "a"); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	text, err := os.ReadFile(pid)
	if err != nil {
		t.Fatal("the plugin was not started: ", err)
	}
	gone(t, string(text))
}
