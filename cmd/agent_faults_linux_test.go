package cmd_test

// What the agent and its clients do on a bad day.

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/d44b7504/vault/internal/fakeaws"
	"github.com/d44b7504/vault/internal/testenv"
)

// openAgent is a world of a role with an agent that holds its store, and the environment of a
// terminal that has no passphrase.
func openAgent(t *testing.T) (w *world, environ []string, pid int) {
	t.Helper()
	w = roleWorld(t)
	environ = w.withAgent(t)
	if r := w.vault(t, w.opening(environ), "export", "prod"); r.status != 0 {
		t.Fatalf("status %d, said %q", r.status, r.err)
	}
	return w, environ, w.agentStatus(t, environ).PID
}

// opening is environ with the passphrase, which the agent is given.
func (w *world) opening(environ []string) []string {
	return with(environ, "AWS_VAULT_AGENT=on", "AWS_VAULT_FILE_PASSPHRASE="+passphrase)
}

// counted is the sum of a line of all threads' status of a process.
func counted(pid int, line string) (sum int) {
	for _, file := range must(filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", pid))) {
		text, _ := os.ReadFile(file)
		for l := range strings.Lines(string(text)) {
			var n int
			if _, err := fmt.Sscanf(l, line+": %d", &n); err == nil {
				sum += n
			}
		}
	}
	return sum
}

// awaitIdle waits until a process does nothing while others work: it is not woken once. One
// that is never idle never stands still.
func (w *world) awaitIdle(t *testing.T, pid int) {
	t.Helper()
	for end := time.Now().Add(2 * patience); ; {
		before := counted(pid, "voluntary_ctxt_switches")
		for range 10 {
			w.vault(t, w.environ(), "version")
		}
		if counted(pid, "voluntary_ctxt_switches") == before {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("process %d is woken again and again", pid)
		}
	}
}

// It is one small process that does nothing by itself.
func TestTheAgentIsSmallAndIdle(t *testing.T) {
	t.Parallel()
	w, _, pid := unlockedAgent(t)
	status := string(must(os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))))
	var rss int
	for line := range strings.Lines(status) {
		_, _ = fmt.Sscanf(line, "VmRSS: %d", &rss)
	}
	if rss == 0 || rss > 25<<10 {
		t.Errorf("%d kB", rss)
	}
	if dump, err := os.Open(fmt.Sprintf("/proc/%d/mem", pid)); err == nil && os.Geteuid() != 0 {
		_ = dump.Close()
		t.Error("another process of the user can read its memory")
	}
	w.awaitIdle(t, pid)
}

func TestTheAgentStaysSmallAndIdleAfterHostileClients(t *testing.T) {
	t.Parallel()
	w, environ, pid := openAgent(t)
	socket := filepath.Join(value(environ, "XDG_RUNTIME_DIR"), "vault", "agent.sock")
	idle, slow, garbage := 200, 50, 500
	if testenv.Long() {
		idle, slow, garbage = 1000, 200, 10_000
	}
	var open []net.Conn
	defer func() {
		for _, c := range open {
			_ = c.Close()
		}
	}()
	dial := func(text string) net.Conn {
		c, err := net.DialTimeout("unix", socket, patience)
		if err != nil { // the queue is full for a moment
			return nil
		}
		_ = c.SetDeadline(time.Now().Add(patience))
		_, _ = io.WriteString(c, text)
		return c
	}
	keep := func(n int, text string) {
		for range n {
			if c := dial(text); c != nil {
				open = append(open, c)
			}
		}
	}
	keep(idle, "")
	keep(slow, "POST /1/session HTTP/1.1\r\nHost: vault-agent\r\nContent-Length: 200000\r\n\r\n{\"Op\"") // writes no more
	keep(slow, strings.Repeat("GET /status HTTP/1.1\r\nHost: vault-agent\r\n\r\n", 2000))                // reads nothing
	for i := range garbage {
		if c := dial(strings.Repeat(string(rune(i%256)), 1+i%3000) + "\r\n\r\n"); c != nil {
			_ = c.Close()
		}
	}
	if r := w.vault(t, environ, "export", "prod"); r.status != 0 {
		t.Errorf("among them: status %d, said %q", r.status, r.err)
	}
	for _, c := range open {
		_ = c.Close()
	}
	if s := w.agentStatus(t, environ); s.PID != pid || len(s.Stores) != 1 {
		t.Errorf("after them: %+v", s)
	}
	w.awaitIdle(t, pid)
	if kB := counted(pid, "VmRSS") / max(1, len(must(filepath.Glob(fmt.Sprintf("/proc/%d/task/*", pid))))); kB == 0 || kB > 25<<10 {
		t.Errorf("%d kB", kB)
	}
}

