package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/d44b7504/vault/internal/creds"
	"github.com/d44b7504/vault/internal/profiles"
	"github.com/d44b7504/vault/internal/sessions"
	"github.com/d44b7504/vault/refresh"
	"github.com/d44b7504/vault/store"
)

// This file is the client's side of the agent: it asks the person for what opens the store,
// once for all terminals, and brings what a session needs of the person and the machine.

// SessionKeeper finds sessions in the cache and makes new ones: a refresh.Keeper of this
// process, or the agent's. See refresh.Keeper for its methods.
type SessionKeeper interface {
	Fresh(context.Context, profiles.Profile, refresh.Want) (refresh.Lease, error)
	IfDue(context.Context, profiles.Profile) error
	Unattended(context.Context, profiles.Profile) (refresh.Lease, error)
	Current(context.Context, profiles.Profile) (refresh.Lease, error)
}

// agentKeeper is the agent's keeper. Without an agent that holds the store it does the work
// in this process.
type agentKeeper struct {
	t     *Task
	store store.Store // not unlocked
	ref   store.Reference
	renew bool
	how   agentSettings
	key   string        // to read it, a program asks the person; "": this program asks for a passphrase
	given *creds.Secret // the passphrase, that a variable has; nil: a person types it
}

// agentKeeperOf is nil where an agent is of no use: the store opens without a person, or the
// stored key itself is wanted, or the user wants none.
func agentKeeperOf(ctx context.Context, t *Task, p profiles.Profile, renew bool) (*agentKeeper, error) {
	if t.Agent == nil || givesKey(p) {
		return nil, nil
	}
	s, err := t.Keyring(ctx)
	if err != nil {
		return nil, err
	}
	k := &agentKeeper{t: t, store: s, renew: renew}
	if store.AsksItself(s) {
		k.key = sessions.NewPlan(p).Key
	}
	asks := k.key != "" || store.NeedsPassphrase(ctx, s)
	options := t.StoreOptions()
	if !asks {
		if k.given = store.Of(s).GivenPassphrase(options); k.given == nil {
			return nil, nil
		}
	}
	if k.how, err = t.Env.agentSettings(); err != nil || k.how.ttl == 0 || !asks && !k.how.always {
		return nil, err
	}
	k.ref = store.ReferenceTo(s, options)
	return k, nil
}

func (k *agentKeeper) Fresh(ctx context.Context, p profiles.Profile, w refresh.Want) (refresh.Lease, error) {
	l, err := k.carry(ctx, SessionRequest{Op: OpFresh, Profile: p, Want: w})
	return k.orHere(ctx, l, err, func(k SessionKeeper) (refresh.Lease, error) { return k.Fresh(ctx, p, w) })
}

func (k *agentKeeper) IfDue(ctx context.Context, p profiles.Profile) error {
	l, err := k.carry(ctx, SessionRequest{Op: OpIfDue, Profile: p})
	_, err = k.orHere(ctx, l, err, func(k SessionKeeper) (refresh.Lease, error) { return refresh.Lease{}, k.IfDue(ctx, p) })
	return err
}

func (k *agentKeeper) Unattended(ctx context.Context, p profiles.Profile) (refresh.Lease, error) {
	l, err := k.carry(ctx, SessionRequest{Op: OpUnattended, Profile: p})
	return k.orHere(ctx, l, err, func(k SessionKeeper) (refresh.Lease, error) { return k.Unattended(ctx, p) })
}

func (k *agentKeeper) Current(ctx context.Context, p profiles.Profile) (refresh.Lease, error) {
	l, err := k.carry(ctx, SessionRequest{Op: OpCurrent, Profile: p})
	return k.orHere(ctx, l, err, func(k SessionKeeper) (refresh.Lease, error) { return k.Current(ctx, p) })
}

// signIn has the person sign in, whether there is a sign-in or not, and the agent keep it.
func (k *agentKeeper) signIn(ctx context.Context, d Directory) (SessionReply, error) {
	r := SessionRequest{Op: OpSignIn, Profile: d.Profile}
	m, err := k.t.makerOver(newTokens())
	if err != nil {
		return SessionReply{}, err
	}
	if err := (&bringer{k: k, r: &r, again: true}).signIn(ctx, m, nil); err != nil {
		return SessionReply{}, err
	}
	return k.carryOut(ctx, r)
}

