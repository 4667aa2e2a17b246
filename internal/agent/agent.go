// Package agent is a process of one user that holds the stores which the person has
// unlocked by typing a passphrase, so that every terminal goes on without asking again.
// It makes sessions and gives out nothing else: no key that does not expire, no
// passphrase. It asks no questions and reads no file of the AWS tools. Killed at any moment it
// loses nothing: sessions are in the store.
//
// A client and the agent talk HTTP over a socket that only their user can reach.
package agent

import (
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/d44b7504/vault/internal/app"
	"github.com/d44b7504/vault/internal/server"
	"github.com/d44b7504/vault/refresh"
	"github.com/d44b7504/vault/store"
)

// Options of an Agent.
type Options struct {
	Core *app.Core
	Env  app.Environment // of the agent's own process
	Dir  refresh.Directory
	// Version and Built say which program this is; clients replace an older one.
	Version string
	Built   time.Time
	// Idle is how long it lives on with nothing to hold; 0: five minutes.
	Idle time.Duration
	// Parts are further things that the agent does.
	Parts []func(*Agent) Part
}

// Part is a thing that the agent does beside making sessions, such as leases of an endpoint.
type Part interface {
	// Route adds the requests that it answers. Patterns begin with Path.
	Route(*http.ServeMux)
	// Busy reports whether it needs the process to live.
	Busy() bool
	// Lock forgets every secret at once.
	Lock()
	// Unlocked is told that a person has unlocked a store.
	Unlocked(store.Reference)
	// Close ends it, when the agent ends. wanted says that a person has ended the agent.
	Close(wanted bool)
	// Status adds what a person should know of it.
	Status(*Status)
}

// path is the beginning of the paths of this version of the protocol.
const path = "/1"

const idleTime = 5 * time.Minute

// Agent holds stores and answers requests. Its methods may be called by several goroutines.
type Agent struct {
	Options
	started time.Time
	parts   []Part
	stop    context.CancelFunc
	ctx     context.Context // ends when the agent is to end

	mu     sync.Mutex
	stores map[string]*heldStore // by store.Reference.Key
	idle   *time.Timer
	busy   int  // requests that are being answered
	wanted bool // a person has ended the agent
}

// New makes an agent that holds nothing yet.
func New(o Options) *Agent {
	if o.Idle == 0 {
		o.Idle = idleTime
	}
	a := &Agent{Options: o, started: o.Core.Now(), stores: map[string]*heldStore{}}
	a.ctx, a.stop = context.WithCancel(context.Background())
	for _, part := range o.Parts {
		a.parts = append(a.parts, part(a))
	}
	return a
}

// Serve answers on l until the agent has been idle for a while, is told to stop, ctx ends
// or the socket is taken away. It closes l. ready, if not nil, is called when clients can
// connect.
func (a *Agent) Serve(ctx context.Context, l *Listener, ready func()) error {
	debug.SetGCPercent(50) // memory counts from here on, and not the time to start
	h := server.NewHTTP(a.handler())
	served := make(chan error, 1)
	go func() { served <- h.Serve(server.Limit(l)) }()
	if ready != nil {
		ready()
	}
	a.rest()
	debug.FreeOSMemory()
	var err error
	select {
	case err = <-served:
	case <-l.Gone():
	case <-ctx.Done():
	case <-a.ctx.Done():
	}
	a.stop()
	_ = l.Close()
	shutdown(h)
	a.forgetAll()
	a.mu.Lock()
	wanted := a.wanted
	a.mu.Unlock()
	for _, p := range a.parts {
		p.Close(wanted)
	}
	if errors.Is(err, http.ErrServerClosed) || errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// shutdown lets answers be read that are ready, and cuts the rest.
func shutdown(h *http.Server) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = h.Shutdown(ctx)
	_ = h.Close()
}

// Stop ends the agent.
func (a *Agent) Stop() { a.stop() }

// Lock forgets every store and every secret at once.
func (a *Agent) Lock() {
	a.forgetAll()
	for _, p := range a.parts {
		p.Lock()
	}
	for range 2 { // also collects what was forgotten; the pools of buffers let go at the second time
		debug.FreeOSMemory()
	}
	a.rest()
}

// forgetAll forgets every store.
func (a *Agent) forgetAll() {
	a.mu.Lock()
	defer a.mu.Unlock()
	for key, h := range a.stores {
		h.timer.Stop()
		delete(a.stores, key)
	}
}

// needed reports whether anything needs this process. The caller has locked.
func (a *Agent) needed() bool {
	return len(a.stores) > 0 || a.busy > 0 || slices.ContainsFunc(a.parts, Part.Busy)
}

// rest begins to count the idle time if nothing needs this process. A Part calls Rest when
// it is no longer busy.
func (a *Agent) rest() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.idle != nil {
		a.idle.Stop()
		a.idle = nil
	}
	if a.needed() {
		return
	}
	a.idle = time.AfterFunc(a.Idle, func() {
		a.mu.Lock()
		over := !a.needed()
		a.mu.Unlock()
		if over {
			a.stop()
		}
	})
}

// Rest tells the agent that a Part may have become idle.
func (a *Agent) Rest() { a.rest() }

// working counts a request until done is called.
func (a *Agent) working() (done func()) {
	a.mu.Lock()
	a.busy++
	a.mu.Unlock()
	return func() {
		a.mu.Lock()
		a.busy--
		a.mu.Unlock()
		a.rest()
	}
}

// Carry makes or finds a session with a store that is held. The error matches
// app.ErrNotHeld if it is not.
func (a *Agent) Carry(ctx context.Context, r app.SessionRequest, say func(line string)) (app.SessionReply, error) {
	s := a.Store(r.Store)
	if s == nil {
		return app.SessionReply{}, app.ErrNotHeld
	}
	return a.Core.Carry(ctx, a.Env, s, r, say)
}

// Store returns a store that is held, nil if it is not.
func (a *Agent) Store(r store.Reference) store.Store {
	if h := a.lookup(r); h != nil {
		return h.store
	}
	return nil
}

// Built is when the program file was made, by which two versions are compared; zero if it
// cannot be told.
func Built(program string) time.Time {
	info, err := os.Stat(strings.TrimSuffix(program, " (deleted)"))
	if err != nil {
		return time.Time{}
	}
	return info.ModTime()
}
