package sessions

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"

	"github.com/d44b7504/vault/internal/creds"
	"github.com/d44b7504/vault/internal/profiles"
	"github.com/d44b7504/vault/store"
)

// Asker obtains the code of the MFA device with the given serial: from a person, who is
// shown the question, or from the device itself. typed reports whether it was a person,
// who can be asked once more.
type Asker func(ctx context.Context, serial, question string) (code creds.Secret, typed bool, err error)

// Maker makes sessions. The zero value is not useful: Store, Endpoint, Base,
// SessionName and Now are needed. It may be used by one goroutine at a time.
type Maker struct {
	Store store.Store
	// Endpoint says where a service (STS, SSO, …) of a region is, for a profile.
	Endpoint func(p profiles.Profile, service, region string) Endpoint
	// Base returns the session shared by all that use one key with MFA. The caller caches
	// it, so that one MFA question serves all of them, and reports whether it was cached. If
	// AWS has rejected one, another one is wanted.
	Base func(context.Context, profiles.Profile, Rejected) (s creds.Session, cached bool, err error)
	// Lock waits until no other process holds the name; nil if there are no others.
	Lock func(ctx context.Context, name string) (unlock func(), err error)

	// SigningIn is called when a person is sent to the browser for a directory (see
	// TokenName), and end when that is over; nil: it is not.
	SigningIn func(directory string) (end func())

	Ask         Asker                           // nil: there is no person to ask
	Browser     func(profiles.Profile) *Browser // how to sign in; nil, or returning nil: there is no person
	MFAToken    creds.Secret                    // a code from a flag; used once
	RunProcess  func(ctx context.Context, command string) (creds.Secret, error)
	SessionName func() string // for roles that name none; see DefaultSessionName
	Now         func() time.Time
	Started     func() time.Time // when the machine started, by the clock of Now; nil: unknown
	Say         func(string)     // shows a line to the person; nil: it is not shown

	// RunCredentials runs a credential_process and returns its output, of limited
	// length. It returns a *CircleError if the process of this profile is running.
	RunCredentials func(context.Context, profiles.Process) (creds.Secret, error)
	// RenewKey returns the temporary key that a file has for a profile, after it has had the
	// program write a new one that does so, if that is due and allowed. nil: the key is as it was read.
	RenewKey func(context.Context, profiles.Temporary) (creds.Session, error)
	// Begin, if set, returns the credentials that a chain begins with if neither a stored key
	// nor Identity Center gives them. nil: this process gets them itself.
	Begin func(context.Context, profiles.Profile) (creds.Session, error)

	ProcessTimeout time.Duration       // for commands of the config file; 0: a minute
	Env            map[string]string   // the user's own environment, for credential_source
	LoginDir       string              // where aws login keeps its files
	SharedDir      string              // where the AWS tools keep their sign-ins to Identity Center; "": nowhere
	Path           func(string) string // completes a path of Env that begins with ~; nil: it stays

	clock   awsClock
	refused atomic.Pointer[CallError] // why MFAToken was not accepted
	waited  atomic.Bool               // the person was told that AWS takes long
}

// slow tells the person once that AWS takes long to answer, and when that ends.
func (m *Maker) slow(host string) {
	if m.waited.CompareAndSwap(false, true) {
		m.say("waiting for " + host + " to answer, a minute at most; Ctrl-C stops it")
	}
}

// Make makes the session of p, as NewPlan says. It may ask for one MFA code, and once
// more if AWS refuses that, or for a sign-in in the browser; if there is no person to ask,
// it returns a *NeedsUserError instead. It blocks on the network up to ctx's deadline.
func (m *Maker) Make(ctx context.Context, p profiles.Profile) (creds.Session, error) {
	s, err := m.carryOut(ctx, p, NewPlan(p))
	return s, NameGiver(p, err)
}

// NameGiver adds to a *CallError about a session of p what its credentials began with, if it
// does not say that yet. It returns err.
func NameGiver(p profiles.Profile, err error) error {
	var failed *CallError
	if errors.As(err, &failed) && failed.Holder == "" && failed.Giver == "" {
		plan := NewPlan(p)
		failed.Holder, failed.Giver = plan.Key, giver(plan.First)
	}
	return err
}

// giver is what a chain begins with, in words; "" for a stored key.
func giver(s profiles.Source) string {
	switch {
	case s.Process != nil:
		return fmt.Sprintf("the credential_process of %q", s.Process.Profile)
	case s.Host != nil:
		return "credential_source = " + s.Host.Kind
	case s.Temporary != nil:
		return fmt.Sprintf("the temporary key in %s", s.Temporary.At)
	case s.Login != nil:
		return "aws login"
	case s.SSO != nil:
		return "Identity Center"
	}
	return ""
}

