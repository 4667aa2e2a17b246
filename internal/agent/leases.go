package agent

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sort"
	"sync"
	"time"

	"github.com/d44b7504/vault/env"
	"github.com/d44b7504/vault/internal/app"
	"github.com/d44b7504/vault/internal/creds"
	"github.com/d44b7504/vault/internal/server"
	"github.com/d44b7504/vault/refresh"
	"github.com/d44b7504/vault/store"
)

// This file serves sessions to the programs of shells (mode server). Each shell has a lease,
// with a path and a token of its own, on one listener, which is there while there are leases.

const (
	pathLease  = path + "/lease"
	pathRevoke = path + "/revoke"
	pathGoOn   = path + "/go-on"
)

// Processes is what the agent asks of the system about shells, and of itself.
type Processes struct {
	// StartOf says when a process of this user started, and whether it runs; see host.StartOf.
	StartOf func(pid int) (started int64, there bool)
	// OnEnd calls ended once at the end of a process; see host.OnEnd.
	OnEnd func(pid int, ended func()) (stop func())
	// LifeDir is a directory that is there as long as this process, see host.LifeDir; "" where there is none.
	LifeDir func() string
	// RemoveAtEnd has files removed when this process has ended, see host.RemoveAtEnd.
	RemoveAtEnd func(dir, pattern string) error
}

// maxLeases is more than a person has shells.
const maxLeases = 512

var errManyLeases = errors.New("the agent serves as many shells as it can")

// Leases is the Part of an Agent that serves sessions to shells.
func Leases(p Processes) func(*Agent) Part {
	return func(a *Agent) Part { return &leases{agent: a, system: p, all: map[string]*lease{}} }
}

type leases struct {
	agent  *Agent
	system Processes

	mu     sync.Mutex
	server *server.Server    // nil while there are no leases
	all    map[string]*lease // by ID
}

// lease is what one shell has, with the shells that are started in it.
type lease struct {
	env.Lease
	request app.LeaseRequest // guarded by leases.mu
	served  *server.Lease
	unwatch func()
	alive   string // see refresh.Directory.SetLease

	mu     sync.Mutex
	over   bool
	locked bool         // by vault lock, until a person goes on
	note   refresh.Note // of the last attempt to renew
	ends   time.Time    // of the session
	file   string
}

// Route adds the requests about leases.
func (ls *leases) Route(mux *http.ServeMux) {
	mux.HandleFunc("POST "+pathLease, ls.leasing)
	mux.HandleFunc("POST "+pathRevoke, ls.revoking)
	mux.HandleFunc("POST "+pathGoOn, ls.goingOn)
}

func (ls *leases) leasing(w http.ResponseWriter, r *http.Request) { ls.answering(w, r, ls.grant) }

