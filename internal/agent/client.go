package agent

import (
	"bufio"
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/d44b7504/vault/internal/app"
	"github.com/d44b7504/vault/refresh"
	"github.com/d44b7504/vault/store"
)

// This file is the client. It writes one request on one connection, without the machinery of
// net/http's own client, which would cost more than the answer.

// Client reaches the agent of a runtime directory, and starts one. It implements app.Agent.
type Client struct {
	Dir   func() refresh.Directory
	Built func() time.Time // of this program; an older agent is replaced
	// Launch starts the agent and returns when it is ready; see host.World.Launch.
	Launch func(ctx context.Context) error
	// Patience is how long the agent may take for its first word; 0: five seconds.
	Patience time.Duration

	silent atomic.Bool // it took longer once: it is not waited for again
}

// Why an agent that answers is of no use.
var (
	errOther = errors.New("the running agent is of another version")
	errNewer = errors.New("the running agent is of a newer version than this program")
)

// Session has a request carried out.
func (c *Client) Session(ctx context.Context, r app.SessionRequest, say func(line string)) (app.SessionReply, error) {
	body, err := encodeRequest(r)
	if err != nil {
		return app.SessionReply{}, err
	}
	answer, older, err := c.talk(ctx, http.MethodPost, pathSession, body, say)
	clear(body)
	if older && r.CanOpen { // who would be asked for the passphrase again, and can answer
		_ = c.Stop(ctx)
		return app.SessionReply{}, app.ErrNotHeld
	}
	if err != nil {
		return app.SessionReply{}, notHeld(ctx, err)
	}
	defer clear(answer)
	return decodeReply(answer)
}

// notHeld is the error for an agent that cannot be reached or understood: the same as for
// none. Only the caller's own end is another matter.
func notHeld(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return fmt.Errorf("%w: %w", app.ErrNotHeld, err)
}

// Lease has the agent serve a session to a shell.
func (c *Client) Lease(ctx context.Context, r app.LeaseRequest) (app.LeaseReply, error) {
	return c.aboutLeases(ctx, pathLease, r)
}

func (c *Client) aboutLeases(ctx context.Context, path string, r app.LeaseRequest) (app.LeaseReply, error) {
	body, err := encodeLeaseRequest(r)
	if err != nil {
		return app.LeaseReply{}, err
	}
	answer, older, err := c.talk(ctx, http.MethodPost, path, body, nil)
	clear(body)
	if older && (err != nil || r.Session.CanOpen) { // it knows no leases, or a person is there
		_ = c.Stop(ctx)
		return app.LeaseReply{}, app.ErrNotHeld
	}
	if err != nil {
		return app.LeaseReply{}, notHeld(ctx, err)
	}
	defer clear(answer)
	return decodeLeaseReply(answer)
}

// GoOn has the agent serve a session again to the shells for which it is locked.
func (c *Client) GoOn(ctx context.Context, r app.LeaseRequest) (app.LeaseReply, error) {
	return c.aboutLeases(ctx, pathGoOn, r)
}

// Revoke ends a lease.
func (c *Client) Revoke(ctx context.Context, id string) error {
	body, err := json.Marshal(wireRevoking{id})
	if err == nil {
		_, _, err = c.call(ctx, http.MethodPost, pathRevoke, body)
	}
	if isNone(err) {
		return nil
	}
	return err
}

// Holds reports whether the agent holds a store.
func (c *Client) Holds(ctx context.Context, r store.Reference) bool {
	body, err := json.Marshal(r)
	if err != nil {
		return false
	}
	answer, older, err := c.call(ctx, http.MethodPost, pathHolds, body)
	var a wireAnswer
	return err == nil && !older && json.Unmarshal(answer, &a) == nil && a.OK
}

// lost is an error of an agent that was to hold a store. It matches app.ErrNotHeld.
type lost struct{ error }

func (l lost) Unwrap() []error { return []error{l.error, app.ErrNotHeld} }

// Unlock has the agent open a store and hold it.
func (c *Client) Unlock(ctx context.Context, u app.Unlocking) (opens bool, err error) {
	body, err := encodeUnlocking(u)
	if err != nil {
		return false, err
	}
	defer clear(body)
	answer, _, err := c.call(ctx, http.MethodPost, pathUnlock, body)
	var a wireAnswer
	if err == nil {
		err = json.Unmarshal(answer, &a)
	}
	if err != nil {
		if ctx.Err() != nil {
			return false, ctx.Err()
		}
		return false, lost{fmt.Errorf("give the passphrase to the agent: %w", err)}
	}
	return a.OK, a.Error.error()
}

// Start starts the agent unless one of this version is running. Of many processes that
// come at the same time one does it, and the others wait.
func (c *Client) Start(ctx context.Context) error {
	if c.answers(ctx) {
		return nil
	}
	free, err := c.Dir().Lock(ctx, "agent start", nil)
	if err != nil {
		return err
	}
	defer free()
	_, older, err := c.call(ctx, http.MethodGet, pathStatus, nil)
	switch {
	case older:
		_ = c.Stop(ctx)
	case errors.Is(err, errOther):
		return errNewer
	case errors.Is(err, errSilent), err == nil:
		return err
	}
	if err := c.reachable(); err != nil {
		return err
	}
	if err := c.Launch(ctx); err != nil && !c.answers(ctx) {
		return err
	}
	return nil
}