// carryOut makes the calls of a plan.
func (m *Maker) carryOut(ctx context.Context, p profiles.Profile, plan Plan) (creds.Session, error) {
	ctx, end := m.connectEarly(ctx, p, plan)
	defer end()
	s, roles, err := m.begin(ctx, p, plan)
	if err != nil {
		return creds.Session{}, err
	}
	for _, r := range roles {
		if err = usable(s, p.Name); err != nil {
			return creds.Session{}, err
		}
		if s, err = m.assume(ctx, p, s, r); err != nil {
			return creds.Session{}, err
		}
	}
	if err = usable(s, p.Name); err != nil {
		return creds.Session{}, err
	}
	s.Profile, s.Region = p.Name, p.Region
	if !s.Expires.IsZero() {
		s.Issued, s.Clock.Started = m.Now().UTC(), m.started()
	}
	return s, nil
}

// usable returns an error for credentials with characters that AWS never issues, whichever
// source gave them.
func usable(s creds.Session, profile string) error {
	if err := s.Check(); err != nil {
		return fmt.Errorf("the credentials that the source of %q gave cannot be used: %w", profile, err)
	}
	return nil
}

// Rejected is a shared session that AWS does not accept. The zero value is none.
type Rejected struct {
	AccessKeyID string
	// Certain says that no call will accept it: its key is gone, or it has ended. Otherwise
	// it may be too old for one role, or the role may be denied to any session.
	Certain bool
}

// begin makes the first call of the plan, and returns the roles that are left.
func (m *Maker) begin(ctx context.Context, p profiles.Profile, plan Plan) (creds.Session, []RoleCall, error) {
	if plan.Base == nil && plan.overKey() {
		s, err := m.overKey(ctx, p, plan)
		return s, plan.Roles[1:], err
	}
	if plan.Base == nil {
		s, err := m.first(ctx, p, plan)
		return s, plan.Roles, err
	}
	if len(plan.Roles) == 0 {
		s, _, err := m.Base(ctx, *plan.Base, Rejected{})
		var failed *CallError
		if errors.As(err, &failed) {
			failed.Profile = p.Name // whose settings it is about
		}
		return s, nil, err
	}
	s, err := m.overBase(ctx, p, plan)
	return s, plan.Roles[1:], err
}

// overKey reports whether the plan begins with a role that is assumed with a stored key, for
// which no person is asked.
func (plan Plan) overKey() bool {
	return len(plan.Roles) > 0 && plan.Roles[0].MFASerial == "" && plan.First.Stored != nil && plan.Session == nil && plan.Console == nil
}

// overKey assumes the first role with the stored key. The call is prepared while the key is
// read: with a keyring of files each takes as long as the other.
func (m *Maker) overKey(ctx context.Context, p profiles.Profile, plan Plan) (creds.Session, error) {
	key := sync.OnceValues(func() (creds.Session, error) {
		s, err := m.stored(ctx, p, plan)
		return s, cmp.Or(err, usable(s, p.Name))
	})
	go func() { _, _ = key() }()
	s, err := m.assumeBy(ctx, p, key, plan.Roles[0])
	if _, unread := key(); unread != nil {
		return creds.Session{}, unread
	}
	return s, err
}

// overBase assumes the first role with the shared session. AWS may not accept a cached one
// any more: its key was replaced, a policy wants a younger MFA, older sessions were
// revoked. Then it tries once with another one.
func (m *Maker) overBase(ctx context.Context, p profiles.Profile, plan Plan) (creds.Session, error) {
	base, cached, err := m.Base(ctx, *plan.Base, Rejected{})
	if err != nil {
		return creds.Session{}, err
	}
	s, err := m.assume(ctx, p, base, plan.Roles[0])
	var failed *CallError
	if !errors.As(err, &failed) || !cached {
		return s, err
	}
	no := Rejected{base.AccessKeyID, failed.Kind == BadKey || failed.Kind == Expired}
	if !no.Certain && failed.Kind != Denied {
		return s, err
	}
	m.say("AWS does not accept the shared MFA session for this role; trying once with a new one")
	base, _, again := m.Base(ctx, *plan.Base, no)
	switch {
	case again == nil:
		return m.assume(ctx, p, base, plan.Roles[0])
	case no.Certain, errors.Is(again, context.Canceled):
		return creds.Session{}, again
	}
	return s, err
}

