package store

import (
	"bytes"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/d44b7504/vault/internal/testenv"
)

// launcher is a stand-in for dbus-launch that does what the real one does: it notes
// that it was called, starts a bus that stays, and prints its address.
const launcher = `echo called >>"$LAUNCH_LOG"
addr=$(dbus-daemon --session --fork --print-address) || exit 1
echo "DBUS_SESSION_BUS_ADDRESS=$addr"`

// headless is an environment as in cron: no bus, and a dbus-launch that would start
// one. daemons returns the processes left behind that carry its mark, and calls how
// often the launcher was run.
func headless(t *testing.T) (environ []string, daemons func() []int, calls func() int) {
	t.Helper()
	bin, log := t.TempDir(), filepath.Join(t.TempDir(), "log")
	program(t, bin, "dbus-launch", launcher)
	mark := "LAUNCH_LOG=" + log
	daemons = func() []int { return marked(t, mark) }
	t.Cleanup(func() {
		for _, pid := range daemons() {
			_ = syscall.Kill(pid, syscall.SIGTERM) // so that it removes its socket
			gone(t, strconv.Itoa(pid))
		}
	})
	calls = func() int {
		text, _ := os.ReadFile(log)
		return strings.Count(string(text), "called")
	}
	return []string{"PATH=" + bin + ":" + os.Getenv("PATH"), "XDG_RUNTIME_DIR=" + t.TempDir(), mark}, daemons, calls
}

// marked returns the processes that have the variable, which all children inherit.
func marked(t *testing.T, variable string) []int {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/environ")
	if err != nil {
		t.Fatal(err)
	}
	var pids []int
	for _, file := range files {
		data, _ := os.ReadFile(file)
		if slices.Contains(strings.Split(string(data), "\x00"), variable) {
			pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(file)))
			pids = append(pids, pid)
		}
	}
	return pids
}

func TestTwentyStartsWithoutABusLeaveNoDaemon(t *testing.T) {
	environ, daemons, calls := headless(t)
	for range 20 {
		if out, err := child(t, environ...).CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	if n, pids := calls(), daemons(); n != 0 || len(pids) != 0 {
		t.Errorf("dbus-launch ran %d times and %d daemons are left", n, len(pids))
	}
}

// Without the guard the same start does launch one, or the test above proves nothing.
func TestTheLibraryAloneLeavesADaemon(t *testing.T) {
	if _, err := os.Stat("/run/user/" + strconv.Itoa(os.Getuid()) + "/bus"); err == nil {
		testenv.Missing(t, "no-bus", "this user has a bus, which the library would use")
	}
	testenv.Require(t, "secret-service", "go", "dbus-daemon")
	bin := filepath.Join(t.TempDir(), "unguarded")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", bin, "./testdata/unguarded")
	build.Env = inherited
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	environ, daemons, calls := headless(t)
	cmd := exec.CommandContext(soon(t), bin)
	cmd.Env = environ
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if calls() == 0 || len(daemons()) == 0 {
		t.Errorf("dbus-launch ran %d times, %d daemons are left: the library has changed and the guard may go", calls(), len(daemons()))
	}
}

func TestTheGuardIsInitialisedBeforeTheLibrary(t *testing.T) {
	environ, _, _ := headless(t)
	cmd := child(t, append(environ, "GODEBUG=inittrace=1")...)
	var trace bytes.Buffer
	cmd.Stderr = &trace
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	guard := strings.Index(trace.String(), "init github.com/d44b7504/vault/store/internal/busguard ")
	library := strings.Index(trace.String(), "init github.com/99designs/keyring ")
	if guard < 0 || library < 0 || guard > library {
		t.Errorf("guard at %d, library at %d in\n%s", guard, library, trace.String())
	}
}

func TestChildrenGetTheEnvironmentAsItWas(t *testing.T) {
	environ, _, _ := headless(t)
	for _, bus := range []string{"", "DBUS_SESSION_BUS_ADDRESS=", "DBUS_SESSION_BUS_ADDRESS=unix:path=/nonexistent", "DISABLE_KWALLET=0"} {
		given := append(slices.Clone(environ), "STORE_TEST_CHILD=environ")
		if bus != "" {
			given = append(given, bus)
		}
		cmd := child(t, given...)
		out, err := cmd.Output()
		if err != nil {
			t.Fatal(err)
		}
		got := strings.Split(strings.TrimSpace(string(out)), "\n")
		slices.Sort(got)
		want := slices.Sorted(slices.Values(cmd.Env))
		if !slices.Equal(got, slices.DeleteFunc(want, func(kv string) bool { return overridden(kv, cmd.Env) })) {
			t.Errorf("given %q, a child got %q", want, got)
		}
	}
}

// overridden says whether a later entry of environ sets the same variable.
func overridden(kv string, environ []string) bool {
	name, _, _ := strings.Cut(kv, "=")
	last := kv
	for _, e := range environ {
		if strings.HasPrefix(e, name+"=") {
			last = e
		}
	}
	return last != kv
}

// The library would wait for such a bus before main runs, for ever.
func TestABusThatNeverAnswersDoesNotHoldUpTheStart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "bus")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	start := time.Now()
	out, err := child(t, "DBUS_SESSION_BUS_ADDRESS=unix:path="+path).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if took := time.Since(start); took > 15*time.Second {
		t.Errorf("took %v", took)
	}
}
