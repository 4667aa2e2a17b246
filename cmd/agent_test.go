//go:build unix

package cmd_test

// The agent: a passphrase is typed once, and every terminal goes on.

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"

	"github.com/d44b7504/vault/internal/fakeaws"
	"github.com/d44b7504/vault/internal/storetest"
	"github.com/d44b7504/vault/internal/testenv"
)

// agentWorld is mfaWorld, in which no passphrase is given and there may be an agent, which is
// ended with the test. It returns the environment.
func agentWorld(t *testing.T) (w *world, environ []string) {
	t.Helper()
	w = mfaWorld(t)
	return w, w.withAgent(t)
}

// withAgent is an environment without a passphrase, in which there may be an agent.
func (w *world) withAgent(t *testing.T, extra ...string) []string {
	t.Helper()
	return w.withAgentIn(t, without(w.environ(extra...), "AWS_VAULT_FILE_PASSPHRASE", "AWS_VAULT_AGENT"))
}

// withAgentIn is environ with a runtime directory whose path is short enough for the socket of an
// agent, which is ended with the test.
func (w *world) withAgentIn(t *testing.T, environ []string) []string {
	t.Helper()
	run := must(os.MkdirTemp("", "va"))
	environ = with(environ, "XDG_RUNTIME_DIR="+run)
	t.Cleanup(func() {
		pid := w.agentStatus(t, environ).PID
		w.vault(t, environ, "agent", "stop")
		awaitEnd(t, pid)
		check(os.RemoveAll(run))
	})
	return environ
}

// unlockedAgent is agentWorld, in which a person has unlocked the store and dev has a session. pid is
// that of the agent.
func unlockedAgent(t *testing.T) (w *world, environ []string, pid int) {
	t.Helper()
	w, environ = agentWorld(t)
	if r, _ := w.talk(t, environ, []exchange{w.askedPassphrase(), {"MFA code", w.code("phone") + "\r"}}, "use", "dev", "--shell", "bash"); r.status != 0 {
		t.Fatal(r.err)
	}
	return w, environ, w.agentStatus(t, environ).PID
}

type agentStatus struct {
	Running bool
	PID     int
	Stores  []struct{ Store, Until string }
	Older   bool
}

func (w *world) agentStatus(t *testing.T, environ []string) (s agentStatus) {
	t.Helper()
	r := w.vault(t, environ, "agent", "status", "--json")
	check(json.Unmarshal([]byte(r.out), &s))
	return s
}

// awaitEnd waits until a process has ended.
func awaitEnd(t *testing.T, pid int) {
	t.Helper()
	for end := time.Now().Add(patience); pid > 0 && syscall.Kill(pid, 0) == nil; time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("process %d is still there", pid)
		}
	}
}

func (w *world) askedPassphrase() exchange {
	return exchange{"Passphrase of the keys in " + w.path("keys"), passphrase + "\r"}
}

func TestAPassphraseIsAskedForOnceAndEveryTerminalGoesOn(t *testing.T) {
	t.Parallel()
	w, environ := agentWorld(t)
	r, shown := w.talk(t, environ, []exchange{w.askedPassphrase(), {"MFA code", w.code("phone") + "\r"}}, "use", "dev", "--shell", "bash")
	if r.status != 0 || !strings.Contains(r.out, "AWS_SESSION_TOKEN=") || strings.Count(shown, "Passphrase of") != 1 {
		t.Fatalf("status %d, said %q, shown %q", r.status, r.err, shown)
	}
	for _, args := range [][]string{{"use", "dev", "--shell", "zsh"}, {"exec", "ops", "--", "true"}, {"export", "dev"}} {
		if r := w.vault(t, environ, args...); r.status != 0 { // there is no person, and none is needed
			t.Errorf("%q: status %d, said %q", args, r.status, r.err)
		}
	}
	if n := w.aws.Calls("GetSessionToken"); n != 1 {
		t.Errorf("%d sessions with MFA were made", n)
	}
	if s := w.agentStatus(t, environ); len(s.Stores) != 1 || !strings.Contains(s.Stores[0].Store, w.path("keys")) {
		t.Errorf("the agent says %+v", s)
	}
}

func TestLockForgetsThePassphraseAndEndsTheAgent(t *testing.T) {
	t.Parallel()
	w, environ, pid := unlockedAgent(t)
	if r := w.vault(t, environ, "lock"); r.status != 0 || !strings.Contains(r.err, "locked") {
		t.Fatalf("status %d, said %q", r.status, r.err)
	}
	awaitEnd(t, pid)
	if r := w.vault(t, environ, "use", "dev", "--shell", "bash"); r.status != 3 || r.out != "" {
		t.Errorf("after lock: status %d, said %q", r.status, r.err)
	}
}

