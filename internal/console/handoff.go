// Package console hands a person's browser the address that signs it in to the console of AWS,
// without the address being in a command line, and knows the browsers that can do that for each
// account apart. It makes no call of AWS.
package console

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/d44b7504/vault/internal/creds"
)

// Handoff waits on a port of this machine for one browser, which is then sent on to an address
// that no other program is to learn: what stands in the command line of the browser is an
// address of this port, which works once.
type Handoff struct {
	listener net.Listener
	server   *http.Server
	path     string
	target   creds.Secret
	done     chan struct{} // closed when a browser was sent on
	once     sync.Once
}

// NewHandoff listens on a free port of 127.0.0.1, until Close.
func NewHandoff(target creds.Secret) (*Handoff, error) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	h := &Handoff{listener: l, path: "/" + rand.Text(), target: target, done: make(chan struct{})}
	h.server = &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second, ConnContext: rememberPeer}
	go func() { _ = h.server.Serve(l) }() // ends with Close
	return h, nil
}

// Address is what the browser is given.
func (h *Handoff) Address() string { return "http://" + h.listener.Addr().String() + h.path }

// Close stops listening. A second call does nothing.
func (h *Handoff) Close() { _ = h.server.Close() }

// errNoBrowser says that no browser came in time.
var errNoBrowser = errors.New("no browser has fetched the address")

// Wait waits until a browser was sent on, but not longer than the given time.
func (h *Handoff) Wait(ctx context.Context, atMost time.Duration) error {
	select {
	case <-h.done:
		// The browser has its answer before the port is closed.
		stopping, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		_ = h.server.Shutdown(stopping)
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(atMost):
		return errNoBrowser
	}
}

// ServeHTTP sends one browser on. Whatever else asks learns nothing: another path, another
// host name, another user of this machine, a browser that only looks ahead.
func (h *Handoff) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Referrer-Policy", "no-referrer")
	ahead := strings.Contains(r.Header.Get("Sec-Purpose")+r.Header.Get("Purpose"), "prefetch")
	switch {
	case r.Method != http.MethodGet, r.Host != h.listener.Addr().String(), subtle.ConstantTimeCompare([]byte(r.URL.Path), []byte(h.path)) == 0,
		!ours(r.Context()):
		http.NotFound(w, r)
		return
	case ahead:
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	first := false
	h.once.Do(func() { first = true })
	if !first {
		http.Error(w, "This address worked once. Run vault login again.", http.StatusGone)
		return
	}
	w.Header().Set("Location", h.target.Reveal())
	w.WriteHeader(http.StatusSeeOther)
	close(h.done)
}
