package cmd_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"

	"github.com/d44b7504/vault/internal/creds"
	"github.com/d44b7504/vault/store"
)

// deaf starts a vault that reads a config file which never ends, and waits until it does.
func (w *world) deaf(t *testing.T) *exec.Cmd {
	t.Helper()
	fifo := w.path("fifo")
	check(unix.Mkfifo(fifo, 0o600))
	held := must(os.OpenFile(fifo, os.O_RDWR, 0)) // or its read would end
	t.Cleanup(func() { _ = held.Close() })
	c := exec.Command(filepath.Join(bin, "vault"), "whoami", "work")
	c.Env, c.Dir = w.environ("AWS_CONFIG_FILE="+fifo), w.dir
	check(c.Start())
	t.Cleanup(func() { _ = c.Process.Kill() })
	must(held.WriteString("#"))
	for end := time.Now().Add(patience); must(unix.IoctlGetInt(int(held.Fd()), unix.TIOCINQ)) > 0; time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the config file is not read")
		}
	}
	return c
}

func TestASecondSignalEndsAProgramThatDoesNotAnswer(t *testing.T) {
	t.Parallel()
	for _, s := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
		c := newWorld(t, "").deaf(t)
		check(c.Process.Signal(s))
		ended := make(chan struct{})
		go func() { _ = c.Wait(); close(ended) }()
		for late := false; !late; {
			select {
			case <-ended:
				late = true
			case <-time.After(10 * time.Millisecond):
				_ = c.Process.Signal(s)
			}
		}
		if ws := c.ProcessState.Sys().(syscall.WaitStatus); !ws.Signaled() || ws.Signal() != s {
			t.Errorf("%v: it ended with %v", s, c.ProcessState)
		}
	}
}

func TestOneSignalEndsAProgramThatDoesNotAnswerAfterTwoSeconds(t *testing.T) {
	t.Parallel()
	for _, s := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
		t.Run(s.String(), func(t *testing.T) {
			t.Parallel()
			c := newWorld(t, "").deaf(t)
			start := time.Now()
			check(c.Process.Signal(s))
			_ = c.Wait()
			if ws := c.ProcessState.Sys().(syscall.WaitStatus); !ws.Signaled() || ws.Signal() != s {
				t.Errorf("it ended with %v", c.ProcessState)
			}
			if took := time.Since(start); took < 1900*time.Millisecond || took > patience {
				t.Errorf("after %v", took)
			}
		})
	}
}

// terminal is the other end of the terminal on which a program runs.
type terminal struct {
	*os.File
	mu     sync.Mutex
	screen strings.Builder
	seen   int           // what await has found ends there
	ended  chan struct{} // closed when the program has ended
}

// await waits until text is shown after what was awaited before, and reports whether it
// was before the program ended or the test's patience did.
func (y *terminal) await(text string) bool {
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(2 * time.Millisecond) {
		ended := false
		select {
		case <-y.ended:
			ended = true
		default:
		}
		y.mu.Lock()
		at := strings.Index(y.screen.String()[y.seen:], text)
		if at >= 0 {
			y.seen += at + len(text)
		}
		y.mu.Unlock()
		if at >= 0 || ended {
			return at >= 0
		}
	}
	return false
}

// keep remembers what is shown, and answers the question where the cursor is, until the
// text that ends the test is shown.
func (y *terminal) keep(last string) {
	for buf := make([]byte, 4096); ; {
		n, err := y.Read(buf)
		if err != nil {
			return
		}
		y.mu.Lock()
		y.screen.Write(buf[:n])
		over := strings.Contains(y.screen.String(), last)
		y.mu.Unlock()
		if over {
			return
		}
		if bytes.Contains(buf[:n], []byte("\x1b[6n")) {
			must(y.WriteString("\x1b[1;1R"))
		}
	}
}

