package cmd

import (
	"testing"
	"time"

	"github.com/d44b7504/vault/internal/creds"
)

// The clock may be set back while the program runs: after it has begun, and after a session was made.
func TestAnAnswerHoldsFromTheLatestTimeThatTheProgramHasSeen(t *testing.T) {
	began := time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)
	back := began.Add(-time.Hour)
	for name, c := range map[string]struct {
		now, issued, expires, want time.Time
	}{
		"the clock is not set":                    {began.Add(time.Second), back, began.Add(time.Hour), began.Add(time.Second)},
		"it is set back after the beginning":      {back, back, began.Add(time.Hour), began},
		"it is set back after a session was made": {back, began.Add(time.Hour), began.Add(2 * time.Hour), began.Add(59 * time.Minute)},
		"a session is known to be void":           {began, began.Add(time.Hour), time.Unix(1, 0), began},
		"a key does not expire":                   {began, time.Time{}, time.Time{}, began},
	} {
		e := evaluator{clock: func() time.Time { return c.now }, began: began}
		if got := e.from(creds.Session{Issued: c.issued, Expires: c.expires}); !got.Equal(c.want.Add(-time.Second)) {
			t.Errorf("%s: from %s", name, got)
		}
	}
}
