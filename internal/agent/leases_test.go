package agent

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/d44b7504/vault/env"
	"github.com/d44b7504/vault/internal/app"
	"github.com/d44b7504/vault/internal/creds"
	"github.com/d44b7504/vault/internal/profiles"
	"github.com/d44b7504/vault/internal/server"
	"github.com/d44b7504/vault/refresh"
	"github.com/d44b7504/vault/store"
)

// shells are the processes of a test.
type shells struct {
	mu      sync.Mutex
	started map[int]int64
	watched map[int][]func()
	life    string
	removed string // at the end of the agent
}

func (s *shells) processes() Processes {
	return Processes{
		StartOf: func(pid int) (int64, bool) {
			s.mu.Lock()
			defer s.mu.Unlock()
			at, there := s.started[pid]
			return at, there
		},
		OnEnd: func(pid int, ended func()) func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.watched[pid] = append(s.watched[pid], ended)
			return func() {}
		},
		LifeDir: func() string { return s.life },
		RemoveAtEnd: func(dir, pattern string) error {
			s.removed = filepath.Join(dir, pattern)
			return nil
		},
	}
}

// end ends a shell.
func (s *shells) end(pid int) {
	s.mu.Lock()
	delete(s.started, pid)
	watched := s.watched[pid]
	s.mu.Unlock()
	for _, ended := range watched {
		ended()
	}
}

// leaseStage is a stage with three shells, whose store has been unlocked.
func leaseStage(t *testing.T, idle time.Duration) (*stage, *shells) {
	t.Helper()
	sh := &shells{started: map[int]int64{1: 100, 2: 200, 3: 300}, watched: map[int][]func(){}, life: filepath.Join(t.TempDir(), "life")}
	if err := errors.Join(os.Mkdir(sh.life, 0o700), os.WriteFile(filepath.Join(sh.life, "stat"), nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	s := newStage(t, Options{Idle: idle, Parts: []func(*Agent) Part{Leases(sh.processes())}})
	if opens, err := s.unlock(passphrase, time.Hour, false); !opens {
		t.Fatal(err)
	}
	return s, sh
}

func mfaProfile(name string) profiles.Profile {
	return profiles.Profile{Name: name, Region: "eu-west-1", Source: profiles.Source{Stored: &profiles.Stored{Profile: "base", MFASerial: "arn:aws:iam::111122223333:mfa/" + name}}}
}

// leaseOf asks for a lease of a shell, which has a session until then.
func (s *stage) leaseOf(pid int, id, profile string, until time.Duration) (app.LeaseReply, error) {
	return s.leaseFor(pid, id, profile, until, false)
}

// leaseFor is leaseOf. person says that a command of a person asks, and not a prompt.
func (s *stage) leaseFor(pid int, id, profile string, until time.Duration, person bool) (app.LeaseReply, error) {
	policy := refresh.Default
	policy.EarlyMin, policy.EarlyMax, policy.BackoffMin, policy.BackoffMax = 16*time.Minute, 16*time.Minute, time.Second, time.Minute
	r := app.LeaseRequest{
		Lease: env.Lease{ID: id, PID: pid, Started: int64(100 * pid)}, Again: "vault use " + profile, Person: person,
		Session: app.SessionRequest{Store: s.ref, Profile: mfaProfile(profile), Policy: policy},
	}
	if until > 0 {
		r.Have = s.made(profile, until)
	}
	return s.client().Lease(s.t.Context(), r)
}

func (s *stage) made(profile string, until time.Duration) creds.Session {
	now := s.clock.now().Truncate(time.Second)
	return creds.Session{
		Profile: profile, AccessKeyID: "ASIA" + strings.ToUpper(profile), SecretKey: creds.New("fake"), Token: creds.New("fake"),
		Issued: now, Expires: now.Add(until), Key: creds.KeyRef{ID: "AKIAFAKE"},
	}
}

// fetch asks an endpoint as a program does.
func fetch(t *testing.T, e env.Endpoint) (status int, body map[string]string) {
	t.Helper()
	r, err := http.NewRequest(http.MethodGet, e.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", e.Token.Reveal())
	r.Close = true
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, nil
	}
	defer func() { _ = res.Body.Close() }()
	_ = json.NewDecoder(res.Body).Decode(&body)
	return res.StatusCode, body
}

// answers waits for a status of an endpoint.
func answers(t *testing.T, e env.Endpoint, want int) (body map[string]string) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		status, body := fetch(t, e)
		if status == want {
			return body
		}
		if time.Now().After(end) {
			t.Fatalf("%d %v, not %d", status, body, want)
		}
	}
}