// answering answers a request about leases.
func (ls *leases) answering(w http.ResponseWriter, r *http.Request, do func(context.Context, app.LeaseRequest) (app.LeaseReply, error)) {
	body, ok := readBody(w, r)
	if !ok {
		return
	}
	request, err := decodeLeaseRequest(body)
	clear(body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	var reply app.LeaseReply
	inTime(w, r, func(ctx context.Context, _ func(string)) { reply, err = do(ctx, request) })
	writeSecret(w)(encodeLeaseReply(reply, err))
}

func (ls *leases) revoking(w http.ResponseWriter, r *http.Request) {
	body, ok := readBody(w, r)
	if !ok {
		return
	}
	var which wireRevoking
	if json.Unmarshal(body, &which) != nil {
		http.Error(w, errForm.Error(), http.StatusBadRequest)
		return
	}
	ls.end(which.ID, nil)
	writeJSON(w, wireAnswer{OK: true})
}

// goingOn answers a person who has asked for a session, in whatever shell.
func (ls *leases) goingOn(w http.ResponseWriter, r *http.Request) {
	ls.answering(w, r, func(ctx context.Context, r app.LeaseRequest) (app.LeaseReply, error) {
		same := func(l app.LeaseRequest) bool { return sameOutcome(l.Session, r.Session) }
		if !ls.anyTroubled(same) {
			return app.LeaseReply{}, nil
		}
		err := ls.opens(ctx, r.Session.Store)
		if err == nil {
			ls.goOn(same, r.Have)
		}
		return app.LeaseReply{}, err
	})
}

// firstTry is how long the first session of a lease is waited for; the shell goes on without it.
const firstTry = 1500 * time.Millisecond

// grant makes a lease, or keeps the one that there is. The error is app.ErrShellEnded without
// the shell, and matches app.ErrNotHeld if the store has to be unlocked.
func (ls *leases) grant(ctx context.Context, r app.LeaseRequest) (app.LeaseReply, error) {
	if !ls.lives(r.Lease) {
		return app.LeaseReply{}, app.ErrShellEnded
	}
	if l := ls.locked(r.Lease.ID); l != nil && !r.Person {
		return l.reply(ls.agent.Dir), nil
	}
	if r.Have.AccessKeyID != "" || ls.find(r) == nil {
		if err := ls.opens(ctx, r.Session.Store); err != nil {
			return app.LeaseReply{}, err
		}
	}
	l, err := ls.keep(r)
	if err != nil {
		return app.LeaseReply{}, err
	}
	l.unlock()
	if r.Have.AccessKeyID != "" {
		l.served.Offer(r.Have)
		l.seen(ls.agent.Dir, "", r.Have.Expires)
	} else if l.troubled() {
		bounded, cancel := context.WithTimeout(ctx, firstTry)
		_ = l.served.Check(bounded) // the note says what it could not do
		cancel()
	}
	return l.reply(ls.agent.Dir), nil
}

// lives reports whether the shell of a lease runs. Without /proc, here or there, it has its number alone.
func (ls *leases) lives(l env.Lease) bool {
	started, there := ls.system.StartOf(l.PID)
	return there && (started == l.Started || started == 0 || l.Started == 0)
}

// opens returns an error if the agent cannot open a store by itself: it matches
// app.ErrNotHeld if a passphrase would do.
func (ls *leases) opens(ctx context.Context, ref store.Reference) error {
	s, err := ls.open(ctx, ref)
	if err == nil && store.NeedsPassphrase(ctx, s) {
		return app.ErrNotHeld
	}
	return err
}

// open opens a store, without a person: the one that is held, or one that opens without a question.
func (ls *leases) open(ctx context.Context, ref store.Reference) (store.Store, error) {
	if held := ls.agent.Store(ref); held != nil {
		return held, nil
	}
	o, err := ref.Options()
	if err != nil {
		return nil, err
	}
	o.Quiet = true
	return ls.agent.Core.OpenStore(ctx, o)
}

// sameSession reports whether two requests are for one session, reached in one way.
func sameSession(p, q app.SessionRequest) bool {
	network := func(r app.SessionRequest) string {
		text, _ := json.Marshal(r.Profile.Network)
		return string(text)
	}
	return sameOutcome(p, q) && network(p) == network(q)
}

// sameOutcome reports whether two requests are for one session, however it is reached: another
// shell may have other proxies and certificates.
func sameOutcome(p, q app.SessionRequest) bool {
	return refresh.Key(p.Profile) == refresh.Key(q.Profile) && p.Store.Key() == q.Store.Key()
}

// find returns the lease of a request, nil if there is none of that session.
func (ls *leases) find(r app.LeaseRequest) *lease {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	if l := ls.all[r.Lease.ID]; l != nil && sameSession(l.request.Session, r.Session) {
		return l
	}
	return nil
}

// keep returns the lease of a request, a new one in place of one of another session.
func (ls *leases) keep(r app.LeaseRequest) (*lease, error) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	old := ls.all[r.Lease.ID]
	if old != nil && sameSession(old.request.Session, r.Session) {
		r.Session.Environ = env.WithToken(r.Session.Environ, env.Parse(old.request.Session.Environ))
		old.request = r
		if r.Plain {
			ls.plain(old)
		}
		return old, nil
	}
	if old == nil && len(ls.all) >= maxLeases {
		return nil, errManyLeases
	}
	l, err := ls.serve(r)
	if err != nil {
		return nil, err
	}
	if old != nil {
		ls.drop(old)
	}
	ls.all[l.ID] = l
	id := l.ID
	l.unwatch = ls.system.OnEnd(l.PID, func() { ls.end(id, l) })
	return l, nil
}

