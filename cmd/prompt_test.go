//go:build unix

package cmd_test

// How MFA codes are asked for: programs on PATH that answer, fail, refuse and hang, and
// the real zenity.

import (
	"bytes"
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/d44b7504/vault/internal/testenv"
)

// stub puts a program on the test's PATH. It writes its arguments and environment down,
// and goes on as script says.
func (w *world) stub(name, script string) {
	check(os.MkdirAll(w.path("stubs"), 0o700))
	text := "#!/bin/sh\nfor a do printf '%s\\0' \"$a\"; done >>" + w.path(name+".args") +
		"\nenv >" + w.path(name+".env") + "\necho $$ >" + w.path(name+".pid") + "\n" + script + "\n"
	check(os.WriteFile(w.path("stubs/"+name), []byte(text), 0o700))
}

// stubbed is an environment in which the stubs come first.
func (w *world) stubbed(extra ...string) []string {
	path := w.path("stubs") + string(os.PathListSeparator) + bin + string(os.PathListSeparator) + os.Getenv("PATH")
	return w.environ(append(extra, "PATH="+path)...)
}

// given returns the arguments a stub was run with, nil if it was not.
func (w *world) given(name string) []string {
	text, err := os.ReadFile(w.path(name + ".args"))
	if err != nil {
		return nil
	}
	return strings.Split(strings.TrimSuffix(string(text), "\x00"), "\x00")
}

// away runs the program where there is no terminal, whatever the tests have. began, if
// it is not nil, is called when it runs.
func (w *world) away(t *testing.T, environ []string, began func(*os.Process), args ...string) result {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	c := exec.CommandContext(ctx, filepath.Join(bin, "vault"), args...)
	var out, errs bytes.Buffer
	c.Env, c.Dir, c.Stdout, c.Stderr = environ, w.dir, &out, &errs
	c.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	check(c.Start())
	if began != nil {
		began(c.Process)
	}
	_ = c.Wait()
	if ctx.Err() != nil {
		t.Fatalf("%q did not end: %s", args, errs.String())
	}
	if found := w.leak(errs.String()); found != "" {
		t.Errorf("%q: a secret on standard error: %s", args, found)
	}
	return result{out.String(), errs.String(), c.ProcessState.ExitCode()}
}

// awaitFile waits until a file has something in it, and returns that.
func (w *world) awaitFile(t *testing.T, rel string) string {
	t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(2 * time.Millisecond) {
		if text, err := os.ReadFile(w.path(rel)); err == nil && bytes.HasSuffix(text, []byte("\n")) {
			return string(text)
		}
	}
	t.Fatalf("%s was never written", rel)
	return ""
}

func TestADialogAsksWhereThereIsNoTerminal(t *testing.T) {
	t.Parallel()
	w := mfaWorld(t)
	w.stub("zenity", `[ "$ZENITY_CANCEL" = 10 ] && echo "`+w.code("phone")+`"`)
	r := w.away(t, w.stubbed("DISPLAY=:77", "AWS_SECRET_ACCESS_KEY=fake-of-the-shell", "AWS_ACCESS_KEY_ID=AKIAFAKE"),
		nil, "export", "dev", "--format", "json")
	if r.status != 0 || w.aws.Calls("GetSessionToken") != 1 {
		t.Fatalf("status %d: %s", r.status, r.err)
	}
	want := "--entry|--hide-text|--title=vault|--text=MFA code for phone (111122223333): "
	if got := strings.Join(w.given("zenity"), "|"); got != want {
		t.Errorf("it was run with %s", got)
	}
	if env := string(must(os.ReadFile(w.path("zenity.env")))); strings.Contains(env, "fake-of-the-shell") {
		t.Error("it was given the shell's key")
	}
}

func TestAYubiKeyIsAskedBeforeThePerson(t *testing.T) {
	t.Parallel()
	w := mfaWorld(t)
	w.stub("ykman", `echo 'Touch your YubiKey...' >&2; echo "`+w.code("phone")+`"`)
	r, shown := w.talk(t, w.stubbed("YKMAN_OATH_CREDENTIAL_NAME=my aws", "YKMAN_OATH_DEVICE_SERIAL=42"), nil, "export", "dev")
	if r.status != 0 || !strings.Contains(shown, "Touch your YubiKey") || strings.Contains(shown, "MFA code") {
		t.Errorf("status %d, shown %q: %s", r.status, shown, r.err)
	}
	if got := strings.Join(w.given("ykman"), "|"); got != "--device|42|oath|accounts|code|--single|my aws" {
		t.Errorf("it was run with %s", got)
	}
}

