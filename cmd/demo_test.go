//go:build unix

package cmd_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"

	"github.com/d44b7504/vault/internal/fakeaws"
	"github.com/d44b7504/vault/internal/testenv"
	"github.com/d44b7504/vault/shells"
)

// The demo is the whole product in ten seconds: the real hook in a real shell, a typo, a
// switch, a renewal, a child, and the way back.
func TestTheDemoTellsItsStoryAndLeavesNothing(t *testing.T) {
	t.Parallel()
	for _, shell := range testenv.Sample(shells.Names(), 2) {
		t.Run(shell, func(t *testing.T) {
			t.Parallel()
			testenv.Require(t, shell)
			w := newWorld(t, roleConfig)
			home := snapshot(w.path("home"))
			began := time.Now()
			r := w.vault(t, without(w.environ("AWS_PROFILE=mine"), "AWS_ENDPOINT_URL"), "demo", "--shell", shell)
			if r.status != 0 {
				t.Fatalf("status %d after %v:\n%s\n%s", r.status, time.Since(began), r.out, r.err)
			}
			for _, want := range []string{`vault: dev until`, `did you mean "prod"?`, `[prod <1m]`, "I am dev", "vault: left prod"} {
				if !strings.Contains(r.out, want) {
					t.Errorf("%q is missing from\n%s", want, r.out)
				}
			}
			// dev, prod, prod again, and dev again if its session is about to end
			if !regexp.MustCompile(`AWS was asked [3-6] times`).MatchString(r.out) {
				t.Errorf("how often was AWS asked?\n%s", r.out)
			}
			expiries := regexp.MustCompile(`(?m)^20\S+Z$`).FindAllString(r.out, -1)
			if len(expiries) != 2 || expiries[0] == expiries[1] {
				t.Errorf("the session ends at %q: nothing was renewed\n%s", expiries, r.out)
			}
			if left := must(os.ReadDir(w.path("tmp"))); len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
			if snapshot(w.path("home")) != home || w.aws.Calls("*") != 0 {
				t.Error("the demo touched what is not its own")
			}
			w.wantNoProcess(t)
		})
	}
}

// A visitor types what the tour says. The keys that end a program end it, and neither the
// shell nor the demo around it.
func TestAVisitorOfTheDemoCanTypeItsTour(t *testing.T) {
	t.Parallel()
	const program = "sh -c 'echo $((40+2)); exec sleep 300'\r"
	for _, shell := range shells.Names() {
		t.Run(shell, func(t *testing.T) {
			t.Parallel()
			testenv.Require(t, shell)
			w := newWorld(t, roleConfig)
			v := w.visitor(t, shell)
			tour := v.until("leaves nothing behind\r\n")
			for line := range strings.Lines(tour) {
				if n := len(strings.TrimRight(line, "\r\n")); n > 80 {
					t.Errorf("%d columns: %q", n, line)
				}
			}
			if want := must(shells.For(shell)).PrintVariable("AWS_CREDENTIAL_EXPIRATION"); !strings.Contains(tour, want) {
				t.Errorf("the tour does not say %q:\n%s", want, tour)
			}
			v.until("demo>")
			for _, x := range []struct{ types, shows string }{
				{program, "42"}, {"\x03", "demo>"}, // Ctrl-C
				{program, "42"}, {"\x1c", "demo>"}, // Ctrl-\
				{"vault use p\t", "rod"}, {"\r", "prod until"}, {"", "demo>"},
				{"vault use\r", "profile>"}, {"dev", "1/3"}, {"\r", "dev until"}, {"", "demo>"},
				{"exit\r", "AWS was asked 2 times"},
			} {
				v.send(x.types)
				v.until(x.shows)
			}
			if err := v.cmd.Wait(); err != nil {
				t.Error(err)
			}
			w.wantNoProcess(t)
		})
	}
}