// reachable says why no agent could be reached here, before one is started.
func (c *Client) reachable() error {
	switch dir := c.Dir(); {
	case dir.Path == "":
		return errNoDir
	case len(socketOf(dir)) > maxPath:
		return fmt.Errorf("the path %s is too long for a socket", socketOf(dir))
	default:
		return nil
	}
}

// answers reports whether an agent of this version, or a newer one, is running.
func (c *Client) answers(ctx context.Context) bool {
	_, older, err := c.call(ctx, http.MethodGet, pathStatus, nil)
	return err == nil && !older
}

// Status is what the running agent says of itself. The zero value is for none.
func (c *Client) Status(ctx context.Context) (Status, error) {
	answer, older, err := c.call(ctx, http.MethodGet, pathStatus, nil)
	var s Status
	switch {
	case isNone(err):
		return s, nil
	case err != nil && !errors.Is(err, errOther):
		return s, err
	}
	if err := json.Unmarshal(answer, &s); err != nil {
		return s, errAnswer
	}
	s.Older, s.Socket = older, socketOf(c.Dir())
	return s, nil
}

// Lock has the agent forget every secret. running is false if there is none.
func (c *Client) Lock(ctx context.Context) (running bool, err error) { return c.order(ctx, pathLock) }

// Stop ends the agent, of whatever version.
func (c *Client) Stop(ctx context.Context) error {
	_, err := c.order(ctx, pathStop)
	return err
}

// End is Stop for a person, who wants none: shells do not start another one by themselves. It
// reports whether an agent was running.
func (c *Client) End(ctx context.Context) (running bool, err error) {
	return c.order(ctx, pathStop+"?"+byPerson)
}

func (c *Client) order(ctx context.Context, path string) (running bool, err error) {
	_, _, err = c.call(ctx, http.MethodPost, path, nil)
	if isNone(err) {
		return false, nil
	}
	if errors.Is(err, errOther) {
		err = nil
	}
	return true, err
}

// unreachable is an error of connecting.
type unreachable struct{ error }

func (u unreachable) Unwrap() error { return u.error }

// isNone reports whether an error says that no agent is running.
func isNone(err error) bool {
	var u unreachable
	return errors.As(err, &u)
}

const patience = 5 * time.Second

// errSilent is for an agent that was stopped, or is stuck.
var errSilent = errors.New("the agent does not answer; end its process and try again")

func (c *Client) call(ctx context.Context, method, path string, body []byte) (answer []byte, older bool, err error) {
	return c.talk(ctx, method, path, body, nil)
}

// talk makes a request. older says that the agent is of an older version than this
// program; the error is errOther if its answers cannot be understood.
func (c *Client) talk(ctx context.Context, method, path string, body []byte, say func(string)) (answer []byte, older bool, err error) {
	if c.silent.Load() {
		return nil, false, errSilent
	}
	conn, err := dial(c.Dir())
	if err != nil {
		return nil, false, unreachable{err}
	}
	defer func() { _ = conn.Close() }()
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	_ = conn.SetDeadline(time.Now().Add(cmp.Or(c.Patience, patience)))
	request := append(head(method, path, len(body)), body...)
	_, err = conn.Write(request)
	clear(request)
	if err != nil {
		return nil, false, c.broken(ctx, err)
	}
	res, err := response(conn, say)
	if err != nil {
		return nil, false, c.broken(ctx, err)
	}
	defer func() { _ = res.Body.Close() }()
	answer, err = io.ReadAll(io.LimitReader(res.Body, maxReply))
	if err != nil {
		return nil, false, c.broken(ctx, err)
	}
	older, err = c.compare(res.Header.Get(versionHeader))
	if err == nil && res.StatusCode != http.StatusOK {
		err = fmt.Errorf("the agent refuses the request: %s", strings.TrimSpace(string(answer)))
	}
	return answer, older, err
}

func head(method, path string, length int) []byte {
	return []byte(method + " " + path + " HTTP/1.1\r\nHost: " + hostName + "\r\nConnection: close\r\nContent-Length: " + strconv.Itoa(length) + "\r\n\r\n")
}

// response reads the answer. Once the agent has said that it is working, it may take its
// time.
func response(conn net.Conn, say func(string)) (*http.Response, error) {
	in := bufio.NewReader(conn)
	for {
		res, err := http.ReadResponse(in, nil)
		if err != nil || res.StatusCode >= http.StatusOK {
			return res, err
		}
		_ = conn.SetDeadline(time.Time{})
		line, err := base64.RawURLEncoding.DecodeString(res.Header.Get(lineHeader))
		if err == nil && len(line) > 0 && say != nil {
			say(string(line))
		}
	}
}

// broken is the error of a connection that failed after it was made.
func (c *Client) broken(ctx context.Context, err error) error {
	var timeout net.Error
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.As(err, &timeout) && timeout.Timeout():
		c.silent.Store(true)
		return errSilent
	}
	return unreachable{err} // it was killed, or has just ended
}

// compare reads the version of an agent.
func (c *Client) compare(version string) (older bool, err error) {
	first, second, _ := strings.Cut(version, " ")
	theirs, err := strconv.Atoi(first)
	built, builtErr := strconv.ParseInt(second, 10, 64)
	if cmp.Or(err, builtErr) != nil {
		return false, errOther
	}
	older = theirs < protocol || theirs == protocol && built < c.Built().UnixNano()
	if theirs != protocol {
		err = errOther
	}
	return older, err
}