// orHere returns what the agent gave, or does the work in this process if there is no agent
// that can.
func (k *agentKeeper) orHere(ctx context.Context, l refresh.Lease, err error, here func(SessionKeeper) (refresh.Lease, error)) (refresh.Lease, error) {
	if !errors.Is(err, ErrNotHeld) {
		return l, err
	}
	m, err := k.t.Maker(ctx)
	if err != nil {
		return refresh.Lease{}, err
	}
	return here(localKeeper{keeperOf(k.t, m, k.renew)})
}

// carryOut has a request carried out, and brings what is missing: one process after the
// other, so that a person is asked in one terminal only.
func (k *agentKeeper) carryOut(ctx context.Context, r SessionRequest) (SessionReply, error) {
	r.Store, r.Policy, r.Code, r.Proxies = k.ref, k.t.Policy, k.t.MFACode, k.t.Env.proxies()
	r.Profile = forAgent(r.Profile)
	reply, err := k.held(ctx, &r)
	if !canBeBrought(err) {
		return reply, err
	}
	unlock, got, lockErr := k.lockQuestion(ctx, r, err)
	if lockErr != nil || !got {
		return SessionReply{}, lockErr
	}
	defer unlock()
	b := bringer{k: k, r: &r}
	if isWrongCode(err) {
		b.refused = err
	}
	if reply, err = k.held(ctx, &r); !canBeBrought(err) {
		return reply, err // another process has brought it
	}
	return b.bring(ctx, err)
}

// carry is carryOut for a session.
func (k *agentKeeper) carry(ctx context.Context, r SessionRequest) (refresh.Lease, error) {
	reply, err := k.carryOut(ctx, r)
	return reply.Lease, err
}

// lockQuestion waits until no other process brings the same thing. A renewal in the
// background does not wait: the other process makes the session.
func (k *agentKeeper) lockQuestion(ctx context.Context, r SessionRequest, missing error) (unlock func(), got bool, err error) {
	name := "question\x00" + questionOf(r.Profile, missing)
	if r.Op == OpIfDue {
		unlock, got = k.t.Env.Runtime().TryLock(name)
		return unlock, got, nil
	}
	unlock, err = k.t.Env.Runtime().Lock(ctx, name, waiting(k.t))
	return unlock, err == nil, err
}

// questionOf names what is missing, so that two requests which lack the same wait for each
// other.
func questionOf(p profiles.Profile, missing error) string {
	var needs *sessions.NeedsUserError
	var outside *OutsideError
	sso := Origin(p).SSO
	switch {
	case errors.As(missing, &needs) && needs.Need == sessions.NeedsBrowser && sso != nil:
		return sessions.TokenName(sso)
	case errors.As(missing, &needs):
		return cmp.Or(needs.Device, needs.What)
	case errors.As(missing, &outside):
		return outside.Profile
	}
	return "code"
}

// bringer brings what a request lacks.
type bringer struct {
	k       *agentKeeper
	r       *SessionRequest
	needs   *sessions.NeedsUserError // the last thing that a person was needed for
	typed   bool                     // a person typed the last code
	refused error                    // AWS did not accept the code that was given beforehand
	retried bool
	again   bool // a person signs in, also where another program's sign-in would do
}

// most is how many things one session can lack: credentials from outside, or a sign-in, and
// the code of each role.
const most = 8

func (b *bringer) bring(ctx context.Context, err error) (SessionReply, error) {
	for range most {
		failed := b.next(ctx, err)
		if failed != nil && ctx.Err() != nil || errors.Is(failed, context.Canceled) {
			return SessionReply{}, failed
		}
		b.r.Final = failed != nil
		var reply SessionReply
		reply, err = b.k.held(ctx, b.r)
		switch {
		case failed != nil && err != nil:
			return reply, failed
		case failed != nil && reply.Lease.Warning != nil:
			reply.Lease.Warning = failed
			return reply, nil
		case !canBeBrought(err):
			return reply, err
		}
	}
	return SessionReply{}, err
}

