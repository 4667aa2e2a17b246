package app

import (
	"cmp"
	"context"
	"errors"
	"sync"
	"time"

	"github.com/d44b7504/vault/env"
	"github.com/d44b7504/vault/internal/creds"
	"github.com/d44b7504/vault/internal/profiles"
	"github.com/d44b7504/vault/internal/sessions"
	"github.com/d44b7504/vault/refresh"
	"github.com/d44b7504/vault/store"
)

// This file ties together how sessions are made (sessions) and kept (refresh).

// Session is the one way from a request to a session. It may ask for whatever the
// profile needs, and waits for another process that is making the same session.
func (t *Task) Session(ctx context.Context, q env.Request, w refresh.Want) (profiles.Profile, refresh.Lease, error) {
	p, err := t.Resolve(ctx, q)
	if err != nil {
		return p, refresh.Lease{}, err
	}
	l, err := t.sessionOf(ctx, p, q, w)
	return p, l, err
}

// sessionOf is Session for a request that has been resolved.
func (t *Task) sessionOf(ctx context.Context, p profiles.Profile, q env.Request, w refresh.Want) (refresh.Lease, error) {
	if !t.Quiet {
		t.warn(p)
	}
	if err := (helpers{t}).checkCircle(p); err != nil {
		return refresh.Lease{}, err
	}
	w, err := t.wanted(p, q, w)
	if err != nil {
		return refresh.Lease{}, err
	}
	l, err := t.made(ctx, p, w)
	l.Session = asOf(l.Session, p)
	if err == nil {
		err = cmp.Or(l.Session.Check(), t.enough(p, q, l.Session))
	}
	err = meantSource(p, err)
	err = inAnotherPartition(p, err)
	if err == nil && !t.Quiet {
		t.warnOfRegion(p)
	}
	if l.Warning != nil {
		t.say("%s", Text(l.Warning))
	}
	return l, err
}

// made makes or finds a session that is as good as wanted.
func (t *Task) made(ctx context.Context, p profiles.Profile, w refresh.Want) (refresh.Lease, error) {
	if p.Guard.Lapses && t.SignIn.Never {
		return t.lapsing(ctx, p)
	}
	k, err := keeper(ctx, t, p, w.IgnoreCache)
	if err != nil {
		return refresh.Lease{}, err
	}
	ctx, stop := t.notBehindAPerson(ctx, p)
	defer stop()
	l, err := k.Fresh(ctx, p, w)
	err = whyEnded(ctx, err)
	if err == nil && p.Guard.Lapses {
		l = t.asLapsing(p, l)
	}
	return l, err
}

// asOf gives a session from the cache what the profile says of it here.
func asOf(s creds.Session, p profiles.Profile) creds.Session {
	s.Region, s.Settings = p.Region, p.Network.Variables
	return s
}

// warn tells what a person should know of the files and of a profile that can be used.
func (t *Task) warn(p profiles.Profile) {
	if text := t.Env.NoConfigFile(); text != "" {
		t.say("%s", text)
	}
	for _, warning := range p.Warnings {
		if !warning.Regionless() {
			t.say("%s", warning)
		}
	}
}

// warnOfRegion tells that a session is given with a region that is set nowhere.
func (t *Task) warnOfRegion(p profiles.Profile) {
	for _, warning := range p.Warnings {
		if warning.Regionless() {
			t.say("%s", warning)
		}
	}
}

// inAnotherPartition adds to the error for an unknown key that the profile may lack a region.
func inAnotherPartition(p profiles.Profile, err error) error {
	var call *sessions.CallError
	if !p.Regionless || Origin(p).Stored == nil || !errors.As(err, &call) || call.Kind != sessions.BadKey || call.WrongSecret() || HasHint(err) {
		return err
	}
	return WithHint(err, "%s; a key of China or GovCloud needs a region in the profile", CallHint(call))
}

// Keeper returns what finds sessions of a profile in the cache and makes new ones: the
// agent, if it holds the store, else this process.
func (t *Task) Keeper(ctx context.Context, p profiles.Profile) (SessionKeeper, error) {
	return keeper(ctx, t, p, false)
}

func keeper(ctx context.Context, t *Task, p profiles.Profile, renew bool) (SessionKeeper, error) {
	if k, err := agentKeeperOf(ctx, t, p, renew); k != nil || err != nil {
		return k, err
	}
	m, err := t.Maker(ctx)
	if err != nil {
		return nil, err
	}
	return localKeeper{keeperOf(t, m, renew)}, nil
}