func TestAWrongPassphraseIsAskedForAgainAndAWrongCodeToo(t *testing.T) {
	t.Parallel()
	w, environ := agentWorld(t)
	r, shown := w.talk(t, environ, []exchange{
		{"Passphrase of the keys", "not this\r"}, {"Wrong passphrase. Passphrase of the keys", passphrase + "\r"},
		{"MFA code for phone (111122223333): ", "000000\r"}, {"MFA code for phone", w.code("phone") + "\r"},
	}, "use", "base", "--shell", "bash")
	if r.status != 0 || !strings.HasPrefix(r.err, "vault: the code was not accepted; each code works once and for half a minute\n") {
		t.Errorf("status %d, said %q, shown %q", r.status, r.err, shown)
	}
}

// A passphrase that is typed for a command which needs the key itself is asked for nowhere else.
func TestAPassphraseTypedForAKeyOpensTheStoreForEveryTerminal(t *testing.T) {
	t.Parallel()
	w := roleWorld(t)
	check(storetest.CheapIdentity(w.path("age"), passphrase))
	_, k := w.user("bob")
	age := []exchange{{"Passphrase of " + w.path("age"), passphrase + "\r"}}
	for _, c := range []struct {
		args, extra []string
		asked       []exchange
		use         string // the back end that a terminal has then
	}{
		{args: []string{"add", "other", "--env", "--no-check"}, extra: []string{"AWS_ACCESS_KEY_ID=" + k.ID, "AWS_SECRET_ACCESS_KEY=" + k.Secret.Reveal()}},
		{args: []string{"export", "--no-session", "base"}},
		{args: []string{"rotate", "base"}},
		{args: []string{"migrate", "--to", "age:" + w.path("age")}, asked: append([]exchange{w.askedPassphrase()}, age...), use: "age"},
		{args: []string{"export", "--no-session", "base"}, asked: age, extra: []string{"AWS_VAULT_BACKEND=age", "AWS_VAULT_AGE_DIR=" + w.path("age")}, use: "age"},
	} {
		environ := w.withAgent(t)
		asked := c.asked
		if asked == nil {
			asked = []exchange{w.askedPassphrase()}
		}
		if r, shown := w.talk(t, append(environ, c.extra...), asked, c.args...); r.status != 0 {
			t.Fatalf("%q: status %d, said %q, shown %q", c.args, r.status, r.err, shown)
		}
		if s := w.agentStatus(t, environ); len(s.Stores) == 0 || c.use == "" && !strings.Contains(s.Stores[0].Store, w.path("keys")) {
			t.Errorf("%q: the agent has %+v", c.args, s)
		}
		if c.use == "" {
			if r := w.vault(t, environ, "export", "--refresh", "prod"); r.status != 0 {
				t.Errorf("after %q: status %d, said %q", c.args, r.status, r.err)
			}
		}
	}
}

func TestANewPassphraseIsAskedForOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, roleConfig)
	arn, k := w.user("alice")
	w.role("prod", fakeaws.Trust{Principals: []string{arn}})
	environ := w.withAgent(t)
	add := append(environ, "AWS_ACCESS_KEY_ID="+k.ID, "AWS_SECRET_ACCESS_KEY="+k.Secret.Reveal())
	r, shown := w.talk(t, add, []exchange{{"New passphrase for the keys in ", passphrase + "\r"}, {"The same passphrase again: ", passphrase + "\r"}}, "add", "base", "--env")
	if r.status != 0 {
		t.Fatalf("status %d, said %q, shown %q", r.status, r.err, shown)
	}
	if r := w.vault(t, environ, "export", "prod"); r.status != 0 {
		t.Errorf("another terminal: status %d, said %q", r.status, r.err)
	}
}

func TestTheAgentGivesOutNoKey(t *testing.T) {
	t.Parallel()
	w, environ, _ := unlockedAgent(t)
	if r := w.vault(t, environ, "export", "--no-session", "base"); r.status != 3 || r.out != "" {
		t.Errorf("status %d, said %q", r.status, r.err)
	}
	r, _ := w.talk(t, environ, []exchange{w.askedPassphrase()}, "export", "--no-session", "base")
	if r.status != 0 || !strings.Contains(r.out, "AKIA") {
		t.Errorf("status %d, said %q", r.status, r.err)
	}
}

