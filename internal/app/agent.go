package app

import (
	"context"
	"errors"
	"time"

	"github.com/d44b7504/vault/internal/creds"
	"github.com/d44b7504/vault/internal/profiles"
	"github.com/d44b7504/vault/internal/sessions"
	"github.com/d44b7504/vault/refresh"
	"github.com/d44b7504/vault/store"
)

// This file has what a process and the agent (internal/agent) say to each other. The
// agent is a process of the same user that holds the stores which a person has unlocked
// by typing a passphrase. It makes sessions with them, and gives out nothing else.

// Agent is the agent as its clients see it.
type Agent interface {
	// Session has a request carried out. The error matches ErrNotHeld if there is no agent,
	// or none that holds the store.
	// say, which may be nil, tells the person a line meanwhile.
	Session(ctx context.Context, r SessionRequest, say func(line string)) (SessionReply, error)
	// Holds reports whether there is an agent that holds the store.
	Holds(ctx context.Context, r store.Reference) bool
	// Start starts the agent unless one is running. The error says why it cannot.
	Start(ctx context.Context) error
	// Unlock has the running agent open a store and hold it. The error matches ErrNotHeld if it
	// cannot be reached.
	Unlock(ctx context.Context, u Unlocking) (opens bool, err error)
	// Lease has the running agent serve a session to the programs of a shell. The error matches
	// ErrNotHeld if there is no agent, or if it cannot open the store by itself.
	Lease(ctx context.Context, r LeaseRequest) (LeaseReply, error)
	// GoOn has the running agent serve a session again that vault lock has locked, to every shell. Its
	// error is as that of Lease.
	GoOn(ctx context.Context, r LeaseRequest) (LeaseReply, error)
	// Revoke ends a lease. One that is not known has ended.
	Revoke(ctx context.Context, id string) error
}

// ErrNoAgent is matched by the reason why no agent could be started.
var ErrNoAgent = errors.New("there is no agent")

type noAgent struct{ error }

func (n noAgent) Unwrap() error        { return n.error }
func (n noAgent) Is(target error) bool { return target == ErrNoAgent }

// ErrNotHeld says that there is no agent which holds the store.
var ErrNotHeld = errors.New("no agent holds the store")

// Unlocking is a store that the agent is to hold.
type Unlocking struct {
	Store      store.Reference
	Passphrase creds.Secret
	For        time.Duration // how long
	// UntilSuspended says that it is to be forgotten when the machine has been suspended.
	UntilSuspended bool
	// Person says that a command of a person opens it, and not a renewal in the background.
	Person bool
}

// SessionOp says which method of a refresh.Keeper a request is for.
type SessionOp string

// The operations of a SessionRequest.
const (
	OpFresh      SessionOp = "fresh"
	OpIfDue      SessionOp = "if-due"
	OpUnattended SessionOp = "unattended"
	OpCurrent    SessionOp = "current"
	// OpSignIn makes sure of a sign-in to the profile's Identity Center. The reply has its end
	// as that of a session without keys.
	OpSignIn SessionOp = "sign-in"
	// OpAccounts lists the accounts that the profile's Identity Center gives.
	OpAccounts SessionOp = "accounts"
	// OpShare writes the sign-in into the file where the AWS tools look for it.
	OpShare SessionOp = "share"
	// OpSignOut ends the sign-in, and deletes it.
	OpSignOut SessionOp = "sign-out"
)

// SessionRequest asks for a session of a resolved profile. It has what only the client can
// know or do. What is missing the agent says by an error that matches ErrMissing, and the
// client comes again with it.
type SessionRequest struct {
	Op      SessionOp
	Store   store.Reference
	Profile profiles.Profile
	Want    refresh.Want   // of OpFresh
	Policy  refresh.Policy // when to renew

	Code   creds.Secret  // an MFA code
	First  creds.Session // that the chain begins with, if neither a stored key nor Identity Center gives it
	SignIn *store.Token  // to Identity Center, just made
	// Proxies are the client's variables about proxies.
	Proxies map[string]string
	// CanOpen says that the client can open the store again: an agent of an older version is
	// replaced. It is not sent.
	CanOpen bool
	// Final says that the client has nothing more to bring: what is missing is a failure.
	Final bool
	// Within is how long it may take; 0: as long as the client waits.
	Within time.Duration
	// Environ is the environment in which the agent runs what the credentials come from; nil: it
	// runs nothing. It counts only for a lease.
	Environ []string
}

// SessionReply is what came of a request.
type SessionReply struct {
	Lease    refresh.Lease
	CodeUsed bool // the code was sent to AWS

	Accounts []sessions.Account // of OpAccounts
	File     string             // of OpShare
	WasIn    bool               // of OpSignOut: there was a sign-in
}

// ErrMissing is matched by the error of a request that lacks something.
var ErrMissing = errors.New("something is missing that only the client has")

// OutsideError says that the agent has no credentials, or none that are good, for a chain to begin with.
type OutsideError struct{ Profile string }

func (e *OutsideError) Error() string {
	return "the credentials that " + e.Profile + " begins with have expired: run vault refresh in its shell"
}

// Is makes it match ErrMissing.
func (e *OutsideError) Is(target error) bool { return target == ErrMissing }

// KeyRefusedError says that a request would have given out a key that does not expire.
type KeyRefusedError struct{ Profile string }

func (e *KeyRefusedError) Error() string {
	return "the agent gives out no key that does not expire, and has nothing else for " + e.Profile
}