// first returns the credentials that the chain begins with.
func (m *Maker) first(ctx context.Context, p profiles.Profile, plan Plan) (creds.Session, error) {
	switch from := plan.First; {
	case from.SSO != nil:
		return m.roleCredentials(ctx, p, from.SSO)
	case from.Stored == nil && m.Begin != nil:
		return m.Begin(ctx, p)
	case from.Process != nil:
		return m.process(ctx, from.Process)
	case from.WebIdentity != nil:
		return m.webIdentity(ctx, p, from.WebIdentity)
	case from.Host != nil:
		return m.host(ctx, from.Host)
	case from.Login != nil:
		return m.login(ctx, p, from.Login)
	case from.Temporary != nil:
		return m.temporary(ctx, from.Temporary)
	}
	return m.stored(ctx, p, plan)
}

// temporary returns a temporary key that another program has written to a file, after that
// program was run again where it is time for it.
func (m *Maker) temporary(ctx context.Context, t *profiles.Temporary) (creds.Session, error) {
	s := t.Session
	if m.RenewKey != nil {
		var err error
		if s, err = m.RenewKey(ctx, *t); err != nil {
			return creds.Session{}, err
		}
	}
	if s.AccessKeyID == "" || s.Expired(m.Now()) {
		program, _ := profiles.Show("vault_renew_command", t.Renewer.Command)
		return creds.Session{}, &ExpiredKeyError{Profile: t.Profile, At: t.At, Ago: m.Now().Sub(s.Expires), None: s.AccessKeyID == "", Program: program}
	}
	s.Key = creds.KeyRef{ID: s.AccessKeyID}
	return s, nil
}

// Outside returns the credentials that the chain of p begins with, for another process that
// makes the rest of it. It needs no Store. They come neither from a stored key nor from
// Identity Center.
func (m *Maker) Outside(ctx context.Context, p profiles.Profile) (creds.Session, error) {
	plan := NewPlan(p)
	if plan.First.Stored != nil || plan.First.SSO != nil {
		return creds.Session{}, fmt.Errorf("the credentials of %q come from the keyring", p.Name)
	}
	return m.first(ctx, p, plan)
}

// stored returns the stored key itself, or a session that is made with it.
func (m *Maker) stored(ctx context.Context, p profiles.Profile, plan Plan) (creds.Session, error) {
	k, err := store.GetKey(ctx, m.Store, plan.Key)
	if errors.Is(err, store.ErrNotFound) {
		return creds.Session{}, &NoKeyError{Profile: p.Name, Key: plan.Key, InFile: plan.First.Stored.InFile, ForItself: plan.First.Stored.ForItself}
	}
	if err != nil {
		return creds.Session{}, err
	}
	long := creds.Session{Profile: p.Name, AccessKeyID: k.ID, SecretKey: k.Secret, Key: creds.KeyRef{ID: k.ID}}
	switch {
	case plan.Console != nil:
		return m.federated(ctx, p, long, plan.Console)
	case plan.Session == nil:
		return long, nil
	}
	c := m.client(p, p.Region, long)
	return m.withMFA(ctx, p, plan.Session.MFASerial, plan.Session.MFAProcess, func(code mfa) (creds.Session, error) {
		out, err := getSessionToken(ctx, c, plan.Session.Duration, code)
		if err != nil {
			return creds.Session{}, m.failure("get a session", "", p.Name, err)
		}
		s, err := m.session(out.Credentials, "", plan.Session.Duration)
		s.Key = long.Key
		return s, err
	})
}

func (m *Maker) assume(ctx context.Context, p profiles.Profile, by creds.Session, r RoleCall) (creds.Session, error) {
	return m.assumeBy(ctx, p, given(by), r)
}

// assumeBy assumes a role with credentials that may not be known yet.
func (m *Maker) assumeBy(ctx context.Context, p profiles.Profile, by signer, r RoleCall) (creds.Session, error) {
	name := r.SessionName
	if name == "" {
		name = m.SessionName()
	}
	region := r.Region
	if region == "" {
		region = p.Region
	}
	c := m.clientBy(p, region, by)
	return m.withMFA(ctx, p, r.MFASerial, r.MFAProcess, func(code mfa) (creds.Session, error) {
		out, err := assumeRole(ctx, c, r, name, code)
		if err != nil {
			return creds.Session{}, m.failure("assume role", r.ARN, p.Name, err)
		}
		s, err := m.session(out.Credentials, aws.ToString(out.AssumedRoleUser.Arn), r.Duration)
		if by != nil {
			with, _ := by() // which has signed
			s.Key = creds.KeyRef{ID: with.Key.ID}
		}
		return s, err
	})
}