// serve makes a lease on the listener. The caller has locked.
func (ls *leases) serve(r app.LeaseRequest) (l *lease, err error) {
	if ls.server == nil {
		if ls.server, err = server.Listen(server.Options{Now: ls.agent.Core.Now}); err != nil {
			return nil, fmt.Errorf("serve credentials on loopback: %w", err)
		}
	}
	l = &lease{Lease: r.Lease, request: r, alive: ls.system.LifeDir()}
	if r.Plain || l.alive == "" {
		ls.plain(l)
	}
	l.served, err = ls.server.Add(server.Grant{Source: ls.source(l)})
	return l, err
}

// plain gives a lease a file that does not end with this process by itself.
func (ls *leases) plain(l *lease) {
	l.mu.Lock()
	l.alive = ""
	l.mu.Unlock()
	_ = ls.system.RemoveAtEnd(ls.agent.Dir.Served()) // else status and refresh find out
}

// source is what the endpoint of a lease asks. It uses the last request of the lease: proxies
// and environment may be others than those it began with.
func (ls *leases) source(l *lease) server.Source {
	a := ls.agent
	return func(ctx context.Context) (creds.Session, error) {
		ls.mu.Lock()
		r := l.request
		ls.mu.Unlock()
		if l.isLocked() {
			return creds.Session{}, app.LockedLease(r.Session.Profile.Name, r.Again)
		}
		open := func(ctx context.Context) (store.Store, error) {
			s, err := ls.open(ctx, r.Session.Store)
			if err == nil && store.NeedsPassphrase(ctx, s) {
				err = fmt.Errorf("%w: the agent does not have its passphrase", store.ErrLocked)
			}
			return s, err
		}
		seen := func(note refresh.Note, ends time.Time) {
			if ctx.Err() == nil { // else it was locked meanwhile
				l.seen(a.Dir, note, ends)
			}
		}
		return a.Core.LeaseSource(a.Env, open, r.Session, r.Again, seen)(ctx)
	}
}

// seen notes how an attempt to renew went, for every prompt.
func (l *lease) seen(dir refresh.Directory, note refresh.Note, ends time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.locked {
		l.note, l.ends = note, ends
		l.mark(dir)
	}
}

// mark makes the generation file say how the lease is. The caller has locked. That of a locked lease
// does not end with this process: what a person has locked stays so until a person goes on.
func (l *lease) mark(dir refresh.Directory) {
	var err error
	switch key := refresh.LeaseKey(l.ID); {
	case l.over:
	case l.locked:
		if l.file, err = dir.Set(key, creds.Session{}, l.note); err != nil {
			dir.Forget(key) // a prompt that finds none asks
		}
	default:
		l.file, _ = dir.SetLease(l.ID, l.served.URL(), l.note, l.alive) // the path counts, also where the disk is full
	}
}

// lock takes the session away, and keeps address and token: the programs that ask are told what to do,
// until a person goes on. The caller has locked the leases.
func (l *lease) lock(dir refresh.Directory) {
	r := &l.request
	r.Have, r.Session.First, r.Session.Environ, r.Session.Proxies = creds.Session{}, creds.Session{}, nil, nil
	l.mu.Lock()
	defer l.mu.Unlock()
	l.locked, l.note, l.ends = true, refresh.Locked, time.Time{}
	l.served.Forget()
	l.mark(dir)
}

// unlock has a lease that is locked ask for a session again.
func (l *lease) unlock() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.locked {
		l.locked = false
		l.served.Forget() // also what was answered meanwhile
	}
}

func (l *lease) isLocked() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.locked
}

// locked returns the lease with an ID if it is locked, else nil.
func (ls *leases) locked(id string) *lease {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	if l := ls.all[id]; l != nil && l.isLocked() {
		return l
	}
	return nil
}

