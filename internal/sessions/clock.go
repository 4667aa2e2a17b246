package sessions

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/middleware"

	"github.com/d44b7504/vault/internal/creds"
	"github.com/d44b7504/vault/internal/display"
)

// This file keeps two clocks apart: AWS's, by which it says when a session expires, and
// this machine's, by which the prompt counts. Every answer of AWS has its time in a
// header.

// MaxSkew is how far the two clocks may differ without a warning. AWS refuses signatures
// that are five minutes off.
const MaxSkew = creds.ClockTolerance

// awsClock is what is known about AWS's clock. The zero value knows nothing.
type awsClock struct {
	ahead  atomic.Int64 // of this machine's, in nanoseconds; 0 if within MaxSkew or unknown
	warned atomic.Bool
}

// timing is called when a request is sent, and what it returns with the answer's header.
func (m *Maker) timing() func(http.Header) {
	sent, started := m.Now(), m.started()
	return func(h http.Header) {
		waited := m.Now().Round(0).Sub(sent.Round(0))
		if now := m.started(); !started.IsZero() && !now.IsZero() {
			waited -= now.Sub(started) // how far the clock was set meanwhile
		}
		m.readTime(h, max(0, waited))
	}
}

// started is when the machine started, by the clock of Now; zero if unknown.
func (m *Maker) started() time.Time {
	if m.Started == nil {
		return time.Time{}
	}
	return m.Started()
}

// readTime learns AWS's time from the Date header of an answer for which it was waited so long. AWS may
// have read its clock when the request was sent: what is wrong with this estimate makes a session end too
// early rather than too late.
func (m *Maker) readTime(h http.Header, waited time.Duration) {
	theirs, err := http.ParseTime(h.Get("Date"))
	if err != nil {
		return
	}
	now := m.Now()
	ahead := theirs.Sub(now.Add(-waited)).Round(time.Second)
	if -ahead <= MaxSkew && theirs.Sub(now) <= MaxSkew {
		m.clock.ahead.Store(0)
		return
	}
	m.clock.ahead.Store(int64(ahead))
	if m.clock.warned.CompareAndSwap(false, true) {
		m.say(SkewText(ahead) + "; set it, or AWS will refuse what is signed with it")
	}
}

// skew is how far AWS's clock is ahead of this machine's, 0 if within MaxSkew.
func (m *Maker) skew() time.Duration { return time.Duration(m.clock.ahead.Load()) }

// local converts a time of AWS's clock to this machine's.
func (m *Maker) local(t time.Time) time.Time {
	if t.IsZero() {
		return t
	}
	return t.Add(-m.skew())
}

// SkewText says in words how far AWS's clock is ahead of this machine's.
func SkewText(ahead time.Duration) string {
	way := "behind"
	if ahead < 0 {
		way = "ahead of"
	}
	return "the clock of this machine is " + display.Span(ahead) + " " + way + " AWS's"
}

// againInTime is a setting of the SDK's clients by which a call is made once more if AWS refused the
// last attempt for the time in its signature, and nothing was done. That attempt may be the first
// that reached AWS and told the client AWS's time: the others met a network that was down, or
// the person allows one attempt.
func againInTime(stack *middleware.Stack) error {
	return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("AgainInTime", func(
		ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler,
	) (middleware.InitializeOutput, middleware.Metadata, error) {
		out, about, err := next.HandleInitialize(ctx, in)
		var refused smithy.APIError
		if errors.As(err, &refused) && kindOf(refused.ErrorCode(), refused.ErrorMessage()) == ClockSkew {
			return next.HandleInitialize(ctx, in)
		}
		return out, about, err
	}), middleware.Before)
}

// Time sends STS at e one unsigned request for the Date in its answer. It returns the
// host that answered and how far its clock is ahead of this machine's. An answer of any
// HTTP status will do; the error, a *CallError, says why there was none.
func Time(ctx context.Context, e Endpoint, now func() time.Time) (host string, ahead time.Duration, err error) {
	at, err := e.sts(ctx)
	if err != nil {
		return "", 0, err
	}
	fail := func(err error) (string, time.Duration, error) {
		return at.Host, 0, failure("ask for the time", at.Host, "", err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodHead, at.String(), nil)
	if err != nil {
		return fail(fmt.Errorf("%q is not an address", at.Host))
	}
	req.Header.Set("User-Agent", "vault")
	before := now()
	res, err := e.httpClient(nil).Do(req)
	if err != nil {
		return fail(err)
	}
	_ = res.Body.Close()
	theirs, err := http.ParseTime(res.Header.Get("Date"))
	if err != nil {
		return fail(errors.New("the answer has no date"))
	}
	ours := before.Add(now().Sub(before) / 2) // AWS read its clock about half-way through the call
	return at.Host, theirs.Sub(ours).Round(time.Second), nil
}

// timed is an HTTP client that calls begin before each request, and what it returns with the header of
// the answer.
type timed struct {
	doer
	begin func() func(http.Header)
}

func (c timed) Do(r *http.Request) (*http.Response, error) {
	read := c.begin()
	res, err := c.doer.Do(r)
	if err == nil {
		read(res.Header)
	}
	return res, err
}