// A terminal that is closed hangs up twice, and takes the agent of the demo and its files with it.
func TestADemoWhoseTerminalIsClosedLeavesNothing(t *testing.T) {
	t.Parallel()
	for _, shell := range testenv.Sample(shells.Names(), 2) {
		t.Run(shell, func(t *testing.T) {
			t.Parallel()
			testenv.Require(t, shell)
			dir := must(os.MkdirTemp("", "vd")) // the path of a socket has to be short
			t.Cleanup(func() { check(os.RemoveAll(dir)) })
			w := must(makeWorld(dir, fakeaws.Options{}))
			t.Cleanup(func() { _ = w.aws.Close() })
			v := w.visitor(t, shell)
			v.until("demo>")
			v.send("vault use dev --mode server\r")
			v.until("dev, served")
			v.until("demo>")
			check(v.cmd.Process.Signal(syscall.SIGHUP))
			check(v.tty.Close())
			_ = v.cmd.Wait()
			if left := must(os.ReadDir(w.path("tmp"))); len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
			w.wantNoProcess(t)
		})
	}
}

// visitor is a person at a terminal in which the demo runs.
type visitor struct {
	t    *testing.T
	cmd  *exec.Cmd
	tty  *os.File
	seen string // what was shown and not yet waited for
}

func (w *world) visitor(t *testing.T, shell string, extra ...string) *visitor {
	t.Helper()
	v := &visitor{t: t, cmd: exec.Command(filepath.Join(bin, "vault"), "demo", "--shell", shell)}
	v.cmd.Dir, v.cmd.Env = w.dir, w.environ(append(extra, "TERM=xterm", "AWS_PROFILE=mine")...)
	v.tty = must(pty.StartWithSize(v.cmd, &pty.Winsize{Rows: 50, Cols: 80}))
	end := time.AfterFunc(patience, func() { _ = v.cmd.Process.Kill() })
	t.Cleanup(func() {
		end.Stop()
		_ = v.cmd.Process.Kill()
		_ = v.tty.Close()
	})
	return v
}

func (v *visitor) send(s string) { must(v.tty.WriteString(s)) }

// until returns what is shown up to the text, without escape sequences.
func (v *visitor) until(text string) string {
	v.t.Helper()
	var rest []byte
	for buf := make([]byte, 4096); ; {
		if at := strings.Index(v.seen, text); at >= 0 {
			shown := v.seen[:at+len(text)]
			v.seen = v.seen[at+len(text):]
			return shown
		}
		n, err := v.tty.Read(buf)
		if err != nil {
			v.t.Fatalf("%q was never shown: %q", text, v.seen)
		}
		for range strings.Count(string(buf[:n]), "\x1b[6n") { // where is the cursor?
			v.send("\x1b[1;1R")
		}
		for range strings.Count(string(buf[:n]), "\x1b[c") { // what terminal is this?
			v.send("\x1b[?6c")
		}
		whole := append(rest, buf[:n]...)
		cut := len(whole)
		if esc := strings.LastIndexByte(string(whole), '\x1b'); esc >= 0 && len(whole)-esc < 8 {
			cut = esc // perhaps half a sequence
		}
		v.seen += escapeSequence.ReplaceAllString(string(whole[:cut]), "")
		rest = append([]byte(nil), whole[cut:]...)
	}
}

var escapeSequence = regexp.MustCompile(`\x1b(\[[?0-9;>=]*[a-zA-Z]|[=>]|\][^\a\x1b]*(\a|\x1b\\)|[()].)`)

// wantNoProcess checks that no process of this world is left.
func (w *world) wantNoProcess(t *testing.T) {
	t.Helper()
	for end := time.Now().Add(5 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		var left []string
		for _, f := range must(filepath.Glob("/proc/[0-9]*/environ")) {
			b, err := os.ReadFile(f)
			if err != nil || !strings.Contains(string(b), w.dir) {
				continue
			}
			line, _ := os.ReadFile(filepath.Join(filepath.Dir(f), "cmdline"))
			if name := strings.ReplaceAll(string(line), "\x00", " "); withAgents() == "off" || !strings.HasSuffix(name, "agent start --launched ") {
				left = append(left, name)
			}
		}
		if len(left) == 0 {
			return
		}
		if time.Now().After(end) {
			t.Errorf("still running: %q", left)
			return
		}
	}
}
