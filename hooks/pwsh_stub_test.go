package hooks

// This file puts a PowerShell in a terminal beside a stand-in for the program. The
// stand-in is a few lines of sh that speak the protocol: for use, off and refresh it
// prints the code a test has left in a file, and it notes every call.

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/creack/pty"

	"github.com/d44b7504/vault/env"
	"github.com/d44b7504/vault/internal/creds"
	"github.com/d44b7504/vault/internal/testenv"
	"github.com/d44b7504/vault/shells"
)

const pwshStub = `#!/bin/sh
[ "$1 $2 $3" != "hook pwsh --call" ] || exec cat "$PWSH_STUB/call.ps1"
printf '%s:%s\n' "${__VAULT_SHELL-}" "$*" >>"$PWSH_STUB/log"
case $1 in --called-as=*) shift ;; esac
while [ "$1" = --backend ]; do shift 2; done
case $1 in
use) case $2 in
  typo) echo 'vault: no profile named "typo"' >&2; exit 1 ;;
  ask) printf 'code? ' >/dev/tty; read -r x </dev/tty || exit 1 ;;
  stdin) read -r x; printf '%s' "$x" >"$PWSH_STUB/stdin" ;;
  half) cat "$PWSH_STUB/code.dev"; exit 1 ;;
  esac
  cat "$PWSH_STUB/code.$2" ;;
off) cat "$PWSH_STUB/code.off" ;;
refresh) case "${__VAULT_SHELL-} $*" in
  pwsh*) echo noise >&2; test ! -e "$PWSH_STUB/hang" || exec sleep 30; cat "$PWSH_STUB/code.refresh" || exit 1 ;;
  *) echo noise; echo noise >&2; if read -r x; then echo "$x" >"$PWSH_STUB/leak"; fi; echo done >>"$PWSH_STUB/renewed" ;;
  esac ;;
hook) cat "$PWSH_STUB/hook.ps1" ;;
args) shift; for a; do printf '<%s>' "$a"; done; echo ;;
exec) shift; [ "$1" != -- ] || shift; exec "$@" ;;
esac
`

// slowStart is why half of the tests in a PowerShell run only among the long ones.
const slowStart = "PowerShell takes most of a second to start"

// pwshWorld is a home, a stub on PATH and a rendered hook for one PowerShell.
type pwshWorld struct {
	t    testing.TB
	home string
	env  []string // more NAME=value for the shell
}

func newPwsh(t testing.TB) *pwshWorld {
	t.Helper()
	testenv.Require(t, "pwsh")
	if t, ok := t.(*testing.T); ok {
		t.Parallel()
	}
	w := &pwshWorld{t: t, home: t.TempDir()}
	w.write("bin/vault", pwshStub)
	w.write("hook.ps1", w.script(Options{Prompt: true}))
	w.write("call.ps1", w.script(Options{Call: true}))
	return w
}

func (w *pwshWorld) path(name string) string { return filepath.Join(w.home, name) }

func (w *pwshWorld) write(name, text string) {
	w.t.Helper()
	if err := os.MkdirAll(filepath.Dir(w.path(name)), 0o700); err != nil {
		w.t.Fatal(err)
	}
	if err := os.WriteFile(w.path(name), []byte(text), 0o700); err != nil {
		w.t.Fatal(err)
	}
}

// read is a file's text; a missing file is empty.
func (w *pwshWorld) read(name string) string {
	b, err := os.ReadFile(w.path(name))
	if err != nil && !os.IsNotExist(err) {
		w.t.Fatal(err)
	}
	return string(b)
}

func (w *pwshWorld) remove(name string) {
	w.t.Helper()
	if err := os.Remove(w.path(name)); err != nil {
		w.t.Fatal(err)
	}
}

func (w *pwshWorld) script(o Options) string {
	w.t.Helper()
	if o.Binary == "" {
		o.Binary = "vault"
	}
	o.ValueFlags = []string{"--backend", "--keychain"}
	text, err := Script(pwshDialect(w.t), o)
	if err != nil {
		w.t.Fatal(err)
	}
	return text
}

func pwshDialect(t testing.TB) *shells.Shell {
	t.Helper()
	sh, err := shells.For("pwsh")
	if err != nil {
		t.Fatal(err)
	}
	return sh
}

