package agent

import (
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"time"

	"github.com/d44b7504/vault/env"
	"github.com/d44b7504/vault/internal/app"
	"github.com/d44b7504/vault/internal/creds"
	"github.com/d44b7504/vault/internal/profiles"
	"github.com/d44b7504/vault/refresh"
	"github.com/d44b7504/vault/store"
)

// This file is how requests and replies look on the socket: JSON, in which secrets are
// text. Nothing else in this program encodes one so.

// protocol is counted up when a client and an agent would not understand each other.
const protocol = 1

// maxBody is the most bytes of a request. A session policy and a chain of roles have a few
// thousand.
const maxBody = 256 << 10

// maxReply is the most bytes of a reply. The list of 10,000 accounts has about two million.
const maxReply = 4 << 20

// optional is the JSON of what most messages do not have. To prepare for a type takes
// encoding/json longer than to encode it, and a client does everything for the first time.
type optional = json.RawMessage

// some encodes what is there.
func some(v any) optional {
	b, err := json.Marshal(v)
	if err != nil {
		return nil
	}
	return b
}

type wireSession struct {
	Profile, Region, AccessKeyID, SecretKey, Token, ARN string
	Issued, Expires                                     time.Time
	Skew                                                time.Duration
	Started                                             time.Time
	KeyID, KeyStamp                                     string
}

func toWire(s creds.Session) wireSession {
	return wireSession{
		Profile: s.Profile, Region: s.Region, AccessKeyID: s.AccessKeyID, SecretKey: s.SecretKey.Reveal(), Token: s.Token.Reveal(), ARN: s.ARN,
		Issued: s.Issued, Expires: s.Expires, Skew: s.Clock.Skew, Started: s.Clock.Started, KeyID: s.Key.ID, KeyStamp: s.Key.Stamp,
	}
}

func (w wireSession) session() creds.Session {
	return creds.Session{
		Profile: w.Profile, Region: w.Region, AccessKeyID: w.AccessKeyID, SecretKey: creds.New(w.SecretKey), Token: creds.New(w.Token), ARN: w.ARN,
		Issued: w.Issued, Expires: w.Expires, Clock: creds.Clock{Skew: w.Skew, Started: w.Started}, Key: creds.KeyRef{ID: w.KeyID, Stamp: w.KeyStamp},
	}
}

type wireToken struct {
	StartURL, Region                 string
	Access, Refresh                  string
	Expires, ClientExpires           time.Time
	Client, ClientSecret, ClientFlow string
	Shared                           bool `json:",omitempty"`
}

func tokenToWire(t store.Token) wireToken {
	return wireToken{
		StartURL: t.StartURL, Region: t.Region, Access: t.Access.Reveal(), Refresh: t.Refresh.Reveal(), Expires: t.Expires,
		Client: t.Client, ClientSecret: t.ClientSecret.Reveal(), ClientExpires: t.ClientExpires, ClientFlow: t.ClientFlow, Shared: t.Shared,
	}
}

func (w wireToken) token() *store.Token {
	return &store.Token{
		StartURL: w.StartURL, Region: w.Region, Access: creds.New(w.Access), Refresh: creds.New(w.Refresh), Expires: w.Expires,
		Client: w.Client, ClientSecret: creds.New(w.ClientSecret), ClientExpires: w.ClientExpires, ClientFlow: w.ClientFlow, Shared: w.Shared,
	}
}

// wireProfile is a profile with its chain taken apart: the roles from the profile down, and
// what they begin with. Only the kind of source that there is has to be prepared for.
type wireProfile struct {
	profiles.Profile
	Source, Warnings, Extra *struct{} `json:",omitempty"` // in place of those in Profile

	Roles  []wireRole          `json:",omitempty"`
	Origin map[string]optional // by its field in a Source; exactly one
}

type wireRole struct {
	profiles.Role
	Source *struct{} `json:",omitempty"`
}

// wireTemporary is a temporary key in a file, without its secret, which only the client needs.
type wireTemporary struct {
	Profile     string
	At          profiles.Place
	AccessKeyID string
	Expires     time.Time
	Renewer     profiles.Renewer
}

func profileToWire(p profiles.Profile) wireProfile {
	w := wireProfile{Profile: p, Origin: map[string]optional{}}
	s := p.Source
	for ; s.Role != nil; s = s.Role.Source {
		w.Roles = append(w.Roles, wireRole{Role: *s.Role})
	}
	if t := s.Temporary; t != nil {
		w.Origin["Temporary"] = some(wireTemporary{t.Profile, t.At, t.Session.AccessKeyID, t.Session.Expires, t.Renewer})
		return w
	}
	for v, i := reflect.ValueOf(s), 0; i < v.NumField(); i++ {
		if !v.Field(i).IsNil() {
			w.Origin[v.Type().Field(i).Name] = some(v.Field(i).Interface())
		}
	}
	return w
}

