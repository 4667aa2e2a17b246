package app

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/d44b7504/vault/env"
	"github.com/d44b7504/vault/internal/creds"
	"github.com/d44b7504/vault/internal/profiles"
	"github.com/d44b7504/vault/internal/server"
	"github.com/d44b7504/vault/refresh"
	"github.com/d44b7504/vault/store"
)

// This file is about mode server: the agent serves a session to the programs of a shell,
// and renews it, as vault exec --server does for its command.

// LeaseRequest asks the agent to serve a session to a shell. A lease with this ID that is
// there already is kept, unless it is of another session.
type LeaseRequest struct {
	Lease   env.Lease
	Session SessionRequest
	Have    creds.Session // that the client has made or found; zero: the agent finds or makes one
	Again   string        // a command line that makes the session, for messages
	// Plain says that the client does not see the file of a lease that is a link.
	Plain bool
	// Person says that a person asks for it, and not a prompt: a lease that vault lock has locked goes on.
	Person bool
}

// LeaseReply is what a shell needs of a lease.
type LeaseReply struct {
	Endpoint env.Endpoint
	File     string       // the generation file
	Note     refresh.Note // why the session was not renewed
	Ends     time.Time    // of the session; zero: there is none
}

// ErrShellEnded says that the shell to which a lease belongs has ended.
var ErrShellEnded = errors.New("the shell that the session belongs to has ended")

// NewLease is a lease for a shell that has none.
func NewLease(pid int, started int64) env.Lease {
	id := make([]byte, 8)
	_, _ = rand.Read(id) // never fails
	return env.Lease{ID: hex.EncodeToString(id), PID: pid, Started: started}
}

// LeaseSource is what the endpoint of a lease asks for the session, in the agent. open opens
// the store; seen is told how each attempt went.
func (c *Core) LeaseSource(e Environment, open func(context.Context) (store.Store, error), r SessionRequest, again string, seen func(refresh.Note, time.Time)) server.Source {
	r.Op, r.Final = OpUnattended, true
	s := &source{profile: r.Profile, again: again, seen: seen}
	s.lease = func(ctx context.Context) (refresh.Lease, error) {
		opened, err := open(ctx)
		if err != nil {
			return refresh.Lease{}, err
		}
		reply, err := c.Carry(ctx, e, opened, r, nil)
		return reply.Lease, err
	}
	return s.session
}

// LockedLease is what the programs of a shell are told between vault lock and the next command of a
// person. again is a command line that makes the session.
func LockedLease(profile, again string) error {
	return &server.Error{Code: "Locked", Message: profile + ": locked by vault lock; run vault refresh in its shell, or in another terminal: " + again}
}

// everyLease stands for the lease in a request that is for those of all shells.
var everyLease = env.Lease{ID: "every", PID: 1}

// GoOn has the agent serve the session of a profile again to shells for which vault lock has locked
// it, after a person has asked for that session, in whatever shell. It costs nothing where no lease is locked.
func (t *Task) GoOn(ctx context.Context, p profiles.Profile, q env.Request, have creds.Session) error {
	if t.Agent == nil || t.Quiet || !t.Env.Runtime().AnyLocked() || t.CanServe(q) != nil || givesKey(p) {
		return nil
	}
	k, err := t.leaseKeeper(ctx, p, q)
	if err != nil {
		return err
	}
	_, err = k.leased(ctx, LeaseRequest{Lease: everyLease, Have: have, Person: true, Session: SessionRequest{
		Store: k.ref, Profile: forAgent(p), CanOpen: true,
	}}, t.Agent.GoOn)
	return err
}

// Serve has the agent serve the session of a profile to the caller's shell: a new lease, or
// the one with that name. have is the session, if the caller has made or found it.
func (t *Task) Serve(ctx context.Context, p profiles.Profile, q env.Request, l env.Lease, have creds.Session) (LeaseReply, error) {
	k, err := t.leaseKeeper(ctx, p, q)
	if err != nil {
		return LeaseReply{}, err
	}
	r := LeaseRequest{Lease: l, Have: have, Again: again(q), Person: !t.Quiet, Session: SessionRequest{
		Store: k.ref, Profile: forAgent(p), Policy: servedPolicy(t.Policy), Proxies: t.Env.proxies(), CanOpen: !t.Quiet,
	}}
	if err := t.bringOutside(ctx, p, &r.Session); err != nil {
		return LeaseReply{}, err
	}
	reply, err := k.leased(ctx, r, t.Agent.Lease)
	if err == nil && refresh.Hidden(reply.File) {
		r.Plain = true
		reply, err = k.leased(ctx, r, t.Agent.Lease)
	}
	return reply, err
}

