package sessions

import (
	"cmp"
	"context"
	"net"
	"net/http"
	"time"

	"github.com/d44b7504/vault/internal/profiles"
)

// This file connects to STS while the key for the call is still read: a keyring takes as long
// as a round trip or two, and longer if it is gpg.

// freshFor is how long an early connection may wait for its request. A server closes one that
// is idle, which would be seen only by a request that fails.
const freshFor = 3 * time.Second

// early is a connection that is made beforehand. nil is none.
type early struct {
	address string // HOST:PORT
	made    chan madeConn
	cancel  context.CancelFunc
}

type madeConn struct {
	net.Conn // nil: it could not be made
	at       time.Time
}

// earlyKey is that of the *early in the context of a plan's calls.
type earlyKey struct{}

// connectEarly begins to connect to where the first call of a plan goes, unless that is known
// to come late or a proxy is between. The calls are made with the context that it returns, which
// hides the connection of a session that this one is made for; end is called after them.
func (m *Maker) connectEarly(ctx context.Context, p profiles.Profile, plan Plan) (with context.Context, end func()) {
	var made *early
	if region, soon := plan.soon(p.Region); soon {
		made = connect(ctx, m.Endpoint(p, STS, region).direct(ctx))
	}
	return context.WithValue(ctx, earlyKey{}, made), made.close
}

// dialEarly uses the connection in the context, if there is one and it fits.
func dialEarly(ctx context.Context, network, address string) (net.Conn, error) {
	made, _ := ctx.Value(earlyKey{}).(*early)
	return made.dial(ctx, network, address)
}

// soon reports whether the first call is one of STS for which no person is asked, and returns
// the region in which it is made.
func (plan Plan) soon(region string) (string, bool) {
	serial := ""
	switch {
	case plan.First.SSO != nil, plan.First.WebIdentity != nil, plan.Console != nil:
		return "", false
	case plan.Base == nil && plan.Session != nil:
		serial = plan.Session.MFASerial
	case len(plan.Roles) > 0:
		serial, region = plan.Roles[0].MFASerial, cmp.Or(plan.Roles[0].Region, region)
	default:
		return "", false
	}
	return region, serial == ""
}

// connect begins to connect to an address; nil for "".
func connect(ctx context.Context, address string) *early {
	if address == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	c := &early{address, make(chan madeConn, 1), cancel}
	go func() {
		conn, _ := dialer.DialContext(ctx, "tcp", address)
		c.made <- madeConn{conn, time.Now()}
	}()
	return c
}

// direct is HOST:PORT of STS, "" if it is reached through a proxy or not at all.
func (e Endpoint) direct(ctx context.Context) string {
	u, err := e.sts(ctx)
	if err != nil || (client{at: e}).proxyOf(&http.Request{URL: u}) != "" {
		return ""
	}
	port := map[string]string{"http": "80", "https": "443"}[u.Scheme]
	return net.JoinHostPort(u.Hostname(), cmp.Or(u.Port(), port))
}

// dialer makes connections without a limit of its own: client.Do has the limits.
var dialer = &net.Dialer{KeepAlive: 30 * time.Second}

// dial returns the early connection if it is for this address and fresh, and makes one
// otherwise.
func (c *early) dial(ctx context.Context, network, address string) (net.Conn, error) {
	if c == nil || address != c.address {
		return dialer.DialContext(ctx, network, address)
	}
	select {
	case conn := <-c.made:
		c.made <- madeConn{} // it is used once
		if conn.Conn != nil && time.Since(conn.at) < freshFor {
			return conn.Conn, nil
		}
		if conn.Conn != nil {
			_ = conn.Close()
		}
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	return dialer.DialContext(ctx, network, address)
}

// close ends the connection if no call has used it.
func (c *early) close() {
	if c == nil {
		return
	}
	c.cancel()
	go func() {
		conn := <-c.made
		c.made <- madeConn{}
		if conn.Conn != nil {
			_ = conn.Close()
		}
	}()
}
