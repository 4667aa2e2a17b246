package sessions

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/d44b7504/vault/internal/creds"
	"github.com/d44b7504/vault/internal/fakeaws"
	"github.com/d44b7504/vault/internal/profiles"
	"github.com/d44b7504/vault/internal/storetest"
	"github.com/d44b7504/vault/store"
)

const account = "111122223333"

// bench is a maker with a key stored for base, an AWS that knows it, and a person whose
// answers are given beforehand.
type bench struct {
	*Maker
	t       testing.TB
	aws     *fakeaws.Server
	phone   *fakeaws.MFA
	issuer  *fakeaws.Issuer // see web
	user    string
	answers []string // what will be typed; "code" is one that works
	asked   []string
	machine bool // no person types them
	bases   int
}

func newBench(t testing.TB) *bench { return newBenchAt(t, time.Now) }

// newBenchAt is a bench whose AWS has a clock of its own.
func newBenchAt(t testing.TB, now func() time.Time) *bench {
	t.Helper()
	aws, err := fakeaws.Start(fakeaws.Options{Now: now})
	noError(t, err)
	t.Cleanup(func() { noError(t, aws.Close()) })
	b := &bench{t: t, aws: aws}
	b.user, err = aws.AddUser(account, "alice")
	noError(t, err)
	key, err := aws.AddKey(b.user)
	noError(t, err)
	b.phone, err = aws.AddMFA(b.user, "phone")
	noError(t, err)
	s := storetest.NewMemory()
	noError(t, store.PutKey(context.Background(), s, "base", key))
	b.Maker = &Maker{
		Store: s, Now: time.Now, Ask: b.ask, SessionName: func() string { return "alice@laptop" },
		Endpoint: func(_ profiles.Profile, _, region string) Endpoint { return Endpoint{Region: region, URL: aws.URL()} },
	}
	b.Base = func(ctx context.Context, p profiles.Profile, _ Rejected) (creds.Session, bool, error) {
		b.bases++
		s, err := b.Make(ctx, p)
		return s, false, err
	}
	return b
}

