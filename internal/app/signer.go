package app

import (
	"context"
	"errors"
	"time"

	"github.com/d44b7504/vault/internal/creds"
	"github.com/d44b7504/vault/internal/profiles"
	"github.com/d44b7504/vault/internal/rotation"
	"github.com/d44b7504/vault/internal/sessions"
	"github.com/d44b7504/vault/refresh"
	"github.com/d44b7504/vault/store"
)

// This file decides with whose credentials the keys of a user are managed, and keeps
// those credentials good while the key under them changes.

// Signer makes the calls of IAM that a rotation needs. It signs with one session for as
// long as AWS accepts that; then it makes another one, with the key that is stored then.
type Signer struct {
	task    *Task
	profile profiles.Profile // whose session signs; the key's own, where direct
	item    string           // under which the key is stored
	user    string           // whose keys they are, without path
	direct  bool             // the key itself signs

	maker   *sessions.Maker
	keeper  *refresh.Keeper
	codes   *codeSpacer
	session creds.Session // that signs
	cached  bool          // session was made before this signer
	began   time.Time
}

// NewSigner follows these rules. AWS takes calls of IAM from a key, from a session made
// with MFA, and from a role; not from a session without MFA. The profile's own
// credentials are used, as they may be all that is allowed to; but a role of another
// account knows nothing of this user, so there it is the key's own session. user is the
// ARN of the key's user; noSession says that the key itself is to sign.
func (t *Task) NewSigner(ctx context.Context, p profiles.Profile, user string, noSession bool) (*Signer, error) {
	account, name := UserOf(user)
	s := &Signer{task: t, profile: p, item: sessions.NewPlan(p).Key, user: name, began: t.Now()}
	role := p.Source.Role
	switch {
	case noSession:
		s.profile, s.direct = keyProfile(p), true
	case role == nil:
		s.direct = p.Source.Stored.MFASerial == ""
	case AccountOf(role.ARN) != account:
		s.profile = keyProfile(p)
		s.direct = s.profile.Source.Stored.MFASerial == ""
		t.say("%s is a role of account %s, which does not know the key's user: continuing with the key's own credentials", p.Name, AccountOf(role.ARN))
	}
	if s.direct {
		return s, nil
	}
	m, err := t.Maker(ctx)
	if err != nil {
		return nil, err
	}
	s.codes = &codeSpacer{now: t.Now, sleep: t.Sleep, say: t.say}
	m.Ask, m.RunProcess = s.codes.ask(m.Ask), s.codes.run(m.RunProcess)
	s.maker, s.keeper = m, keeperOf(t, m, false)
	return s, nil
}

// keyProfile is the profile of the key under p. Where only a role over it says which MFA
// device there is, that is the device of the key's user.
func keyProfile(p profiles.Profile) profiles.Profile {
	if base := sessions.NewPlan(p).Base; base != nil {
		return *base
	}
	stored := *Origin(p).Stored
	for role := p.Source.Role; role != nil && stored.MFASerial == ""; role = role.Source.Role {
		if role.Source.Stored != nil {
			stored.MFASerial, stored.MFAProcess = role.MFASerial, role.MFAProcess
		}
	}
	return profiles.Profile{
		Name: stored.Profile, Region: p.Region, Endpoint: p.Endpoint, Network: p.Network, Source: profiles.Source{Stored: &stored},
	}
}

// Calls are the calls of AWS as a rotation needs them.
func (s *Signer) Calls() rotation.Calls {
	return rotation.Calls{
		List: func(ctx context.Context) (list []rotation.Key, err error) {
			err = s.call(ctx, func(c sessions.IAM) error {
				keys, err := c.ListAccessKeys(ctx)
				list = nil
				for _, k := range keys {
					list = append(list, rotation.Key(k))
				}
				return err
			})
			return list, err
		},
		Create: func(ctx context.Context) (k creds.Key, err error) {
			err = s.call(ctx, func(c sessions.IAM) error { k, err = c.CreateAccessKey(ctx); return err })
			return k, err
		},
		Deactivate: func(ctx context.Context, id string) error {
			return s.call(ctx, func(c sessions.IAM) error { return c.DeactivateAccessKey(ctx, id) })
		},
		Delete: func(ctx context.Context, id string) error {
			return s.call(ctx, func(c sessions.IAM) error { return c.DeleteAccessKey(ctx, id) })
		},
		LastUsed: func(ctx context.Context, id string) (u rotation.Use, err error) {
			err = s.call(ctx, func(c sessions.IAM) error {
				use, err := c.AccessKeyLastUsed(ctx, id)
				u = rotation.Use(use)
				return err
			})
			return u, err
		},
	}
}

