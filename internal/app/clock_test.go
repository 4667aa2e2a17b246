package app

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/d44b7504/vault/env"
	"github.com/d44b7504/vault/internal/creds"
	"github.com/d44b7504/vault/internal/fakeaws"
	"github.com/d44b7504/vault/internal/profiles"
	"github.com/d44b7504/vault/internal/sessions"
	"github.com/d44b7504/vault/internal/storetest"
	"github.com/d44b7504/vault/refresh"
	"github.com/d44b7504/vault/store"
)

// clocks are AWS's clock, which is right, and this machine's, which is off and is set.
type clocks struct {
	mu     sync.Mutex
	start  time.Time
	passed time.Duration
	off    time.Duration
	during func() // called at each reading of the machine's clock; may change off
}

func (c *clocks) aws() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.start.Add(c.passed)
}

func (c *clocks) machine() time.Time {
	if c.during != nil {
		c.during()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.start.Add(c.passed + c.off)
}

func (c *clocks) sinceBoot() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return 24*time.Hour + c.passed
}

func (c *clocks) move(passed, off time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.passed, c.off = passed, off
}

// machine is a computer with a stored key, a role over it, and an AWS.
type machine struct {
	*clocks
	t    *testing.T
	aws  *fakeaws.Server
	core *Core
	list []string
}

func newMachine(t *testing.T, boots bool) *machine {
	t.Helper()
	m := &machine{clocks: &clocks{start: time.Now()}, t: t}
	aws, err := fakeaws.Start(fakeaws.Options{Now: m.clocks.aws})
	m.check(err)
	t.Cleanup(func() { _ = aws.Close() })
	m.aws = aws
	user, err := aws.AddUser("111122223333", "alice")
	m.check(err)
	key, err := aws.AddKey(user)
	m.check(err)
	role, err := aws.AddRole(fakeaws.Role{Account: "111122223333", Name: "admin", Trust: fakeaws.Trust{Principals: []string{user}}})
	m.check(err)
	memory := storetest.NewMemory()
	m.check(store.PutKey(context.Background(), memory, "base", key))
	dir := t.TempDir()
	config := filepath.Join(dir, "config")
	text := "[profile base]\nregion = eu-west-1\n[profile prod]\nregion = eu-west-1\nsource_profile = base\nrole_arn = " + role + "\n"
	m.check(os.WriteFile(config, []byte(text), 0o600))
	m.list = []string{"HOME=" + dir, "AWS_CONFIG_FILE=" + config, "XDG_RUNTIME_DIR=" + dir, "AWS_ENDPOINT_URL=" + aws.URL()}
	m.core = &Core{
		OpenStore:    func(context.Context, store.Options) (store.Store, error) { return memory, nil },
		LoadProfiles: profiles.LoadFiles, Policy: refresh.Default, Now: m.machine, Who: func() (string, string) { return "alice", "laptop" },
	}
	if boots {
		m.core.SinceBoot = m.sinceBoot
	}
	return m
}

func (m *machine) check(err error) {
	m.t.Helper()
	if err != nil {
		m.t.Fatal(err)
	}
}

func (m *machine) task(list []string) *Task {
	return m.core.Task(Caller{Env: NewEnvironment(list, nil), Quiet: true})
}

var request = env.Request{Profile: "prod"}

// hand returns the session that use, exec and export hand out.
func (m *machine) hand() creds.Session {
	m.t.Helper()
	_, l, err := m.task(m.list).Session(context.Background(), request, refresh.Want{})
	m.check(err)
	return l.Session
}

// shell is the environment of a shell in which s is active.
func (m *machine) shell(s creds.Session) []string {
	return env.Child(m.list, request, s, "/nonexistent/generation")
}

// accepted reports whether AWS accepts a session now.
func (m *machine) accepted(s creds.Session) bool {
	m.t.Helper()
	_, err := sessions.WhoAmI(context.Background(), sessions.Endpoint{Region: "eu-west-1", URL: m.aws.URL()}, s)
	return err == nil
}