func TestWithoutTheYubiKeyTheTerminalIsAsked(t *testing.T) {
	t.Parallel()
	w := mfaWorld(t)
	w.stub("ykman", "echo 'no key is there' >&2; exit 1")
	r, shown := w.talk(t, w.stubbed("YKMAN_OATH_CREDENTIAL_NAME=aws"), []exchange{
		{"no key is there", ""}, {"MFA code for phone", w.code("phone") + "\r"},
	}, "export", "dev")
	if r.status != 0 {
		t.Errorf("status %d, shown %q: %s", r.status, shown, r.err)
	}
}

func TestACodeOfTheKeyIsNotSentTwice(t *testing.T) {
	t.Parallel()
	w := mfaWorld(t)
	w.stub("ykman", "echo 000000")
	r := w.away(t, w.stubbed("AWS_VAULT_YKMAN_VERSION=3"), nil, "export", "dev", "--prompt", "ykman,zenity")
	if r.status != 1 || w.aws.Calls("GetSessionToken") != 1 || !strings.Contains(r.err, "MFA code") {
		t.Errorf("status %d, %d calls: %s", r.status, w.aws.Calls("GetSessionToken"), r.err)
	}
	if got := strings.Join(w.given("ykman"), "|"); got != "oath|code|--single|arn:aws:iam::111122223333:mfa/phone" {
		t.Errorf("it was run with %s", got)
	}
}

func TestAWrongCodeInADialogIsAskedForOnceMore(t *testing.T) {
	t.Parallel()
	w := mfaWorld(t)
	w.stub("kdialog", "[ -e again ] && echo "+w.code("phone")+" && exit; touch again; echo 000000")
	if r := w.away(t, w.stubbed("AWS_VAULT_PROMPT=kdialog"), nil, "export", "dev"); r.status != 0 || w.aws.Calls("GetSessionToken") != 2 {
		t.Errorf("status %d, %d calls: %s", r.status, w.aws.Calls("GetSessionToken"), r.err)
	}
}

func TestAClosedDialogEndsTheCommand(t *testing.T) {
	t.Parallel()
	for name, script := range map[string]string{
		"zenity":    `echo noise >&2; exit "$ZENITY_ESC"`,
		"kdialog":   "exit 1",
		"osascript": "echo '93:123: execution error: User canceled. (-128)' >&2; exit 1",
	} {
		w := mfaWorld(t)
		w.stub(name, script)
		w.stub("ykman", "echo 123456")
		r := w.away(t, w.stubbed(), nil, "export", "dev", "--prompt", name+",ykman")
		if r.status != 130 || r.err != "" || w.aws.Calls("*") != 0 || w.given("ykman") != nil {
			t.Errorf("%s: status %d, %d calls: %s", name, r.status, w.aws.Calls("*"), r.err)
		}
	}
}

func TestWithoutADriverTheErrorSaysWhatEachLacked(t *testing.T) {
	t.Parallel()
	w := mfaWorld(t)
	w.stub("zenity", "echo 'cannot open display' >&2; exit 1")
	w.stub("kdialog", "kill -ABRT $$")
	r := w.away(t, w.stubbed(), nil, "export", "dev", "--prompt", "zenity,kdialog,terminal")
	for _, part := range []string{"zenity: exit status 1: cannot open display", "kdialog: signal: aborted", "terminal: not available here", "hint: run it in a terminal"} {
		if !strings.Contains(r.err, part) {
			t.Errorf("%q is not said: %s", part, r.err)
		}
	}
	if r.status != 3 || w.aws.Calls("*") != 0 {
		t.Errorf("status %d, %d calls", r.status, w.aws.Calls("*"))
	}
}