func TestALeaseServesASessionAndEndsWithItsShell(t *testing.T) {
	s, sh := leaseStage(t, 0)
	one, err := s.leaseOf(1, "one", "prod", time.Hour)
	s.check(err)
	two, err := s.leaseOf(2, "two", "dev", time.Hour)
	s.check(err)
	for reply, id := range map[*app.LeaseReply]string{&one: "ASIAPROD", &two: "ASIADEV"} {
		if status, body := fetch(t, reply.Endpoint); status != http.StatusOK || body["AccessKeyId"] != id {
			t.Errorf("%s: %d %v", id, status, body)
		}
		if _, err := os.Stat(reply.File); err != nil || len(reply.Endpoint.Token.Reveal()) < 40 {
			t.Errorf("%v", err)
		}
	}
	if status, _ := fetch(t, env.Endpoint{URL: one.Endpoint.URL, Token: two.Endpoint.Token}); status != http.StatusForbidden {
		t.Errorf("with the token of another shell: %d", status)
	}
	sh.end(1)
	if status, _ := fetch(t, one.Endpoint); status != http.StatusForbidden {
		t.Errorf("after the end of the shell: %d", status)
	}
	if _, err := os.Lstat(one.File); err == nil {
		t.Error("the file of its lease is left")
	}
	if status, _ := fetch(t, two.Endpoint); status != http.StatusOK {
		t.Errorf("the other shell: %d", status)
	}
	if _, err := s.client().End(t.Context()); err != nil {
		t.Error(err)
	}
	s.ended()
}

func TestALeaseKeepsAnIdleAgentAlive(t *testing.T) {
	s, sh := leaseStage(t, 500*time.Millisecond) // it must not end before its store is unlocked
	reply, err := s.leaseOf(1, "one", "prod", time.Hour)
	s.check(err)
	s.agent.forgetAll()
	s.agent.Rest()
	time.Sleep(time.Second) // twice as long as it would be idle: nothing happens
	if status, _ := fetch(t, reply.Endpoint); status != http.StatusOK {
		t.Errorf("%d", status)
	}
	sh.end(1)
	s.ended()
}

func TestALeaseIsKeptForTheSameSessionAndReplacedForAnother(t *testing.T) {
	s, _ := leaseStage(t, 0)
	first, err := s.leaseOf(1, "one", "prod", time.Hour)
	s.check(err)
	again, err := s.leaseOf(1, "one", "prod", 0) // a nested shell, or a prompt
	s.check(err)
	if again.Endpoint.URL != first.Endpoint.URL || !again.Endpoint.Token.Equal(first.Endpoint.Token) || again.File != first.File || !again.Ends.Equal(first.Ends) {
		t.Errorf("%+v is not %+v", again, first)
	}
	_ = os.Remove(filepath.Dir(first.File)) // the link
	if again, err = s.leaseOf(1, "one", "prod", 0); err != nil || again.File != first.File {
		t.Errorf("%+v, %v", again, err)
	} else if _, err := os.Stat(first.File); err != nil {
		t.Errorf("the file that was removed: %v", err)
	}
	other, err := s.leaseOf(1, "one", "dev", time.Hour)
	s.check(err)
	if status, _ := fetch(t, first.Endpoint); status != http.StatusForbidden || other.Endpoint.URL == first.Endpoint.URL || other.Endpoint.Token.Equal(first.Endpoint.Token) {
		t.Errorf("%d, %+v", status, other)
	}
	for range 2 {
		s.check(s.client().Revoke(t.Context(), "one"))
	}
	if status, _ := fetch(t, other.Endpoint); status != 0 {
		t.Errorf("after off: %d, but nothing should listen", status)
	}
}

