package sessions

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/aws/smithy-go"

	"github.com/d44b7504/vault/internal/creds"
	"github.com/d44b7504/vault/internal/profiles"
	"github.com/d44b7504/vault/store"
)

// This file keeps sign-ins to Identity Center. One sign-in serves every role of a
// directory, in every terminal: a process that needs one takes the lock, reads the store
// again, renews what is there if it can, and only then sends a person to the browser.

// accessScope is the scope for which AWS gives a refresh token.
const accessScope = "sso:account:access"

// renewal is how long before its end a sign-in is renewed, if that needs no person.
const renewal = 5 * time.Minute

// token returns the access token of a sign-in that has not expired. rejected is one that
// AWS did not accept, or the zero value. made says that AWS has issued the token just now.
func (m *Maker) token(ctx context.Context, p profiles.Profile, s *profiles.SSO, rejected creds.Secret) (access creds.Secret, made bool, err error) {
	name := tokenName(s)
	t, err := m.storedToken(ctx, name)
	if err != nil || m.usable(t, rejected) {
		return t.Access, false, err
	}
	unlock, err := m.lock(ctx, name)
	if err != nil {
		if m.browser(p) == nil { // another process has a person at the browser
			err = needsSignIn(p, "")
		}
		return creds.Secret{}, false, err
	}
	defer unlock()
	if t, err = m.storedToken(ctx, name); err != nil || m.usable(t, rejected) {
		return t.Access, false, err
	}
	known := m.candidates(s, t)
	if t, err = m.newToken(ctx, p, s, t, rejected); err != nil {
		return creds.Secret{}, false, err
	}
	return t.Access, !slices.ContainsFunc(known, func(k store.Token) bool { return k.Access.Equal(t.Access) }), nil
}

// newToken renews a sign-in, or takes that of the AWS tools, or has a person sign in. The
// caller holds the lock.
func (m *Maker) newToken(ctx context.Context, p profiles.Profile, s *profiles.SSO, t store.Token, rejected creds.Secret) (store.Token, error) {
	for _, c := range m.candidates(s, t) {
		if m.usable(c, rejected) {
			return c, m.putToken(ctx, s, c)
		}
		renewed, err := m.renewOne(ctx, p, s, c)
		switch {
		case err == nil:
			return renewed, m.keepToken(ctx, s, renewed)
		case m.alive(c, rejected):
			return c, nil // still good for a while; the next call will try again
		case !refusedRenewal(err):
			return t, m.failure("renew the sign-in to", s.StartURL, p.Name, err)
		case forgotten(err) && c.Client == t.Client:
			t.Client = ""
		}
	}
	m.expireShared(s, rejected)
	t.Access, t.Refresh = creds.Secret{}, creds.Secret{}
	b := m.browser(p)
	if b == nil {
		if !rejected.IsZero() { // so that other processes need not ask AWS
			_ = m.keepToken(ctx, s, t)
		}
		return t, needsSignIn(p, "")
	}
	t, err := m.signIn(ctx, p, s, t, *b)
	if err != nil {
		if t.Client != "" {
			_ = m.keepToken(context.WithoutCancel(ctx), s, t) // keeps the registration
		}
		return t, err
	}
	return t, m.keepToken(ctx, s, t)
}

// candidates returns the sign-ins to try before a person is asked: the stored one, and that
// of the AWS tools. If the two are shared and they have renewed it, the stored one is over.
// Their file has whole seconds: one that seems to be as old as ours has been renewed since.
func (m *Maker) candidates(s *profiles.SSO, t store.Token) []store.Token {
	theirs, is := m.shared(s)
	switch {
	case !is || theirs.Access.Equal(t.Access):
		return []store.Token{t}
	case t.Shared && !theirs.Expires.Before(t.Expires.Truncate(time.Second)):
		return []store.Token{theirs, t}
	}
	return []store.Token{t, theirs}
}

// errNotRenewable is what renewOne returns without a call. It counts as AWS's refusal.
var errNotRenewable = &smithy.GenericAPIError{Code: "InvalidGrantException", Message: "there is nothing to renew it with"}

func (m *Maker) renewOne(ctx context.Context, p profiles.Profile, s *profiles.SSO, t store.Token) (store.Token, error) {
	if !m.renewable(t) {
		return t, errNotRenewable
	}
	return m.renew(ctx, p, s, t)
}

// EnsureSignedIn makes sure that there is a sign-in that has not expired, and returns when
// it expires. A person has to act only if it cannot be renewed.
func (m *Maker) EnsureSignedIn(ctx context.Context, p profiles.Profile, s *profiles.SSO) (expires time.Time, err error) {
	if _, _, err := m.token(ctx, p, s, creds.Secret{}); err != nil {
		return time.Time{}, err
	}
	t, err := m.storedToken(ctx, tokenName(s))
	return t.Expires, err
}