func TestCtrlCClosesADialogThatHangs(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"zenity", "ykman"} {
		w := mfaWorld(t)
		w.stub(name, "exec sleep 600")
		r := w.away(t, w.stubbed(), func(p *os.Process) {
			w.awaitFile(t, name+".pid")
			check(p.Signal(os.Interrupt))
		}, "export", "dev", "--prompt", name+",terminal")
		if r.status != 130 || w.aws.Calls("*") != 0 {
			t.Errorf("%s: status %d: %s", name, r.status, r.err)
		}
		pid := must(strconv.Atoi(strings.TrimSpace(w.awaitFile(t, name+".pid"))))
		if err := syscall.Kill(pid, 0); err != syscall.ESRCH {
			t.Errorf("%s is still there: %v", name, err)
		}
	}
}

func TestAHostileDeviceIsAnArgumentAndNothingElse(t *testing.T) {
	t.Parallel()
	const hostile = `arn:aws:iam::111122223333:mfa/a_b$(touch owned)` + "`touch owned`" + `"; do shell script "touch owned" --help <b>`
	for name, want := range map[string]string{
		"zenity":    `--text=MFA code for a__b$(touch owned)` + "`touch owned`" + `"; do shell script "touch owned" --help ?b? (111122223333): `,
		"kdialog":   `MFA code for a_b$(touch owned)` + "`touch owned`" + `"; do shell script "touch owned" --help ?b? (111122223333): `,
		"osascript": `MFA code for a_b$(touch owned)` + "`touch owned`" + `"; do shell script "touch owned" --help ?b? (111122223333): `,
		"ykman":     hostile,
	} {
		w := newWorld(t, "[profile base]\nregion = us-east-1\nmfa_serial = "+hostile+"\n")
		w.stored("alice", "base")
		w.stub(name, "echo 123456")
		w.away(t, w.stubbed(), nil, "export", "base", "--prompt", name)
		argv := w.given(name)
		if len(argv) == 0 || argv[len(argv)-1] != want {
			t.Errorf("%s was run with %q", name, argv)
			continue
		}
		if strings.Contains(strings.Join(argv[:len(argv)-1], " "), "owned") || !gone(w.path("owned")) {
			t.Errorf("%s: the device is more than an argument: %q", name, argv)
		}
	}
}

func TestNoDriverIsTriedInTheBackground(t *testing.T) {
	t.Parallel()
	testenv.Require(t, "bash")
	w := mfaWorld(t)
	programs := []string{"ykman", "zenity", "kdialog", "osascript"}
	for _, name := range programs {
		w.stub(name, "echo 123456")
	}
	wishes := []string{"DISPLAY=:77", "YKMAN_OATH_CREDENTIAL_NAME=aws", "AWS_VAULT_PROMPT=ykman,zenity,kdialog,osascript,terminal"}
	r := w.bash(t, w.environ(), "vault use dev --mfa-token "+w.code("phone")+" && env -0")
	if r.status != 0 {
		t.Fatal(r.err)
	}
	check(w.age("dev", 50*time.Minute))
	check(w.age("base", 8*time.Hour))
	before := w.aws.Calls("*")
	var environ []string
	for _, e := range activeEnviron(r.out) {
		if !strings.HasPrefix(e, "PATH=") {
			environ = append(environ, e)
		}
	}
	environ = append(environ, wishes...)
	for _, e := range w.stubbed() {
		if strings.HasPrefix(e, "PATH=") {
			environ = append(environ, e)
		}
	}
	w.away(t, environ, nil, "refresh", "--if-due")
	for end := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		status := w.away(t, environ, nil, "status")
		if strings.Contains(status.out, "an MFA code is needed") {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("the renewal left no note: %s%s", status.out, status.err)
		}
	}
	w.away(t, environ, nil, "refresh", "--env", "--shell", "bash")
	for _, name := range programs {
		if w.given(name) != nil {
			t.Errorf("%s was run", name)
		}
	}
	if w.aws.Calls("*") != before {
		t.Error("AWS was called")
	}
	if r := w.away(t, environ, nil, "refresh", "--shell", "bash"); w.given("ykman") == nil {
		t.Errorf("a person's own refresh did not try: %s", r.err)
	}
}

