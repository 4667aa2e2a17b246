package sessions

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"
)

// This file keeps apart two clocks: AWS's, in which it says when a session lapses, and
// this machine's, by which the prompt counts. Every answer of AWS tells its time.

// Tolerable is how far the clocks may be apart before anybody is told. Signatures are
// refused at five minutes.
const Tolerable = time.Minute

// clockwork is what is known of AWS's clock. The zero value knows nothing.
type clockwork struct {
	ahead atomic.Int64 // of ours, in nanoseconds; 0 when it is Tolerable or unknown
	said  atomic.Bool
}

// hear learns from the Date header of an answer.
func (m *Maker) hear(h http.Header) {
	theirs, err := http.ParseTime(h.Get("Date"))
	if err != nil {
		return
	}
	ahead := theirs.Sub(m.Now()).Round(time.Second)
	if ahead.Abs() <= Tolerable {
		m.clocks.ahead.Store(0)
		return
	}
	m.clocks.ahead.Store(int64(ahead))
	if m.clocks.said.CompareAndSwap(false, true) {
		m.say(SkewText(ahead) + "; set it, or AWS will refuse what is signed with it")
	}
}

func (m *Maker) skew() time.Duration { return time.Duration(m.clocks.ahead.Load()) }

// local turns a moment of AWS's clock into what ours will show then.
func (m *Maker) local(t time.Time) time.Time {
	if t.IsZero() {
		return t
	}
	return t.Add(-m.skew())
}

// SkewText words how far AWS's clock is ahead of ours.
func SkewText(ahead time.Duration) string {
	way := "behind"
	if ahead < 0 {
		way = "ahead of"
	}
	return fmt.Sprintf("the clock of this machine is %d seconds %s AWS's", int(ahead.Abs()/time.Second), way)
}

// Time asks STS at e for nothing but the Date of its answer, once and unsigned, and says
// which host answered and how far its clock is ahead of ours. An answer of any status
// will do. The error, a *CallError, is of the way there.
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
		return fail(fmt.Errorf("%q is no address", at.Host))
	}
	req.Header.Set("User-Agent", "vault")
	before := now()
	res, err := e.plain().Do(req)
	if err != nil {
		return fail(err)
	}
	_ = res.Body.Close()
	theirs, err := http.ParseTime(res.Header.Get("Date"))
	if err != nil {
		return fail(errors.New("the answer has no date"))
	}
	ours := before.Add(now().Sub(before) / 2) // it was said about half-way through the call
	return at.Host, theirs.Sub(ours).Round(time.Second), nil
}

// doer is what the SDK and our own calls ask of an HTTP client.
type doer interface {
	Do(*http.Request) (*http.Response, error)
}

// listening is a client that hears the time in every answer.
type listening struct {
	doer
	hear func(http.Header)
}

func (l listening) Do(r *http.Request) (*http.Response, error) {
	res, err := l.doer.Do(r)
	if err == nil {
		l.hear(res.Header)
	}
	return res, err
}
