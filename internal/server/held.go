package server

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/d44b7504/vault/internal/creds"
)

// This file keeps one session in memory and renews it before anyone has to ask.

// Early is how long before its expiry a session is renewed, unless half of its lifetime
// is less. boto3 asks for another one when 15 minutes are left; what it then gets should
// last.
const Early = 16 * time.Minute

const (
	deadline  = 20 * time.Second // for one call of a Source
	patience  = time.Second      // a request waits no longer for a better session than the one there is
	retryMin  = time.Second      // between two calls of a Source without a session to fall back on
	aheadMin  = 15 * time.Second // the same while the last session lives: doubled at each failure,
	aheadMax  = 2 * time.Minute  // and less when it is about to expire
	unlimited = time.Hour        // what is promised of a session that does not expire
)

// held is the session of one Source.
type held struct {
	ctx    context.Context // ends with the lease
	source Source
	now    func() time.Time

	current atomic.Pointer[answer] // nil before the first session

	mu       sync.Mutex
	flight   *flight // the call of source that is under way, or nil
	timer    *time.Timer
	failures int       // in a row
	retry    time.Time // no call before
	failure  error     // of the last call
}

// flight is one call of a Source that any number of requests wait for.
type flight struct {
	done   chan struct{}
	cancel context.CancelFunc
}

func newHeld(ctx context.Context, source Source, now func() time.Time) *held {
	h := &held{ctx: ctx, source: source, now: now}
	context.AfterFunc(ctx, h.silence)
	return h
}

// silence stops the timer at the end of the lease.
func (h *held) silence() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.timer != nil {
		h.timer.Stop()
	}
}

// fresh returns the answer in memory, or nil when it is due or there is none. It takes no
// lock: nearly every request ends here.
func (h *held) fresh() *answer {
	if a := h.current.Load(); a != nil && a.age(h.now()) < a.renew {
		return a
	}
	return nil
}

// get returns an answer that has not expired. A session that is due is renewed first, if
// that is quick; one that has expired is waited for until ctx ends.
func (h *held) get(ctx context.Context) (*answer, error) {
	if a := h.fresh(); a != nil {
		return a, nil
	}
	a, now := h.current.Load(), h.now()
	f := h.start()
	if f != nil {
		if a.lives(now) {
			bounded, cancel := context.WithTimeout(ctx, patience)
			defer cancel()
			f.wait(bounded)
		} else if !f.wait(ctx) {
			return nil, ctx.Err()
		}
	}
	if a = h.current.Load(); a.lives(h.now()) {
		return a, nil
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.failure != nil {
		return nil, h.failure
	}
	return nil, errExpired
}

var errExpired = errors.New("the session has expired, and there is no other")

// wait reports whether the flight ended before ctx.
func (f *flight) wait(ctx context.Context) bool {
	select {
	case <-f.done:
		return true
	case <-ctx.Done():
		return false
	}
}

// start begins a call of the source, or joins the one under way. It returns nil when the
// last one failed a moment ago.
func (h *held) start() *flight {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.flight != nil {
		return h.flight
	}
	if now := h.now(); now.Before(h.retry) && h.retry.Sub(now) <= aheadMax { // else the clock was set back
		return nil
	}
	ctx, cancel := context.WithTimeout(h.ctx, deadline)
	f := &flight{done: make(chan struct{}), cancel: cancel}
	h.flight = f
	go h.call(ctx, f)
	return f
}

// call asks the source once. It belongs to no request: a client that has given up
// finds the session when it asks again. What comes of it counts only while it is the flight: a
// session that has been forgotten meanwhile does not come back.
func (h *held) call(ctx context.Context, f *flight) {
	defer close(f.done)
	s, err := h.source(ctx)
	f.cancel()
	if err == nil && s.AccessKeyID == "" {
		err = errors.New("there is no session")
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.flight != f {
		return
	}
	h.flight = nil
	now := h.now()
	if err == nil {
		h.keep(s, now)
	}
	h.settle(err, now)
}

// hold begins with a session that the caller has already. One that is due is renewed at
// once.
func (h *held) hold(s creds.Session) {
	if s.AccessKeyID == "" {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	a := newAnswer(s, h.now())
	h.current.Store(a)
	h.timer = time.AfterFunc(max(a.renew, 0), func() { h.start() })
}

// forget drops the session, and the one that is being made. The next request is the first.
func (h *held) forget() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.flight != nil {
		h.flight.cancel()
		h.flight = nil
	}
	if h.timer != nil {
		h.timer.Stop()
	}
	h.current.Store(nil)
	h.failures, h.retry, h.failure = 0, time.Time{}, nil
}

// offer is keep for a session that the source did not give.
func (h *held) offer(s creds.Session) {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := h.now()
	h.keep(s, now)
	if h.ctx.Err() == nil {
		h.settle(nil, now)
	}
}

// keep makes s the answer, unless a better one is held. The caller has locked.
func (h *held) keep(s creds.Session, now time.Time) {
	a := newAnswer(s, now)
	if old := h.current.Load(); old == nil || !old.lives(now) || a.expires.After(old.expires) {
		h.current.Store(a)
	}
}

// settle records how a call went, and when the next may be made. Until the session expires
// only the timer makes calls, so that no request waits for a network that is down;
// afterwards only a request does. The caller holds the lock.
func (h *held) settle(err error, now time.Time) {
	h.failure = err
	if h.timer != nil {
		h.timer.Stop()
	}
	a := h.current.Load()
	if !a.lives(now) {
		h.failures++
		h.retry = now.Add(retryMin)
		return
	}
	wait := a.renew - a.age(now)
	if err == nil && wait > 0 {
		h.failures, h.retry = 0, time.Time{}
	} else { // no better one than before
		left := a.end - a.age(now)
		wait = min(aheadMin<<min(h.failures, 8), aheadMax, max(left/4, retryMin), left)
		h.failures++
		h.retry = now.Add(wait)
	}
	if h.ctx.Err() == nil {
		h.timer = time.AfterFunc(wait, func() { h.start() })
	}
}