func TestALeaseNeedsItsShellAndItsStore(t *testing.T) {
	s, sh := leaseStage(t, 0)
	sh.mu.Lock()
	sh.started[2] = 999 // another process with that number
	sh.mu.Unlock()
	for _, pid := range []int{2, 4} {
		if _, err := s.leaseOf(pid, "one", "prod", time.Hour); !errors.Is(err, app.ErrShellEnded) {
			t.Errorf("%d: %v", pid, err)
		}
	}
	s.agent.forgetAll()
	if _, err := s.leaseOf(1, "one", "prod", time.Hour); !errors.Is(err, app.ErrNotHeld) {
		t.Errorf("a store that is locked: %v", err)
	}
	if status, err := s.client().Status(t.Context()); err != nil || len(status.Leases) != 0 {
		t.Errorf("%+v, %v", status, err)
	}
}

func TestStatusNamesShellAndSessionAndNoToken(t *testing.T) {
	s, _ := leaseStage(t, 0)
	reply, err := s.leaseOf(3, "three", "prod", time.Hour)
	s.check(err)
	status, err := s.client().Status(t.Context())
	if err != nil || len(status.Leases) != 1 || status.Leases[0].PID != 3 || status.Leases[0].Profile != "prod" || !status.Leases[0].Until.Equal(reply.Ends.Truncate(time.Second)) {
		t.Errorf("%+v, %v", status, err)
	}
	text, err := json.Marshal(status)
	if path := reply.Endpoint.URL[strings.LastIndexByte(reply.Endpoint.URL, '/')+1:]; err != nil || strings.Contains(string(text), reply.Endpoint.Token.Reveal()) || strings.Contains(string(text), path) {
		t.Errorf("%s", text)
	}
}

func TestAStoppedAgentEndsEveryLeaseAndThePromptSaysWhy(t *testing.T) {
	for name, c := range map[string]struct {
		end  func(*stage) error
		note refresh.Note
	}{
		"stop":    {func(s *stage) error { _, err := s.client().End(context.Background()); return err }, refresh.NoAgent},
		"upgrade": {func(s *stage) error { return s.client().Stop(context.Background()) }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			s, _ := leaseStage(t, 0)
			reply, err := s.leaseOf(1, "one", "prod", time.Hour)
			s.check(err)
			s.check(c.end(s))
			s.ended()
			if status, _ := fetch(t, reply.Endpoint); status != 0 {
				t.Errorf("it is served still: %d", status)
			}
			if _, err := os.Lstat(reply.File); err == nil {
				t.Error("its file is left")
			}
			if m, there := s.dir.Mark(refresh.LeaseKey("one")); there != (c.note != "") || m.Note != c.note || m.Served {
				t.Errorf("the prompt is told %+v, %v", m, there)
			}
		})
	}
}

