package app

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/d44b7504/vault/env"
	"github.com/d44b7504/vault/internal/creds"
	"github.com/d44b7504/vault/internal/fakeaws"
	"github.com/d44b7504/vault/internal/sessions"
	"github.com/d44b7504/vault/internal/storetest"
	"github.com/d44b7504/vault/refresh"
	"github.com/d44b7504/vault/store"
)

// sharing is a machine whose roles share a session with MFA, and a person who enters a
// code when asked.
type sharing struct {
	*machine
	phone *fakeaws.MFA
	user  string
	asked int
	away  bool // there is no person
	items store.Store
}

func newSharing(t *testing.T, items store.Store, trust fakeaws.Trust) *sharing {
	t.Helper()
	s := &sharing{machine: newMachine(t, true), items: items}
	s.core.OpenStore = func(context.Context, store.Options) (store.Store, error) { return items, nil }
	var err error
	s.user, err = s.aws.AddUser("111122223333", "carol")
	s.check(err)
	s.addKey(s.user)
	s.phone, err = s.aws.AddMFA(s.user, "phone")
	s.check(err)
	text := fmt.Sprintf("[profile base]\nregion = eu-west-1\nmfa_serial = %s\n", s.phone.Serial)
	for _, name := range []string{"prod", "stage"} {
		trust.Principals = append(trust.Principals, s.user, "111122223333")
		role, err := s.aws.AddRole(fakeaws.Role{Account: "111122223333", Name: name, Trust: trust})
		s.check(err)
		text += fmt.Sprintf("[profile %s]\nregion = eu-west-1\nsource_profile = base\nrole_arn = %s\nmfa_serial = %s\n", name, role, s.phone.Serial)
	}
	s.check(os.WriteFile(env.Parse(s.list)["AWS_CONFIG_FILE"], []byte(text), 0o600))
	return s
}

func (s *sharing) addKey(user string) creds.Key {
	s.t.Helper()
	key, err := s.aws.AddKey(user)
	s.check(err)
	s.check(store.PutKey(context.Background(), s.items, "base", key))
	return key
}

func (s *sharing) code() string {
	s.t.Helper()
	code, err := s.phone.Code()
	for errors.Is(err, fakeaws.ErrCodesSpent) {
		s.move(s.passed+30*time.Second, s.off)
		code, err = s.phone.Code()
	}
	s.check(err)
	return code
}

// use hands out the session of a profile.
func (s *sharing) use(profile string, w refresh.Want, code string) (creds.Session, error) {
	return s.request(env.Request{Profile: profile}, w, code)
}

func (s *sharing) used(q env.Request) creds.Session {
	s.t.Helper()
	v, err := s.request(q, refresh.Want{}, "")
	s.check(err)
	return v
}

func (s *sharing) request(q env.Request, w refresh.Want, code string) (creds.Session, error) {
	c := Caller{Env: NewEnvironment(s.list, nil), MFACode: creds.New(code)}
	if !s.away {
		c.Ask = func(context.Context, string, bool) (creds.Secret, error) {
			s.asked++
			return creds.New(s.code()), nil
		}
	}
	_, l, err := s.core.Task(c).Session(context.Background(), q, w)
	return l.Session, err
}

func (s *sharing) uses(profile string, w refresh.Want, code string) creds.Session {
	s.t.Helper()
	v, err := s.use(profile, w, code)
	s.check(err)
	return v
}

// counted checks how often a person was asked and how many shared sessions were made. The
// second cannot be told from the calls if AWS refuses each at first, for its signature's time.
func (s *sharing) counted(when string, asked, made int) {
	s.t.Helper()
	if n := s.aws.Calls("GetSessionToken"); s.asked != asked || n != made && s.passed < 4*time.Minute {
		s.t.Errorf("%s: asked %d times, want %d; made %d shared sessions, want %d", when, s.asked, asked, n, made)
	}
}

func TestASharedSessionThatAWSDoesNotAcceptIsReplacedOnce(t *testing.T) {
	mfa := fakeaws.Trust{MFA: true}
	for name, c := range map[string]struct {
		trust  fakeaws.Trust
		reject func(*sharing)
	}{
		"the MFA is too old":     {fakeaws.Trust{MFAAge: 10 * time.Minute}, func(s *sharing) { s.move(30*time.Minute, 0) }},
		"older sessions revoked": {mfa, func(s *sharing) { s.move(time.Minute, 0); s.aws.RevokeSessions(s.user); s.move(2*time.Minute, 0) }},
		"AWS does not know it":   {mfa, func(s *sharing) { s.aws.Inject("AssumeRole", fakeaws.Fault{Status: 403, Code: "InvalidClientTokenId"}) }},
		"AWS calls it expired":   {mfa, func(s *sharing) { s.aws.Inject("AssumeRole", fakeaws.Fault{Status: 403, Code: "ExpiredToken"}) }},
		"the key was replaced":   {mfa, func(s *sharing) { s.addKey(s.user) }},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSharing(t, storetest.NewMemory(), c.trust)
			s.uses("prod", refresh.Want{}, "")
			s.counted("at first", 1, 1)
			c.reject(s)
			if v := s.uses("stage", refresh.Want{}, ""); !s.accepted(v) {
				t.Error("AWS does not accept what was handed out")
			}
			s.counted("rejected", 2, 2)
		})
	}
}