// withMFA makes a call that may need a code. A person whose code was refused is asked
// once more; a flag, a process or a security key is not, because it would give the same.
func (m *Maker) withMFA(ctx context.Context, p profiles.Profile, serial, process string, call func(mfa) (creds.Session, error)) (creds.Session, error) {
	if serial == "" {
		return call(mfa{})
	}
	for again := false; ; again = true {
		given := !m.MFAToken.IsZero()
		code, typed, err := m.code(ctx, p, serial, process)
		if err != nil {
			return creds.Session{}, err
		}
		s, err := tryCode(mfa{serial, code}, p.Name, call)
		var failed *CallError
		if errors.As(err, &failed) {
			failed.Device = serial
			if given && failed.Kind == WrongCode {
				m.refused.Store(failed)
			}
		}
		if again || !typed || failed == nil || failed.Kind != WrongCode {
			return s, err
		}
		m.say("the code was not accepted; each code works once and for half a minute")
	}
}

// tryCode makes the call if the code has the form of one. Anything else is not sent: AWS
// would quote it in its answer, and it may be a password typed at the wrong question.
func tryCode(m mfa, profile string, call func(mfa) (creds.Session, error)) (creds.Session, error) {
	code := strings.ReplaceAll(m.code.Reveal(), " ", "")
	if len(code) != 6 || strings.Trim(code, "0123456789") != "" {
		return creds.Session{}, &CallError{
			Op: "get a session", Profile: profile, Kind: WrongCode, Err: errors.New("a code has six digits"),
		}
	}
	return call(mfa{m.serial, creds.New(code)})
}

// code obtains an MFA code: from the flag, else from the profile's own process, else from
// a person.
func (m *Maker) code(ctx context.Context, p profiles.Profile, serial, process string) (code creds.Secret, typed bool, err error) {
	switch {
	case !m.MFAToken.IsZero():
		code, m.MFAToken = m.MFAToken, creds.Secret{}
		return code, false, nil
	case m.refused.Load() != nil: // whoever gave a code is told about it, and asked nothing
		return creds.Secret{}, false, m.refused.Load()
	case process != "" && m.RunProcess != nil:
		code, err = m.runMFAProcess(ctx, process)
		return code, false, err
	case m.Ask == nil:
		return creds.Secret{}, false, &NeedsUserError{Profile: p.Name, What: "an MFA code", Need: NeedsCode, Device: serial, Process: process}
	}
	code, typed, err = m.Ask(ctx, serial, "MFA code for "+device(serial)+": ")
	if err == nil && code.IsZero() {
		err = ErrNoCode
	}
	return code, typed, err
}

// Code obtains the MFA code that another process said it needs to make the session of p. It
// may ask a person, and returns e if there is none. typed is as in Asker.
func (m *Maker) Code(ctx context.Context, p profiles.Profile, e *NeedsUserError) (code creds.Secret, typed bool, err error) {
	return m.code(ctx, p, e.Device, e.Process)
}

// runMFAProcess gives the process the time that a person may need to answer it.
func (m *Maker) runMFAProcess(ctx context.Context, process string) (creds.Secret, error) {
	limited, cancel := context.WithTimeout(ctx, or(m.ProcessTimeout, 2*time.Minute))
	defer cancel()
	code, err := m.RunProcess(limited, process)
	switch {
	case ctx.Err() != nil:
		return creds.Secret{}, ctx.Err()
	case err != nil:
		return creds.Secret{}, fmt.Errorf("mfa_process failed: %w", err)
	}
	return code, nil
}

func (m *Maker) say(line string) {
	if m.Say != nil {
		m.Say(line)
	}
}

// device is what a person calls a device: alice (111122223333) for the ARN of a virtual
// one, the number on its back for a hardware token.
func device(serial string) string {
	a, err := arn.Parse(serial)
	if err != nil {
		return serial
	}
	return strings.TrimPrefix(a.Resource, "mfa/") + " (" + a.AccountID + ")"
}

// DefaultSessionName returns user@host in the characters that AWS allows, so that the
// logs of CloudTrail show who it was.
func DefaultSessionName(user, host string) string {
	name := user
	if host != "" {
		name += "@" + host
	}
	name = strings.Map(func(r rune) rune {
		if strings.ContainsRune("+=,.@-_", r) || '0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' {
			return r
		}
		return '-'
	}, name)
	if len(name) < 2 {
		name = "vault-" + name
	}
	return name[:min(len(name), 64)]
}
