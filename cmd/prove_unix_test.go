//go:build unix

package cmd_test

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/d44b7504/vault/internal/shelltest"
	"github.com/d44b7504/vault/internal/testenv"
)

// provers start the scripts that prove a machine, with the path of the program: prove.sh as on macOS,
// and prove.ps1 as on Windows. Without the demo, which has tests of its own.
var provers = map[string]func(program string) []string{
	"bash": func(program string) []string { return []string{"bash", docs("prove.sh"), "--quick", program} },
	"pwsh": func(program string) []string {
		call := fmt.Sprintf("& '%s' -Quick '%s'; exit $LASTEXITCODE", docs("prove.ps1"), program)
		return []string{"pwsh", "-NoProfile", "-NonInteractive", "-Command", call}
	},
}

func docs(name string) string { return must(filepath.Abs(filepath.Join("..", "docs", name))) }

// eachProver runs a test with each script, in a world whose person has settings that it must not touch.
func eachProver(t *testing.T, test func(t *testing.T, w *world, argv func(string) []string, environ []string)) {
	t.Parallel()
	for tool, argv := range provers {
		t.Run(tool, func(t *testing.T) {
			t.Parallel()
			testenv.Require(t, tool)
			w := newWorld(t, roleConfig)
			tmp, own := must(os.MkdirTemp("", "p")), w.path("pwsh") // a socket's path must be short
			defer func() { _ = os.RemoveAll(tmp) }()
			home := snapshot(w.path("home"))
			test(t, w, argv, w.environ("TMPDIR="+tmp, "AWS_PROFILE=mine", "TEST_WORLD="+w.dir, // for wantNoProcess
				"XDG_CONFIG_HOME="+own, "XDG_DATA_HOME="+own, "XDG_CACHE_HOME="+own)) // PowerShell writes there
			if snapshot(w.path("home")) != home || w.aws.Calls("*") != 0 {
				t.Error("it touched what is the person's")
			}
			if left := must(filepath.Glob(filepath.Join(tmp, "vp.*"))); len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
			w.wantNoProcess(t)
		})
	}
}

func TestTheProvingScriptsProveThisMachineAndLeaveNothing(t *testing.T) {
	eachProver(t, func(t *testing.T, w *world, argv func(string) []string, environ []string) {
		call := argv(filepath.Join(bin, "vault"))
		r := w.run(t, environ, call[0], call[1:]...)
		if r.status != 0 || strings.Contains(r.out, "FAILED") || strings.Count(r.out, "\nok ") < 9 || !strings.HasSuffix(r.out, "\nall is proved\n") {
			t.Errorf("status %d:\n%s\n%s", r.status, r.out, r.err)
		}
	})
}

// A program that forgets the key, and one whose hook does nothing.
func TestTheProvingScriptsFindWhatIsBroken(t *testing.T) {
	testenv.OnlyLong(t, "runs each script once more")
	const broken = `#!/bin/sh
case "$1" in export) exit 0 ;; hook) echo 'vault() { :; }' ;; *) exec '%s' "$@" ;; esac
`
	eachProver(t, func(t *testing.T, w *world, argv func(string) []string, environ []string) {
		check(os.WriteFile(w.path("broken"), fmt.Appendf(nil, broken, filepath.Join(bin, "vault")), 0o700))
		call := argv(w.path("broken"))
		r := w.run(t, environ, call[0], call[1:]...)
		for _, want := range []string{"ok      add", "FAILED  export: the key", "FAILED  export: a session", ": use, off", "failed: please report"} {
			if r.status != 1 || !strings.Contains(r.out, want) {
				t.Errorf("status %d, %q is wanted:\n%s\n%s", r.status, want, r.out, r.err)
			}
		}
		if strings.Contains(r.out, "ok      GNU") || strings.Contains(r.out, "ok      PowerShell") {
			t.Errorf("the hook does nothing:\n%s", r.out)
		}
	})
}

func TestAProvingScriptThatIsInterruptedLeavesNothing(t *testing.T) {
	eachProver(t, func(t *testing.T, w *world, argv func(string) []string, environ []string) {
		call := argv(filepath.Join(bin, "vault"))
		c := exec.Command(call[0], call[1:]...)
		c.Env, c.Dir = environ, w.dir
		c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
		caught := make(chan os.Signal, 1) // a script cannot trap what whoever started it ignores
		signal.Notify(caught, syscall.SIGINT)
		defer signal.Stop(caught)
		out := must(c.StdoutPipe())
		check(c.Start())
		lines := bufio.NewScanner(out)
		for lines.Scan() && !strings.Contains(lines.Text(), "the key is in") {
		}
		check(syscall.Kill(-c.Process.Pid, syscall.SIGINT)) // as Ctrl-C, with a key stored
		rest := string(must(io.ReadAll(out)))
		err := c.Wait()
		if strings.Contains(rest, "all is proved") || call[0] == "bash" && c.ProcessState.ExitCode() != 130 {
			t.Errorf("%v:\n%s", err, rest)
		}
	})
}

// bash 5.2 loses a signal that comes while it reads a $( ), about one in three hundred.
func TestTheShellThatCatchesSignalsReadsNoCommandSubstitution(t *testing.T) {
	script := string(must(os.ReadFile(docs("prove.sh"))))
	body := func(name string) string {
		_, rest, found := strings.Cut(script, "\n"+name+"() {")
		code, _, ended := strings.Cut(rest, "\n}\n")
		if !found || !ended {
			t.Fatalf("there is no function %s", name)
		}
		return code
	}
	_, run, _ := strings.Cut(script, "\nenter \"$1\"\n")
	for _, code := range []string{run, body("enter"), body("clean_up"), body("end_group")} {
		if code == "" || strings.Contains(code, "$(") {
			t.Errorf("it is to have no $( ):\n%s", code)
		}
	}
}

func TestTheProvingScriptForMacOSHasNothingNewerThanBash32(t *testing.T) {
	for _, found := range shelltest.NewerThanBash32(string(must(os.ReadFile(docs("prove.sh"))))) {
		t.Error(found)
	}
}

// Windows PowerShell 5.1 reads a file without a byte order mark in the code page of the machine.
func TestTheProvingScriptForWindowsIsPureASCII(t *testing.T) {
	for n, line := range strings.Split(string(must(os.ReadFile(docs("prove.ps1")))), "\n") {
		if strings.ContainsFunc(line, func(r rune) bool { return r > '~' || r < ' ' }) {
			t.Errorf("line %d: %q", n+1, line)
		}
	}
}