// onTerminal runs the program on a terminal of its own until it shows the text, then lets
// a function send it a signal or characters, and returns how it ended and what the terminal
// showed.
func (w *world) onTerminal(t *testing.T, environ []string, shows string, then func(*os.Process, *terminal), args ...string) (status int, shown string, echo bool) {
	t.Helper()
	c := exec.Command(filepath.Join(bin, "vault"), args...)
	c.Env, c.Dir = environ, w.dir
	tty, line, err := pty.Open()
	check(err)
	defer func() { _, _ = tty.Close(), line.Close() }()
	check(pty.Setsize(tty, &pty.Winsize{Rows: 24, Cols: 80}))
	c.Stdin, c.Stdout, c.Stderr = line, line, line
	c.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	before := must(unix.IoctlGetTermios(int(line.Fd()), unix.TCGETS))
	check(c.Start())
	kill := time.AfterFunc(patience, func() { _ = c.Process.Kill() })
	defer kill.Stop()
	y := &terminal{File: tty, ended: make(chan struct{})}
	done := make(chan struct{})
	go func() { y.keep("the end of the test"); close(done) }()
	go func() { _ = c.Wait(); close(y.ended) }()
	if y.await(shows) {
		then(c.Process, y)
	}
	<-y.ended
	after := must(unix.IoctlGetTermios(int(line.Fd()), unix.TCGETS))
	must(fmt.Fprint(line, "the end of the test"))
	<-done
	return c.ProcessState.ExitCode(), y.screen.String(), after.Lflag == before.Lflag
}

func TestWhateverEndsAQuestionTheTerminalIsAsItWas(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "[profile work]\nregion = eu-west-1\n")
	for name, c := range map[string]struct {
		signal syscall.Signal
		typed  string
		status int
		debug  bool
	}{
		"Ctrl-C":          {typed: "\x03", status: 130},
		"Ctrl-D":          {typed: "\x04", status: 130},
		`Ctrl-\`:          {typed: "\x1c", status: 131},
		`Ctrl-\ in debug`: {typed: "\x1c", status: 131, debug: true},
		"SIGTERM":         {signal: syscall.SIGTERM, status: 143},
		"SIGHUP":          {signal: syscall.SIGHUP, status: 129},
		"SIGABRT":         {signal: syscall.SIGABRT, status: 134},
	} {
		args := []string{"add", "work", "--no-check"}
		if c.debug {
			args = append(args, "--debug")
		}
		status, shown, echo := w.onTerminal(t, w.environ(), "ccess", func(p *os.Process, tty *terminal) {
			must(tty.WriteString("AKIAIOSFODNN7EXAMPLE\r"))
			for end := time.Now().Add(patience); must(unix.IoctlGetTermios(int(tty.Fd()), unix.TCGETS)).Lflag&unix.ECHO != 0; time.Sleep(2 * time.Millisecond) {
				if time.Now().After(end) {
					t.Error("the secret's question shows what is typed")
					return
				}
			}
			if c.signal != 0 {
				check(p.Signal(c.signal))
			}
			must(tty.WriteString(c.typed))
		}, args...)
		if status != c.status || !echo {
			t.Errorf("%s: status %d, the terminal is as it was: %v\n%s", name, status, echo, shown)
		}
		if traced := strings.Contains(shown, "goroutine"); traced != c.debug {
			t.Errorf("%s: it is %v that it shows a trace:\n%s", name, traced, shown)
		}
	}
}

// A program that reads names gets them as they are; a person does not.
func TestNamesOnATerminalHaveNoEscapeSequences(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "[profile base]\nregion = eu-west-1\n")
	check(store.PutKey(context.Background(), w.keyring(), escapes, creds.Key{ID: "AKIAFAKE", Secret: creds.New("x")}))
	for _, args := range [][]string{{"list", "--credentials"}, {"list"}, {"list", "--json"}, {"store", "list"}} {
		_, shown, _ := w.onTerminal(t, w.environ(), "a?[2J", func(*os.Process, *terminal) {}, args...)
		wantHarmless(t, strings.Join(args, " "), shown, "a")
	}
	if r := w.vault(t, w.environ(), "list", "--credentials"); r.out != escapes+"\n" {
		t.Errorf("for a program: %q", r.out)
	}
}