// A machine that slept for longer than a session lived: nobody waits for the agent meanwhile, and
// when it goes on it renews the session without a question.
func TestAnAgentThatWasAsleepForLongerThanASessionGoesOn(t *testing.T) {
	t.Parallel()
	w, environ, pid := openAgent(t)
	check(syscall.Kill(pid, syscall.SIGSTOP))
	check(w.age("prod", 2*time.Hour))
	r := w.vault(t, environ, "export", "prod")
	if r.status != 3 || r.out != "" || !strings.Contains(r.err, "locked") {
		t.Errorf("asleep: status %d, said %q", r.status, r.err)
	}
	if r := w.vault(t, environ, "agent", "status"); r.status != 1 || !strings.Contains(r.err, "the agent does not answer; end its process and try again") {
		t.Errorf("asleep: status %d, said %q", r.status, r.err)
	}
	check(syscall.Kill(pid, syscall.SIGCONT))
	if r := w.vault(t, environ, "export", "prod"); r.status != 0 || w.aws.Calls("AssumeRole") != 2 {
		t.Errorf("awake: status %d, said %q", r.status, r.err)
	}
}

// What the person types is not lost when the agent is killed meanwhile; of one that stands still
// they are told.
func TestAnAgentThatEndsWhileThePassphraseIsTyped(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		signal syscall.Signal
		says   string
	}{
		"killed":  {syscall.SIGKILL, ""},
		"stopped": {syscall.SIGSTOP, "vault: there is no agent, so each command asks for the passphrase: give the passphrase to the agent: the agent does not answer; end its process and try again\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := roleWorld(t)
			environ := w.withAgent(t)
			pid := 0
			w.meanwhile = func() {
				if pid == 0 {
					pid = w.agentStatus(t, environ).PID
					check(syscall.Kill(pid, c.signal))
				}
			}
			t.Cleanup(func() { _ = syscall.Kill(pid, syscall.SIGKILL) })
			r, shown := w.talk(t, environ, []exchange{w.askedPassphrase()}, "export", "prod")
			if r.status != 0 || !strings.Contains(r.out, "ASIA") || !strings.HasPrefix(r.err, c.says) || c.says == "" && r.err != "" {
				t.Errorf("status %d, said %q, shown %q", r.status, r.err, shown)
			}
		})
	}
}

func TestAnAgentOnAFullDiskStillGivesASession(t *testing.T) {
	t.Parallel()
	testenv.Require(t, "bash")
	w := roleWorld(t)
	environ := w.withAgent(t)
	c := exec.Command("bash", "-c", "ulimit -f 0; trap '' XFSZ; exec vault agent start --foreground")
	c.Env, c.Dir = environ, w.dir
	check(c.Start())
	defer func() { _ = c.Process.Kill(); _ = c.Wait() }()
	for end := time.Now().Add(patience); w.agentStatus(t, environ).PID != c.Process.Pid; {
		if time.Now().After(end) {
			t.Fatal("the agent does not start")
		}
	}
	r := w.vault(t, w.opening(environ), "use", "prod", "--shell", "bash")
	if r.status != 0 || !strings.Contains(r.out, "AWS_SECRET_ACCESS_KEY=") || strings.Count(r.err, "\n") > 2 {
		t.Errorf("status %d, said %q", r.status, r.err)
	}
	if s := w.agentStatus(t, environ); s.PID != c.Process.Pid || len(s.Stores) != 1 {
		t.Errorf("the agent says %+v", s)
	}
	w.intact(t)
}

// After an upgrade the older agent serves on where nobody can type the passphrase, and is
// replaced where the passphrase can be given. The sessions that it made are kept.
func TestAnAgentOfAnOlderVersionIsReplacedAndItsSessionsAreKept(t *testing.T) {
	t.Parallel()
	w := roleWorld(t)
	environ := w.withAgent(t)
	check(os.MkdirAll(w.path("old"), 0o700))
	older := w.path("old/vault")
	check(os.WriteFile(older, must(os.ReadFile(filepath.Join(bin, "vault"))), 0o700))
	check(os.Chtimes(older, time.Unix(1e9, 0), time.Unix(1e9, 0)))
	if r := w.run(t, w.opening(environ), older, "export", "prod"); r.status != 0 {
		t.Fatal(r.err)
	}
	old := w.agentStatus(t, environ)
	if !old.Older {
		t.Fatalf("%+v", old)
	}
	if r := w.vault(t, environ, "export", "prod"); r.status != 0 || w.agentStatus(t, environ).PID != old.PID {
		t.Errorf("nobody there: status %d, said %q", r.status, r.err)
	}
	r, _ := w.talk(t, environ, []exchange{w.askedPassphrase()}, "use", "prod", "--shell", "bash")
	if s := w.agentStatus(t, environ); r.status != 0 || s.PID == old.PID || s.Older || len(s.Stores) != 1 || w.aws.Calls("AssumeRole") != 1 {
		t.Errorf("at a terminal: status %d, said %q, %+v, %d sessions were made", r.status, r.err, s, w.aws.Calls("AssumeRole"))
	}
	awaitEnd(t, old.PID)
}