// call makes a call, and makes it again with another session if AWS refuses this one: it
// may have expired, or ended with its key.
func (s *Signer) call(ctx context.Context, f func(sessions.IAM) error) error {
	if s.direct {
		return classified(s.withKey(ctx, f))
	}
	if s.session.AccessKeyID == "" {
		if err := s.obtain(ctx, false); err != nil {
			return err
		}
	}
	err := f(s.iam(s.session))
	var failed *sessions.CallError
	if !errors.As(err, &failed) {
		return classified(err)
	}
	switch refused := failed.Kind == sessions.BadKey || failed.Kind == sessions.Expired; {
	case refused:
		if err := s.obtain(ctx, true); err != nil {
			return err
		}
	case failed.Kind == sessions.Denied && s.cached: // its MFA may be too old for a policy
		if s.obtain(ctx, true) != nil {
			return classified(err)
		}
	default:
		return classified(err)
	}
	return classified(f(s.iam(s.session)))
}

// untilKnown is how long a key that STS knows may be unknown to IAM.
const untilKnown = time.Minute

// withKey signs with the key that is stored now.
func (s *Signer) withKey(ctx context.Context, f func(sessions.IAM) error) error {
	keys, err := s.task.Keyring(ctx)
	if err != nil {
		return err
	}
	k, err := store.GetKey(ctx, keys, s.item)
	if err != nil {
		return err
	}
	end := s.task.Now().Add(untilKnown)
	for pause := time.Second; ; pause = min(2*pause, 10*time.Second) {
		err := f(s.iam(creds.Session{Profile: s.item, AccessKeyID: k.ID, SecretKey: k.Secret}))
		var failed *sessions.CallError
		if !errors.As(err, &failed) || failed.Kind != sessions.BadKey || !s.task.Now().Add(pause).Before(end) {
			return err
		}
		if err := s.task.Sleep(ctx, pause); err != nil {
			return err
		}
	}
}

// obtain gets the session that signs. renew says that a cached one is not good enough, nor one
// it was made from. A code that a machine gave and AWS refused was used a moment ago:
// the machine is asked again for the next one.
func (s *Signer) obtain(ctx context.Context, renew bool) error {
	s.maker.Base = func(ctx context.Context, base profiles.Profile, no sessions.Rejected) (creds.Session, bool, error) {
		l, err := s.keeper.Fresh(ctx, base, refresh.Want{MinTTL: time.Minute, IgnoreCache: renew, Except: no.AccessKeyID})
		return l.Session, !l.New, err
	}
	for tries := 3; ; tries-- {
		given := !s.maker.MFAToken.IsZero()
		l, err := s.keeper.Fresh(ctx, s.profile, refresh.Want{IgnoreCache: renew})
		if given = given && s.maker.MFAToken.IsZero(); given {
			s.codes.got(true)
		}
		if err == nil {
			s.codes.markUsed()
			s.session, s.cached = l.Session, l.Session.Issued.Before(s.began)
			return nil
		}
		var failed *sessions.CallError
		if !errors.As(err, &failed) || failed.Kind != sessions.WrongCode || s.codes.typed || given || tries == 1 {
			return err
		}
		s.codes.markUsed()
	}
}

func (s *Signer) iam(by creds.Session) sessions.IAM {
	by.Profile = s.profile.Name
	return sessions.IAM{
		Endpoint: Endpoint(s.profile, profiles.ServiceIAM, s.profile.Region), Session: by, User: s.user,
	}
}

// keyUser returns a function that asks STS, with a key itself, whose it is.
func keyUser(p profiles.Profile) func(context.Context, creds.Key) (string, error) {
	return func(ctx context.Context, k creds.Key) (string, error) {
		by := creds.Session{Profile: sessions.NewPlan(p).Key, AccessKeyID: k.ID, SecretKey: k.Secret}
		id, err := whoAmI(ctx, p, by)
		return id.ARN, classified(err)
	}
}

// classified makes a failure match rotation's own errors too; its text stays.
func classified(err error) error {
	var failed *sessions.CallError
	var unsure *sessions.UnsureError
	is := map[sessions.Kind]error{
		sessions.Gone: rotation.ErrGone, sessions.Denied: rotation.ErrDenied, sessions.BadKey: rotation.ErrRejected,
	}
	switch {
	case errors.As(err, &unsure):
		return classifiedError{err, rotation.ErrUnsure}
	case errors.As(err, &failed) && is[failed.Kind] != nil:
		return classifiedError{err, is[failed.Kind]}
	}
	return err
}

// classifiedError is an error that matches another one as well.
type classifiedError struct {
	error
	is error
}

func (e classifiedError) Unwrap() []error { return []error{e.error, e.is} }