// SignInAgain has a person sign in, whether there is a sign-in or not. If the person does
// not finish, the sign-in that there was stays.
func (m *Maker) SignInAgain(ctx context.Context, p profiles.Profile, s *profiles.SSO) (expires time.Time, err error) {
	b := m.browser(p)
	if b == nil {
		return time.Time{}, needsSignIn(p, "")
	}
	unlock, err := m.lock(ctx, tokenName(s))
	if err != nil {
		return time.Time{}, err
	}
	defer unlock()
	t, err := m.storedToken(ctx, tokenName(s))
	if err != nil {
		return time.Time{}, err
	}
	t.Access, t.Refresh = creds.Secret{}, creds.Secret{}
	if t, err = m.signIn(ctx, p, s, t, *b); err != nil {
		return time.Time{}, err
	}
	return t.Expires, m.keepToken(ctx, s, t)
}

// SignedIn returns the stored sign-in, for the AWS CLI's cache; the zero value if there is
// none.
func (m *Maker) SignedIn(ctx context.Context, s *profiles.SSO) (store.Token, error) {
	return m.storedToken(ctx, tokenName(s))
}

// SignOut ends a sign-in at AWS and deletes it here, from the file of the AWS tools too. It
// reports whether there was one. That AWS refuses is not an error: the sign-in may have
// ended already.
func (m *Maker) SignOut(ctx context.Context, p profiles.Profile, s *profiles.SSO) (bool, error) {
	name := tokenName(s)
	unlock, err := m.lock(ctx, name)
	if err != nil {
		return false, err
	}
	defer unlock()
	t, err := m.storedToken(ctx, name)
	if err != nil {
		return false, err
	}
	// Deleted here first, so that a network that is down cannot prevent it.
	theirs, shared, err := m.unshare(s)
	if err != nil {
		return false, err
	}
	access := []creds.Secret{t.Access}
	if was := !t.Access.IsZero() || !t.Refresh.IsZero(); was {
		t.Access, t.Refresh, t.Expires, t.Shared = creds.Secret{}, creds.Secret{}, time.Time{}, false
		if err := m.putToken(ctx, s, t); err != nil {
			return true, err
		}
	} else if !shared {
		return false, nil
	}
	if !theirs.Access.Equal(access[0]) {
		access = append(access, theirs.Access)
	}
	return true, m.endAtAWS(ctx, p, s, access)
}

// endAtAWS tells AWS that these tokens are not used any more.
func (m *Maker) endAtAWS(ctx context.Context, p profiles.Profile, s *profiles.SSO, access []creds.Secret) error {
	for _, bearer := range access {
		if bearer.IsZero() {
			continue
		}
		err := m.rest(p, ssoService, s.Region).call(ctx, restCall{method: http.MethodPost, path: "/logout", bearer: bearer}, nil)
		if err != nil && codeOf(err) == "" {
			return m.failure("tell AWS of the sign-out from", s.StartURL, p.Name, err)
		}
	}
	return nil
}

func (m *Maker) storedToken(ctx context.Context, name string) (store.Token, error) {
	t, err := store.GetToken(ctx, m.Store, name)
	if errors.Is(err, store.ErrNotFound) {
		return store.Token{}, nil
	}
	return t, err
}

// usable reports whether a sign-in has not expired and need not be renewed yet.
func (m *Maker) usable(t store.Token, rejected creds.Secret) bool {
	return m.alive(t, rejected) && (!m.renewable(t) || t.Expires.Sub(m.Now()) > renewal)
}

func (m *Maker) alive(t store.Token, rejected creds.Secret) bool {
	return !t.Access.IsZero() && !t.Access.Equal(rejected) && m.Now().Before(t.Expires)
}

func (m *Maker) renewable(t store.Token) bool {
	return !t.Refresh.IsZero() && m.registered(t, t.ClientFlow)
}

// registered reports whether the registration is for that way of signing in and has not
// expired.
func (m *Maker) registered(t store.Token, flow string) bool {
	return t.Client != "" && t.ClientFlow == flow && m.Now().Add(renewal).Before(t.ClientExpires)
}

func (m *Maker) renew(ctx context.Context, p profiles.Profile, s *profiles.SSO, t store.Token) (store.Token, error) {
	return m.createToken(ctx, m.rest(p, oidcService, s.Region), t, grant{GrantType: "refresh_token", RefreshToken: t.Refresh.Reveal()})
}