func TestALockedLeaseAnswersWhatToDoAndGoesOnAtItsAddress(t *testing.T) {
	for name, goOn := range map[string]func(*stage) error{
		"vault refresh in its shell": func(s *stage) error { _, err := s.leaseFor(1, "one", "prod", time.Hour, true); return err },
		"vault use in another shell": func(s *stage) error {
			p := mfaProfile("prod")
			p.Network.CABundle = "/another/shell/has/one.pem"
			_, err := s.client().GoOn(s.t.Context(), app.LeaseRequest{
				Lease: env.Lease{ID: "every", PID: 1}, Have: s.made("prod", time.Hour), Person: true, Session: app.SessionRequest{Store: s.ref, Profile: p},
			})
			return err
		},
		"the passphrase in another shell": func(s *stage) error {
			_, err := s.client().Unlock(s.t.Context(), app.Unlocking{Store: s.ref, Passphrase: creds.New(passphrase), For: time.Hour, Person: true})
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, _ := leaseStage(t, 0)
			had, err := s.leaseOf(1, "one", "prod", time.Hour)
			s.check(err)
			p := mfaProfile("prod")
			s.check(store.PutSession(t.Context(), s.agent.Store(s.ref), store.SessionName(p.Name, p.CacheKey()), s.made("prod", time.Hour)))
			_, err = s.client().Lock(t.Context())
			s.check(err)
			for range 2 {
				status, body := fetch(t, had.Endpoint)
				if status != http.StatusBadRequest || body["code"] != "Locked" || body["message"] != "prod: locked by vault lock; run vault refresh in its shell, or in another terminal: vault use prod" {
					t.Errorf("a program is told %d %v", status, body)
				}
				if opens, err := s.unlock(passphrase, time.Hour, false); !opens || err != nil { // a renewal in another shell
					t.Fatal(err)
				}
				quiet, err := s.leaseOf(1, "one", "prod", 0) // a prompt
				if err != nil || quiet.Note != refresh.Locked || quiet.Endpoint.URL != had.Endpoint.URL {
					t.Errorf("a prompt is told %+v, %v", quiet, err)
				}
			}
			if m, there := s.dir.Mark(refresh.LeaseKey("one")); !there || m.Note != refresh.Locked || m.Served {
				t.Errorf("the prompt finds %+v", m)
			}
			now, err := s.client().Status(t.Context())
			if err != nil || len(now.Leases) != 1 || !now.Leases[0].Locked || now.Leases[0].Until != nil {
				t.Errorf("%+v, %v", now, err)
			}
			s.check(goOn(s))
			if body := answers(t, had.Endpoint, http.StatusOK); body["AccessKeyId"] != "ASIAPROD" {
				t.Errorf("%v", body)
			}
			if m, there := s.dir.Mark(refresh.LeaseKey("one")); !there || m.Note != "" || m.File != had.File {
				t.Errorf("the prompt finds %+v, not %s", m, had.File)
			}
		})
	}
}

func TestARenewalThatIsUnderWayAtVaultLockBringsNothingBack(t *testing.T) {
	s, _ := leaseStage(t, 0)
	made, started := make(chan struct{}), make(chan struct{})
	held, err := server.Listen(server.Options{})
	s.check(err)
	defer func() { _ = held.Close() }()
	var calls atomic.Int32
	l, err := held.Add(server.Grant{Source: func(context.Context) (creds.Session, error) {
		if calls.Add(1) == 1 {
			close(started)
			<-made
			return s.made("old", time.Hour), nil
		}
		return creds.Session{}, errors.New("locked")
	}})
	s.check(err)
	waited := make(chan error, 1)
	go func() { waited <- l.Check(t.Context()) }()
	<-started
	l.Forget()
	close(made)
	if err := <-waited; err == nil {
		t.Error("the session that was being made is given out")
	}
	if err := l.Check(t.Context()); err == nil || err.Error() != "locked" {
		t.Errorf("the next request has %v", err)
	}
}

// What vault lock has locked stays so when the agent ends, and is no secret of the next one's.
func TestALockedLeaseStaysLockedWhenTheAgentEnds(t *testing.T) {
	s, _ := leaseStage(t, 0)
	_, err := s.leaseOf(1, "one", "prod", time.Hour)
	s.check(err)
	_, err = s.client().Lock(t.Context())
	s.check(err)
	s.check(s.client().Stop(t.Context())) // an upgrade
	s.ended()
	if m, there := s.dir.Mark(refresh.LeaseKey("one")); !there || m.Note != refresh.Locked || m.Served {
		t.Errorf("the prompt finds %+v, %v", m, there)
	}
}

