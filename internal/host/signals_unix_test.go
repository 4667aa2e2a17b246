//go:build unix

package host

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/d44b7504/vault/internal/testenv"
)

// signalled is a process that does not look at its context. Its part says what it does.
func signalled(part string) int {
	ctx, end := Signals(context.Background(), os.Exit)
	release := func() {}
	switch part {
	case "stop", "fail":
		CatchSignals()
	case "soon":
		CatchSignalsSoon()
		for caught := false; !caught; time.Sleep(time.Millisecond) {
			signals.mu.Lock()
			caught = signals.catch == nil
			signals.mu.Unlock()
		}
	case "hold":
		release = HoldSignals()
	case "yield":
		release = YieldSignals(func(s os.Signal) bool {
			fmt.Println("for another one:", s)
			return true
		})
	}
	if part == "over" {
		CatchSignals()
		end(0)
	}
	fmt.Println("ready")
	if part == "yield" || part == "start" || part == "over" {
		time.Sleep(time.Minute)
	}
	<-ctx.Done()
	switch part {
	case "stop", "soon":
		return end(interrupted)
	case "fail":
		return end(1)
	}
	time.Sleep(endPatience + time.Second)
	fmt.Println("still here")
	release()
	time.Sleep(time.Minute)
	return 0
}

// start runs this test binary as a signalled process, and waits until it is ready.
func startSignalled(t *testing.T, part string) (*exec.Cmd, *bufio.Reader) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.CommandContext(soon(t), self)
	c.Env = append(os.Environ(), "HOST_TEST_SIGNALLED="+part)
	pipe, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	c.Stderr = &bytes.Buffer{}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	out := bufio.NewReader(pipe)
	if line, err := out.ReadString('\n'); line != "ready\n" {
		t.Fatalf("%q, %v", line, err)
	}
	return c, out
}

func TestTheExitStatusIsThatOfTheSignal(t *testing.T) {
	t.Parallel()
	for part, want := range map[string]map[syscall.Signal]int{
		"stop": {syscall.SIGINT: 130, syscall.SIGTERM: 143, syscall.SIGHUP: 129},
		"soon": {syscall.SIGINT: 130},
		"fail": {syscall.SIGINT: 1, syscall.SIGTERM: 1},
	} {
		for s, status := range want {
			c, _ := startSignalled(t, part)
			_ = c.Process.Signal(s)
			_ = c.Wait()
			if got := c.ProcessState.ExitCode(); got != status {
				t.Errorf("%s after %v: status %d, not %d", part, s, got, status)
			}
		}
	}
}

// What Go shows of itself may name a secret, and is of no use to a person.
func TestASignalEndsTheProgramWithoutAWordAtAnyTime(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		testenv.Missing(t, "linux", "elsewhere a program cannot change what an uncaught signal does")
	}
	for _, part := range []string{"start", "stop", "over"} {
		for _, s := range []syscall.Signal{syscall.SIGQUIT, syscall.SIGABRT, syscall.SIGTERM, syscall.SIGHUP} {
			c, out := startSignalled(t, part)
			_ = c.Process.Signal(s)
			rest, _ := io.ReadAll(out)
			_ = c.Wait()
			status := c.ProcessState.ExitCode()
			if ws := c.ProcessState.Sys().(syscall.WaitStatus); ws.Signaled() {
				status = 128 + int(ws.Signal())
			}
			if said := c.Stderr.(*bytes.Buffer).String(); status != 128+int(s) || said != "" || len(rest) > 0 {
				t.Errorf("%s, %v: status %d, said %q %q", part, s, status, said, rest)
			}
		}
	}
}

func TestACallThatMustNotBeCutOffIsGivenItsTime(t *testing.T) {
	t.Parallel()
	c, out := startSignalled(t, "hold")
	_ = c.Process.Signal(syscall.SIGTERM)
	if line, _ := out.ReadString('\n'); line != "still here\n" {
		t.Errorf("it said %q", line)
	}
	_ = c.Wait()
	if ws := c.ProcessState.Sys().(syscall.WaitStatus); !ws.Signaled() || ws.Signal() != syscall.SIGTERM {
		t.Errorf("it ended with %v", c.ProcessState)
	}
	c, _ = startSignalled(t, "hold")
	start := time.Now()
	for time.Since(start) < 20*time.Second && c.Process.Signal(syscall.SIGINT) == nil && alive(c.Process.Pid) {
		time.Sleep(10 * time.Millisecond)
	}
	_ = c.Wait()
	if ws := c.ProcessState.Sys().(syscall.WaitStatus); !ws.Signaled() || time.Since(start) > endPatience {
		t.Errorf("a second Ctrl-C: %v after %v", c.ProcessState, time.Since(start))
	}
}

func TestSignalsForAnotherProgramDoNotEndThisOne(t *testing.T) {
	t.Parallel()
	c, out := startSignalled(t, "yield")
	for range 3 {
		_ = c.Process.Signal(syscall.SIGINT)
		if line, _ := out.ReadString('\n'); !strings.HasPrefix(line, "for another one: interrupt") {
			t.Errorf("it said %q", line)
		}
	}
	_ = c.Process.Kill()
	_ = c.Wait()
}

func TestASignalEndsAtOnceWhatHasNothingToEndInGoodOrder(t *testing.T) {
	t.Parallel()
	for _, s := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
		c, _ := startSignalled(t, "brief")
		_ = c.Process.Signal(s)
		_ = c.Wait()
		if ws := c.ProcessState.Sys().(syscall.WaitStatus); !ws.Signaled() || ws.Signal() != s {
			t.Errorf("%v: it ended with %v", s, c.ProcessState)
		}
	}
}