func noError(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (b *bench) code() string {
	b.t.Helper()
	code, err := b.phone.Code()
	noError(b.t, err)
	return code
}

func (b *bench) ask(_ context.Context, _, question string) (code creds.Secret, typed bool, err error) {
	b.asked = append(b.asked, question)
	if len(b.answers) == 0 {
		return creds.Secret{}, true, errors.New("nothing more will be typed")
	}
	answer := b.answers[0]
	b.answers = b.answers[1:]
	if answer == "code" {
		answer = b.code()
	}
	return creds.New(answer), !b.machine, nil
}

func (b *bench) role(name string, max time.Duration, t fakeaws.Trust) string {
	b.t.Helper()
	if t.Principals == nil {
		t.Principals = []string{b.user}
	}
	arn, err := b.aws.AddRole(fakeaws.Role{Account: account, Name: name, MaxSession: max, Trust: t})
	noError(b.t, err)
	return arn
}

// over is a profile with a role over the stored key, or over another profile.
func over(name, arn string, below profiles.Source) profiles.Profile {
	return profiles.Profile{Name: name, Region: "eu-west-1", Source: profiles.Source{Role: &profiles.Role{Profile: name, ARN: arn, Region: "eu-west-1", Source: below}}}
}

func key(serial string) profiles.Source {
	return profiles.Source{Stored: &profiles.Stored{Profile: "base", MFASerial: serial}}
}

func (b *bench) wantCalls(want string) {
	b.t.Helper()
	got := fmt.Sprintf("GetSessionToken %d, AssumeRole %d, all %d", b.aws.Calls("GetSessionToken"), b.aws.Calls("AssumeRole"), b.aws.Calls("*"))
	if got != want {
		b.t.Errorf("calls: %s, want %s", got, want)
	}
}

// works checks that AWS knows the bearer of the session as who it should be.
func (b *bench) works(s creds.Session, arn string) {
	b.t.Helper()
	who, err := WhoAmI(context.Background(), Endpoint{Region: "eu-west-1", URL: b.aws.URL()}, s)
	if err != nil || who.ARN != arn || who.Account != account {
		b.t.Errorf("AWS says %+v, %v; want %s", who, err, arn)
	}
}

func TestAStoredKeyGetsASession(t *testing.T) {
	b := newBench(t)
	began := time.Now()
	s, err := b.Make(context.Background(), profiles.Profile{Name: "base", Region: "eu-west-1", Source: key("")})
	noError(t, err)
	if s.Profile != "base" || s.Region != "eu-west-1" || s.ARN != "" || s.Token.IsZero() || s.Issued.Before(began.Add(-time.Second)) {
		t.Errorf("session %+v", s)
	}
	if life := s.Expires.Sub(s.Issued).Round(time.Minute); life != time.Hour {
		t.Errorf("it lasts %v", life)
	}
	b.wantCalls("GetSessionToken 1, AssumeRole 0, all 1")
	b.works(s, b.user)
}

func TestNoSessionIsTheKeyItself(t *testing.T) {
	b := newBench(t)
	src := key("")
	src.Stored.NoSession = true
	s, err := b.Make(context.Background(), profiles.Profile{Name: "base", Source: src})
	noError(t, err)
	if !s.Expires.IsZero() || !s.Issued.IsZero() || !s.Token.IsZero() {
		t.Errorf("session %+v", s)
	}
	b.wantCalls("GetSessionToken 0, AssumeRole 0, all 0")
	b.works(s, b.user)
}

func TestARoleIsAssumedWithAllThatTheProfileSays(t *testing.T) {
	b := newBench(t)
	arn := b.role("admin", 12*time.Hour, fakeaws.Trust{ExternalID: "the:id"})
	p := over("prod", arn, key(""))
	r := p.Source.Role
	r.ExternalID, r.SourceIdentity, r.Duration = "the:id", "alice", 4*time.Hour
	r.Tags, r.TransitiveTagKeys = []profiles.Tag{{Key: "team", Value: "a b"}}, []string{"team"}
	r.Policy, r.PolicyARNs = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`, []string{"arn:aws:iam::aws:policy/ReadOnlyAccess"}
	s, err := b.Make(context.Background(), p)
	noError(t, err)
	call, _ := b.aws.LastAssumeRole()
	if call.SessionName != "alice@laptop" || call.ExternalID != "the:id" || call.SourceIdentity != "alice" ||
		call.Duration != 4*time.Hour || call.Tags["team"] != "a b" || !slices.Equal(call.TransitiveTagKeys, []string{"team"}) ||
		call.Policy != r.Policy || !slices.Equal(call.PolicyARNs, r.PolicyARNs) || call.MFA {
		t.Errorf("asked %+v", call)
	}
	want := "arn:aws:sts::" + account + ":assumed-role/admin/alice@laptop"
	if s.ARN != want {
		t.Errorf("it is %s, want %s", s.ARN, want)
	}
	b.works(s, want)

	r.SessionName = "own"
	_, err = b.Make(context.Background(), p)
	noError(t, err)
	if call, _ := b.aws.LastAssumeRole(); call.SessionName != "own" {
		t.Errorf("the profile's own session name became %q", call.SessionName)
	}
}

func TestAChainIsWalkedFromTheKeyOutwards(t *testing.T) {
	b := newBench(t)
	one := b.role("one", 0, fakeaws.Trust{})
	two := b.role("two", 12*time.Hour, fakeaws.Trust{Principals: []string{one}})
	p := over("two", two, over("one", one, key("")).Source)
	p.Source.Role.Duration = 4 * time.Hour // AWS allows one in a chain
	s, err := b.Make(context.Background(), p)
	noError(t, err)
	b.wantCalls("GetSessionToken 0, AssumeRole 2, all 2")
	if life := s.Expires.Sub(s.Issued).Round(time.Minute); life != time.Hour {
		t.Errorf("it lasts %v", life)
	}
	b.works(s, "arn:aws:sts::"+account+":assumed-role/two/alice@laptop")
}

func TestOneQuestionServesTheChain(t *testing.T) {
	b := newBench(t)
	b.answers = []string{"code"}
	one := b.role("one", 0, fakeaws.Trust{MFA: true})
	p := over("one", one, key(b.phone.Serial))
	p.Source.Role.MFASerial = b.phone.Serial
	_, err := b.Make(context.Background(), p)
	noError(t, err)
	b.wantCalls("GetSessionToken 1, AssumeRole 1, all 2")
	if len(b.asked) != 1 || b.asked[0] != "MFA code for phone (111122223333): " || b.bases != 1 {
		t.Errorf("asked %q, %d shared sessions", b.asked, b.bases)
	}
	if call, _ := b.aws.LastAssumeRole(); !call.MFA || call.SerialNumber != "" {
		t.Errorf("asked %+v", call)
	}
}

func TestARoleWithALongerLifeAsksForItself(t *testing.T) {
	b := newBench(t)
	b.answers = []string{"code"}
	arn := b.role("long", 12*time.Hour, fakeaws.Trust{MFA: true})
	p := over("long", arn, key(b.phone.Serial))
	p.Source.Role.MFASerial, p.Source.Role.Duration = b.phone.Serial, 8*time.Hour
	s, err := b.Make(context.Background(), p)
	noError(t, err)
	b.wantCalls("GetSessionToken 0, AssumeRole 1, all 1")
	if life := s.Expires.Sub(s.Issued).Round(time.Minute); life != 8*time.Hour {
		t.Errorf("it lasts %v", life)
	}
}

func TestACodeThatIsRefusedIsAskedForOnceMore(t *testing.T) {
	for _, c := range []struct {
		typed []string
		asked int
		ok    bool
		calls int
	}{
		{[]string{"000000", "code"}, 2, true, 2},
		{[]string{"000000", "000001", "code"}, 2, false, 2},
		{[]string{"my password", "code"}, 2, true, 1}, // it never left the machine
		{[]string{" 12 34 ", "12345x"}, 2, false, 0},
		{[]string{"", "code"}, 1, false, 0}, // nothing typed is a no
	} {
		b := newBench(t)
		b.answers = c.typed
		var said []string
		b.Say = func(line string) { said = append(said, line) }
		_, err := b.Make(context.Background(), profiles.Profile{Name: "base", Source: key(b.phone.Serial)})
		if (err == nil) != c.ok || len(b.asked) != c.asked || b.aws.Calls("*") != c.calls {
			t.Errorf("%q: %v; asked %d times, %d calls", c.typed, err, len(b.asked), b.aws.Calls("*"))
		}
		if err != nil && strings.Contains(err.Error(), "password") || strings.Contains(strings.Join(said, ""), "password") {
			t.Errorf("what was typed is repeated: %v, %q", err, said)
		}
	}
}

func TestAnotherRefusalIsNotAskedAbout(t *testing.T) {
	b := newBench(t)
	b.answers = []string{"code", "code"}
	b.aws.Deny(b.user, "sts:GetSessionToken")
	_, err := b.Make(context.Background(), profiles.Profile{Name: "base", Source: key(b.phone.Serial)})
	var call *CallError
	if !errors.As(err, &call) || call.Kind != Denied || len(b.asked) != 1 {
		t.Errorf("%v, asked %d times", err, len(b.asked))
	}
}

func TestACodeComesFromTheFlagThenTheProcessThenAPerson(t *testing.T) {
	b := newBench(t)
	src := key(b.phone.Serial)
	src.Stored.MFAProcess = "print-code"
	ran := 0
	b.RunProcess = func(_ context.Context, command string) (creds.Secret, error) {
		if ran++; command != "print-code" {
			t.Errorf("ran %q", command)
		}
		return creds.New(b.code()), nil
	}
	b.MFAToken = creds.New(b.code())
	p := profiles.Profile{Name: "base", Source: src}
	for i := range 2 { // the flag's code is good for one call
		_, err := b.Make(context.Background(), p)
		noError(t, err)
		if ran != i || len(b.asked) != 0 {
			t.Errorf("round %d: the process ran %d times, a person was asked %d times", i, ran, len(b.asked))
		}
	}

	b.MFAToken = creds.New("000000")
	if _, err := b.Make(context.Background(), p); err == nil || ran != 1 {
		t.Errorf("a wrong code of the flag's: %v, the process ran %d times", err, ran)
	}
	b.refused.Store(nil) // a Maker whose code was refused asks for no other
	b.RunProcess = func(context.Context, string) (creds.Secret, error) { return creds.Secret{}, os.ErrPermission }
	if _, err := b.Make(context.Background(), p); !errors.Is(err, os.ErrPermission) || len(b.asked) != 0 {
		t.Errorf("a broken process: %v", err)
	}
}

func TestACodeThatWasNotTypedIsNotObtainedAgain(t *testing.T) {
	b := newBench(t)
	b.machine, b.answers = true, []string{"000000", "code"}
	_, err := b.Make(context.Background(), profiles.Profile{Name: "base", Source: key(b.phone.Serial)})
	var call *CallError
	if !errors.As(err, &call) || call.Kind != WrongCode || len(b.asked) != 1 {
		t.Errorf("%v, after asking %d times", err, len(b.asked))
	}
	b.wantCalls("GetSessionToken 1, AssumeRole 0, all 1")
}

func TestWithoutAPersonNothingIsSent(t *testing.T) {
	b := newBench(t)
	b.Ask = nil
	_, err := b.Make(context.Background(), profiles.Profile{Name: "base", Source: key(b.phone.Serial)})
	if !errors.Is(err, ErrNeedsUser) {
		t.Error(err)
	}
	b.wantCalls("GetSessionToken 0, AssumeRole 0, all 0")
}

func TestAMissingKeyIsNamed(t *testing.T) {
	b := newBench(t)
	_, err := b.Make(context.Background(), over("prod", "arn", profiles.Source{Stored: &profiles.Stored{Profile: "nobody"}}))
	var missing *NoKeyError
	if !errors.As(err, &missing) || missing.Key != "nobody" || missing.Profile != "prod" {
		t.Error(err)
	}
	b.wantCalls("GetSessionToken 0, AssumeRole 0, all 0")
}

func TestACallEndsWithItsContext(t *testing.T) {
	b := newBench(t)
	b.aws.Inject("*", fakeaws.Fault{Delay: time.Minute, Times: -1})
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	began := time.Now()
	_, err := b.Make(ctx, profiles.Profile{Name: "base", Source: key("")})
	var call *CallError
	if !errors.As(err, &call) || call.Kind != Unreachable || time.Since(began) > 10*time.Second {
		t.Errorf("%v after %v", err, time.Since(began))
	}
}

func TestATransientFailureIsTriedAgain(t *testing.T) {
	b := newBench(t)
	b.aws.Inject("GetSessionToken", fakeaws.Fault{Status: 503, Code: "ServiceUnavailable"})
	s, err := b.Make(context.Background(), profiles.Profile{Name: "base", Source: key("")})
	noError(t, err)
	b.works(s, b.user)
}

func TestNothingOfTheMachineIsRead(t *testing.T) {
	b := newBench(t)
	home := t.TempDir()
	for _, f := range []string{"config", "credentials"} {
		noError(t, os.WriteFile(filepath.Join(home, f), []byte("[default]\naws_access_key_id = AKIAFAKE\naws_secret_access_key = fake\nregion = xx\nbroken"), 0o600))
	}
	t.Setenv("AWS_CONFIG_FILE", filepath.Join(home, "config"))
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", filepath.Join(home, "credentials"))
	t.Setenv("AWS_ACCESS_KEY_ID", "AKIAFAKE")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "fake")
	t.Setenv("AWS_SESSION_TOKEN", "fake")
	t.Setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
	s, err := b.Make(context.Background(), profiles.Profile{Name: "base", Source: key("")})
	noError(t, err)
	b.works(s, b.user)
}