// A container may have no /proc: the program then does not know its own file.
func TestWithoutProcThereIsASessionAllTheSame(t *testing.T) {
	bwrap := testenv.Require(t, "bubblewrap", "bwrap")
	t.Parallel()
	w := roleWorld(t)
	environ := w.withAgent(t)
	inside := func(args ...string) result {
		return w.run(t, w.opening(environ), bwrap, append([]string{"--unshare-user", "--bind", "/", "/", "--dev", "/dev", "--tmpfs", "/proc", "vault"}, args...)...)
	}
	if r := inside("use", "prod", "--shell", "bash"); r.status != 0 || !strings.Contains(r.out, "AWS_SECRET_ACCESS_KEY=") || strings.Count(r.err, "\n") != 1 {
		t.Errorf("use: status %d, said %q", r.status, r.err)
	}
	for _, args := range [][]string{{"exec", "prod", "--", "true"}, {"refresh", "--if-due"}, {"status"}, {"list"}, {"hook", "bash"}} {
		if r := inside(args...); r.status > 1 || strings.Contains(r.err, "/proc") {
			t.Errorf("%q: status %d, said %q", args, r.status, r.err)
		}
	}
}

// Only root can be another user: each has an agent of its own, and neither reaches the other's.
func TestTwoUsersHaveAnAgentEach(t *testing.T) {
	w := usersWorld(t)
	if r := w.byUser(t, "agent", "stop"); r.status != 0 {
		t.Fatal(r.err)
	}
	users := exec.Command(filepath.Join(bin, "vault"), "agent", "start", "--foreground")
	users.Env, users.Dir = with(w.environ(), "AWS_VAULT_AGENT=on"), w.dir
	users.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: user, Gid: user}}
	check(users.Start())
	defer func() { _ = users.Process.Kill(); _ = users.Wait() }()
	socket := w.path("run/vault/agent.sock")
	for end := time.Now().Add(patience); gone(socket); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("no agent")
		}
	}
	if s := w.agentStatus(t, w.environ()); s.PID == users.Process.Pid { // root, who could open any socket
		t.Errorf("root is served by the agent of user %d: %+v", user, s)
	}
	if c, err := net.Dial("unix", socket); err == nil { // the user's agent looks who connects
		_ = c.SetDeadline(time.Now().Add(patience))
		_, _ = io.WriteString(c, "GET /status HTTP/1.1\r\nHost: vault-agent\r\n\r\n")
		if n, _ := c.Read(make([]byte, 1)); n > 0 {
			t.Error("the user's agent answers root")
		}
		_ = c.Close()
	}
	if r := w.byUser(t, "agent", "status"); r.status != 0 {
		t.Errorf("the user: status %d, said %q", r.status, r.err)
	}
}

// A credential_process that is vault, inside a session of vault, goes through the agent: nobody is asked,
// and what exec runs needs no passphrase.
func TestACredentialProcessOfOursInASessionOfOursIsAnsweredByTheAgent(t *testing.T) {
	t.Parallel()
	w := newWorld(t, roleConfig+`
[profile other]
region = eu-west-1
credential_process = vault export --format json ops
[profile ops]
source_profile = base
role_arn = arn:aws:iam::111122223333:role/ops
region = eu-west-1
`)
	arn := w.stored("alice", "base")
	for _, role := range []string{"prod", "ops"} {
		w.role(role, fakeaws.Trust{Principals: []string{arn}})
	}
	environ := w.withAgent(t)
	for _, args := range [][]string{
		{"exec", "prod", "--", "vault", "export", "other"},
		{"exec", "prod", "--", "/bin/sh", "-c", "vault export --format json ops"},
	} {
		if r := w.vault(t, w.opening(environ), args...); r.status != 0 || !strings.Contains(r.out, "ASIA") {
			t.Errorf("%q: status %d, said %q", args, r.status, r.err)
		}
	}
	use := w.vault(t, environ, "use", "prod", "--shell", "bash") // what a shell that used it has
	if use.status != 0 {
		t.Fatal(use.err)
	}
	script := use.out + "\nvault export other && env | grep -c PASSPHRASE"
	if r := w.run(t, environ, "/bin/bash", "-c", script); !strings.Contains(r.out, "ASIA") || !strings.HasSuffix(r.out, "\n0\n") {
		t.Errorf("in a shell: status %d, %q, said %q", r.status, r.out, r.err)
	}
	if n := w.aws.Calls("AssumeRole"); n != 3 { // other is ops, with a session of its own
		t.Errorf("%d sessions were made", n)
	}
}