// A killed agent removes nothing; its directory is gone.
func TestTheFileOfALeaseIsGoneWithAKilledAgent(t *testing.T) {
	s, sh := leaseStage(t, 0)
	reply, err := s.leaseOf(1, "one", "prod", time.Hour)
	s.check(err)
	s.check(os.RemoveAll(sh.life))
	if _, err := os.Stat(reply.File); err == nil {
		t.Error("it is there")
	}
}

func TestARenewalThatNeedsAPersonIsNotedAndGoesOnWithWhatTheyMade(t *testing.T) {
	s, _ := leaseStage(t, 0)
	if opens, err := s.unlock(passphrase, 24*time.Hour, false); !opens {
		t.Fatal(err)
	}
	reply, err := s.leaseOf(1, "one", "prod", time.Hour)
	s.check(err)
	s.clock.move(50*time.Minute, 0) // it is due, and has not ended
	if status, _ := fetch(t, reply.Endpoint); status != http.StatusOK {
		t.Errorf("%d", status)
	}
	key := refresh.LeaseKey("one")
	note := func() refresh.Note { m, _ := s.dir.Mark(key); return m.Note }
	for end := time.Now().Add(20 * time.Second); note() != refresh.NeedsCode; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("the prompt is told %q", note())
		}
	}
	if _, err := os.Lstat(reply.File); err == nil {
		t.Error("the shell does not learn of it: the file without the note is there")
	}
	s.clock.move(11*time.Minute, 0)
	body := answers(t, reply.Endpoint, http.StatusBadRequest)
	if body["code"] != "SignInRequired" || body["message"] != "prod: an MFA code is needed; run in another terminal: vault use prod" {
		t.Errorf("%v", body)
	}
	// another terminal makes one
	p := mfaProfile("prod")
	s.check(store.PutSession(t.Context(), s.agent.Store(s.ref), store.SessionName(p.Name, p.CacheKey()), s.made("prod", 2*time.Hour)))
	s.clock.move(time.Second, 0)
	answers(t, reply.Endpoint, http.StatusOK)
	again, err := s.leaseOf(1, "one", "prod", 0)
	if err != nil || again.Note != "" || note() != "" {
		t.Errorf("%+v, %v, %q", again, err, note())
	}
}

// Without /proc, or where the client does not see the agent there.
func TestALeaseHasAPlainFileWhereNoneEndsWithTheAgent(t *testing.T) {
	for name, c := range map[string]struct {
		life  bool
		plain bool
	}{"the system has none": {false, false}, "the client does not see it": {true, true}} {
		t.Run(name, func(t *testing.T) {
			s, sh := leaseStage(t, 0)
			if !c.life {
				sh.life = ""
			}
			reply, err := s.leaseOf(1, "one", "prod", time.Hour)
			s.check(err)
			if c.plain {
				r := app.LeaseRequest{Lease: env.Lease{ID: "one", PID: 1, Started: 100}, Plain: true, Session: app.SessionRequest{Store: s.ref, Profile: mfaProfile("prod")}}
				again, err := s.client().Lease(t.Context(), r)
				s.check(err)
				if again.Endpoint.URL != reply.Endpoint.URL {
					t.Error("the lease is another one")
				}
				reply = again
			}
			if info, err := os.Lstat(reply.File); err != nil || !info.Mode().IsRegular() {
				t.Errorf("%v, %v", info, err)
			}
			if m, there := s.dir.Mark(refresh.LeaseKey("one")); !there || !m.Served || m.File != reply.File {
				t.Errorf("%+v", m)
			}
			other, err := s.dir.Set("session", creds.Session{AccessKeyID: "ASIA"}, "")
			s.check(err)
			if found, err := filepath.Glob(sh.removed); err != nil || len(found) != 1 || found[0] != reply.File || found[0] == other {
				t.Errorf("with the agent end %q, and not %q: %v", found, reply.File, err)
			}
			sh.end(1)
			if _, err := os.Lstat(reply.File); err == nil {
				t.Error("it is left")
			}
		})
	}
}
