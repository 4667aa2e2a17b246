//go:build unix

package host

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"

	"github.com/d44b7504/vault/env"
	"github.com/d44b7504/vault/internal/testenv"
)

// TestMain runs a child for a test that needs a process of its own, with a terminal.
func TestMain(m *testing.M) {
	if script := os.Getenv("HOST_TEST_TERMINAL"); script != "" {
		os.Exit(onTerminal(script))
	}
	if part := os.Getenv("HOST_TEST_SIGNALLED"); part != "" {
		os.Exit(signalled(part))
	}
	if os.Getenv(besideIt) != "" {
		os.Exit(runInForeground(os.Args[1:]))
	}
	os.Exit(m.Run())
}

// onTerminal runs the script as a child that may use the terminal, for half a second.
func onTerminal(script string) int {
	ctx, cancel := context.WithTimeout(context.Background(), 500*time.Millisecond)
	defer cancel()
	o, err := Run(ctx, Child{Line: script, Kind: env.Tool, Contact: Terminal})
	fmt.Printf("printed %s, err %v\n", o.Stdout, err)
	return 0
}

func sh(script string) Child { return Child{Line: script, Kind: env.Tool} }

// soon is a context that no test should see the end of.
func soon(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func TestAChildGetsItsInputAndItsOutputIsReturned(t *testing.T) {
	c := sh("cat; echo words >&2")
	c.Input = []byte("given")
	o, err := Run(soon(t), c)
	if err != nil || string(o.Stdout) != "given" || string(o.Stderr) != "words\n" {
		t.Errorf("%q, %q, %v", o.Stdout, o.Stderr, err)
	}
	if o, err := Run(soon(t), sh("cat")); err != nil || len(o.Stdout) != 0 {
		t.Errorf("without input: %q, %v", o.Stdout, err)
	}
}

func TestAFailureNamesTheProgramHowItEndedAndItsWordsWithoutTheSecret(t *testing.T) {
	for script, want := range map[string]string{
		"exit 3":                           "sh: exit status 3",
		"echo no >&2; exit 1":              "sh: no",
		"echo no >&2; exit 4":              "sh: exit status 4: no",
		"kill -SEGV $$":                    "sh: signal: segmentation fault",
		`printf 'a\033[2Jb\n' >&2; exit 1`: "sh: a[2Jb",
		"sed 's/^/bad: /' >&2; exit 1":     "sh: bad: [redacted]",
	} {
		c := sh(script)
		c.Input = []byte("a secret of some length")
		_, err := Run(soon(t), c)
		var failed *ChildError
		if !errors.As(err, &failed) || !strings.HasPrefix(err.Error(), want) || strings.Contains(err.Error(), "secret of") {
			t.Errorf("%s: %v, not %s", script, err, want)
		}
	}
	_, err := Run(soon(t), Child{Argv: []string{"no-such-program-here"}})
	if !errors.Is(err, exec.ErrNotFound) || err.Error() != "no-such-program-here: there is no such program on the PATH" {
		t.Error(err)
	}
}

// hanging starts a child, a grandchild that keeps the output open and ignores a request to
// end, and one in a session of its own.
func hanging(pids string) string {
	return `(trap '' TERM HUP; echo $$ >>'` + pids + `'; sh -c 'echo $$ >>` + pids + `; while :; do sleep 1; done' & ` +
		`setsid sh -c 'trap "" TERM; echo $$ >>` + pids + `; while :; do sleep 1; done' & ` +
		`echo ready >>'` + pids + `'; wait)`
}

// wantGone waits until no process of the file is alive.
func wantGone(t *testing.T, file string, least int) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	pids := strings.Fields(strings.ReplaceAll(string(text), "ready", ""))
	if len(pids) < least {
		t.Fatalf("%d processes were started, not %d: %s", len(pids), least, text)
	}
	for _, pid := range pids {
		var n int
		if _, err := fmt.Sscan(pid, &n); err != nil {
			t.Fatal(err)
		}
		for end := time.Now().Add(10 * time.Second); alive(n); time.Sleep(5 * time.Millisecond) {
			if time.Now().After(end) {
				t.Errorf("process %d is still there", n)
				_ = syscall.Kill(n, syscall.SIGKILL)
				break
			}
		}
	}
}

func alive(pid int) bool {
	if p, there := processOf(pid); there && p.zombie {
		return false
	}
	return syscall.Kill(pid, 0) == nil
}

// waitFor waits until the text is in the file.
func waitFor(t *testing.T, file, text string, n int) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if b, _ := os.ReadFile(file); strings.Count(string(b), text) >= n {
			return
		}
	}
	t.Fatalf("%s never had %q", file, text)
}

func needs(t *testing.T, programs ...string) {
	t.Helper()
	for _, p := range programs {
		testenv.Require(t, p)
	}
}