// maxRoles is longer than any chain of roles that AWS would let a profile have.
const maxRoles = 64

var errSource = errors.New("the profile does not begin with exactly one source")

func (w wireProfile) profile() (profiles.Profile, error) {
	p := w.Profile
	if len(w.Origin) != 1 || len(w.Roles) > maxRoles || p.Name == "" {
		return p, errSource
	}
	for kind, text := range w.Origin {
		field := reflect.ValueOf(&p.Source).Elem().FieldByName(kind)
		switch {
		case kind == "Role", !field.IsValid():
			return p, errSource
		case kind == "Temporary":
			var t wireTemporary
			if json.Unmarshal(text, &t) != nil {
				return p, errSource
			}
			p.Source.Temporary = &profiles.Temporary{
				Profile: t.Profile, At: t.At, Renewer: t.Renewer, Session: creds.Session{AccessKeyID: t.AccessKeyID, Expires: t.Expires},
			}
		case json.Unmarshal(text, field.Addr().Interface()) != nil, field.IsNil():
			return p, errSource
		}
	}
	for _, r := range slices.Backward(w.Roles) {
		role := r.Role
		role.Source = p.Source
		p.Source = profiles.Source{Role: &role}
	}
	return p, nil
}

type wireRequest struct {
	Op      app.SessionOp
	Store   store.Reference
	Profile wireProfile
	Want    refresh.Want
	Policy  refresh.Policy
	Code    string            `json:",omitempty"`
	First   optional          `json:",omitempty"` // wireSession
	SignIn  optional          `json:",omitempty"` // wireToken
	Proxies map[string]string `json:",omitempty"`
	Final   bool              `json:",omitempty"`
	Within  time.Duration     `json:",omitempty"`
	Environ []string          `json:",omitempty"` // of a lease
}

func encodeRequest(r app.SessionRequest) ([]byte, error) {
	w := wireRequest{
		Op: r.Op, Store: r.Store, Profile: profileToWire(r.Profile), Want: r.Want, Policy: r.Policy,
		Code: r.Code.Reveal(), Proxies: r.Proxies, Final: r.Final, Within: r.Within, Environ: r.Environ,
	}
	if r.First.AccessKeyID != "" {
		w.First = some(toWire(r.First))
	}
	if r.SignIn != nil {
		w.SignIn = some(tokenToWire(*r.SignIn))
	}
	return json.Marshal(w)
}

var errAnswer = errors.New("the agent's answer cannot be read")

var errForm = errors.New("the request is not of the known form")

// decodeRequest refuses what no client sends, so that nothing below has to expect it.
func decodeRequest(body []byte) (r app.SessionRequest, err error) {
	var w wireRequest
	if err := json.Unmarshal(body, &w); err != nil {
		return r, errForm
	}
	p, err := w.Profile.profile()
	if err != nil {
		return r, err
	}
	if w.Store.Backend == "" {
		return r, errors.New("the request names no store")
	}
	r = app.SessionRequest{
		Op: w.Op, Store: w.Store, Profile: p, Want: w.Want, Policy: w.Policy,
		Code: creds.New(w.Code), Proxies: w.Proxies, Final: w.Final, Within: w.Within, Environ: w.Environ,
	}
	if r.First, err = decodeSession(w.First); err != nil {
		return r, err
	}
	if w.SignIn != nil {
		var token wireToken
		if json.Unmarshal(w.SignIn, &token) != nil {
			return r, errForm
		}
		r.SignIn = token.token()
	}
	return r, nil
}

type wireLease struct {
	Session   wireSession
	File      string       `json:",omitempty"`
	RefreshAt time.Time    `json:",omitzero"`
	Note      refresh.Note `json:",omitempty"`
	New       bool         `json:",omitempty"`
	Warning   optional     `json:",omitempty"` // wireError
}

type wireReply struct {
	Lease    wireLease
	CodeUsed bool     `json:",omitempty"`
	Error    optional `json:",omitempty"` // wireError

	Accounts optional `json:",omitempty"` // []sessions.Account
	File     string   `json:",omitempty"`
	WasIn    bool     `json:",omitempty"`
}