// goOn has those of the chosen leases go on that lack a session, the locked ones, and those whose
// renewal failed: with the one that a person has, else with what a new attempt brings, in the background.
func (ls *leases) goOn(chosen func(app.LeaseRequest) bool, have creds.Session) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	for _, l := range ls.all {
		if !l.troubled() || !chosen(l.request) {
			continue
		}
		if l.unlock(); have.AccessKeyID != "" {
			l.served.Offer(have)
			l.seen(ls.agent.Dir, "", have.Expires)
			continue
		}
		go func() { _ = l.served.Check(ls.agent.ctx) }() // the note says what it could not do
	}
}

// anyTroubled reports whether one of the chosen leases lacks a session.
func (ls *leases) anyTroubled(chosen func(app.LeaseRequest) bool) bool {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	for _, l := range ls.all {
		if l.troubled() && chosen(l.request) {
			return true
		}
	}
	return false
}

// troubled reports whether there is no session, or none after this one.
func (l *lease) troubled() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.note != "" || l.ends.IsZero()
}

func (l *lease) reply(dir refresh.Directory) app.LeaseReply {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.mark(dir) // another process may have removed it
	return app.LeaseReply{Endpoint: env.Endpoint{URL: l.served.URL(), Token: l.served.Token()}, File: l.file, Note: l.note, Ends: l.ends}
}

// end ends a lease. With which, only if it is that one.
func (ls *leases) end(id string, which *lease) {
	ls.mu.Lock()
	if l := ls.all[id]; l != nil && (which == nil || which == l) {
		ls.drop(l)
		ls.agent.Dir.Forget(refresh.LeaseKey(id))
		ls.closeIdle()
	}
	ls.mu.Unlock()
	ls.agent.Rest()
}

// drop ends a lease whose file stays. The caller has locked.
func (ls *leases) drop(l *lease) {
	delete(ls.all, l.ID)
	if l.unwatch != nil {
		l.unwatch()
	}
	l.mu.Lock()
	l.over = true
	l.mu.Unlock()
	l.served.Revoke()
}

// closeIdle stops listening where nothing is served. The caller has locked.
func (ls *leases) closeIdle() {
	if len(ls.all) == 0 && ls.server != nil {
		_ = ls.server.Close()
		ls.server = nil
	}
}

// endAll ends every lease. The note tells their prompts why; with "" they ask for another one.
func (ls *leases) endAll(note refresh.Note) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	for id, l := range ls.all {
		ls.drop(l)
		switch {
		case l.isLocked(): // its file says so
		case note == "":
			ls.agent.Dir.Forget(refresh.LeaseKey(id))
		default:
			_, _ = ls.agent.Dir.Set(refresh.LeaseKey(id), creds.Session{}, note)
		}
	}
	ls.closeIdle()
}

// Busy reports whether there are leases.
func (ls *leases) Busy() bool {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	return len(ls.all) > 0
}

// Lock takes every session away: one that is served is a secret too. The leases stay.
func (ls *leases) Lock() {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	for _, l := range ls.all {
		l.lock(ls.agent.Dir)
	}
	if ls.server != nil {
		ls.server.CutIdle()
	}
}

// Unlocked has the leases go on that begin with a store which a person has unlocked.
func (ls *leases) Unlocked(ref store.Reference) {
	ls.goOn(func(r app.LeaseRequest) bool { return r.Session.Store.Key() == ref.Key() }, creds.Session{})
}

// Close ends every lease.
func (ls *leases) Close(wanted bool) {
	if wanted {
		ls.endAll(refresh.NoAgent)
		return
	}
	ls.endAll("")
}

// Status lists the leases.
func (ls *leases) Status(s *Status) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	for _, l := range ls.all {
		l.mu.Lock()
		one := Leased{Profile: l.request.Session.Profile.Name, PID: l.PID, Note: l.note, Locked: l.locked, ID: l.ID}
		if !l.ends.IsZero() {
			until := l.ends.UTC().Truncate(time.Second)
			one.Until = &until
		}
		l.mu.Unlock()
		s.Leases = append(s.Leases, one)
	}
	sort.SliceStable(s.Leases, func(i, j int) bool {
		x, y := s.Leases[i], s.Leases[j]
		return cmp.Or(cmp.Compare(x.Profile, y.Profile), cmp.Compare(x.PID, y.PID), cmp.Compare(x.ID, y.ID)) < 0
	})
}
