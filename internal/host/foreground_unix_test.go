//go:build unix

package host

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"

	"github.com/d44b7504/vault/internal/testenv"
)

// besideIt is set for the copy of the tests that runs a program in the foreground.
const besideIt = "HOST_TEST_BESIDE"

func runInForeground(argv []string) int {
	path, err := exec.LookPath(argv[0])
	if err != nil {
		panic(err)
	}
	_, end := Signals(context.Background(), os.Exit) // as the program does
	defer end(0)
	fmt.Fprintf(os.Stderr, "parent=%d\n", os.Getpid())
	run := runForeground
	if os.Getenv(besideIt) == "ask" {
		_, _ = ask(context.Background(), "well? ", true)
		run = execute
	}
	status, err := run(path, argv, os.Environ())
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 127
	}
	return status
}

// fore is a command line that runs a script in the foreground of a copy of the tests.
func fore(script string) []string { return []string{"sh", "-c", script} }

// start runs a copy of the tests without a terminal.
func start(t *testing.T, argv []string) (c *exec.Cmd, out *lines) {
	t.Helper()
	c, out = exec.Command(os.Args[0], argv...), newLines()
	c.Env = append(os.Environ(), besideIt+"=1")
	c.Stdout, c.Stderr = out, out
	c.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Kill(-c.Process.Pid, syscall.SIGKILL) })
	return c, out
}

// lines is what programs have said, to be waited for.
type lines struct {
	mu    sync.Mutex
	text  bytes.Buffer
	read  int // what was waited for ends here
	grown *sync.Cond
}

func newLines() *lines {
	l := &lines{}
	l.grown = sync.NewCond(&l.mu)
	return l
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	defer l.grown.Broadcast()
	return l.text.Write(p)
}

// until waits for a text behind the last one that was waited for, and returns what is
// between them.
func (l *lines) until(t *testing.T, text string) string {
	t.Helper()
	late := false
	timer := time.AfterFunc(20*time.Second, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		late = true
		l.grown.Broadcast()
	})
	defer timer.Stop()
	l.mu.Lock()
	defer l.mu.Unlock()
	for {
		rest := l.text.String()[l.read:]
		if at := strings.Index(rest, text); at >= 0 {
			l.read += at + len(text)
			return rest[:at]
		}
		if late {
			t.Fatalf("no %q after %q in\n%s", text, l.text.String()[:l.read], rest)
		}
		l.grown.Wait()
	}
}