// Of twenty terminals that come at the same time one asks, one calls AWS and one agent is
// started.
func TestTwentyTerminalsAskOnceCallOnceAndStartOneAgent(t *testing.T) {
	t.Parallel()
	w, environ := agentWorld(t)
	const terminals = 20
	code := w.code("phone")
	var all sync.WaitGroup
	var mu sync.Mutex
	passphrases, codes := 0, 0
	for range terminals {
		all.Add(1)
		go func() {
			defer all.Done()
			p, c := w.answer(t, environ, code, "exec", "dev", "--", "true")
			mu.Lock()
			defer mu.Unlock()
			passphrases, codes = passphrases+p, codes+c
		}()
	}
	all.Wait()
	if passphrases != 1 || codes != 1 || w.aws.Calls("GetSessionToken") != 1 || w.aws.Calls("AssumeRole") != 1 {
		t.Errorf("asked for %d passphrases and %d codes; %d and %d calls", passphrases, codes, w.aws.Calls("GetSessionToken"), w.aws.Calls("AssumeRole"))
	}
}

func TestAgentOffStartsNothing(t *testing.T) {
	t.Parallel()
	w := mfaWorld(t)
	for _, off := range []string{"AWS_VAULT_AGENT=off", "AWS_VAULT_AGENT_TTL=0"} {
		environ := append(w.withAgent(t), off)
		r, _ := w.talk(t, environ, []exchange{w.askedPassphrase()}, "export", "--no-session", "base")
		if r.status != 0 || w.agentStatus(t, environ).Running {
			t.Errorf("%s: status %d, said %q", off, r.status, r.err)
		}
		r = w.vault(t, environ, "agent", "start")
		if r.status != 1 || !strings.Contains(r.err, "AWS_VAULT_AGENT") {
			t.Errorf("%s: agent start: status %d, said %q", off, r.status, r.err)
		}
	}
}

func TestAgentOnUsesThePassphraseOfAVariableWithoutATerminal(t *testing.T) {
	t.Parallel()
	w := roleWorld(t)
	environ := w.withAgent(t, "AWS_VAULT_AGENT=on")
	given := append(environ, "AWS_VAULT_AGENT=on", "AWS_VAULT_FILE_PASSPHRASE="+passphrase)
	if r := w.vault(t, append(given, "AWS_VAULT_FILE_PASSPHRASE=wrong"), "export", "prod"); r.status != 3 || !strings.Contains(r.err, "AWS_VAULT_FILE_PASSPHRASE") {
		t.Errorf("a wrong one: status %d, said %q", r.status, r.err)
	}
	if r := w.vault(t, given, "use", "prod", "--shell", "bash"); r.status != 0 {
		t.Fatalf("status %d, said %q", r.status, r.err)
	}
	if r := w.vault(t, environ, "export", "prod"); r.status != 0 || w.aws.Calls("AssumeRole") != 1 {
		t.Errorf("another terminal, without the variable: status %d, said %q", r.status, r.err)
	}
}

func TestASettingThatCannotBeUnderstoodIsSaidInOneSentence(t *testing.T) {
	t.Parallel()
	w := mfaWorld(t)
	for _, junk := range []string{"AWS_VAULT_AGENT_TTL=junk", "AWS_VAULT_AGENT_TTL=-1h", "AWS_VAULT_AGENT=perhaps", "AWS_VAULT_AGENT_LOCK_ON_SUSPEND=sometimes"} {
		environ := append(w.withAgent(t), junk)
		name, value, _ := strings.Cut(junk, "=")
		for _, args := range [][]string{{"use", "dev", "--shell", "bash"}, {"agent", "start"}} {
			r := w.vault(t, environ, args...)
			if r.status == 0 || r.out != "" || strings.Count(r.err, "\n") != 1 || !strings.Contains(r.err, name+" is \""+value+"\"") {
				t.Errorf("%s: %q: status %d, said %q", junk, args, r.status, r.err)
			}
		}
	}
}

// An agent that is killed loses nothing: the next command at a terminal starts another one.
func TestAfterAnAgentWasKilledTheNextCommandAsksAndGoesOn(t *testing.T) {
	t.Parallel()
	w, environ, pid := unlockedAgent(t)
	check(syscall.Kill(pid, syscall.SIGKILL))
	awaitEnd(t, pid)
	if r := w.vault(t, environ, "use", "dev", "--shell", "bash"); r.status != 3 {
		t.Errorf("with nobody there: status %d, said %q", r.status, r.err)
	}
	r, _ := w.talk(t, environ, []exchange{w.askedPassphrase()}, "use", "dev", "--shell", "bash")
	if r.status != 0 || w.aws.Calls("GetSessionToken") != 1 || w.agentStatus(t, environ).PID == pid {
		t.Errorf("status %d, said %q, %d sessions", r.status, r.err, w.aws.Calls("GetSessionToken"))
	}
}

// An agent ends when its socket is taken away: with the user's last login session the
// system removes the directory.
func TestTheAgentEndsWithTheRuntimeDirectory(t *testing.T) {
	t.Parallel()
	w, environ := agentWorld(t)
	if r := w.vault(t, environ, "agent", "start"); r.status != 0 {
		t.Fatal(r.err)
	}
	pid := w.agentStatus(t, environ).PID
	check(os.RemoveAll(filepath.Join(value(environ, "XDG_RUNTIME_DIR"), "vault")))
	awaitEnd(t, pid)
}