// leaseKeeper says how the agent reaches the store, or why there can be no lease.
func (t *Task) leaseKeeper(ctx context.Context, p profiles.Profile, q env.Request) (*agentKeeper, error) {
	if err := t.CanServe(q); err != nil {
		return nil, err
	}
	if givesKey(p) {
		return nil, &KeyRefusedError{p.Name}
	}
	how, err := t.Env.agentSettings()
	if err != nil {
		return nil, err
	}
	s, err := t.Keyring(ctx)
	if err != nil {
		return nil, err
	}
	options := t.StoreOptions()
	given := store.Of(s).GivenPassphrase(options)
	if given == nil {
		given = t.typed
	}
	return &agentKeeper{t: t, store: s, ref: store.ReferenceTo(s, options), how: how, given: given}, nil
}

// CanServe returns an error if no agent may serve the session of a request.
func (t *Task) CanServe(q env.Request) error {
	allowed, err := t.Env.AgentAllowed()
	switch {
	case err != nil:
		return err
	case !allowed || t.Agent == nil:
		return WithHint(errors.New("mode server needs the agent, and AWS_VAULT_AGENT or AWS_VAULT_AGENT_TTL says that there is none"),
			"unset it, or use mode env: vault use %s --mode env", Word(q.Profile))
	case q.NoSession:
		return WithHint(errors.New("mode server serves sessions, so --no-session does not go with it"), "vault use %s --mode env --no-session", Word(q.Profile))
	}
	if p, err := t.ResolveUnopened(q); err == nil && p.Guard.Lapses {
		return WithHint(fmt.Errorf("mode server renews by itself, which profile %q does not allow: %s", p.Name, guardWords(p.Guard)),
			"vault use %s --mode env", Word(q.Profile))
	}
	return nil
}

// bringOutside adds what a session begins with, if neither a stored key nor Identity Center
// gives it: the credentials themselves, or, where they are to be had again, how.
func (t *Task) bringOutside(ctx context.Context, p profiles.Profile, r *SessionRequest) error {
	o := Origin(p)
	switch fixed := o.Temporary != nil || o.Host != nil && o.Host.Kind == profiles.HostEnvironment; {
	case fixed:
		m, err := t.makerOver(newTokens())
		if err == nil {
			m.RenewKey = helpers{t}.keyRenewal(false)
			r.First, err = m.Outside(ctx, p)
		}
		return err
	case o.Host != nil && o.Host.Kind == profiles.HostContainer:
		r.Environ = env.WithToken(env.For(env.Source, t.Env.List), t.Env.User)
	case runsOutside(p.Source):
		r.Environ = env.For(env.Source, t.Env.List)
	}
	return nil
}

// runsOutside reports whether a program, a file or an endpoint gives a part of a session.
func runsOutside(s profiles.Source) bool {
	for ; s.Role != nil; s = s.Role.Source {
		if s.Role.MFAProcess != "" {
			return true
		}
	}
	return s.SSO == nil && (s.Stored == nil || s.Stored.MFAProcess != "")
}

// leased makes a call of the agent about leases, after it was started and given the store, if need be.
func (k *agentKeeper) leased(ctx context.Context, r LeaseRequest, call func(context.Context, LeaseRequest) (LeaseReply, error)) (LeaseReply, error) {
	steps := []func(context.Context) error{k.t.Agent.Start, k.unlock}
	for {
		reply, err := call(ctx, r)
		if !errors.Is(err, ErrNotHeld) || len(steps) == 0 {
			return reply, err
		}
		err = steps[0](ctx)
		if err != nil && len(steps) == 2 {
			err = noAgent{err}
		}
		if err != nil {
			return reply, err
		}
		steps = steps[1:]
	}
}

// unlock gives the agent what opens the store: the passphrase that the caller has, or one that
// a person types.
func (k *agentKeeper) unlock(ctx context.Context) error {
	if k.given == nil && k.t.askHidden() == nil {
		return fmt.Errorf("%w: the agent does not have its passphrase", store.ErrLocked)
	}
	err := k.open(ctx)
	if errors.Is(err, ErrNotHeld) {
		err = fmt.Errorf("%w: the agent cannot open it", store.ErrLocked)
	}
	return err
}

// Served is what the caller's shell should have that an agent serves, without waiting and
// without a question. changed says that its programs have to be started again to be served.
func (t *Task) Served(ctx context.Context, p profiles.Profile, q env.Request, l env.Lease) (reply LeaseReply, changed bool) {
	had := env.ServedBy(t.Env.Current)
	if m, known := t.Env.Runtime().Mark(refresh.LeaseKey(l.ID)); known && !m.Served { // ended on purpose
		return LeaseReply{Endpoint: had, File: m.File, Note: m.Note}, false
	}
	ctx, cancel := context.WithTimeout(ctx, servedDeadline)
	defer cancel()
	reply, err := t.Serve(ctx, p, q, l, creds.Session{})
	if err != nil {
		note := NoteFor(err)
		if note != refresh.Locked && note != refresh.NeedsKey {
			note = refresh.NoAgent
		}
		return LeaseReply{Endpoint: had, File: t.Env.Get(env.GenerationFile), Note: note}, false
	}
	return reply, reply.Endpoint.URL != had.URL
}

// servedDeadline is how long a prompt waits for the agent, which may have to be started.
const servedDeadline = 1800 * time.Millisecond