func TestAChildThatIsCancelledEndsWithAllThatItHasStarted(t *testing.T) {
	needs(t, "setsid")
	for name, contact := range map[string]Contact{"silent": Silent, "desktop": Desktop, "terminal": Terminal} {
		t.Run(name, func(t *testing.T) {
			pids := filepath.Join(t.TempDir(), "pids")
			ctx, cancel := context.WithCancel(soon(t))
			c := sh(hanging(pids))
			c.Contact, c.Input = contact, []byte{}
			done := make(chan error)
			go func() { _, err := Run(ctx, c); done <- err }()
			waitFor(t, pids, "\n", 4)
			cancel()
			if err := <-done; !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
			wantGone(t, pids, 3)
		})
	}
}

func TestAChildThatPrintsTooMuchEndsWithAllThatItHasStarted(t *testing.T) {
	for name, script := range map[string]string{
		"output": "yes", "words": "yes >&2", "grandchild": "yes & wait", "ignoring": "trap '' PIPE TERM; yes; sleep 600",
	} {
		t.Run(name, func(t *testing.T) {
			pids := filepath.Join(t.TempDir(), "pids")
			c := sh("echo $$ >'" + pids + "'; " + script)
			c.Limit = 10_000
			o, err := Run(soon(t), c)
			if !errors.Is(err, errFlood) || len(o.Stdout) > 10_000 || len(o.Stderr) > 10_000 {
				t.Errorf("%d and %d bytes, %v", len(o.Stdout), len(o.Stderr), err)
			}
			wantGone(t, pids, 1)
		})
	}
}

// A program that has answered is not waited for longer because it has left a daemon
// behind, and the daemon lives.
func TestADaemonThatKeepsTheOutputOpenDoesNotKeepUsWaiting(t *testing.T) {
	pids := filepath.Join(t.TempDir(), "pids")
	start := time.Now()
	o, err := Run(soon(t), sh("sleep 60 & echo $! >'"+pids+"'; echo answer"))
	if err != nil || o.Answer().Reveal() != "answer" || time.Since(start) > 20*time.Second {
		t.Errorf("after %v: %v", time.Since(start), err)
	}
	text, _ := os.ReadFile(pids)
	var pid int
	if _, err := fmt.Sscan(string(text), &pid); err != nil || !alive(pid) {
		t.Errorf("the daemon %q was ended", text)
	}
	_ = syscall.Kill(pid, syscall.SIGKILL)
}

// Our process may end before a caller's deadline has done its work.
func TestEndChildrenEndsWhatStillRuns(t *testing.T) {
	needs(t, "setsid")
	pids := filepath.Join(t.TempDir(), "pids")
	done := make(chan error)
	go func() { _, err := Run(context.Background(), sh(hanging(pids))); done <- err }()
	waitFor(t, pids, "\n", 4)
	EndChildren()
	<-done
	wantGone(t, pids, 3)
}

func TestASilentChildFindsNoTerminalAndNoDisplay(t *testing.T) {
	c := sh(`(: </dev/tty) 2>/dev/null && echo a terminal; echo "$DISPLAY$WAYLAND_DISPLAY$GPG_TTY$SSH_ASKPASS$SUDO_ASKPASS"; [ -t 0 ] && echo input`)
	c.Environ = []string{"PATH=" + os.Getenv("PATH"), "DISPLAY=:9", "WAYLAND_DISPLAY=w", "GPG_TTY=/dev/pts/9", "SSH_ASKPASS=a", "SUDO_ASKPASS=b"}
	o, _ := Run(soon(t), c)
	if got := o.Answer().Reveal(); got != "" {
		t.Errorf("it found %q", got)
	}
}

// A child that may ask on the terminal reads there, and is still ended with its children
// and with those that have lost their parent; its caller lives.
func TestAChildOnATerminalReadsThereAndEndsAtTheDeadline(t *testing.T) {
	if len(processes()) == 0 {
		testenv.Missing(t, "proc", "this system does not tell of processes")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	pids := filepath.Join(t.TempDir(), "pids")
	c := exec.Command(self)
	c.Env = append(os.Environ(), "HOST_TEST_TERMINAL="+`read line; echo "$line"; (sh -c 'trap "" TERM; echo $$ >>`+pids+`; while :; do sleep 1; done' &); `+
		`sh -c 'echo $$ >>`+pids+`; while :; do sleep 1; done' & echo $$ >>'`+pids+`'; wait`)
	tty, err := pty.Start(c)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tty.Close() }()
	if _, err := tty.Write([]byte("typed\n")); err != nil {
		t.Fatal(err)
	}
	var shown []byte
	for buf := make([]byte, 4096); !strings.Contains(string(shown), "err "); {
		n, err := tty.Read(buf)
		if err != nil {
			break
		}
		shown = append(shown, buf[:n]...)
	}
	if err := c.Wait(); err != nil || !strings.Contains(string(shown), "printed typed\r\n, err sh: it did not end in time") {
		t.Errorf("%v: %q", err, shown)
	}
	wantGone(t, pids, 3)
}