// next brings one thing, or says why it cannot.
func (b *bringer) next(ctx context.Context, missing error) error {
	var needs *sessions.NeedsUserError
	var call *sessions.CallError
	m, err := b.k.t.makerOver(newTokens())
	if err != nil {
		return err
	}
	switch {
	case errors.Is(missing, ErrMissing):
		m.RenewKey = helpers{b.k.t}.keyRenewal(b.k.renew)
		b.r.First, err = m.Outside(ctx, b.r.Profile)
		return err
	case errors.As(missing, &needs) && needs.Need == sessions.NeedsBrowser:
		return b.signIn(ctx, m, missing)
	case errors.As(missing, &needs):
		b.needs = needs
		m.MFAToken = creds.Secret{} // it is used
		if b.refused != nil {
			return b.refused
		}
		b.r.Code, b.typed, err = m.Code(ctx, b.r.Profile, needs)
		return err
	case errors.As(missing, &call) && b.typed && !b.retried:
		b.retried = true
		b.k.t.say("the code was not accepted; each code works once and for half a minute")
		b.r.Code, b.typed, err = m.Code(ctx, b.r.Profile, b.needs)
		return err
	}
	return missing
}

// signIn has the person sign in to Identity Center.
func (b *bringer) signIn(ctx context.Context, m *sessions.Maker, missing error) error {
	sso := Origin(b.r.Profile).SSO
	if sso == nil || b.r.SignIn != nil {
		return missing
	}
	ensure := m.EnsureSignedIn
	if b.again {
		ensure = m.SignInAgain
	}
	if _, err := ensure(ctx, b.r.Profile, sso); err != nil {
		return err
	}
	t, err := m.SignedIn(ctx, sso)
	b.r.SignIn = &t
	return err
}

// held has a request carried out once, by an agent that holds the store. Where a person is
// there, they are asked for the passphrase if that is needed.
func (k *agentKeeper) held(ctx context.Context, r *SessionRequest) (SessionReply, error) {
	r.CanOpen = k.given != nil || k.t.askHidden() != nil
	r.Within = within(ctx)
	reply, err := k.t.Agent.Session(ctx, *r, k.say())
	if errors.Is(err, ErrNotHeld) && r.CanOpen {
		if err := k.open(ctx); err != nil {
			return SessionReply{}, err
		}
		reply, err = k.t.Agent.Session(ctx, *r, k.say())
	}
	if reply.CodeUsed {
		r.Code = creds.Secret{}
	}
	if k.key != "" && r.CanOpen && errors.Is(err, store.ErrLocked) { // here the program asks the person
		err = fmt.Errorf("%w: %w", ErrNotHeld, err)
	}
	return reply, err
}

// within is how long a request may take of which the client has to end with ctx: a little
// less than is left, so that the client hears why it failed. 0: there is no end.
func within(ctx context.Context) time.Duration {
	end, is := ctx.Deadline()
	if !is {
		return 0
	}
	left := time.Until(end)
	return max(left-min(left/10, time.Second), time.Millisecond)
}

// say tells the person a line; nil where nobody is told.
func (k *agentKeeper) say() func(string) {
	if k.t.Quiet {
		return nil
	}
	return func(line string) { k.t.say("%s", line) }
}

// open asks for the passphrase, in one terminal at a time, and gives it to the agent.
func (k *agentKeeper) open(ctx context.Context) error {
	unlock, err := k.t.Env.Runtime().Lock(ctx, "passphrase\x00"+k.ref.Key(), sync.OnceFunc(func() {
		k.t.say("another terminal is asking for the passphrase, waiting for it")
	}))
	if err != nil {
		return err
	}
	defer unlock()
	if k.t.Agent.Holds(ctx, k.ref) {
		return nil
	}
	if err := k.t.Agent.Start(ctx); err != nil {
		return k.without(ctx, err)
	}
	switch {
	case k.key != "":
		return k.handOver(ctx)
	case k.given != nil:
		if opens, err := k.hold(ctx, *k.given); err != nil || !opens {
			return ErrNotHeld // it is met again, and told, without the agent
		}
		return nil
	}
	k.t.asks = true
	err = store.AskPassphrase(ctx, k.store, func(typed creds.Secret) (bool, error) { return k.hold(ctx, typed) })
	switch {
	case err == nil: // a renewal in the background finds it open; only the agent is to know it
		k.t.Unlocked, k.t.typed = false, nil
	case errors.Is(err, ErrNotHeld):
		return k.without(ctx, err)
	}
	return err
}

