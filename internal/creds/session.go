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
// purpose). Issued is the moment the session was made by the local clock; both
// are UTC. ARN names the assumed role and is empty for a user's own session.
type Session struct {
	Profile, Region string
	AccessKeyID     string
	SecretKey       Secret
	Token           Secret
	ARN             string
	Issued, Expires time.Time
}

// Expired reports whether the session is of no use at the moment now.
func (s Session) Expired(now time.Time) bool {
	return !s.Expires.IsZero() && !now.Before(s.Expires)
}
