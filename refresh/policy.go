// Package refresh decides when a session is renewed, lets one process renew it for all
// terminals, and tells the others through a file without content.
package refresh

import (
	"time"

	"github.com/d44b7504/vault/internal/creds"
)

// Policy is the timing of renewals. The zero value is not useful; start from Default.
type Policy struct {
	// A session is renewed a quarter of its lifetime before it expires, but at least
	// EarlyMin and at most EarlyMax before. boto3 asks for new credentials
	// when 15 minutes are left, and must find them renewed.
	EarlyMin, EarlyMax time.Duration

	// MinTTL is what must be left of a session that is given to a command.
	MinTTL time.Duration

	// After the nth failure in a row nothing is tried for BackoffMin·2ⁿ⁻¹, up to BackoffMax.
	BackoffMin, BackoffMax time.Duration

	// Deadline bounds a renewal in the background. Hold bounds one that a command waits
	// for which is about to run.
	Deadline, Hold time.Duration
}

// Default is the policy of the program.
var Default = Policy{
	EarlyMin: time.Minute, EarlyMax: 15 * time.Minute, MinTTL: 5 * time.Minute,
	BackoffMin: 30 * time.Second, BackoffMax: 10 * time.Minute, Deadline: 20 * time.Second,
	Hold: 5 * time.Second,
}

// When returns the moment from which the session is due. The zero time means never:
// the credentials do not expire. A session too short for EarlyMin is renewed at half of
// its lifetime.
func (p Policy) When(s creds.Session) time.Time {
	if s.Expires.IsZero() {
		return time.Time{}
	}
	life := s.Expires.Sub(s.Issued)
	early := min(max(life/4, p.EarlyMin), p.EarlyMax)
	return s.Expires.Add(-min(early, max(life/2, 0)))
}

// Due reports whether a renewal should be tried at the moment now.
func (p Policy) Due(s creds.Session, now time.Time) bool {
	when := p.When(s)
	return !when.IsZero() && !now.Before(when)
}

// Good reports whether the session can be used without making another: it is not due and
// minTTL is left. No session is good before it was issued. A session whose whole lifetime is shorter than minTTL is good until it is
// due; otherwise every call would make a new one.
func (p Policy) Good(s creds.Session, now time.Time, minTTL time.Duration) bool {
	if s.Expires.IsZero() {
		return true
	}
	if p.Due(s, now) || now.Before(s.Issued.Add(-creds.ClockTolerance)) {
		return false
	}
	return s.Expires.Sub(now) >= min(minTTL, s.Expires.Sub(s.Issued)/2)
}

// Backoff returns how long to wait after that many failures in a row, at least one.
func (p Policy) Backoff(failures int) time.Duration {
	d := p.BackoffMin
	for range failures - 1 {
		if d *= 2; d >= p.BackoffMax {
			return p.BackoffMax
		}
	}
	return d
}
