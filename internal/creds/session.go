package creds

import (
	"fmt"
	"time"
	"unicode"
	"unicode/utf8"
)

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
	// Settings are variables that tell a program how to reach AWS with the session, such as
	// AWS_ENDPOINT_URL. They are the profile's, like Region, and not kept with the session.
	Settings map[string]string
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

// UnprintableError says that a value has a character which AWS never issues and which could
// begin a line or a command of its own wherever the value is written.
type UnprintableError struct{ What string }

func (e *UnprintableError) Error() string {
	return fmt.Sprintf("the %s has a control character or another one that cannot be printed", e.What)
}

// Check returns an *UnprintableError if a value of the session has a character that cannot
// be printed. Credentials are checked where they come in and again where they go out,
// because not every way between is this program's.
func (s Session) Check() error {
	for _, v := range []struct{ what, text string }{
		{"profile's name", s.Profile}, {"region", s.Region}, {"access key id", s.AccessKeyID},
		{"secret access key", s.SecretKey.Reveal()}, {"session token", s.Token.Reveal()}, {"role's ARN", s.ARN},
	} {
		if !Printable(v.text) {
			return &UnprintableError{v.what}
		}
	}
	return nil
}

// Printable reports whether a text is UTF-8 in which no character acts on a terminal or
// ends a line: no control, format or separator character but the space.
func Printable(text string) bool {
	for _, r := range text {
		if !unicode.IsPrint(r) {
			return false
		}
	}
	return utf8.ValidString(text)
}

// By returns the session with the expiry that holds by a clock which may have been set
// since the session was made. now is that clock's time, and started when the machine
// started by it, zero if unknown.
//
// No session is good before it was issued: then the clock was set back, and what is left
// of it cannot be known, so it is returned as expired (Early). Otherwise it is good until the earliest
// of the times that its expiry may mean: by the clock of then, by AWS's if that clock was ahead, and by one
// that is known to have been set back. The session's Clock is then the one of now, by which the
// expiry holds: another call changes nothing.
func (s Session) By(now, started time.Time) Session {
	switch {
	case s.Expires.IsZero() || s.Issued.IsZero():
	case s.Early(now):
		s.Expires = never
	default:
		if back := s.Clock.back(started); back != 0 {
			s.Expires, s.Clock = s.Expires.Add(-back), Clock{Skew: s.Clock.Skew + back, Started: started}
		}
	}
	return s
}

// Early reports whether now is before the session was issued: the clock was set back since.
func (s Session) Early(now time.Time) bool { return now.Before(s.Issued.Add(-ClockTolerance)) }

// back is how far the clock was set back since, or may have been: if it was ahead of AWS's, by as much
// as that. A clock that seems to be set forward counts as time that has passed, as it does while a virtual
// machine is stopped. The result is in whole minutes, because all processes have to find the same.
func (c Clock) back(started time.Time) time.Duration {
	ahead := max(0, -c.Skew)
	if started.IsZero() || c.Started.IsZero() {
		return ahead
	}
	back := c.Started.Sub(started)
	if back.Abs() <= ClockTolerance {
		return 0
	}
	return max(ahead, back.Round(time.Minute))
}

// ReadOnlyPolicy is the managed policy of AWS that allows to read everything.
const ReadOnlyPolicy = "arn:aws:iam::aws:policy/ReadOnlyAccess"