func encodeReply(r app.SessionReply, failed error) ([]byte, error) {
	l := r.Lease
	var accounts optional
	if r.Accounts != nil {
		accounts = some(r.Accounts)
	}
	return json.Marshal(wireReply{
		Lease: wireLease{
			Session: toWire(l.Session), File: l.File, RefreshAt: l.RefreshAt, Note: l.Note, New: l.New, Warning: someError(l.Warning),
		},
		CodeUsed: r.CodeUsed, Error: someError(failed), Accounts: accounts, File: r.File, WasIn: r.WasIn,
	})
}

func decodeReply(body []byte) (app.SessionReply, error) {
	var w wireReply
	if err := json.Unmarshal(body, &w); err != nil {
		return app.SessionReply{}, errAnswer
	}
	l := w.Lease
	reply := app.SessionReply{
		Lease: refresh.Lease{
			Session: l.Session.session(), File: l.File, RefreshAt: l.RefreshAt, Note: l.Note, New: l.New, Warning: errorIn(l.Warning),
		},
		CodeUsed: w.CodeUsed, File: w.File, WasIn: w.WasIn,
	}
	if w.Accounts != nil && json.Unmarshal(w.Accounts, &reply.Accounts) != nil {
		return app.SessionReply{}, errAnswer
	}
	return reply, errorIn(w.Error)
}

type wireLeaseRequest struct {
	Lease   env.Lease
	Session optional // wireRequest
	Have    optional `json:",omitempty"` // wireSession
	Again   string   `json:",omitempty"`
	Plain   bool     `json:",omitempty"`
	Person  bool     `json:",omitempty"`
}

func encodeLeaseRequest(r app.LeaseRequest) ([]byte, error) {
	session, err := encodeRequest(r.Session)
	if err != nil {
		return nil, err
	}
	w := wireLeaseRequest{Lease: r.Lease, Session: session, Again: r.Again, Plain: r.Plain, Person: r.Person}
	if r.Have.AccessKeyID != "" {
		w.Have = some(toWire(r.Have))
	}
	return json.Marshal(w)
}

// decodeLeaseRequest refuses what no client sends.
func decodeLeaseRequest(body []byte) (r app.LeaseRequest, err error) {
	var w wireLeaseRequest
	if json.Unmarshal(body, &w) != nil || w.Lease.ID == "" || w.Lease.PID <= 0 {
		return r, errForm
	}
	r = app.LeaseRequest{Lease: w.Lease, Again: w.Again, Plain: w.Plain, Person: w.Person}
	if r.Session, err = decodeRequest(w.Session); err != nil {
		return r, err
	}
	r.Have, err = decodeSession(w.Have)
	return r, err
}

// decodeSession returns the session of a request, the zero value if it has none.
func decodeSession(body []byte) (creds.Session, error) {
	if body == nil {
		return creds.Session{}, nil
	}
	var w wireSession
	if json.Unmarshal(body, &w) != nil {
		return creds.Session{}, errForm
	}
	return w.session(), nil
}

type wireLeaseReply struct {
	URL, Token, File string
	Note             refresh.Note `json:",omitempty"`
	Ends             time.Time    `json:",omitzero"`
	Error            *wireError   `json:",omitempty"`
}

func encodeLeaseReply(r app.LeaseReply, failed error) ([]byte, error) {
	return json.Marshal(wireLeaseReply{r.Endpoint.URL, r.Endpoint.Token.Reveal(), r.File, r.Note, r.Ends, errorToWire(failed)})
}

func decodeLeaseReply(body []byte) (app.LeaseReply, error) {
	var w wireLeaseReply
	if json.Unmarshal(body, &w) != nil {
		return app.LeaseReply{}, errAnswer
	}
	return app.LeaseReply{Endpoint: env.Endpoint{URL: w.URL, Token: creds.New(w.Token)}, File: w.File, Note: w.Note, Ends: w.Ends}, w.Error.error()
}

// wireRevoking names a lease that is to end.
type wireRevoking struct{ ID string }

// wireUnlocking is a store to hold.
type wireUnlocking struct {
	Store          store.Reference
	Passphrase     string
	For            time.Duration
	UntilSuspended bool `json:",omitempty"`
	Person         bool `json:",omitempty"`
}

func encodeUnlocking(u app.Unlocking) ([]byte, error) {
	return json.Marshal(wireUnlocking{Store: u.Store, Passphrase: u.Passphrase.Reveal(), For: u.For, UntilSuspended: u.UntilSuspended, Person: u.Person})
}

// wireAnswer is what came of anything but a session.
type wireAnswer struct {
	OK    bool       `json:",omitempty"`
	Error *wireError `json:",omitempty"`
}