// Carry carries out a request with a store that this process, the agent, holds. It asks
// no questions, reads no file of the AWS tools but their sign-ins, and runs no command of a profile. e is this
// process's own environment. say passes on a line for the person.
func (c *Core) Carry(ctx context.Context, e Environment, s store.Store, r SessionRequest, say func(line string)) (reply SessionReply, err error) {
	if givesKey(r.Profile) {
		return reply, &KeyRefusedError{r.Profile.Name}
	}
	t := c.taskFor(e, s, r)
	ctx, stop := t.notBehindAPerson(ctx, r.Profile) // the client waits for that
	defer stop()
	m, err := t.Maker(ctx)
	if err != nil {
		return reply, err
	}
	m.Say = say
	if err := takeFrom(ctx, m, r, c.Now); err != nil {
		return reply, err
	}
	if sso := Origin(r.Profile).SSO; r.Op.isOfCenter() && sso != nil {
		return atCenter(ctx, m, r.Op, r.Profile, sso)
	}
	k := localKeeper{keeperOf(t, m, r.Want.IgnoreCache)}
	k.Missing = func(err error) bool { return !r.Final && canBeBrought(err) }
	if r.Within > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, r.Within)
		defer cancel()
	}
	reply.Lease, err = carry(ctx, k, r)
	err = whyEnded(ctx, err)
	reply.CodeUsed = !r.Code.IsZero() && m.MFAToken.IsZero()
	if v := reply.Lease.Session; v.AccessKeyID != "" && v.Expires.IsZero() && v.AccessKeyID != r.First.AccessKeyID {
		return SessionReply{}, &KeyRefusedError{r.Profile.Name}
	}
	return reply, err
}

// taskFor makes the task of a request that the agent carries out: with the store that it holds,
// without a person to ask and without an agent.
func (c *Core) taskFor(e Environment, s store.Store, r SessionRequest) *Task {
	core := *c
	core.Agent = nil
	core.Policy = r.Policy
	if r.Environ != nil {
		e = NewEnvironment(r.Environ, nil)
	}
	t := core.Task(Caller{Env: e, Quiet: true, MFACode: r.Code, SignIn: SignIn{Never: true}})
	t.store = s
	return t
}

// takeFrom gives m what the request has: where to begin, the proxies, a new sign-in.
func takeFrom(ctx context.Context, m *sessions.Maker, r SessionRequest, now func() time.Time) error {
	if r.Environ == nil {
		runNothing(m, r, now)
	}
	if proxy := sessions.ProxyOf(r.Proxies); len(r.Proxies) > 0 {
		m.Endpoint = func(p profiles.Profile, service, region string) sessions.Endpoint {
			e := Endpoint(p, service, region)
			e.Proxy = proxy
			return e
		}
	}
	if sso := Origin(r.Profile).SSO; sso != nil && r.SignIn != nil {
		return m.KeepSignIn(ctx, sso, *r.SignIn)
	}
	return nil
}

// isOfCenter reports whether a request is about a sign-in to Identity Center rather than a session.
func (o SessionOp) isOfCenter() bool {
	return o == OpSignIn || o == OpAccounts || o == OpShare || o == OpSignOut
}

// atCenter carries out a request about a sign-in.
func atCenter(ctx context.Context, m *sessions.Maker, op SessionOp, p profiles.Profile, sso *profiles.SSO) (reply SessionReply, err error) {
	switch op {
	case OpAccounts:
		reply.Accounts, err = m.Accounts(ctx, p, sso)
	case OpShare:
		reply.File, err = m.Share(ctx, sso)
	case OpSignOut:
		reply.WasIn, err = m.SignOut(ctx, p, sso)
	default:
		reply.Lease.Session.Expires, err = m.EnsureSignedIn(ctx, p, sso)
	}
	return reply, err
}

// runNothing makes m begin with what the request has.
func runNothing(m *sessions.Maker, r SessionRequest, now func() time.Time) {
	m.RunProcess, m.RunCredentials, m.Env, m.LoginDir = nil, nil, nil, ""
	m.Begin = func(context.Context, profiles.Profile) (creds.Session, error) {
		if r.First.AccessKeyID == "" || r.First.Expired(now()) {
			return creds.Session{}, &OutsideError{r.Profile.Name}
		}
		return r.First, nil
	}
}

func carry(ctx context.Context, k SessionKeeper, r SessionRequest) (refresh.Lease, error) {
	switch r.Op {
	case OpFresh:
		return k.Fresh(ctx, r.Profile, r.Want)
	case OpIfDue:
		return refresh.Lease{}, k.IfDue(ctx, r.Profile)
	case OpUnattended:
		return k.Unattended(ctx, r.Profile)
	case OpCurrent:
		return k.Current(ctx, r.Profile)
	}
	return refresh.Lease{}, errors.New("the agent does not know this operation")
}

// givesKey reports whether the session of a profile would be the stored key itself.
func givesKey(p profiles.Profile) bool {
	plan := sessions.NewPlan(p)
	return plan.Key != "" && plan.Session == nil && plan.Base == nil && plan.Console == nil && len(plan.Roles) == 0
}

// canBeBrought reports whether an error says what a client might have, or do: credentials
// from outside, a code, another code than the wrong one, a sign-in.
func canBeBrought(err error) bool {
	return errors.Is(err, ErrMissing) || errors.Is(err, sessions.ErrNeedsUser) || isWrongCode(err)
}

func isWrongCode(err error) bool {
	var call *sessions.CallError
	return errors.As(err, &call) && call.Kind == sessions.WrongCode
}