// without says why there is no agent, and has the work done in this process.
func (k *agentKeeper) without(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if k.given == nil {
		k.t.say("there is no agent, so each command asks for the passphrase: %s", OneLine(err))
	}
	return ErrNotHeld
}

// handOver has the store's own program ask the person, by reading the key once, and the agent
// read the store from then on. One process that reads is faster than fifty.
func (k *agentKeeper) handOver(ctx context.Context) error {
	if _, err := store.GetKey(ctx, k.store, k.key); err != nil {
		return fmt.Errorf("%w: %w", ErrNotHeld, err) // it is met again, and told, without the agent
	}
	if _, err := k.hold(ctx, creds.Secret{}); err != nil {
		return fmt.Errorf("%w: %w", ErrNotHeld, err)
	}
	return nil
}

// hold has the agent open the store and hold it. One that was killed while the person typed is
// started again.
func (k *agentKeeper) hold(ctx context.Context, passphrase creds.Secret) (opens bool, err error) {
	u := Unlocking{Store: k.ref, Passphrase: passphrase, For: k.how.ttl, UntilSuspended: k.how.untilSuspended, Person: !k.t.Quiet}
	opens, err = k.t.Agent.Unlock(ctx, u)
	if errors.Is(err, ErrNotHeld) && k.t.Agent.Start(ctx) == nil {
		opens, err = k.t.Agent.Unlock(ctx, u)
	}
	return opens, err
}

// agentSettings are what the user wants of the agent.
type agentSettings struct {
	ttl            time.Duration // how long it holds a store; 0: there is no agent
	untilSuspended bool
	always         bool // also where a variable has the passphrase
}

// The variables about the agent.
const (
	agentVariable      = "AWS_VAULT_AGENT"
	agentTTLVariable   = "AWS_VAULT_AGENT_TTL"
	agentSleepVariable = "AWS_VAULT_AGENT_LOCK_ON_SUSPEND"
)

const defaultAgentTTL = 8 * time.Hour

// AgentAllowed reports whether the user wants an agent. The error says which variable has a
// value that cannot be understood.
func (e Environment) AgentAllowed() (bool, error) {
	how, err := e.agentSettings()
	return how.ttl > 0, err
}

func (e Environment) agentSettings() (how agentSettings, err error) {
	switch v := e.Get(agentVariable); v {
	case "off", "0", "false", "no":
		return agentSettings{}, nil
	case "on", "1", "true", "yes":
		how.always = true
	case "", "auto":
	default:
		return how, fmt.Errorf("%s is %q: it is auto, on or off", agentVariable, v)
	}
	how.ttl = defaultAgentTTL
	if e.Get(agentTTLVariable) != "" {
		if how.ttl, err = e.Duration(agentTTLVariable); err != nil {
			return how, fmt.Errorf("%w, or 0 for no agent", err)
		}
	}
	switch v := e.Get(agentSleepVariable); v {
	case "true", "1", "yes", "on":
		how.untilSuspended = true
	case "", "false", "0", "no", "off":
	default:
		return how, fmt.Errorf("%s is %q: it is true or false", agentSleepVariable, v)
	}
	return how, nil
}

// proxies are the variables about proxies that are set.
func (e Environment) proxies() map[string]string {
	var set map[string]string
	for _, name := range [...]string{"HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy"} {
		if v := e.Get(name); v != "" {
			if set == nil {
				set = map[string]string{}
			}
			set[name] = v
		}
	}
	return set
}
