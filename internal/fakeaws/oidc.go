package fakeaws

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/d44b7504/vault/internal/creds"
)

// This file is the OIDC service of Identity Center: programs register, and get tokens when
// a person has approved. Requests are not signed; they carry the client's secret, and codes
// that work once.

const (
	clientLife = 90 * 24 * time.Hour
	codeLife   = 10 * time.Minute
	slowDown   = 5 * time.Second // added to the interval each time a poll comes too early

	deviceCodeGrant = "urn:ietf:params:oauth:grant-type:device_code"
	codeGrantType   = "authorization_code"
	refreshGrant    = "refresh_token"
	accountScope    = "sso:account:access"
)

var oidcService = &service{
	name:  "sso-oauth",
	write: writeOIDC,
	unsigned: map[string]func(*Server, *call) (any, *apiError){
		"RegisterClient":           registerClient,
		"StartDeviceAuthorization": startDeviceAuthorization,
		"CreateToken":              createToken,
	},
}

// oidcClient is a registered program.
type oidcClient struct {
	id, name  string
	secret    creds.Secret
	expires   time.Time
	scopes    []string
	grants    []string
	redirects []*url.URL
	directory *Directory // by its issuer URL; nil without
}

// refreshes reports whether the client gets refresh tokens: it needs a scope for which
// there are some, and must not have registered without that grant.
func (k *oidcClient) refreshes() bool {
	return slices.Contains(k.scopes, accountScope) && slices.Contains(k.grants, refreshGrant)
}

func oidcError(code, format string, args ...any) *apiError {
	return refuse(http.StatusBadRequest, code, format, args...)
}

// required decodes the JSON of the request and checks that it has all required fields.
func (c *call) required(required ...string) (fields, *apiError) {
	f, ok := c.readJSON()
	if !ok {
		return nil, oidcError("InvalidRequestException", "The request body is not a JSON object")
	}
	if name := f.missing(required...); name != "" {
		return nil, oidcError("InvalidRequestException", "Missing required parameter: %s", name)
	}
	return f, nil
}

func registerClient(s *Server, c *call) (any, *apiError) {
	f, fail := c.required("clientName", "clientType")
	if fail != nil {
		return nil, fail
	}
	if f.text("clientType") != "public" {
		return nil, oidcError("InvalidClientMetadataException", "The only client type is public")
	}
	k := &oidcClient{
		id:      randomWord(16),
		name:    f.text("clientName"),
		secret:  newBearer("eyJ"),
		expires: c.now.Add(clientLife).Truncate(time.Second),
		scopes:  f.list("scopes"),
		grants:  f.list("grantTypes"),
	}
	if fail := k.check(s, f); fail != nil {
		return nil, fail
	}
	s.state.sso.clients[k.id] = k
	return map[string]any{
		"clientId":              k.id,
		"clientSecret":          k.secret.Reveal(),
		"clientIdIssuedAt":      c.now.Unix(),
		"clientSecretExpiresAt": k.expires.Unix(),
		"authorizationEndpoint": s.URL() + "/authorize",
		"tokenEndpoint":         s.URL() + "/token",
	}, nil
}

// check validates a registration and fills in its defaults.
func (k *oidcClient) check(s *Server, f fields) *apiError {
	for _, scope := range k.scopes {
		if !knownScope(scope) {
			return oidcError("InvalidScopeException", "Invalid scope: %s", scope)
		}
	}
	if len(k.grants) == 0 {
		k.grants = []string{deviceCodeGrant, refreshGrant}
	}
	for _, g := range k.grants {
		if !slices.Contains([]string{deviceCodeGrant, codeGrantType, refreshGrant}, g) {
			return oidcError("UnsupportedGrantTypeException", "Unsupported grant type: %s", g)
		}
	}
	for _, text := range f.list("redirectUris") {
		u := loopback(text)
		if u == nil {
			return oidcError("InvalidRedirectUriException", "Redirect URI is not a loopback address: %s", text)
		}
		k.redirects = append(k.redirects, u)
	}
	if slices.Contains(k.grants, codeGrantType) && (len(k.redirects) == 0 || f.text("issuerUrl") == "") {
		return oidcError("InvalidRequestException", "Authorization code needs redirectUris and issuerUrl")
	}
	if issuer := f.text("issuerUrl"); issuer != "" {
		if k.directory = s.directory(issuer); k.directory == nil {
			return oidcError("InvalidRequestException", "Invalid issuer URL")
		}
	}
	return nil
}

