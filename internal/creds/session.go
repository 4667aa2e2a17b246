package creds

import "time"

// Key is a pair that does not expire by itself: the access key of an IAM user.
type Key struct {
	ID     string
	Secret Secret
}

// Session is a set of credentials, usually short-lived, as AWS issued it.
//
// A zero Expires means the credentials do not expire (a long-lived key used on
// purpose). Issued is the time when the session was made. Both are in UTC and by the
// clock of the machine that made it; Clock says what is known about that clock. ARN names
// the assumed role and is empty for a user's own session.
type Session struct {
	Profile, Region string
	AccessKeyID     string
	SecretKey       Secret
	Token           Secret
	ARN             string
	Issued, Expires time.Time
	Clock           Clock
	Key             KeyRef
}

// KeyRef says which stored key a session was made with. The zero value: with none, or it
// is not known.
type KeyRef struct {
	ID    string
	Stamp string // of the item in the store, "" if the store has no stamps
}

// Clock is what is known about the clock by which a session was made. The zero value is a
// clock that was right, or of which nothing is known.
type Clock struct {
	// Skew is how far AWS's clock was ahead when Expires was converted from it.
	Skew time.Duration
	// Started is when the machine started, by this clock: the time less the time since
	// the start. It changes only if the clock is set. Zero: unknown.
	Started time.Time
}

// ClockTolerance is how far a clock may move without counting as set.
const ClockTolerance = time.Minute

// never is an expiry in the past that is always the same.
var never = time.Unix(1, 0).UTC()

// Expired reports whether the session is of no use at the moment now.
func (s Session) Expired(now time.Time) bool {
	return !s.Expires.IsZero() && !now.Before(s.Expires)
}

// By returns the session with the expiry that holds by a clock which may have been set
// since the session was made. now is that clock's time, and started when the machine
// started by it, zero if unknown.
//
// No session is good before it was issued: then the clock was set back, and what is left
// of it cannot be known, so it is returned as expired. A session that was made by a wrong
// clock that may have been set since is good until the earlier of the two times that its
// expiry may mean: by the old clock, and by AWS's.
func (s Session) By(now, started time.Time) Session {
	switch {
	case s.Expires.IsZero() || s.Issued.IsZero():
	case now.Before(s.Issued.Add(-ClockTolerance)):
		s.Expires = never
	case s.Clock.Skew < 0 && !s.Clock.same(started):
		s.Expires = s.Expires.Add(s.Clock.Skew)
	}
	return s
}

// same reports whether the clock is known not to have been set since.
func (c Clock) same(started time.Time) bool {
	return !started.IsZero() && !c.Started.IsZero() && started.Sub(c.Started).Abs() <= ClockTolerance
}
