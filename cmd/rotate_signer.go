package cmd

import (
	"context"
	"errors"
	"strings"
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

// signer makes calls of IAM. Its session is the one at hand for as long as AWS takes it;
// then another is made, with whatever key is stored by then.
type signer struct {
	r       *run
	profile profiles.Profile // whose session signs; the key's own, where direct
	item    string           // under which the key is stored
	user    string           // whose keys they are, without path
	direct  bool             // the key itself signs

	maker  *sessions.Maker
	keeper *refresh.Keeper
	desk   *codeDesk
	held   creds.Session
	cached bool // held was made before this run
	began  time.Time
}

// newSigner follows these rules. AWS takes calls of IAM from a key, from a session made
// with MFA, and from a role; not from a session without MFA. The profile's own
// credentials are used, as they may be all that is allowed to; but a role of another
// account knows nothing of this user, so there it is the key's own session.
func (r *run) newSigner(ctx context.Context, p profiles.Profile, user string, noSession bool) (*signer, error) {
	account, name := userOf(user)
	s := &signer{r: r, profile: p, item: sessions.NewPlan(p).Key, user: name, began: r.Now()}
	role := p.Source.Role
	switch {
	case noSession:
		s.profile, s.direct = keyProfile(p), true
	case role == nil:
		s.direct = p.Source.Stored.MFASerial == ""
	case accountOf(role.ARN) != account:
		s.profile = keyProfile(p)
		s.direct = s.profile.Source.Stored.MFASerial == ""
		r.say("%s is a role of account %s, which does not know the key's user: going on with the key's own credentials", printable(p.Name), printable(accountOf(role.ARN)))
	}
	if s.direct {
		return s, nil
	}
	m, err := r.maker(ctx)
	if err != nil {
		return nil, err
	}
	s.desk = &codeDesk{now: r.Now, sleep: r.Sleep, say: func(line string) { r.say("%s", line) }}
	m.Ask, m.RunProcess = s.desk.ask(m.Ask), s.desk.run(m.RunProcess)
	s.maker, s.keeper = m, r.keeperOf(m)
	return s, nil
}

// keyProfile is the profile of the key under p. Where only a role over it says which MFA
// device there is, that is the device of the key's user.
func keyProfile(p profiles.Profile) profiles.Profile {
	if base := sessions.NewPlan(p).Base; base != nil {
		return *base
	}
	stored := *end(p.Source).Stored
	for role := p.Source.Role; role != nil && stored.MFASerial == ""; role = role.Source.Role {
		if role.Source.Stored != nil {
			stored.MFASerial, stored.MFAProcess = role.MFASerial, role.MFAProcess
		}
	}
	return profiles.Profile{
		Name: stored.Profile, Region: p.Region, Endpoint: p.Endpoint, Network: p.Network, Source: profiles.Source{Stored: &stored},
	}
}

// userOf takes account and name out of an IAM user's ARN; the name is "" for anybody else.
func userOf(arn string) (account, name string) {
	path, is := strings.CutPrefix(resourceOf(arn), "user/")
	if !is {
		return accountOf(arn), ""
	}
	return accountOf(arn), path[strings.LastIndexByte(path, '/')+1:]
}

func accountOf(arn string) string {
	if parts := strings.SplitN(arn, ":", 6); len(parts) == 6 {
		return parts[4]
	}
	return ""
}

func resourceOf(arn string) string {
	if parts := strings.SplitN(arn, ":", 6); len(parts) == 6 {
		return parts[5]
	}
	return ""
}

// calls are AWS's as a rotation wants them.
func (s *signer) calls() rotation.Calls {
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

// call makes one, and makes it again with another session if the one at hand is refused:
// it may have lapsed, or ended with its key. Such a refusal is one for certain.
func (s *signer) call(ctx context.Context, f func(sessions.IAM) error) error {
	if s.direct {
		return known(s.withKey(ctx, f))
	}
	if s.held.AccessKeyID == "" {
		if err := s.obtain(ctx, false); err != nil {
			return err
		}
	}
	err := f(s.iam(s.held))
	var failed *sessions.CallError
	if !errors.As(err, &failed) {
		return known(err)
	}
	switch refused := failed.Kind == sessions.BadKey || failed.Kind == sessions.Lapsed; {
	case refused:
		if err := s.obtain(ctx, true); err != nil {
			return err
		}
	case failed.Kind == sessions.Denied && s.cached: // its MFA may be too old for a policy
		if s.obtain(ctx, true) != nil {
			return known(err)
		}
	default:
		return known(err)
	}
	return known(f(s.iam(s.held)))
}

// untilKnown is how long a key that STS knows may be unknown to IAM.
const untilKnown = time.Minute

// withKey signs with the key itself, as it is stored now.
func (s *signer) withKey(ctx context.Context, f func(sessions.IAM) error) error {
	k, err := store.GetKey(ctx, s.r.store, s.item)
	if err != nil {
		return err
	}
	end := s.r.Now().Add(untilKnown)
	for pause := time.Second; ; pause = min(2*pause, 10*time.Second) {
		err := f(s.iam(creds.Session{Profile: s.item, AccessKeyID: k.ID, SecretKey: k.Secret}))
		var failed *sessions.CallError
		if !errors.As(err, &failed) || failed.Kind != sessions.BadKey || !s.r.Now().Add(pause).Before(end) {
			return err
		}
		if err := s.r.Sleep(ctx, pause); err != nil {
			return err
		}
	}
}

// obtain gets the session that signs. anew says that a cached one will not do, nor one
// it was made from. A code that a machine gave and AWS refused was used a moment ago:
// the machine is asked again for the next one.
func (s *signer) obtain(ctx context.Context, anew bool) error {
	s.maker.Base = func(ctx context.Context, base profiles.Profile) (creds.Session, error) {
		l, err := s.keeper.Fresh(ctx, base, refresh.Want{MinTTL: time.Minute, Anew: anew})
		return l.Session, err
	}
	for tries := 3; ; tries-- {
		given := !s.maker.MFAToken.IsZero()
		l, err := s.keeper.Fresh(ctx, s.profile, refresh.Want{Anew: anew})
		if given = given && s.maker.MFAToken.IsZero(); given {
			s.desk.got(true)
		}
		if err == nil {
			s.desk.spend()
			s.held, s.cached = l.Session, l.Session.Issued.Before(s.began)
			return nil
		}
		var failed *sessions.CallError
		if !errors.As(err, &failed) || failed.Kind != sessions.WrongCode || s.desk.typed || given || tries == 1 {
			return err
		}
		s.desk.spend()
	}
}

func (s *signer) iam(by creds.Session) sessions.IAM {
	by.Profile = s.profile.Name
	return sessions.IAM{
		Endpoint: s.r.endpoint(s.profile, profiles.ServiceIAM, s.profile.Region), Session: by, User: s.user, Now: s.r.Now,
	}
}

// who asks STS with a key itself.
func (r *run) who(p profiles.Profile) func(context.Context, creds.Key) (string, error) {
	return func(ctx context.Context, k creds.Key) (string, error) {
		by := creds.Session{Profile: sessions.NewPlan(p).Key, AccessKeyID: k.ID, SecretKey: k.Secret}
		id, err := sessions.WhoAmI(ctx, r.endpoint(p, profiles.ServiceSTS, p.Region), by)
		return id.ARN, known(err)
	}
}

// known puts a failure into the vocabulary of rotations; its text stays.
func known(err error) error {
	var failed *sessions.CallError
	var unsure *sessions.UnsureError
	is := map[sessions.Kind]error{
		sessions.Gone: rotation.ErrGone, sessions.Denied: rotation.ErrDenied, sessions.BadKey: rotation.ErrRejected,
	}
	switch {
	case errors.As(err, &unsure):
		return knownError{err, rotation.ErrUnsure}
	case errors.As(err, &failed) && is[failed.Kind] != nil:
		return knownError{err, is[failed.Kind]}
	}
	return err
}

// knownError is an error that is one of the vocabulary too.
type knownError struct {
	error
	is error
}

func (e knownError) Unwrap() []error { return []error{e.error, e.is} }