// called counts the stub's calls that are exactly this one, "SHELL:words".
func (w *pwshWorld) called(call string) int {
	n := 0
	for line := range strings.Lines(w.read("log")) {
		if line == call+"\n" {
			n++
		}
	}
	return n
}

// session is what the stub's code says of one profile.
type pwshSession struct {
	name, label, note string
	exp, ref          time.Duration // from now; 0: none
	set               time.Duration // how far the clock is set back after this answer
	stash             bool
}

// secret is a value that cannot be a real key.
func (s pwshSession) secret() string { return "fake-" + "secret-of-" + s.name }

// answers makes the stub print this session for a command, under a new generation.
func (w *pwshWorld) answers(command string, s pwshSession) {
	w.t.Helper()
	token := w.path("token." + command + strconv.FormatInt(time.Now().UnixNano(), 36))
	w.write(filepath.Base(token), "")
	epoch := func(d time.Duration) string {
		if d == 0 {
			return "0"
		}
		return strconv.FormatInt(time.Now().Add(s.set+d).Unix(), 10)
	}
	if s.label == "" {
		s.label = s.name
	}
	var before []env.Change
	for _, n := range []string{"AWS_PROFILE", "AWS_SECURITY_TOKEN", "AWS_CONTAINER_AUTHORIZATION_TOKEN"} {
		before = append(before, env.Change{Name: n, Unset: true})
	}
	for _, c := range [][2]string{
		{"AWS_ACCESS_KEY_ID", "FAKE" + s.name}, {"AWS_SECRET_ACCESS_KEY", s.secret()}, {"AWS_SESSION_TOKEN", s.secret() + "-token"},
		{"AWS_VAULT", s.name}, {"__VAULT_TOKEN", token},
	} {
		before = append(before, env.Change{Name: c[0], Value: creds.New(c[1])})
	}
	stash := ""
	if s.stash {
		stash = w.call("__vault_stash", env.Secrets...)
	}
	w.write("code."+command, stash+w.rendered(before)+w.call("__vault_set", epoch(s.exp), epoch(s.ref), s.note, s.label, "", epoch(-time.Second)))
}

// answersOff makes the stub's off take everything away and give the user's secrets back.
func (w *pwshWorld) answersOff() {
	var gone []env.Change
	for _, n := range []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_VAULT", "__VAULT_TOKEN"} {
		gone = append(gone, env.Change{Name: n, Unset: true})
	}
	w.write("code.off", w.rendered(gone)+w.call("__vault_unstash", env.Secrets...)+w.call("__vault_set", "0", "0", "", "", "", "0"))
}

func (w *pwshWorld) rendered(c []env.Change) string {
	text, err := pwshDialect(w.t).Hook.Render(c)
	if err != nil {
		w.t.Fatal(err)
	}
	return text
}

func (w *pwshWorld) call(function string, words ...string) string {
	text, err := pwshDialect(w.t).Hook.Call(function, words...)
	if err != nil {
		w.t.Fatal(err)
	}
	return text
}

// quote is s as a word of PowerShell.
func (w *pwshWorld) quote(s string) string {
	q, err := pwshDialect(w.t).Quote(s)
	if err != nil {
		w.t.Fatal(err)
	}
	return q
}

// load evaluates the hook as people do, without running a program first.
func (w *pwshWorld) load() string {
	return "Invoke-Expression ([IO.File]::ReadAllText(" + w.quote(w.path("hook.ps1")) + "))"
}

func (w *pwshWorld) command(args ...string) *exec.Cmd {
	cmd := exec.Command("pwsh", append([]string{"-NoLogo"}, args...)...)
	cmd.Dir = w.home
	cmd.Env = append([]string{
		"HOME=" + w.home, "XDG_CONFIG_HOME=" + w.path(".config"), "XDG_DATA_HOME=" + w.path(".data"), "XDG_CACHE_HOME=" + w.path(".cache"),
		"PATH=" + w.path("bin") + ":" + os.Getenv("PATH"), "TERM=xterm", "LANG=C.UTF-8", "PWSH_STUB=" + w.home, "NO_COLOR=1",
	}, w.env...)
	return cmd
}