// number reads the one that follows a word.
func (l *lines) number(t *testing.T, word string) int {
	t.Helper()
	l.until(t, word)
	n, err := strconv.Atoi(strings.TrimSpace(l.until(t, "\n")))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// shell is an interactive bash on a terminal.
type shell struct {
	*lines
	t   *testing.T
	tty *os.File
}

func newShell(t *testing.T) *shell {
	t.Helper()
	c := exec.Command(testenv.Require(t, "bash"), "--norc", "--noprofile", "--noediting", "-i")
	c.Env = append(os.Environ(), "PS1=ready> ", "TERM=dumb", "HISTFILE=", besideIt+"=1", "FORE="+os.Args[0], "LC_ALL=C")
	tty, err := pty.Start(c)
	if err != nil {
		t.Fatal(err)
	}
	s := &shell{newLines(), t, tty}
	read := make(chan struct{})
	go func() {
		defer close(read)
		_, _ = io.Copy(s, tty)
	}()
	t.Cleanup(func() {
		for _, p := range processes() {
			if p.session == c.Process.Pid {
				_ = syscall.Kill(p.pid, syscall.SIGKILL)
			}
		}
		_ = c.Wait()
		_ = tty.Close()
		<-read
	})
	s.until(t, "ready> ")
	return s
}

// types types text, as it is.
func (s *shell) types(text string) {
	s.t.Helper()
	if _, err := io.WriteString(s.tty, text); err != nil {
		s.t.Fatal(err)
	}
}

// wants waits for a text.
func (s *shell) wants(text string) string {
	s.t.Helper()
	return s.until(s.t, text)
}

const (
	ctrlC = "\x03"
	ctrlZ = "\x1a"
)

// What is typed is echoed, so a script says its words in two parts. It waits without
// starting programs: a shell that is stopped while it does so (vfork) does not seem so.
const (
	idle     = `(trap "" INT; exec sleep 1000) & while :; do wait; done`
	counting = `n=0; trap "n=\$((n+1)); echo sig\"\"nal" INT; trap "echo tot\"\"al=\$n; kill \$!; exit 7" TERM; echo beg""un; ` + idle
	telling  = `trap "echo con\"\"tinued" CONT; echo beg""un; ` + idle
)

func TestAProgramsStatusIsReturned(t *testing.T) {
	for script, want := range map[string]int{"exit 0": 0, "exit 7": 7, "kill -KILL $$": 137, "kill -TERM $$": 143} {
		c, out := start(t, fore(script))
		_ = c.Wait()
		if got := c.ProcessState.ExitCode(); got != want {
			t.Errorf("%s: %d\n%s", script, got, out.text.String())
		}
	}
}

func TestAProgramThatCannotBeStartedIsAnError(t *testing.T) {
	file := filepath.Join(t.TempDir(), "x")
	if err := os.WriteFile(file, []byte("#!/no/such/interpreter\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{file, "/", "/no/such/file"} {
		if status, err := runForeground(path, []string{path}, nil); err == nil {
			t.Errorf("%s: %d", path, status)
		}
	}
}

func TestASignalWithoutATerminalIsForwardedOnce(t *testing.T) {
	c, out := start(t, fore(counting))
	out.until(t, "begun")
	for range 3 {
		if err := c.Process.Signal(syscall.SIGINT); err != nil {
			t.Fatal(err)
		}
		out.until(t, "signal")
	}
	_ = c.Process.Signal(syscall.SIGTERM)
	if n := out.number(t, "total="); n != 3 {
		t.Errorf("%d signals", n)
	}
	_ = c.Wait()
	if c.ProcessState.ExitCode() != 7 {
		t.Error(c.ProcessState)
	}
}

func TestEverySignalThatPeopleSendIsForwarded(t *testing.T) {
	for _, s := range []syscall.Signal{syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGUSR1, syscall.SIGUSR2} {
		c, out := start(t, fore(fmt.Sprintf("trap 'kill $!; exit 9' %d; echo begun; ", s)+idle))
		out.until(t, "begun")
		_ = c.Process.Signal(s)
		_ = c.Wait()
		if c.ProcessState.ExitCode() != 9 {
			t.Errorf("%v: %v", s, c.ProcessState)
		}
	}
}

// nohup must work as it does without us.
func TestAnIgnoredSignalStaysIgnored(t *testing.T) {
	sh := testenv.Require(t, "sh")
	c := exec.Command(sh, "-c", `trap '' HUP; exec "$0" sh -c 'kill -HUP $$; kill -HUP $PPID; echo lives'`, os.Args[0])
	c.Env = append(os.Environ(), besideIt+"=1")
	out, err := c.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "lives") {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestCtrlCReachesTheProgramOnce(t *testing.T) {
	s := newShell(t)
	s.types(`"$FORE" sh -c '` + counting + "'; echo status=$?\n")
	parent := s.number(t, "parent=")
	s.wants("begun")
	for range 3 {
		s.types(ctrlC)
		s.wants("signal")
	}
	_ = syscall.Kill(parent, syscall.SIGTERM) // comes after whatever would be forwarded
	if n := s.number(t, "total="); n != 3 {
		t.Errorf("%d signals", n)
	}
	s.wants("status=7")
}

func TestCtrlZStopsTheProgramAndFgContinuesIt(t *testing.T) {
	s := newShell(t)
	s.types(`"$FORE" sh -c '` + telling + "'\n")
	parent := s.number(t, "parent=")
	s.wants("begun")
	for range 5 {
		s.types(ctrlZ)
		s.wants("Stopped")
		s.wants("ready> ")
		s.types("jobs; echo lis''ted\n")
		if listed := s.wants("listed"); !strings.Contains(listed, "Stopped") || strings.Count(listed, "[1]") != 1 {
			t.Errorf("jobs: %s", listed)
		}
		s.types("fg\n")
		s.wants("continued")
	}
	_ = syscall.Kill(parent, syscall.SIGKILL)
	s.wants("Killed")
}

// A question may not be stopped half-way; what comes after it may.
func TestCtrlZStopsAProgramThatRunsAfterAQuestion(t *testing.T) {
	for _, how := range []string{"1", "ask"} {
		s := newShell(t)
		s.types(besideIt + "=" + how + ` "$FORE" sh -c '` + telling + "'\n")
		if how == "ask" {
			s.wants("well? ")
			s.types("yes\n")
		}
		s.wants("begun")
		s.types(ctrlZ)
		s.wants("Stopped")
	}
}

// less and others stop themselves, alone.
func TestAProgramThatStopsItselfIsAStoppedJob(t *testing.T) {
	for _, sig := range []string{"TSTP", "STOP", "TTIN"} {
		s := newShell(t)
		s.types(`"$FORE" sh -c 'kill -` + sig + ` $$; echo goes''on; exit 3'` + "\n")
		s.wants("Stopped")
		s.wants("ready> ")
		s.types("fg; echo status=$?\n")
		s.wants("goeson")
		s.wants("status=3")
	}
}

func TestABackgroundProgramThatReadsTheTerminalIsAStoppedJob(t *testing.T) {
	s := newShell(t)
	s.types(`"$FORE" sh -c 'read x; echo "re"ad $x' &` + "\n")
	s.wants("ready> ")
	s.types("wait %1; jobs\n")
	s.wants("Stopped")
	s.types("fg\n")
	s.wants("\n")
	s.types("hello\n")
	s.wants("read hello")
}

// Who continues us alone means the program.
func TestContinuingUsContinuesTheProgram(t *testing.T) {
	s := newShell(t)
	s.types(`"$FORE" sh -c 'kill -TSTP $$; echo goes""on'` + "\n")
	parent := s.number(t, "parent=")
	s.wants("Stopped")
	_ = syscall.Kill(parent, syscall.SIGCONT)
	s.wants("goeson")
}

// Who stops the program from elsewhere, and continues it, must find us at work.
func TestAProgramStoppedInTheBackgroundDoesNotStopUs(t *testing.T) {
	c, out := start(t, fore(`trap 'kill $!; exit 5' USR1; echo child=$$; `+idle))
	child := out.number(t, "child=")
	for _, s := range []syscall.Signal{syscall.SIGSTOP, syscall.SIGCONT, syscall.SIGUSR1} {
		if err := syscall.Kill(child, s); err != nil {
			t.Fatal(err)
		}
	}
	_ = c.Wait()
	if c.ProcessState.ExitCode() != 5 {
		t.Error(c.ProcessState)
	}
}

// A shell under us has jobs of its own.
func TestAShellUnderUsControlsItsJobs(t *testing.T) {
	s := newShell(t)
	s.types(`"$FORE" env PS1='inner> ' bash --norc --noprofile --noediting -i; echo status=$?` + "\n")
	parent := s.number(t, "parent=")
	s.wants("inner> ")
	s.types(`sh -c '` + telling + "'\n")
	s.wants("begun")
	s.types(ctrlZ)
	s.wants("Stopped")
	s.wants("inner> ")
	if state := stateOf(t, parent); state == "T" {
		t.Error("the job's stop has stopped us")
	}
	s.types("fg\n")
	s.wants("continued")
	s.types(ctrlC)
	s.wants("inner> ")
	s.types("exit 4\n")
	s.wants("status=4")
	s.wants("ready> ")
	s.types(`sh -c '` + telling + "'\n") // the terminal is the outer shell's again
	s.wants("begun")
	s.types(ctrlC)
	s.wants("ready> ")
}

// stateOf is the letter of a process, where the system has a file for it.
func stateOf(t *testing.T, pid int) string {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return "?"
	}
	_, rest, _ := strings.Cut(string(b), ") ")
	return rest[:1]
}

func TestAProgramInAPipelineKeepsTheTerminal(t *testing.T) {
	s := newShell(t)
	s.types(`"$FORE" sh -c 'read x </dev/tty; echo $x' | sh -c 'read y; read z </dev/tty; echo "bo"th $y $z'` + "\n")
	s.wants("parent=")
	s.types("one\ntwo\n")
	s.wants("both one two")
}

func TestOpenFilesAreInherited(t *testing.T) {
	s := newShell(t)
	s.types(`"$FORE" cat <(echo "from" "above")` + "\n")
	s.wants("from above")
}