func knownScope(s string) bool {
	family, _, _ := strings.Cut(s, ":")
	return slices.Contains([]string{accountScope, "openid", "aws", "sts:identity_context"}, s) || family == "codewhisperer"
}

// loopback parses a redirect URI if RFC 8252 7.3 allows it: plain HTTP to a loopback
// address, written as a number, because a name can be made to resolve to another host.
func loopback(text string) *url.URL {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" || u.User != nil || u.Fragment != "" {
		return nil
	}
	if ip := net.ParseIP(u.Hostname()); ip == nil || !ip.IsLoopback() {
		return nil
	}
	return u
}

// redirect parses the address if the client registered it, with any port.
func (k *oidcClient) redirect(text string) *url.URL {
	u := loopback(text)
	if u == nil {
		return nil
	}
	for _, r := range k.redirects {
		if r.Hostname() == u.Hostname() && r.Path == u.Path && r.RawQuery == u.RawQuery {
			return u
		}
	}
	return nil
}

// client returns the client that the request names, if the secret is right.
func (s *Server) client(c *call, f fields) (*oidcClient, *apiError) {
	k := s.state.sso.clients[f.text("clientId")]
	if k == nil || !k.secret.Equal(creds.New(f.text("clientSecret"))) {
		return nil, refuse(http.StatusUnauthorized, "InvalidClientException", "Invalid client provided")
	}
	if !c.now.Before(k.expires) {
		return nil, refuse(http.StatusUnauthorized, "InvalidClientException", "Client registration is expired")
	}
	return k, nil
}

func (k *oidcClient) mayUse(grant string) *apiError {
	if slices.Contains(k.grants, grant) {
		return nil
	}
	return oidcError("UnauthorizedClientException", "Client is not registered for the grant type %s", grant)
}

// deviceGrant is a device code and its state.
type deviceGrant struct {
	client    *oidcClient
	directory *Directory
	code      string
	userCode  string
	expires   time.Time
	interval  time.Duration
	polled    time.Time
	answer    Answer
}

func startDeviceAuthorization(s *Server, c *call) (any, *apiError) {
	f, fail := c.required("clientId", "clientSecret", "startUrl")
	if fail != nil {
		return nil, fail
	}
	k, fail := s.client(c, f)
	if fail != nil {
		return nil, fail
	}
	if fail := k.mayUse(deviceCodeGrant); fail != nil {
		return nil, fail
	}
	d := s.directory(f.text("startUrl"))
	if d == nil {
		return nil, oidcError("InvalidRequestException", "Invalid start url provided")
	}
	g := &deviceGrant{client: k, directory: d, code: randomWord(24), userCode: newUserCode(), expires: c.now.Add(d.opts.DeviceLife), interval: d.opts.Interval}
	s.state.sso.devices[g.code], s.state.sso.userCodes[g.userCode] = g, g
	return map[string]any{
		"deviceCode":              g.code,
		"userCode":                g.userCode,
		"verificationUri":         s.URL() + "/device",
		"verificationUriComplete": s.URL() + "/device?user_code=" + g.userCode,
		"expiresIn":               int(d.opts.DeviceLife.Seconds()),
		"interval":                int(g.interval.Seconds()),
	}, nil
}

// codeGrant is an authorization code with the parameters of its request.
type codeGrant struct {
	client              *oidcClient
	redirect, challenge string
	expires             time.Time
}