// refusedRenewal reports whether AWS refused for good: trying again later will not help.
func refusedRenewal(err error) bool {
	switch codeOf(err) {
	case "InvalidGrantException", "ExpiredTokenException", "AccessDeniedException", "InvalidClientException",
		"UnauthorizedClientException", "InvalidRequestException", "InvalidScopeException", "UnsupportedGrantTypeException":
		return true
	}
	return false
}

// forgotten reports whether AWS does not know the registration any more, whatever it said
// about how long that would last.
func forgotten(err error) bool {
	return codeOf(err) == "InvalidClientException" || codeOf(err) == "UnauthorizedClientException"
}

// grant is what is exchanged for a token: a refresh token, a device code or a code.
type grant struct {
	ClientID     string `json:"clientId"`
	ClientSecret string `json:"clientSecret"`
	GrantType    string `json:"grantType"`
	RefreshToken string `json:"refreshToken,omitempty"`
	DeviceCode   string `json:"deviceCode,omitempty"`
	Code         string `json:"code,omitempty"`
	RedirectURI  string `json:"redirectUri,omitempty"`
	CodeVerifier string `json:"codeVerifier,omitempty"`
}

// createToken exchanges a grant for a token. If AWS sends no new refresh token, the one
// that there was stays.
func (m *Maker) createToken(ctx context.Context, oidc rest, t store.Token, g grant) (store.Token, error) {
	g.ClientID, g.ClientSecret = t.Client, t.ClientSecret.Reveal()
	var out struct {
		AccessToken  string `json:"accessToken"`
		ExpiresIn    int    `json:"expiresIn"`
		RefreshToken string `json:"refreshToken"`
	}
	if err := oidc.call(ctx, restCall{method: http.MethodPost, path: "/token", body: g}, &out); err != nil {
		return t, err
	}
	if out.AccessToken == "" || out.ExpiresIn <= 0 {
		return t, malformed("the answer has no token in it")
	}
	t.Access, t.Expires = creds.New(out.AccessToken), m.Now().Add(time.Duration(out.ExpiresIn)*time.Second).UTC()
	if out.RefreshToken != "" {
		t.Refresh = creds.New(out.RefreshToken)
	}
	return t, nil
}

// register registers this program with AWS, which is required before a sign-in. A
// registration lasts for months, so it is kept.
func (m *Maker) register(ctx context.Context, oidc rest, s *profiles.SSO, t store.Token, flow string) (store.Token, error) {
	if m.registered(t, flow) {
		return t, nil
	}
	in := map[string]any{"clientName": "vault", "clientType": "public", "scopes": scopes(s)}
	if flow == flowBrowser {
		in["grantTypes"] = []string{"authorization_code", "refresh_token"}
		in["redirectUris"] = []string{"http://127.0.0.1" + callback}
		in["issuerUrl"] = s.StartURL
	}
	var out struct {
		ClientID     string `json:"clientId"`
		ClientSecret string `json:"clientSecret"`
		Expires      int64  `json:"clientSecretExpiresAt"`
	}
	if err := oidc.call(ctx, restCall{method: http.MethodPost, path: "/client/register", body: in}, &out); err != nil {
		return t, err
	}
	if out.ClientID == "" || out.ClientSecret == "" {
		return t, malformed("the answer has no registration in it")
	}
	t.Client, t.ClientSecret, t.ClientFlow = out.ClientID, creds.New(out.ClientSecret), flow
	t.ClientExpires = m.local(time.Unix(out.Expires, 0).UTC())
	return t, nil
}

func scopes(s *profiles.SSO) []string {
	if len(s.Scopes) == 0 {
		return []string{accessScope}
	}
	list := slices.Clone(s.Scopes)
	slices.Sort(list)
	return slices.Compact(list)
}

// TokenName returns the name under which the sign-in to a directory is stored.
func TokenName(s *profiles.SSO) string { return tokenName(s) }

// tokenName is the same for all spellings of one start URL.
func tokenName(s *profiles.SSO) string {
	return store.TokenName(s.Directory(), s.Region, scopes(s))
}

func (m *Maker) lock(ctx context.Context, name string) (func(), error) {
	if m.Lock == nil {
		return func() {}, nil
	}
	return m.Lock(ctx, name)
}

// browser returns how a person signs in, nil if there is no person.
func (m *Maker) browser(p profiles.Profile) *Browser {
	if m.Browser == nil {
		return nil
	}
	return m.Browser(p)
}

func needsSignIn(p profiles.Profile, why string) error {
	what := "a sign-in in the browser"
	if why != "" {
		what = fmt.Sprintf("%s: %s", what, why)
	}
	return &NeedsUserError{Profile: p.Name, What: what, Need: NeedsBrowser}
}
