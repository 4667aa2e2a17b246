package env

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/d44b7504/vault/internal/creds"
)

// Request is how the active session was asked for, so that it can be asked for again with
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
	Console    bool     `json:"-"` // to open the console; never that of a shell
	// What is known of the renewal of this session.
	Unhooked   bool `json:"h,omitempty"` // no prompt of the shell runs the hook
	Passphrase bool `json:"w,omitempty"` // a person had to unlock the store for it

	Protected bool   `json:"x,omitempty"` // a person has confirmed it by typing the profile's name
	Agent     string `json:"g,omitempty"` // the coding agent that it is for, whose name is added to that of the session

	Visit *Visit `json:"v,omitempty"` // nil: not the session of a project directory
}

// ReadOnlyPolicy is the managed policy of AWS that allows to read everything.
const ReadOnlyPolicy = creds.ReadOnlyPolicy

// Special reports whether the session is another than the profile's own: narrowed by a
// policy, or of one more role.
func (r Request) Special() bool {
	return r.RoleARN != "" || r.Policy != "" || len(r.PolicyARNs) > 0
}

// Qualifier says in a few words that the profile is protected and how the session differs from the
// profile's own, "" if there is nothing to say. The words may hold any character of a role's name.
func (r Request) Qualifier() string {
	var words []string
	if r.Protected {
		words = append(words, "protected")
	}
	switch {
	case r.Policy == "" && len(r.PolicyARNs) == 0:
	case r.Policy == "" && len(r.PolicyARNs) == 1 && r.PolicyARNs[0] == ReadOnlyPolicy:
		words = append(words, "read-only")
	default:
		words = append(words, "narrowed")
	}
	if r.RoleARN != "" { // last, because it may be long and then be cut
		words = append(words, "> "+r.RoleARN[strings.LastIndexAny(r.RoleARN, ":/")+1:])
	}
	return strings.Join(words, " ")
}

// How a session reaches programs.
const (
	ModeEnv     = "env"     // the keys themselves
	ModeProfile = "profile" // AWS_PROFILE and nothing else
	ModeServer  = "server"  // the address of an endpoint that gives the keys
	ModeEC2     = "ec2"     // nothing: programs ask the instance metadata service
)

// Same reports whether two requests ask for the same session in the same way.
func (r Request) Same(other Request) bool {
	for _, x := range []*Request{&r, &other} {
		x.Unhooked, x.Passphrase, x.MinTTL = false, false, 0
	}
	return reflect.DeepEqual(r, other)
}

// Served reports whether programs ask an endpoint, so that no expiry matters to a shell.
func (r Request) Served() bool { return r.Mode == ModeServer || r.Mode == ModeEC2 }

// Lease is an endpoint in the agent that a shell has. Shells that are started in it have the
// same one, and it ends with the shell that it belongs to.
type Lease struct {
	ID      string `json:"i"`           // its name with the agent; no secret
	PID     int    `json:"p"`           // of the shell
	Started int64  `json:"s,omitempty"` // when that shell started, as the system counts; 0: it does not say
}

// State is what the shell remembers of a session, in StateVar. It holds no secret.
type State struct {
	Request  Request           `json:"q"`
	Lease    *Lease            `json:"s,omitempty"` // nil: no agent serves this session
	Previous *Request          `json:"l,omitempty"` // the session before this one
	Withheld []string          `json:"p,omitempty"` // Passphrases that exec found and did not pass on to this shell
	Prior    map[string]string `json:"b,omitempty"` // the values before the session; absent: was unset
	// Under has the names in Prior whose value a tool had set for the directory, and the
	// value that this tool will put back; nil: none.
	Under    map[string]*string `json:"e,omitempty"`
	Exported map[string]string  `json:"f,omitempty"` // fingerprints of what was exported, by name
	Salt     string             `json:"z,omitempty"` // of the fingerprints; the same as long as the shell is active
	ARN      string             `json:"i,omitempty"` // the role the session is of
	Issued   int64              `json:"t,omitempty"` // epoch seconds
	Skew     int64              `json:"w,omitempty"` // seconds; see creds.Clock
	Started  int64              `json:"u,omitempty"` // epoch seconds; see creds.Clock
	// Until is when the session ends by the clock by which it was made, if something else is exported
	// because that clock was set back: epoch seconds.
	Until int64 `json:"v,omitempty"`
}

// Expires is when the session ends by the clock by which it was made; zero if it does not, or if that
// is not known.
func (s State) Expires(current map[string]string) time.Time {
	if s.Until != 0 && s.exported(current, Expiration) {
		return time.Unix(s.Until, 0).UTC()
	}
	at, _ := time.Parse(time.RFC3339, current[Expiration])
	return at
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

// encode returns one word of plain ASCII, so that no shell has anything to quote.
func (s State) encode() string {
	b, err := json.Marshal(s)
	if err != nil {
		panic(err) // strings, numbers and maps of them: cannot fail
	}
	return base64.RawURLEncoding.EncodeToString(b)
}

// StateOf returns the state of the shell whose environment this is, and false when no
// session is active there or its state cannot be read.
func StateOf(current map[string]string) (State, bool) {
	var s State
	b, err := base64.RawURLEncoding.DecodeString(current[StateVar])
	if err != nil || len(b) == 0 || json.Unmarshal(b, &s) != nil || s.Request.Profile == "" {
		return State{}, false
	}
	return s, true
}

// exported reports whether a variable has the value that vault exported. Each variable is
// looked at by itself: a person may have replaced one of the three.
func (s State) exported(current map[string]string, name string) bool {
	value, is := current[name]
	return is && s.isExport(name, value)
}

func (s State) isExport(name, value string) bool {
	want, set := s.Exported[name]
	return set && want == fingerprint(s.Salt, name, value)
}

// Changed returns the names whose values another program or person has replaced, removed
// or added since the session was set. A region is not among them: choosing another one is
// the user's right.
func (s State) Changed(current map[string]string) []string {
	var names []string
	for _, n := range slices.Concat([]string{ActiveProfile}, SecretsIn(current), Identity) {
		_, set := s.Exported[n]
		_, is := current[n]
		if !slices.Contains(neutral, n) && (set || is) && !s.exported(current, n) {
			names = append(names, n)
		}
	}
	return names
}

// ownSecrets returns the secrets in a shell that neither vault nor a tool has set.
func (s State) ownSecrets(current map[string]string) []string {
	var names []string
	for _, n := range SecretsIn(current) {
		if v, is := current[n]; is && !s.exported(current, n) && !projectSets(current, n, v) {
			names = append(names, n)
		}
	}
	return names
}

// before returns the value that a variable should have without the session. What a tool
// had set for a directory counts only while that tool still sets it.
func (s State) before(current map[string]string, name string) (value string, had bool) {
	value, had = s.Prior[name]
	under, isProject := s.Under[name]
	if !isProject || projectSets(current, name, value) {
		return value, had
	}
	if under == nil {
		return "", false
	}
	return *under, true
}

// fingerprint is short, salted, and of one variable: it tells an owner and nothing else.
func fingerprint(salt, name, value string) string {
	sum := sha256.Sum256([]byte(salt + "\x00" + name + "\x00" + value))
	return hex.EncodeToString(sum[:6])
}