// runs gives what a script prints, standard error included, after the hook was loaded.
func (w *pwshWorld) runs(script string) string {
	w.t.Helper()
	w.write("script.ps1", "\ufeff"+w.load()+"\n"+script)
	cmd := w.command("-NoProfile", "-File", w.path("script.ps1"))
	out, err := cmd.CombinedOutput()
	if err != nil && cmd.ProcessState == nil {
		w.t.Fatal(err)
	}
	return pwshPlain(string(out))
}

// pwshTerm is one PowerShell in one terminal, whose own prompt is "<$? $LASTEXITCODE>PS> ".
type pwshTerm struct {
	*pwshWorld
	pty  *os.File
	mu   sync.Mutex
	raw  strings.Builder
	mark int
	cmd  *exec.Cmd
}

const pwshPatience = 2 * time.Minute

const pwshPrompt = "function global:prompt { \"<$? $($ExecutionContext.SessionState.PSVariable.GetValue('global:LASTEXITCODE'))>PS> \" }\n"

// start opens a terminal whose shell has run the hook from its profile, and then `after`.
func (w *pwshWorld) start(after string) *pwshTerm {
	w.t.Helper()
	return w.startWith(pwshPrompt + w.load() + "\n" + after + "\n")
}

func (w *pwshWorld) startWith(profile string) *pwshTerm {
	w.t.Helper()
	w.write(".config/powershell/Microsoft.PowerShell_profile.ps1", profile)
	cmd := w.command()
	f, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: 50, Cols: 250})
	if err != nil {
		w.t.Fatal(err)
	}
	x := &pwshTerm{pwshWorld: w, pty: f, cmd: cmd}
	done := make(chan struct{})
	go func() { defer close(done); _, _ = io.Copy(x, f) }()
	w.t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		f.Close()
		<-done
	})
	x.until("PS> ")
	return x
}

func (x *pwshTerm) Write(b []byte) (int, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.raw.Write(b)
}

func (x *pwshTerm) send(s string) {
	if _, err := io.WriteString(x.pty, s); err != nil {
		x.t.Fatal(err)
	}
}

// until waits for text after what was seen before, and returns all up to its end.
func (x *pwshTerm) until(text string) string {
	x.t.Helper()
	pause := time.Millisecond
	for end := time.Now().Add(pwshPatience); ; time.Sleep(pause) {
		pause = min(2*pause, 20*time.Millisecond)
		x.mu.Lock()
		seen := x.raw.String()[x.mark:]
		x.mu.Unlock()
		if at := strings.Index(seen, text); at >= 0 {
			x.mark += at + len(text)
			return pwshPlain(seen[:at+len(text)])
		}
		if time.Now().After(end) {
			x.t.Fatalf("never saw %q; calls:\n%s\nscreen:\n%s", text, x.read("log"), pwshPlain(x.raw.String()))
		}
	}
}

var pwshEscapes = regexp.MustCompile(`\x1b(\[[?0-9;]*[a-zA-Z]|=|>)`)

func pwshPlain(s string) string {
	return strings.ReplaceAll(pwshEscapes.ReplaceAllString(s, ""), "\r", "")
}

// run types one statement, and returns what was printed and the prompt after it.
func (x *pwshTerm) run(line string) (printed, prompt string) {
	x.t.Helper()
	x.send(line + "\r")
	all := x.until("PS> ")
	at := strings.LastIndexByte(all, '\n')
	printed, prompt = all[:at+1], all[at+1:]
	for { // what was typed is echoed, and twice when it came before the shell was reading
		rest, echoed := strings.CutPrefix(printed, line+"\n")
		if !echoed {
			return printed, prompt
		}
		printed = rest
	}
}

// prompts checks the prompt that follows a statement.
func (x *pwshTerm) prompts(line, want string) {
	x.t.Helper()
	if printed, got := x.run(line); got != want+"PS> " {
		x.t.Errorf("after %q the prompt is %q, want %q; printed %q", line, got, want+"PS> ", printed)
	}
}

// prints checks what a statement prints.
func (x *pwshTerm) prints(line, want string) {
	x.t.Helper()
	if got, _ := x.run(line); got != want {
		x.t.Errorf("%q printed %q, want %q", line, got, want)
	}
}