func TestAnUnknownMFAPromptIsNamedInTheError(t *testing.T) {
	t.Parallel()
	w := mfaWorld(t)
	for _, c := range []struct {
		environ []string
		args    []string
		said    string
	}{
		{nil, []string{"export", "dev", "--prompt", "pass"}, "mfa_process = pass otp NAME"},
		{nil, []string{"list", "--prompt=terminal,zenith"}, `there is no MFA prompt with the name "zenith"`},
		{[]string{"AWS_VAULT_PROMPT=pass"}, []string{"export", "dev"}, "AWS_VAULT_PROMPT: the MFA prompt \"pass\" was removed"},
		{[]string{"AWS_VAULT_PROMPT=zenith"}, []string{"export", "dev"}, "hint: choose from terminal, ykman, osascript, zenity, kdialog, wincredui"},
	} {
		if r := w.away(t, w.environ(c.environ...), nil, c.args...); r.status != 2 || !strings.Contains(r.err, c.said) {
			t.Errorf("%q %q: status %d: %s", c.environ, c.args, r.status, r.err)
		}
	}
	if r := w.away(t, w.environ("AWS_VAULT_PROMPT=zenith"), nil, "list"); r.status != 0 {
		t.Errorf("profiles cannot be listed: %s", r.err)
	}
}

// screen starts an X server of the test's own and returns its DISPLAY.
func screen(t *testing.T) string {
	t.Helper()
	r, w := must2(os.Pipe())
	defer func() { _ = r.Close() }()
	c := exec.Command(testenv.Require(t, "zenity", "Xvfb"), "-displayfd", "3", "-nolisten", "tcp", "-noreset", "-screen", "0", "640x480x24")
	c.ExtraFiles = []*os.File{w}
	check(c.Start())
	t.Cleanup(func() {
		_ = c.Process.Signal(syscall.SIGTERM)
		_ = c.Wait()
	})
	_ = w.Close()
	check(r.SetReadDeadline(time.Now().Add(patience)))
	number, err := io.ReadAll(r)
	if len(bytes.TrimSpace(number)) == 0 {
		t.Fatalf("the X server has no display: %v", err)
	}
	return ":" + string(bytes.TrimSpace(number))
}

// pressKeys sends keys to the dialog once it is there.
func (w *world) pressKeys(t *testing.T, display string, keys ...string) {
	t.Helper()
	run := func(args ...string) string {
		c := exec.Command("xdotool", args...)
		c.Env = append(w.environ(), "DISPLAY="+display)
		out, _ := c.Output()
		return strings.TrimSpace(string(out))
	}
	window := ""
	for end := time.Now().Add(patience); window == ""; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("no dialog appeared")
		}
		window, _, _ = strings.Cut(run("search", "--onlyvisible", "--name", "^vault$"), "\n")
	}
	run("windowfocus", "--sync", window) // there is no window manager to do it
	run(append([]string{"key", "--delay", "30"}, keys...)...)
}

func TestTheRealZenityAsks(t *testing.T) {
	t.Parallel()
	testenv.Require(t, "zenity")
	testenv.Require(t, "zenity", "xdotool")
	w := mfaWorld(t)
	display := screen(t)
	environ := w.environ("DISPLAY="+display, "GDK_BACKEND=x11", "NO_AT_BRIDGE=1")

	no := w.away(t, environ, func(*os.Process) { w.pressKeys(t, display, "Escape") }, "export", "dev")
	if no.status != 130 || w.aws.Calls("*") != 0 {
		t.Fatalf("Escape: status %d: %s", no.status, no.err)
	}
	yes := w.away(t, environ, func(*os.Process) {
		w.pressKeys(t, display, append(strings.Split(w.code("phone"), ""), "Return")...)
	}, "export", "dev", "--format", "json")
	if yes.status != 0 || w.aws.Calls("GetSessionToken") != 1 {
		t.Errorf("the code: status %d: %s", yes.status, yes.err)
	}
	w = mfaWorld(t)
	dark := w.away(t, w.environ("DISPLAY=:nowhere"), nil, "export", "dev", "--prompt", "zenity,osascript")
	if dark.status != 3 || !strings.Contains(dark.err, "cannot open display") {
		t.Errorf("without a display: status %d: %s", dark.status, dark.err)
	}
}
