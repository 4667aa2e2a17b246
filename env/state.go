package env

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"time"

	"github.com/d44b7504/vault/internal/creds"
)

// Request is how the active session was asked for, so that it can be made again with
// the same words: by a renewal, by another terminal, by "use -".
type Request struct {
	Profile    string   `json:"n"`
	Region     string   `json:"r,omitempty"` // the flag, not the profile's own
	Mode       string   `json:"m,omitempty"` // "" is ModeEnv
	Seconds    int      `json:"d,omitempty"` // duration asked for, 0 for the default
	MinTTL     int      `json:"t,omitempty"` // seconds that must be left
	RoleARN    string   `json:"a,omitempty"`
	Policy     string   `json:"p,omitempty"` // the text, not the file's name
	PolicyARNs []string `json:"P,omitempty"`
	NoSession  bool     `json:"k,omitempty"`
}

// How a session reaches programs.
const (
	ModeEnv     = "env"     // the keys themselves
	ModeProfile = "profile" // AWS_PROFILE and nothing else
	ModeServer  = "server"  // the address of an endpoint that gives the keys
	ModeEC2     = "ec2"     // nothing: programs ask the instance metadata service
)

// Served reports whether programs ask an endpoint, so that no expiry matters to a shell.
func (r Request) Served() bool { return r.Mode == ModeServer || r.Mode == ModeEC2 }

// State is what the shell remembers of a session, in StateVar. It holds no secret.
type State struct {
	Request  Request           `json:"q"`
	Previous *Request          `json:"l,omitempty"` // the session before this one
	Outer    []string          `json:"o,omitempty"` // sessions of the shells around this one
	Prior    map[string]string `json:"b,omitempty"` // the user's own values; absent: was unset
	Ours     map[string]string `json:"s,omitempty"` // fingerprints of what we exported
	Stash    bool              `json:"x,omitempty"` // the hook keeps secrets of the user's
	ARN      string            `json:"i,omitempty"` // the role the session is of
	Issued   int64             `json:"t,omitempty"` // epoch seconds
	Skew     int64             `json:"w,omitempty"` // seconds; see creds.Clock
	Started  int64             `json:"u,omitempty"` // epoch seconds; see creds.Clock
}

// Clock is what is known about the clock by which the session was made.
func (s State) Clock() creds.Clock {
	c := creds.Clock{Skew: time.Duration(s.Skew) * time.Second}
	if s.Started != 0 {
		c.Started = time.Unix(s.Started, 0)
	}
	return c
}

func (s *State) setClock(c creds.Clock) {
	s.Skew = int64(c.Skew / time.Second)
	if !c.Started.IsZero() {
		s.Started = c.Started.Unix()
	}
}

// encode gives one word of plain ASCII, so that no shell has anything to quote.
func (s State) encode() string {
	b, err := json.Marshal(s)
	if err != nil {
		panic(err) // strings, numbers and maps of them: cannot fail
	}
	return base64.RawURLEncoding.EncodeToString(b)
}

// StateOf returns the state of the shell whose environment this is, and false when no
// session of ours is active there or its state cannot be read.
func StateOf(current map[string]string) (State, bool) {
	var s State
	b, err := base64.RawURLEncoding.DecodeString(current[StateVar])
	if err != nil || len(b) == 0 || json.Unmarshal(b, &s) != nil || s.Request.Profile == "" {
		return State{}, false
	}
	return s, true
}

// ours reports whether name still has the value we gave it. A secret leaves no
// fingerprint: it is ours while the key, or the address, that it belongs to is.
func (s State) ours(current map[string]string, name string) bool {
	switch name {
	case secretKey, token:
		name = keyID
	case authToken:
		name = fullURI
	}
	want, set := s.Ours[name]
	value, is := current[name]
	return set && is && fingerprint(value) == want
}

// Changed returns the names whose values someone else has replaced or removed since
// the session was set. Region is not among them: pinning another one is the user's right.
func (s State) Changed(current map[string]string) []string {
	var names []string
	for _, n := range []string{keyID, profile, fullURI, Profile} {
		_, set := s.Ours[n]
		_, is := current[n]
		if set && !s.ours(current, n) || !set && is {
			names = append(names, n)
		}
	}
	return names
}

func fingerprint(value string) string {
	sum := sha256.Sum256([]byte(value))
	return hex.EncodeToString(sum[:6])
}