func TestOneCodeServesAKeysOwnProfileAndTheRolesOverItInAnyOrder(t *testing.T) {
	for _, order := range []string{"base prod", "prod base", "alias prod base stage", "prod alias", "base:2h prod alias", "base:2h prod:1h base:2h"} {
		for _, ttl := range []string{"", "AWS_SESSION_TOKEN_TTL=4h", "AWS_CHAINED_SESSION_TOKEN_TTL=2h"} {
			t.Run(order+" "+ttl, func(t *testing.T) {
				s := newSharing(t, storetest.NewMemory(), fakeaws.Trust{MFA: true})
				config := env.Parse(s.list)["AWS_CONFIG_FILE"]
				text, err := os.ReadFile(config)
				s.check(err)
				s.check(os.WriteFile(config, append(text, "[profile alias]\nsource_profile = base\n"...), 0o600))
				if ttl != "" {
					s.list = append(s.list, ttl)
				}
				for name := range strings.FieldsSeq(order) {
					name, length, _ := strings.Cut(name, ":")
					d, _ := time.ParseDuration(length)
					if v := s.used(env.Request{Profile: name, Seconds: int(d / time.Second)}); !s.accepted(v) {
						t.Errorf("AWS does not accept the session of %s", name)
					}
				}
				s.counted(order, 1, 1)
			})
		}
	}
	s := newSharing(t, storetest.NewMemory(), fakeaws.Trust{MFA: true})
	s.uses("prod", refresh.Want{}, "")
	s.used(env.Request{Profile: "base", Seconds: 900})
	s.counted("a duration that was asked for", 2, 2)
	s.uses("base", refresh.Want{IgnoreCache: true}, "")
	s.uses("stage", refresh.Want{}, "")
	s.counted("a new one for both", 3, 3)
}

func TestAWrongDeviceIsToldOfTheProfileThatNamesIt(t *testing.T) {
	s := newSharing(t, storetest.NewMemory(), fakeaws.Trust{MFA: true})
	config := env.Parse(s.list)["AWS_CONFIG_FILE"]
	text, err := os.ReadFile(config)
	s.check(err)
	s.check(os.WriteFile(config, append(text, "[profile alias]\nsource_profile = base\nmfa_serial = arn:aws:iam::111122223333:mfa/lost\n"...), 0o600))
	_, err = s.use("alias", refresh.Want{}, "")
	var failed *sessions.CallError
	if !errors.As(err, &failed) || failed.Kind != sessions.WrongDevice || failed.Profile != "alias" || !strings.HasSuffix(failed.Device, "/lost") {
		t.Errorf("%v", err)
	}
}

// A role that is denied to everybody is tried with one new session, and no more.
func TestARoleThatIsDeniedStaysDenied(t *testing.T) {
	s := newSharing(t, storetest.NewMemory(), fakeaws.Trust{MFA: true})
	s.uses("prod", refresh.Want{}, "")
	s.aws.Deny(s.user, "sts:AssumeRole")
	before := s.aws.Calls("AssumeRole")
	_, err := s.use("stage", refresh.Want{}, "")
	var failed *sessions.CallError
	if !errors.As(err, &failed) || failed.Kind != sessions.Denied || s.aws.Calls("AssumeRole") != before+2 {
		t.Errorf("%v after %d calls", err, s.aws.Calls("AssumeRole")-before)
	}
	s.counted("denied", 2, 2)
}

func TestWithoutAPersonOnlyASessionThatHasEndedIsGivenUp(t *testing.T) {
	s := newSharing(t, storetest.NewMemory(), fakeaws.Trust{MFAAge: 10 * time.Minute})
	s.uses("prod", refresh.Want{}, "")
	s.move(30*time.Minute, 0)
	s.away = true
	var failed *sessions.CallError
	if _, err := s.use("stage", refresh.Want{}, ""); !errors.As(err, &failed) || failed.Kind != sessions.Denied {
		t.Errorf("denied: %v", err)
	}
	s.aws.Inject("AssumeRole", fakeaws.Fault{Status: 403, Code: "InvalidClientTokenId"})
	before := s.aws.Calls("*")
	for range 2 {
		if _, err := s.use("stage", refresh.Want{}, ""); !errors.Is(err, sessions.ErrNeedsUser) {
			t.Errorf("ended: %v", err)
		}
	}
	if n := s.aws.Calls("*") - before; n != 1 {
		t.Errorf("%d calls: the session that has ended was not dropped", n)
	}
}

