package sessions

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/d44b7504/vault/creds"
	"github.com/d44b7504/vault/profiles"
	"github.com/d44b7504/vault/store"
)

// Asker asks a person and returns the answer.
type Asker func(ctx context.Context, question string) (creds.Secret, error)

// Maker makes sessions. The zero value is not useful: Store, Base and Now are needed.
type Maker struct {
	Store    store.Store
	Endpoint func(profiles.Profile, string) Endpoint // where STS is for a profile and a region
	// Base returns the session shared by the roles over one key. It is the caller's
	// to cache it, so that one MFA question serves them all.
	Base func(context.Context, profiles.Profile) (creds.Session, error)

	Ask         Asker        // nil: nobody is there
	MFAToken    creds.Secret // a code given beforehand; used once
	RunProcess  func(ctx context.Context, command string) (creds.Secret, error)
	SessionName func() string // for roles that name none; see DefaultSessionName
	Now         func() time.Time
	Say         func(string) // a line for the person who is being asked; nil for none
}

// Make carries out the plan for p. It may ask for one MFA code, and once more if AWS
// refuses that; with Ask nil it returns a NeedsUserError instead. It blocks on the
// network up to ctx's deadline.
func (m *Maker) Make(ctx context.Context, p profiles.Profile) (creds.Session, error) {
	plan := NewPlan(p)
	s, err := m.first(ctx, p, plan)
	if err != nil {
		return creds.Session{}, err
	}
	for _, r := range plan.Roles {
		if s, err = m.assume(ctx, p, s, r); err != nil {
			return creds.Session{}, err
		}
	}
	s.Profile, s.Region = p.Name, p.Region
	if !s.Expires.IsZero() {
		s.Issued = m.Now().UTC()
	}
	return s, nil
}

// first returns the credentials that the chain begins with.
func (m *Maker) first(ctx context.Context, p profiles.Profile, plan Plan) (creds.Session, error) {
	if plan.Base != nil {
		return m.Base(ctx, *plan.Base)
	}
	k, err := store.GetKey(ctx, m.Store, plan.Key)
	if errors.Is(err, store.ErrNotFound) {
		return creds.Session{}, &NoKeyError{Profile: p.Name, Key: plan.Key}
	}
	if err != nil {
		return creds.Session{}, err
	}
	long := creds.Session{Profile: p.Name, AccessKeyID: k.ID, SecretKey: k.Secret}
	if plan.Session == nil {
		return long, nil
	}
	c := client(m.Endpoint(p, p.Region), long)
	return m.withMFA(ctx, p, plan.Session.MFASerial, plan.Session.MFAProcess, func(code mfa) (creds.Session, error) {
		s, err := getSessionToken(ctx, c, plan.Session.Duration, code)
		return s, failure("get a session", "", p.Name, err)
	})
}

func (m *Maker) assume(ctx context.Context, p profiles.Profile, by creds.Session, r RoleCall) (creds.Session, error) {
	name := r.SessionName
	if name == "" {
		name = m.SessionName()
	}
	region := r.Region
	if region == "" {
		region = p.Region
	}
	c := client(m.Endpoint(p, region), by)
	return m.withMFA(ctx, p, r.MFASerial, r.MFAProcess, func(code mfa) (creds.Session, error) {
		s, err := assumeRole(ctx, c, r, name, code)
		return s, failure("assume role", r.ARN, p.Name, err)
	})
}

// withMFA makes a call that may need a code. A code that was typed and refused is
// asked for once more; one from a flag or a process is not, it would be the same.
func (m *Maker) withMFA(ctx context.Context, p profiles.Profile, serial, process string, call func(mfa) (creds.Session, error)) (creds.Session, error) {
	if serial == "" {
		return call(mfa{})
	}
	for again := false; ; again = true {
		code, typed, err := m.code(ctx, p, serial, process)
		if err != nil {
			return creds.Session{}, err
		}
		s, err := tryCode(mfa{serial, code}, p.Name, call)
		var failed *CallError
		if again || !typed || !errors.As(err, &failed) || failed.Kind != WrongCode {
			return s, err
		}
		m.say("the code was not accepted; each code works once and for half a minute")
	}
}

// tryCode does not send what cannot be a code: AWS would quote it in its answer, and it
// may be a password that went into the wrong question.
func tryCode(m mfa, profile string, call func(mfa) (creds.Session, error)) (creds.Session, error) {
	code := strings.ReplaceAll(m.code.Reveal(), " ", "")
	if len(code) != 6 || strings.Trim(code, "0123456789") != "" {
		return creds.Session{}, &CallError{
			Op: "use the MFA code", Profile: profile, Kind: WrongCode, Err: errors.New("a code has six digits"),
		}
	}
	return call(mfa{m.serial, creds.New(code)})
}

// code obtains an MFA code: the one given beforehand, else the profile's own process,
// else a person.
func (m *Maker) code(ctx context.Context, p profiles.Profile, serial, process string) (code creds.Secret, typed bool, err error) {
	switch {
	case !m.MFAToken.IsZero():
		code, m.MFAToken = m.MFAToken, creds.Secret{}
		return code, false, nil
	case process != "" && m.RunProcess != nil:
		code, err = m.RunProcess(ctx, process)
		return code, false, err
	case m.Ask == nil:
		return creds.Secret{}, false, &NeedsUserError{Profile: p.Name, What: "an MFA code"}
	}
	code, err = m.Ask(ctx, "MFA code for "+device(serial)+": ")
	if err == nil && code.IsZero() {
		err = ErrNoCode
	}
	return code, true, err
}

func (m *Maker) say(line string) {
	if m.Say != nil {
		m.Say(line)
	}
}

// device is how a person knows a serial: alice (111122223333) for the ARN of a virtual
// device, the number on its back for a hardware one.
func device(serial string) string {
	parts := strings.SplitN(serial, ":", 6)
	if len(parts) != 6 {
		return serial
	}
	return strings.TrimPrefix(parts[5], "mfa/") + " (" + parts[4] + ")"
}

// DefaultSessionName is user@host in the characters AWS allows, so that a reader of
// CloudTrail sees who it was.
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
