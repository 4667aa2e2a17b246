package fakeaws

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws/arn"
)

// This file exchanges a token of an outside issuer for a session of a role. The call is not
// signed: the token is the proof.

// WebIdentity is a condition for a role: a token with these claims.
type WebIdentity struct {
	Issuer   string // its URL; the role's account has to know it
	Audience string // "" means any that the account has registered
	Subject  string // * and ? stand for anything, as in StringLike; "" means any
}

// lets reports whether a token satisfies the condition.
func (w *WebIdentity) lets(t *jwt) bool {
	return w != nil && t.text("iss") == w.Issuer &&
		(w.Audience == "" || slices.Contains(t.texts("aud"), w.Audience)) &&
		(w.Subject == "" || like(w.Subject, t.text("sub")))
}

// like matches as the condition StringLike does.
func like(pattern, s string) bool {
	if pattern == "" {
		return s == ""
	}
	if pattern[0] == '*' {
		return like(pattern[1:], s) || s != "" && like(pattern, s[1:])
	}
	return s != "" && (pattern[0] == '?' || pattern[0] == s[0]) && like(pattern[1:], s[1:])
}

// LastWebIdentity returns the last AssumeRoleWithWebIdentity request whose token
// was right, whether or not it then succeeded. Its Caller is the token's subject.
func (s *Server) LastWebIdentity() (AssumeRoleCall, bool) { return s.last(&s.state.lastWeb) }

func assumeRoleWithWebIdentity(s *Server, c *call) (any, *apiError) {
	seconds, fail := c.number("DurationSeconds", 0)
	if fail != nil {
		return nil, fail
	}
	if fail := s.checkWebIdentity(c, seconds); fail != nil {
		return nil, fail
	}
	arn := c.params.Get("RoleArn")
	t, i, fail := s.believe(c, accountOf(arn))
	if fail != nil {
		return nil, fail
	}
	q := &AssumeRoleCall{
		Caller:      t.text("sub"),
		RoleARN:     arn,
		SessionName: c.params.Get("RoleSessionName"),
		Duration:    time.Duration(seconds) * time.Second,
		Policy:      c.params.Get("Policy"),
		PolicyARNs:  members(c.params, "PolicyArns", "arn"),
	}
	s.state.lastWeb = q
	r := s.state.roles[arn]
	if r == nil || !r.Trust.Web.lets(t) || s.state.denied[arn]["sts:AssumeRoleWithWebIdentity"] {
		return nil, refuse(http.StatusForbidden, "AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity")
	}
	return s.webSession(c, r, q, t, i)
}

func (s *Server) webSession(c *call, r *role, q *AssumeRoleCall, t *jwt, i *Issuer) (any, *apiError) {
	length, fail := r.duration(&credential{}, q.Duration)
	if fail != nil {
		return nil, fail
	}
	packed, fail := q.packedSize()
	if fail != nil {
		return nil, fail
	}
	k, fail := s.session(c, r.Account, int(length.Seconds()))
	if fail != nil {
		return nil, fail
	}
	k.become(r, q.SessionName)
	type assumed struct{ AssumedRoleId, Arn string }
	return struct {
		Credentials                 sessionXML
		SubjectFromWebIdentityToken string
		AssumedRoleUser             assumed
		PackedPolicySize            int `xml:",omitempty"`
		Provider, Audience          string
	}{k.sessionXML(), t.text("sub"), assumed{k.userID, k.arn}, packed, i.ARN, i.audience(t)}, nil
}

func (s *Server) checkWebIdentity(c *call, seconds int) *apiError {
	p := c.params
	var v checks
	v.required("webIdentityToken", p.Get("WebIdentityToken"))
	v.text("webIdentityToken", p.Get("WebIdentityToken"), 4, 20000, `[\s\S]*`)
	if fail := v.fail(); fail != nil {
		return fail
	}
	return s.checkAssumeRole(c, seconds)
}

// accountOf returns the account in the ARN of a role, "" where there is none.
func accountOf(role string) string {
	a, _ := arn.Parse(role)
	return a.AccountID
}

// believe returns the token and its issuer in the account, or why the token is not
// accepted.
func (s *Server) believe(c *call, account string) (*jwt, *Issuer, *apiError) {
	t, err := parseJWT(c.params.Get("WebIdentityToken"))
	if err != nil {
		return nil, nil, badToken("The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)")
	}
	for _, claim := range []string{"iss", "sub", "aud", "iat", "exp"} {
		if t.claims[claim] == nil {
			return nil, nil, badToken("Missing a required claim: %s", claim)
		}
	}
	i := s.issuer(account, t.text("iss"))
	if i == nil {
		return nil, nil, badToken("No OpenIDConnect provider found in your account for %s", t.text("iss"))
	}
	k := i.published(t.header.Kid)
	if k == nil {
		return nil, nil, badToken("Couldn't retrieve verification key from your identity provider,  please reference AssumeRoleWithWebIdentity documentation for requirements")
	}
	if t.verify(k) != nil {
		return nil, nil, badToken("The ID Token provided is not a valid JWT. The signature does not match.")
	}
	if fail := i.checkClaims(t, c.now); fail != nil {
		return nil, nil, fail
	}
	return t, i, nil
}

func badToken(format string, args ...any) *apiError {
	return refuse(http.StatusBadRequest, "InvalidIdentityToken", format, args...)
}

func (s *Server) issuer(account, url string) *Issuer {
	for _, i := range s.state.issuers {
		if i.account == account && i.URL == url {
			return i
		}
	}
	return nil
}

// audience returns the first audience of the token that the account has registered.
func (i *Issuer) audience(t *jwt) string {
	for _, a := range t.texts("aud") {
		if slices.Contains(i.audiences, a) {
			return a
		}
	}
	return ""
}

// checkClaims checks the claims of a token whose signature is right. AWS's text has no
// space before the second time either.
func (i *Issuer) checkClaims(t *jwt, now time.Time) *apiError {
	expires, ok := t.number("exp")
	if !ok || now.Unix() >= expires {
		return refuse(http.StatusBadRequest, "ExpiredTokenException", "Token expired: current date/time %d must be before the expiration date/time%d", now.Unix(), expires)
	}
	if from, ok := t.number("nbf"); ok && now.Unix() < from {
		return badToken("The token is not valid before %d, current date/time %d", from, now.Unix())
	}
	if i.audience(t) == "" {
		return badToken("Incorrect token audience")
	}
	if i.revoked[t.text("jti")] {
		host := strings.TrimPrefix(i.URL, "http://")
		return refuse(http.StatusForbidden, "IDPRejectedClaim", "%s: %s responded with HTTP/1.1 400 Bad Request", host, host)
	}
	return nil
}
