// Package server serves sessions over HTTP on loopback, in the two forms that every
// AWS SDK can read: container credentials (Amazon ECS) and instance metadata (Amazon
// EC2). A running program that reads its credentials there outlives every session.
//
// It is given a Source and knows nothing of profiles, keyrings or STS.
package server

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/d44b7504/vault/internal/creds"
)

// Source returns a session, a new one if the last is due. It may take as long as ctx
// allows, is called by one goroutine at a time, and must not ask a person. An error of
// type *Error reaches the client as it is.
type Source func(ctx context.Context) (creds.Session, error)

// Options of a Server. The zero value listens on a free port of 127.0.0.1.
type Options struct {
	Addr  string   // a loopback address; "" is "127.0.0.1:0"
	Hosts []string // further values of the Host header to accept, with their port
	// AnyPort accepts every port of a loopback address in the Host header: whoever comes
	// through a tunnel connects to another one. A web page that rebinds its name sends that name.
	AnyPort bool
	Now     func() time.Time // nil is time.Now
}

// Server answers for any number of leases on one listener. Its methods may be called
// from several goroutines at once.
type Server struct {
	options  Options
	listener net.Listener
	http     *http.Server
	ctx      context.Context // ends at Close
	stop     context.CancelFunc
	done     chan struct{} // closed when nothing accepts any more
	unused   creds.Secret  // a token that no lease has, to compare with

	mu     sync.RWMutex
	leases map[string]*Lease // by name
}

// Listen starts a server without leases.
func Listen(o Options) (*Server, error) {
	if o.Addr == "" {
		o.Addr = "127.0.0.1:0"
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if err := loopback(o.Addr); err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp", o.Addr)
	if err != nil {
		return nil, err
	}
	s := &Server{options: o, listener: l, done: make(chan struct{}), unused: NewToken(), leases: map[string]*Lease{}}
	s.options.Hosts = append(hostsOf(l.Addr().String()), o.Hosts...)
	s.ctx, s.stop = context.WithCancel(context.Background())
	s.http = NewHTTP(http.HandlerFunc(s.answer))
	go func() {
		defer close(s.done)
		_ = s.http.Serve(limit(l)) // always an error; Close is what ends it
	}()
	return s, nil
}

// hostsOf lists what a client writes into its Host header for an address.
func hostsOf(addr string) []string {
	if host, isDefault := strings.CutSuffix(addr, ":80"); isDefault {
		return []string{host, addr}
	}
	return []string{addr}
}

// loopback refuses an address that other machines could reach.
func loopback(addr string) error {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return err
	}
	if ip := net.ParseIP(host); ip == nil || !ip.IsLoopback() {
		return fmt.Errorf("%s is not a loopback address, and credentials are served on no other", host)
	}
	return nil
}

// Addr is the address on which the server listens, with its port.
func (s *Server) Addr() string { return s.listener.Addr().String() }

// Close stops listening, cuts every connection and revokes every lease.
func (s *Server) Close() error {
	s.stop()
	err := s.http.Close()
	<-s.done
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// CutIdle closes the connections on which nothing is being asked. Their buffers have what was
// answered last.
func (s *Server) CutIdle() {
	s.http.SetKeepAlivesEnabled(false)
	s.http.SetKeepAlivesEnabled(true)
}

// Grant is what one lease is made of.
type Grant struct {
	Name   string            // the lease's path; "" is a random one
	Token  creds.Secret      // zero: a random one of 256 bits
	Source Source            // of what the path itself answers with
	Roles  map[string]Source // by ARN: what may be asked for under /role-arn/
	First  creds.Session     // answered until it is due; the zero value asks Source at the first request
}

// Lease is the right to ask one path of a server with one token.
type Lease struct {
	server *Server
	name   string
	token  creds.Secret
	stop   context.CancelFunc
	base   *held
	roles  map[string]*held
}

// rolePath stands between the path of a lease and the ARN of a role.
const rolePath = "/role-arn/"

// Add makes a lease with a token of its own. A name that is in use is an error.
func (s *Server) Add(g Grant) (*Lease, error) {
	if g.Name == "" {
		g.Name = hex.EncodeToString(random(8))
	}
	if strings.Contains("/"+g.Name+"/", rolePath) {
		return nil, fmt.Errorf("the name %q of a lease contains %q", g.Name, rolePath)
	}
	if g.Token.IsZero() {
		g.Token = NewToken()
	}
	ctx, stop := context.WithCancel(s.ctx)
	l := &Lease{server: s, name: g.Name, token: g.Token, stop: stop, roles: make(map[string]*held, len(g.Roles))}
	l.base = newHeld(ctx, g.Source, s.options.Now)
	for arn, source := range g.Roles {
		l.roles[arn] = newHeld(ctx, source, s.options.Now)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.leases[g.Name] != nil || s.ctx.Err() != nil {
		stop()
		return nil, fmt.Errorf("there is a lease %q already, or the server is closed", g.Name)
	}
	s.leases[g.Name] = l
	l.base.hold(g.First)
	return l, nil
}

// URL is what AWS_CONTAINER_CREDENTIALS_FULL_URI should be set to.
func (l *Lease) URL() string {
	return "http://" + l.server.Addr() + "/" + url.PathEscape(l.name)
}

// Token is what AWS_CONTAINER_AUTHORIZATION_TOKEN should be set to.
func (l *Lease) Token() creds.Secret { return l.token }

// Revoke ends the lease: its path answers nothing any more, and nothing is renewed.
func (l *Lease) Revoke() {
	l.stop()
	l.server.mu.Lock()
	defer l.server.mu.Unlock()
	if l.server.leases[l.name] == l {
		delete(l.server.leases, l.name)
	}
}

// Offer makes s the answer at once, unless what is held lasts as long: another process has
// made it.
func (l *Lease) Offer(s creds.Session) { l.base.offer(s) }

// Forget drops the session from memory, and one that is being made. The lease stays: the next
// request, or Offer, brings another one.
func (l *Lease) Forget() {
	l.base.forget()
	for _, h := range l.roles {
		h.forget()
	}
}

// Check asks for a session as a client would, and returns what a client would be told. ctx
// bounds how long it waits.
func (l *Lease) Check(ctx context.Context) error {
	_, err := l.base.get(ctx)
	return err
}

func (s *Server) lease(name string) *Lease {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.leases[name]
}

const tokenBytes = 32

// NewToken makes a token, of 256 random bits.
func NewToken() creds.Secret {
	return creds.New(base64.RawURLEncoding.EncodeToString(random(tokenBytes)))
}

// IsToken reports whether a text has the form of a token.
func IsToken(text string) bool {
	b, err := base64.RawURLEncoding.DecodeString(text)
	return err == nil && len(b) == tokenBytes
}

func random(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails: the program ends when the system has no random numbers
	return b
}