// value is that of a variable in an environment.
func value(environ []string, name string) string {
	for _, e := range environ {
		if v, is := strings.CutPrefix(e, name+"="); is {
			return v
		}
	}
	return ""
}

var passphraseQuestion = regexp.MustCompile(`Passphrase of \S.*: $`)

// answer runs the program at a terminal of its own and answers whatever it asks, in the
// order in which it asks. It returns how often it was asked for what.
func (w *world) answer(t *testing.T, environ []string, code string, args ...string) (passphrases, codes int) {
	t.Helper()
	c := exec.Command(filepath.Join(bin, "vault"), args...)
	var said strings.Builder
	c.Env, c.Dir, c.Stderr = environ, w.dir, &said
	tty, err := pty.Start(c)
	check(err)
	defer func() { _ = tty.Close() }()
	late := time.AfterFunc(patience, func() { _ = c.Process.Kill() })
	defer late.Stop()
	var screen string
	for buf := make([]byte, 4096); ; {
		n, err := tty.Read(buf)
		screen += string(buf[:n])
		switch {
		case passphraseQuestion.MatchString(screen):
			passphrases++
			screen = ""
			_, _ = tty.WriteString(passphrase + "\r")
		case strings.Contains(screen, "MFA code for phone (111122223333): "):
			codes++
			screen = ""
			_, _ = tty.WriteString(code + "\r")
		}
		if err != nil {
			break
		}
	}
	if err := c.Wait(); err != nil {
		t.Errorf("%q: %v: %s", args, err, said.String())
	}
	return passphrases, codes
}

// An agent that is killed again and again, while terminals work, is at no moment more than one,
// and no command gets anything wrong: each has its session, or says that the store is locked.
func TestAnAgentThatIsKilledAgainAndAgainLosesNothing(t *testing.T) {
	t.Parallel()
	w, environ := agentWorld(t)
	kills, terminals, pause := 2, 2, 50*time.Millisecond // what a terminal does without one is to keep a processor busy
	if testenv.Long() {                                  // two hundred of twenty take seven minutes
		kills, terminals, pause = 20, 10, 0
	}
	if r, _ := w.talk(t, environ, []exchange{w.askedPassphrase(), {"MFA code", w.code("phone") + "\r"}}, "use", "dev", "--shell", "bash"); r.status != 0 {
		t.Fatal(r.err)
	}
	ctx, stop := context.WithCancel(t.Context())
	var all sync.WaitGroup
	for range terminals {
		all.Go(func() {
			for ctx.Err() == nil {
				r := w.vault(t, environ, "exec", "dev", "--", "/bin/sh", "-c", "echo $AWS_VAULT")
				good := r.status == 0 && r.out == "dev\n" || r.status == 3 && r.out == "" && strings.Contains(r.err, "cannot be asked for here")
				if !good {
					t.Errorf("status %d, %q, said %q", r.status, r.out, r.err)
				}
				time.Sleep(pause)
			}
		})
	}
	for range kills {
		pid := w.agentStatus(t, environ).PID
		if pid == 0 {
			t.Error("no agent is running")
			break
		}
		check(syscall.Kill(pid, syscall.SIGKILL))
		awaitEnd(t, pid)
		if r, _ := w.talk(t, environ, []exchange{w.askedPassphrase()}, "exec", "dev", "--", "true"); r.status != 0 {
			t.Errorf("after a kill: status %d, said %q", r.status, r.err)
		}
	}
	stop()
	all.Wait()
	if n := w.aws.Calls("GetSessionToken"); n != 1 || w.aws.Calls("AssumeRole") != 1 {
		t.Errorf("%d and %d sessions were made", n, w.aws.Calls("AssumeRole"))
	}
}

func TestStatusSaysWhatTheAgentHolds(t *testing.T) {
	t.Parallel()
	w, environ := agentWorld(t)
	r, _ := w.talk(t, environ, []exchange{w.askedPassphrase(), {"MFA code", w.code("phone") + "\r"}}, "exec", "dev", "--", "vault", "status", "--json")
	var s struct{ Agent string }
	check(json.Unmarshal([]byte(r.out), &s))
	if r.status != 0 || !strings.Contains(s.Agent, w.path("keys")+" unlocked until ") {
		t.Errorf("status %d, %q, said %q", r.status, r.out, r.err)
	}
	if r := w.vault(t, w.environ(), "exec", "-t", w.code("phone"), "dev", "--", "vault", "status"); strings.Contains(r.out, "agent") {
		t.Errorf("without an agent: %q", r.out)
	}
}
