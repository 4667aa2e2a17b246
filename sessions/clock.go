package sessions

import (
	"fmt"
	"net/http"
	"sync/atomic"
	"time"
)

// This file keeps apart two clocks: AWS's, in which it says when a session lapses, and
// this machine's, by which the prompt counts. Every answer of AWS tells its time.

// tolerable is how far the clocks may be apart before anybody is told. Signatures are
// refused at five minutes.
const tolerable = time.Minute

// clockwork is what is known of AWS's clock. The zero value knows nothing.
type clockwork struct {
	ahead atomic.Int64 // of ours, in nanoseconds; 0 when it is tolerable or unknown
	said  atomic.Bool
}

// hear learns from the Date header of an answer.
func (m *Maker) hear(h http.Header) {
	theirs, err := http.ParseTime(h.Get("Date"))
	if err != nil {
		return
	}
	ahead := theirs.Sub(m.Now()).Round(time.Second)
	if ahead.Abs() <= tolerable {
		m.clocks.ahead.Store(0)
		return
	}
	m.clocks.ahead.Store(int64(ahead))
	if m.clocks.said.CompareAndSwap(false, true) {
		m.say(skewText(ahead) + "; set it, or AWS will refuse what is signed with it")
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

func skewText(ahead time.Duration) string {
	way := "behind"
	if ahead < 0 {
		way = "ahead of"
	}
	return fmt.Sprintf("the clock of this machine is %d seconds %s AWS's", int(ahead.Abs()/time.Second), way)
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