// localKeeper is the keeper of this process.
type localKeeper struct{ *refresh.Keeper }

// Fresh also keeps a new session for whatever else it serves.
func (k localKeeper) Fresh(ctx context.Context, p profiles.Profile, w refresh.Want) (refresh.Lease, error) {
	l, err := k.Keeper.Fresh(ctx, p, w)
	if base := sessions.SharedBy(p); base != nil && l.New && l.Warning == nil {
		l.Warning = k.Offer(ctx, *base, l.Session) // what it was asked for may outlast what there is
	}
	return l, err
}

// keeperOf keeps what m makes, and gives m its Base. renew says that the person wants new
// sessions.
func keeperOf(t *Task, m *sessions.Maker, renew bool) *refresh.Keeper {
	k := &refresh.Keeper{
		Store: m.Store, Make: m.Make, Note: NoteFor, Dir: t.Env.Runtime(), Policy: t.Policy, Now: t.Now, Started: t.Started, Waiting: waiting(t),
	}
	m.RenewKey = helpers{t}.keyRenewal(renew)
	m.Base = func(ctx context.Context, base profiles.Profile, no sessions.Rejected) (creds.Session, bool, error) {
		w := refresh.Want{MinTTL: time.Minute, CheckKey: true, Except: no.AccessKeyID}
		code := !m.MFAToken.IsZero()
		w.IgnoreCache = no.AccessKeyID == "" && (renew || code)
		l, err := k.Fresh(ctx, base, w)
		if err != nil && w.IgnoreCache && cannotRenew(err, renew) && (k.Missing == nil || !k.Missing(err)) {
			w.IgnoreCache = false // the one that there is may be good
			if kept, again := k.Fresh(ctx, base, w); !errors.Is(again, sessions.ErrNeedsUser) {
				l, err = kept, again
			}
		}
		if err != nil && no.Certain {
			if failed := k.Drop(context.WithoutCancel(ctx), base, no.AccessKeyID); failed != nil {
				err = errors.Join(err, failed)
			}
		}
		return l.Session, !l.New, err
	}
	return k
}

// cannotRenew reports whether a shared session was not renewed only because no person
// gave a code for it, or, unless asked, because the code on the command line was used
// before: then the cached one will do.
func cannotRenew(err error, asked bool) bool {
	var failed *sessions.CallError
	return errors.Is(err, sessions.ErrNeedsUser) || !asked && errors.As(err, &failed) && failed.Kind == sessions.WrongCode
}

// waiting tells the caller, once, that another process is at it, unless nobody is told or the
// caller gives up.
func waiting(t *Task) func() {
	tell := sync.OnceFunc(func() { t.sayAndTell("another terminal is signing in, waiting for it") })
	return func() {
		if gaveUp := t.giveUp != nil && t.giveUp(); !gaveUp && !t.Quiet {
			tell()
		}
	}
}

// Maker makes sessions, and keeps none. It cannot make one over a shared session with
// MFA; Keeper can.
func (t *Task) Maker(ctx context.Context) (*sessions.Maker, error) {
	s, err := t.Keyring(ctx)
	if err != nil {
		return nil, err
	}
	return t.makerOver(s)
}

// makerOver is Maker with another store than the caller's.
func (t *Task) makerOver(s store.Store) (*sessions.Maker, error) {
	h := helpers{t}
	codes, err := h.askForCode()
	if err != nil {
		return nil, err
	}
	shared, _ := t.Env.SSOCacheDir() // without a home directory there is nothing to share
	m := &sessions.Maker{
		Store: s, Endpoint: Endpoint, Ask: codes, Browser: h.browser, MFAToken: t.MFACode,
		RunProcess: h.runToken, RunCredentials: h.runCredentialProcess, Env: t.Env.User, LoginDir: t.Env.loginDir(), SharedDir: shared, Path: t.Env.settingPath,
		SessionName: func() string { return sessions.DefaultSessionName(t.Who()) }, Now: t.Now, Started: t.Started,
		Lock: func(ctx context.Context, name string) (func(), error) {
			return t.Env.Runtime().Lock(ctx, name, waiting(t))
		},
	}
	m.SigningIn = t.signingIn
	if !t.Quiet {
		m.Say = t.sayAndTell
	}
	return m, nil
}