// agree checks that whatever is handed out or called good is accepted by AWS, and that no
// session is good for longer than its own life.
func (m *machine) agree(when string, in creds.Session) {
	m.t.Helper()
	const most = time.Hour + creds.ClockTolerance
	status := StatusOf(m.task(m.shell(in)), env.State{Request: request, Issued: in.Issued.Unix()})
	if !status.Expired && (!m.accepted(in) || time.Duration(status.Left)*time.Second > most) {
		m.t.Errorf("%s: status says %ds are left, AWS accepts it: %v", when, status.Left, m.accepted(in))
	}
	shown := m.task(m.shell(in)).Current(context.Background(), m.profile())
	if now := m.machine(); !shown.Session.Expired(now) && shown.Session.Expires.Sub(now) > most {
		m.t.Errorf("%s: the prompt says %v are left", when, shown.Session.Expires.Sub(now))
	}
	s := m.hand()
	exported, err := time.Parse(time.RFC3339, env.Parse(m.shell(s))[env.Expiration])
	if left := s.Expires.Sub(m.machine()); err != nil || !m.accepted(s) || left <= 0 || left > most || exported.Sub(s.Expires).Abs() > time.Second {
		m.t.Errorf("%s: handed out %v to go, exported until %v, AWS accepts it: %v", when, left, exported, m.accepted(s))
	}
}

func (m *machine) profile() profiles.Profile {
	m.t.Helper()
	p, err := m.task(m.list).Resolve(context.Background(), request)
	m.check(err)
	return p
}

var moves = []time.Duration{-3 * time.Hour, -time.Hour, -10 * time.Minute, 0, 10 * time.Minute, time.Hour, 3 * time.Hour}

func TestWhatIsCalledGoodIsAcceptedByAWSAfterTheClockWasSetRight(t *testing.T) {
	for _, off := range moves {
		for _, boots := range []bool{true, false} {
			m := newMachine(t, boots)
			m.move(0, off)
			s := m.hand()
			for _, passed := range []time.Duration{3 * time.Minute, 40 * time.Minute, 63 * time.Minute, 70 * time.Minute, 125 * time.Minute, 4 * time.Hour} {
				m.move(passed, 0)
				m.agree(fmt.Sprintf("%v off, set right, %v later", off, passed), s)
			}
		}
	}
}

func TestASessionOutlivesNoClockThatIsSetWrong(t *testing.T) {
	for _, off := range moves {
		m := newMachine(t, true)
		s := m.hand()
		for _, passed := range []time.Duration{3 * time.Minute, 40 * time.Minute, 63 * time.Minute} {
			m.move(passed, off)
			now := m.machine()
			status := StatusOf(m.task(m.shell(s)), env.State{Request: request, Issued: s.Issued.Unix()})
			if left := time.Duration(status.Left) * time.Second; left > time.Hour+creds.ClockTolerance {
				t.Errorf("set %v off after %v: %v are left of an hour", off, passed, left)
			}
			if !status.Expired && !m.accepted(s) {
				t.Errorf("set %v off after %v: status says %ds are left of a session that AWS refuses", off, passed, status.Left)
			}
			if h := m.hand(); h.Expires.Sub(now) > time.Hour+creds.ClockTolerance {
				t.Errorf("set %v off after %v: %v are left of what is handed out", off, passed, h.Expires.Sub(now))
			}
		}
	}
}

func TestAClockThatIsSetRightDuringTheCallDoesNotStretchTheSession(t *testing.T) {
	for _, off := range moves {
		m := newMachine(t, true)
		m.move(0, off)
		m.during = func() {
			if m.aws.Calls("AssumeRole") > 0 {
				m.move(m.passed, 0)
			}
		}
		s := m.hand()
		m.during = nil
		for _, passed := range []time.Duration{time.Minute, 50 * time.Minute, 63 * time.Minute} {
			m.move(passed, 0)
			m.agree(fmt.Sprintf("%v off, set right during the call, %v later", off, passed), s)
		}
	}
}

// A wrong clock that is not set costs nothing: one session serves for its hour.
func TestAMachineWhoseClockIsWrongStillKeepsItsSessions(t *testing.T) {
	for _, off := range moves {
		m := newMachine(t, true)
		m.move(0, off)
		first := m.hand()
		for _, passed := range []time.Duration{time.Minute, 20 * time.Minute, 40 * time.Minute} {
			m.move(passed, off)
			if again := m.hand(); again.AccessKeyID != first.AccessKeyID {
				t.Errorf("%v off: another session after %v", off, passed)
			}
			m.agree(fmt.Sprintf("%v off, %v later", off, passed), first)
		}
		if n := m.aws.Calls("AssumeRole"); n > 2 { // the first is refused, if the clock is far off
			t.Errorf("%v off: %d calls", off, n)
		}
	}
}