func TestRefreshAndACodeReachTheSharedSession(t *testing.T) {
	s := newSharing(t, storetest.NewMemory(), fakeaws.Trust{MFA: true})
	s.uses("prod", refresh.Want{}, "")
	s.uses("prod", refresh.Want{IgnoreCache: true}, "")
	s.counted("refresh", 2, 2)
	s.uses("prod", refresh.Want{IgnoreCache: true}, s.code())
	s.counted("refresh with a code", 2, 3)
	s.uses("stage", refresh.Want{}, s.code())
	s.counted("a code", 2, 4)
	s.uses("stage", refresh.Want{}, "")
	s.counted("nothing wanted", 2, 4)

	// A script that always gives a code must not fail when AWS has seen the code already,
	// nor a refresh that no person can be asked for.
	s.away = true
	s.move(70*time.Minute, 0)
	used := s.code()
	s.uses("prod", refresh.Want{}, used)
	s.uses("stage", refresh.Want{}, used)
	s.counted("a code that was used", 2, 5)
	s.uses("stage", refresh.Want{IgnoreCache: true}, "")
}

func TestASessionIsMadeWithTheKeyThatIsStoredNow(t *testing.T) {
	m := newMachine(t, true)
	pass := creds.New("a passphrase of a test")
	dir := filepath.Join(t.TempDir(), "keys")
	open := func() store.Store {
		s, err := store.Open(context.Background(), store.Options{Backend: "file", FileDir: dir, FilePassphrase: &pass})
		m.check(err)
		return s
	}
	m.core.OpenStore = func(context.Context, store.Options) (store.Store, error) { return open(), nil }
	users := map[string]creds.Key{}
	for _, name := range []string{"carol", "bob"} {
		arn, err := m.aws.AddUser("111122223333", name)
		m.check(err)
		users[name], err = m.aws.AddKey(arn)
		m.check(err)
	}
	who := func() string {
		t.Helper()
		_, l, err := m.task(m.list).Session(context.Background(), env.Request{Profile: "base"}, refresh.Want{})
		m.check(err)
		id, err := sessions.WhoAmI(context.Background(), sessions.Endpoint{Region: "eu-west-1", URL: m.aws.URL()}, l.Session)
		m.check(err)
		return id.ARN
	}
	for _, name := range []string{"carol", "bob", "carol"} {
		m.check(store.PutKey(context.Background(), open(), "base", users[name])) // as another program does
		before := m.aws.Calls("GetSessionToken")
		for range 3 {
			if got := who(); got != "arn:aws:iam::111122223333:user/"+name {
				t.Errorf("the key is %s's, and we are %s", name, got)
			}
			m.check(store.PutKey(context.Background(), open(), "base", users[name])) // the same one, encrypted again
		}
		if n := m.aws.Calls("GetSessionToken") - before; n != 1 {
			t.Errorf("%s: %d sessions were made", name, n)
		}
	}
	m.check(open().Delete(context.Background(), "base"))
	if _, _, err := m.task(m.list).Session(context.Background(), env.Request{Profile: "base"}, refresh.Want{}); err == nil {
		t.Error("the session outlives a key that another program has removed")
	}
}

func TestAStoredKeyOfAProfilesOwnWinsOverItsSourceProfile(t *testing.T) {
	m := newMachine(t, true)
	memory := storetest.NewMemory()
	m.core.OpenStore = func(context.Context, store.Options) (store.Store, error) { return memory, nil }
	for profile, user := range map[string]string{"alice": "alice2", "bob": "bob"} {
		arn, err := m.aws.AddUser("111122223333", user)
		m.check(err)
		key, err := m.aws.AddKey(arn)
		m.check(err)
		m.check(store.PutKey(context.Background(), memory, profile, key))
	}
	role, err := m.aws.AddRole(fakeaws.Role{Account: "111122223333", Name: "over", Trust: fakeaws.Trust{Principals: []string{"111122223333"}}})
	m.check(err)
	config := env.Parse(m.list)["AWS_CONFIG_FILE"]
	m.check(os.WriteFile(config, []byte("[profile bob]\nregion = eu-west-1\n[profile alice]\nregion = eu-west-1\nsource_profile = bob\n"+
		"[profile other]\nregion = eu-west-1\nsource_profile = bob\n[profile below]\nregion = eu-west-1\nsource_profile = alice\nrole_arn = "+role+"\n"+
		"[profile withrole]\nregion = eu-west-1\nsource_profile = bob\nrole_arn = "+role+"\n"), 0o600))
	m.check(store.PutKey(context.Background(), memory, "withrole", creds.Key{ID: "AKIANOTUSED", Secret: creds.New("x")}))
	for profile, want := range map[string]string{
		"alice": "alice", "other": "bob", "bob": "bob",
		"below": "alice", "withrole": "bob", // with a role the source_profile is what the role is assumed with
	} {
		q := env.Request{Profile: profile}
		p, l, err := m.task(m.list).Session(context.Background(), q, refresh.Want{})
		m.check(err)
		if got := Origin(p).Stored.Profile; got != want {
			t.Errorf("%s is made with the key of %s, want %s", profile, got, want)
		}
		shell := env.Child(m.list, q, l.Session, l.File)
		st, _ := env.StateOf(env.Parse(shell))
		if status := StatusOf(m.task(shell), st); !strings.Contains(status.Source, want) {
			t.Errorf("%s: the status says %q", profile, status.Source)
		}
	}
}
