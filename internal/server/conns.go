package server

import (
	"container/list"
	"context"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// This file bounds what any program on this machine can take from us: headers,
// connections and time. When there are too many connections the one that has been silent
// longest is cut, so that idle ones never keep out a client that has something to ask.
// net/http's own timeouts would set a timer several times a request, which is a twentieth
// of what a request costs; one sweep for all connections does the same.

const (
	maxConns  = 128
	maxHeader = 4 << 10 // beside the 4 kB that net/http adds

	sweepEvery = 5 * time.Second // while there are connections
	slowSweeps = 2               // for a request to arrive and its answer to be read
	idleSweeps = 12              // between two requests
)

// NewHTTP returns a server for a listener made by Limit. Nothing that a client sends or
// leaves out makes it hold more than a bounded amount of memory and connections.
func NewHTTP(h http.Handler) *http.Server {
	return &http.Server{
		Handler:                      h,
		MaxHeaderBytes:               maxHeader,
		DisableGeneralOptionsHandler: true,
		ErrorLog:                     log.New(io.Discard, "", 0),
		ConnContext:                  func(ctx context.Context, c net.Conn) context.Context { return context.WithValue(ctx, connKey{}, c) },
		ConnState: func(c net.Conn, state http.ConnState) {
			if c, ok := c.(*conn); ok {
				c.heard(state)
			}
		},
	}
}

type connKey struct{}

// Working keeps the connection of a request that has shown its token from being cut
// while its answer is made, until the returned function is called.
func Working(r *http.Request) (done func()) {
	c, ok := r.Context().Value(connKey{}).(*conn)
	if !ok {
		return func() {}
	}
	c.working.Store(true)
	return func() { c.working.Store(false) }
}

// limited is a listener that holds at most maxConns connections open.
type limited struct {
	net.Listener
	open *conns
}

// Limit returns a listener that cuts the longest silent connection when there are too many.
func Limit(l net.Listener) net.Listener { return limit(l) }

func limit(l net.Listener) limited { return limited{l, &conns{order: list.New()}} }

func (l limited) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return l.open.add(c), nil
}

// conns are the open connections, the longest silent first.
type conns struct {
	sweeps atomic.Int64 // counts them: a clock that costs nothing to read

	mu       sync.Mutex
	order    *list.List
	sweeping bool
}

type conn struct {
	net.Conn
	among   *conns
	place   *list.Element // nil when it is closed; guarded by among.mu
	since   atomic.Int64  // the sweep at which a request began or ended
	idle    atomic.Bool
	working atomic.Bool
}

func (cs *conns) add(c net.Conn) *conn {
	added := &conn{Conn: c, among: cs}
	added.since.Store(cs.sweeps.Load())
	cs.mu.Lock()
	added.place = cs.order.PushBack(added)
	full := cs.order.Len() > maxConns
	if !cs.sweeping {
		cs.sweeping = true
		time.AfterFunc(sweepEvery, cs.sweep)
	}
	cs.mu.Unlock()
	if full {
		_ = cs.oldest().Close()
	}
	return added
}

// sweep cuts the connections that have taken too long, and comes again while there are
// others.
func (cs *conns) sweep() {
	now := cs.sweeps.Add(1)
	var late []*conn
	cs.mu.Lock()
	for e := cs.order.Front(); e != nil; e = e.Next() {
		if c := e.Value.(*conn); c.late(now) {
			late = append(late, c)
		}
	}
	if cs.sweeping = cs.order.Len() > 0; cs.sweeping {
		time.AfterFunc(sweepEvery, cs.sweep)
	}
	cs.mu.Unlock()
	for _, c := range late {
		_ = c.Close()
	}
}

func (c *conn) late(now int64) bool {
	silent := now - c.since.Load()
	return !c.working.Load() && (silent > idleSweeps || silent > slowSweeps && !c.idle.Load())
}

// oldest is the connection that is cut first: the longest silent one that no answer is
// being made for.
func (cs *conns) oldest() *conn {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	for e := cs.order.Front(); e != cs.order.Back(); e = e.Next() {
		if c := e.Value.(*conn); !c.working.Load() {
			return c
		}
	}
	return cs.order.Back().Value.(*conn)
}

// heard is told by net/http when a request begins and when it has been answered.
func (c *conn) heard(state http.ConnState) {
	c.since.Store(c.among.sweeps.Load())
	c.idle.Store(state == http.StateIdle)
	if state != http.StateActive {
		return
	}
	c.among.mu.Lock()
	defer c.among.mu.Unlock()
	if c.place != nil {
		c.among.order.MoveToBack(c.place)
	}
}

// Close takes the connection out of the list, however often it is called.
func (c *conn) Close() error {
	c.among.mu.Lock()
	if c.place != nil {
		c.among.order.Remove(c.place)
		c.place = nil
	}
	c.among.mu.Unlock()
	return c.Conn.Close()
}
