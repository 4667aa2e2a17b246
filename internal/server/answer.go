package server

import (
	"encoding/json"
	"strings"
	"time"

	"github.com/d44b7504/vault/internal/creds"
)

// answer is a session as it is sent, rendered once.
type answer struct {
	body    []byte
	expires time.Time

	kept       time.Time     // when it came
	renew, end time.Duration // how long after that it is due, and of no use
}

// age is how long the answer has been kept. A clock that was set back does not make it
// younger, nor does a machine that slept, whose timers stood still meanwhile: what counts
// is the greater of the times by the two clocks that a time.Time has.
func (a *answer) age(now time.Time) time.Duration {
	return max(now.Sub(a.kept), now.Round(0).Sub(a.kept.Round(0)))
}

// lives reports whether the session may still be given out; a nil answer may not.
func (a *answer) lives(now time.Time) bool { return a != nil && a.age(now) < a.end }

func newAnswer(s creds.Session, now time.Time) *answer {
	s = promised(s, now)
	end := s.Expires.Sub(now.Round(0))
	early := min(Early, s.Expires.Sub(s.Issued)/2)
	return &answer{body: containerJSON(s), expires: s.Expires, kept: now, renew: end - early, end: end}
}

// promised fills in the times that a session may lack. Some clients insist on an expiry:
// one that has none is promised for an hour, and asked for again.
func promised(s creds.Session, now time.Time) creds.Session {
	if s.Expires.IsZero() {
		s.Issued, s.Expires = now, now.Add(unlimited)
	}
	if s.Issued.IsZero() {
		s.Issued = now
	}
	return s
}

// containerJSON is what the endpoint of Amazon ECS answers with.
func containerJSON(s creds.Session) []byte {
	return encode(struct {
		AccessKeyID string `json:"AccessKeyId"`
		SecretAccessKey, Token,
		Expiration string
		AccountID string `json:"AccountId,omitempty"`
	}{s.AccessKeyID, s.SecretKey.Reveal(), s.Token.Reveal(), stamp(s.Expires), accountOf(s.ARN)})
}

// accountOf is the account in an ARN, or "".
func accountOf(arn string) string {
	if part := strings.Split(arn, ":"); len(part) > 5 {
		return part[4]
	}
	return ""
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

func encode(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // strings: cannot fail
	}
	return b
}