func createToken(s *Server, c *call) (any, *apiError) {
	f, fail := c.required("clientId", "clientSecret", "grantType")
	if fail != nil {
		return nil, fail
	}
	grants := map[string]func(*Server, *call, *oidcClient, fields) (any, *apiError){
		deviceCodeGrant: redeemDevice,
		codeGrantType:   redeemCode,
		refreshGrant:    redeemRefresh,
	}
	redeem := grants[f.text("grantType")]
	if redeem == nil {
		return nil, oidcError("UnsupportedGrantTypeException", "Unsupported grant type provided")
	}
	k, fail := s.client(c, f)
	if fail != nil {
		return nil, fail
	}
	if fail := k.mayUse(f.text("grantType")); fail != nil {
		return nil, fail
	}
	return redeem(s, c, k, f)
}

func redeemDevice(s *Server, c *call, k *oidcClient, f fields) (any, *apiError) {
	if f.missing("deviceCode") != "" {
		return nil, oidcError("InvalidRequestException", "Missing required parameter: deviceCode")
	}
	g := s.state.sso.devices[f.text("deviceCode")]
	if g == nil || g.client != k {
		return nil, oidcError("InvalidGrantException", "Invalid device code provided")
	}
	if !c.now.Before(g.expires) {
		return nil, oidcError("ExpiredTokenException", "Device code expired")
	}
	early := !g.polled.IsZero() && c.now.Sub(g.polled) < g.interval
	g.polled = c.now
	if early {
		g.interval += slowDown
		return nil, oidcError("SlowDownException", "Slow down: poll every %d seconds", int(g.interval.Seconds()))
	}
	if g.answer == Ask {
		return nil, oidcError("AuthorizationPendingException", "The person has not answered yet")
	}
	delete(s.state.sso.devices, g.code)
	delete(s.state.sso.userCodes, g.userCode)
	if g.answer == No {
		return nil, oidcError("AccessDeniedException", "The person refused")
	}
	return s.signIn(c, g.directory, k), nil
}

func redeemCode(s *Server, c *call, k *oidcClient, f fields) (any, *apiError) {
	if name := f.missing("code", "redirectUri", "codeVerifier"); name != "" {
		return nil, oidcError("InvalidRequestException", "Missing required parameter: %s", name)
	}
	g := s.state.sso.codes[f.text("code")]
	delete(s.state.sso.codes, f.text("code")) // works once, even if the request is wrong
	if g == nil || g.client != k || g.redirect != f.text("redirectUri") || !g.proves(f.text("codeVerifier")) {
		return nil, oidcError("InvalidGrantException", "Invalid grant provided")
	}
	if !c.now.Before(g.expires) {
		return nil, oidcError("ExpiredTokenException", "Authorization code expired")
	}
	return s.signIn(c, k.directory, k), nil
}

// proves reports whether the challenge was made from the verifier (RFC 7636, method
// S256).
func (g *codeGrant) proves(verifier string) bool {
	if len(verifier) < 43 || len(verifier) > 128 {
		return false
	}
	sum := sha256.Sum256([]byte(verifier))
	return subtle.ConstantTimeCompare([]byte(base64.RawURLEncoding.EncodeToString(sum[:])), []byte(g.challenge)) == 1
}

func redeemRefresh(s *Server, c *call, k *oidcClient, f fields) (any, *apiError) {
	if f.missing("refreshToken") != "" {
		return nil, oidcError("InvalidRequestException", "Missing required parameter: refreshToken")
	}
	t := s.state.sso.refresh[f.text("refreshToken")]
	if t == nil || t.client != k || !c.now.Before(t.expires) {
		return nil, oidcError("InvalidGrantException", "Invalid refresh token provided")
	}
	delete(s.state.sso.refresh, f.text("refreshToken")) // rotated
	return s.tokens(c, t.session, k), nil
}

// newUserCode makes a code of eight letters that are hard to misread.
func newUserCode() string {
	const letters = "BCDFGHJKLMNPQRSTVWXZ"
	b := random(8)
	for i := range b {
		b[i] = letters[int(b[i])%len(letters)]
	}
	return string(b[:4]) + "-" + string(b[4:])
}

// randomWord returns n random bytes in characters that URLs and headers allow.
func randomWord(n int) string { return base64.RawURLEncoding.EncodeToString(random(n)) }
