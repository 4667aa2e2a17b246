package agent

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

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

// maxBody is the most bytes of a request or a reply. A session policy and a chain of roles
// have a few thousand.
const maxBody = 256 << 10

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

func tokenToWire(t *store.Token) *wireToken {
	if t == nil {
		return nil
	}
	return &wireToken{
		StartURL: t.StartURL, Region: t.Region, Access: t.Access.Reveal(), Refresh: t.Refresh.Reveal(), Expires: t.Expires,
		Client: t.Client, ClientSecret: t.ClientSecret.Reveal(), ClientExpires: t.ClientExpires, ClientFlow: t.ClientFlow, Shared: t.Shared,
	}
}

func (w *wireToken) token() *store.Token {
	if w == nil {
		return nil
	}
	return &store.Token{
		StartURL: w.StartURL, Region: w.Region, Access: creds.New(w.Access), Refresh: creds.New(w.Refresh), Expires: w.Expires,
		Client: w.Client, ClientSecret: creds.New(w.ClientSecret), ClientExpires: w.ClientExpires, ClientFlow: w.ClientFlow, Shared: w.Shared,
	}
}

type wireRequest struct {
	Op      app.SessionOp
	Store   store.Reference
	Profile profiles.Profile
	Want    refresh.Want
	Policy  refresh.Policy
	Code    string            `json:",omitempty"`
	First   *wireSession      `json:",omitempty"`
	SignIn  *wireToken        `json:",omitempty"`
	Origin  *wireOrigin       `json:",omitempty"`
	Proxies map[string]string `json:",omitempty"`
	Final   bool              `json:",omitempty"`
}

// wireOrigin is a temporary key in a file, without its secret, which only the client needs.
type wireOrigin struct {
	Profile     string
	At          profiles.Place
	AccessKeyID string
	Expires     time.Time
}

// withOrigin is a source whose chain of roles begins with another source.
func withOrigin(s, origin profiles.Source) profiles.Source {
	if s.Role == nil {
		return origin
	}
	role := *s.Role
	role.Source = withOrigin(role.Source, origin)
	return profiles.Source{Role: &role}
}

func encodeRequest(r app.SessionRequest) ([]byte, error) {
	var origin *wireOrigin
	if t := r.Profile.Source.Origin().Temporary; t != nil {
		origin = &wireOrigin{t.Profile, t.At, t.Session.AccessKeyID, t.Session.Expires}
		r.Profile.Source = withOrigin(r.Profile.Source, profiles.Source{})
	}
	w := wireRequest{
		Origin: origin,
		Op:     r.Op, Store: r.Store, Profile: r.Profile, Want: r.Want, Policy: r.Policy,
		Code: r.Code.Reveal(), SignIn: tokenToWire(r.SignIn), Proxies: r.Proxies, Final: r.Final,
	}
	if r.First.AccessKeyID != "" {
		first := toWire(r.First)
		w.First = &first
	}
	return json.Marshal(w)
}

// maxRoles is longer than any chain of roles that AWS would let a profile have.
const maxRoles = 64

// decodeRequest refuses what no client sends, so that nothing below has to expect it.
func decodeRequest(body []byte) (r app.SessionRequest, err error) {
	var w wireRequest
	if err := json.Unmarshal(body, &w); err != nil {
		return r, errors.New("the request is not of the known form")
	}
	if err := checkSource(w.Profile.Source, w.Origin != nil); err != nil {
		return r, err
	}
	if o := w.Origin; o != nil {
		w.Profile.Source = withOrigin(w.Profile.Source, profiles.Source{Temporary: &profiles.Temporary{
			Profile: o.Profile, At: o.At, Session: creds.Session{AccessKeyID: o.AccessKeyID, Expires: o.Expires},
		}})
	}
	if w.Profile.Name == "" || w.Store.Backend == "" {
		return r, errors.New("the request names no profile or no store")
	}
	r = app.SessionRequest{
		Op: w.Op, Store: w.Store, Profile: w.Profile, Want: w.Want, Policy: w.Policy,
		Code: creds.New(w.Code), SignIn: w.SignIn.token(), Proxies: w.Proxies, Final: w.Final,
	}
	if w.First != nil {
		r.First = w.First.session()
	}
	return r, nil
}

// checkSource makes sure that every source of a chain is exactly one. open says that the
// chain begins with what is not in it.
func checkSource(s profiles.Source, open bool) error {
	for range maxRoles {
		n := 0
		for _, set := range []bool{s.Stored != nil, s.Role != nil, s.SSO != nil, s.Process != nil, s.WebIdentity != nil, s.Host != nil, s.Login != nil} {
			if set {
				n++
			}
		}
		switch {
		case open && n == 0:
			return nil
		case n != 1, open && s.Role == nil:
			return errors.New("a source of the profile is not exactly one")
		}
		if s.Role == nil {
			return nil
		}
		s = s.Role.Source
	}
	return fmt.Errorf("the profile has more than %d roles", maxRoles)
}

type wireLease struct {
	Session   wireSession
	File      string       `json:",omitempty"`
	RefreshAt time.Time    `json:",omitzero"`
	Note      refresh.Note `json:",omitempty"`
	New       bool         `json:",omitempty"`
	Warning   *wireError   `json:",omitempty"`
}

type wireReply struct {
	Lease    wireLease
	CodeUsed bool       `json:",omitempty"`
	Error    *wireError `json:",omitempty"`
}

func encodeReply(r app.SessionReply, failed error) ([]byte, error) {
	l := r.Lease
	return json.Marshal(wireReply{
		Lease: wireLease{
			Session: toWire(l.Session), File: l.File, RefreshAt: l.RefreshAt, Note: l.Note, New: l.New, Warning: errorToWire(l.Warning),
		},
		CodeUsed: r.CodeUsed, Error: errorToWire(failed),
	})
}

func decodeReply(body []byte) (app.SessionReply, error) {
	var w wireReply
	if err := json.Unmarshal(body, &w); err != nil {
		return app.SessionReply{}, errors.New("the agent's answer cannot be read")
	}
	l := w.Lease
	return app.SessionReply{
		Lease: refresh.Lease{
			Session: l.Session.session(), File: l.File, RefreshAt: l.RefreshAt, Note: l.Note, New: l.New, Warning: l.Warning.error(),
		},
		CodeUsed: w.CodeUsed,
	}, w.Error.error()
}

// wireUnlocking is a store to hold.
type wireUnlocking struct {
	Store          store.Reference
	Passphrase     string
	For            time.Duration
	UntilSuspended bool `json:",omitempty"`
}

func encodeUnlocking(u app.Unlocking) ([]byte, error) {
	return json.Marshal(wireUnlocking{Store: u.Store, Passphrase: u.Passphrase.Reveal(), For: u.For, UntilSuspended: u.UntilSuspended})
}

// wireAnswer is what came of anything but a session.
type wireAnswer struct {
	OK    bool       `json:",omitempty"`
	Error *wireError `json:",omitempty"`
}
