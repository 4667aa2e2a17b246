package fakeaws

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"time"

	"github.com/d44b7504/vault/internal/creds"
)

// This file is the sign-in service of `aws login`: a console session, which a person's
// machine keeps in a file with a refresh token and a private key, gives credentials for
// fifteen minutes at a time. A refresh token is accepted only with a proof made with the
// key that it is bound to (RFC 9449).

const (
	loginSession = 15 * time.Minute // of the credentials
	loginLife    = 12 * time.Hour   // of the login
	loginClient  = "arn:aws:signin:::devtools/same-device"
	proofSkew    = 5 * time.Minute
)

var signinService = &service{
	name:  "signin",
	write: writeSignin,
	unsigned: map[string]func(*Server, *call) (any, *apiError){
		"CreateOAuth2Token": createOAuth2Token,
	},
}

type signinState struct {
	refresh map[string]*loginToken
	proofs  map[string]time.Time // jti of those seen → when it may be forgotten
}

func newSigninState() signinState {
	return signinState{refresh: map[string]*loginToken{}, proofs: map[string]time.Time{}}
}

// login is one `aws login` of a principal.
type login struct {
	user      *user // or a role:
	role      *role
	client    string
	keyHash   string // of the public key its proofs are made with
	ends      time.Time
	overruled string // why it ended early, as the service names it; "" if it has not
}

// loginToken is a refresh token of a login. Used again while the credentials that it gave
// are valid, it gives the same answer; after that it does not work any more.
type loginToken struct {
	login *login
	reply any
	until time.Time // when that answer expires
}

// Login is what `aws login` writes on the machine on which it runs.
type Login struct {
	Session  string       // the value of login_session in a profile
	FileName string       // of the cache file, in ~/.aws/login/cache
	Content  creds.Secret // of the cache file

	server *Server
	login  *login
}

// Login signs a user or a role in as the console does, for twelve hours. The credentials in
// the file are valid for left, at most fifteen minutes; with 0 they have expired, and a
// program has to refresh them first.
func (s *Server) Login(arn string, left time.Duration) (*Login, error) {
	if left < 0 || left > loginSession {
		return nil, errors.New("credentials of a login last fifteen minutes at most")
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	public, err := publicJWK(key)
	if err != nil {
		return nil, err
	}
	hash, err := public.thumbprint()
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	c := &call{now: s.opts.Now().UTC()}
	l := &login{user: s.state.users[arn], role: s.state.roles[arn], client: loginClient, keyHash: hash, ends: c.now.Add(loginLife)}
	if l.user == nil && l.role == nil {
		return nil, fmt.Errorf("no user or role %s", arn)
	}
	k, fail := s.loginCredentials(c, l, left)
	if fail != nil {
		return nil, errors.New(fail.message)
	}
	content, err := loginFile(k, s.loginRefresh(l), key)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256([]byte(k.arn))
	return &Login{Session: k.arn, FileName: hex.EncodeToString(sum[:]) + ".json", Content: content, server: s, login: l}, nil
}

// loginFile is the cache file as AWS's SDKs read and write it.
func loginFile(k *credential, refresh creds.Secret, key *ecdsa.PrivateKey) (creds.Secret, error) {
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return creds.Secret{}, err
	}
	identity, err := signJWT(key, "", map[string]any{"sub": k.arn, "iss": "https://signin.aws.amazon.com", "aud": loginClient})
	if err != nil {
		return creds.Secret{}, err
	}
	text, err := json.Marshal(map[string]any{
		"accessToken": map[string]string{
			"accessKeyId":     k.id,
			"secretAccessKey": k.secret.Reveal(),
			"sessionToken":    k.token.Reveal(),
			"accountId":       k.account,
			"expiresAt":       k.expires.Format(time.RFC3339),
		},
		"tokenType":    "aws_sigv4",
		"refreshToken": refresh.Reveal(),
		"idToken":      identity,
		"clientId":     loginClient,
		"dpopKey":      string(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der})),
	})
	return creds.New(string(text)), err
}

func (s *Server) loginRefresh(l *login) creds.Secret {
	t := newBearer("aor")
	s.state.signin.refresh[t.Reveal()] = &loginToken{login: l}
	return t
}

func (s *Server) loginCredentials(c *call, l *login, length time.Duration) (*credential, *apiError) {
	account := ""
	if l.user != nil {
		account = l.user.account
	} else {
		account = l.role.Account
	}
	k, fail := s.session(c, account, int(length.Seconds()))
	if fail != nil {
		return nil, fail
	}
	if l.role != nil {
		k.become(l.role, "console")
		return k, nil
	}
	k.arn, k.userID, k.user = l.user.arn, l.user.id, l.user
	return k, nil
}

// End ends the login as signing out does: its refresh token has expired.
func (l *Login) End() { l.overrule("TOKEN_EXPIRED") }

// ChangePassword ends the login as a new console password does.
func (l *Login) ChangePassword() { l.overrule("USER_CREDENTIALS_CHANGED") }

func (l *Login) overrule(why string) {
	l.server.mu.Lock()
	defer l.server.mu.Unlock()
	l.login.overruled = why
}

func createOAuth2Token(s *Server, c *call) (any, *apiError) {
	f, ok := c.readJSON()
	if !ok {
		return nil, badSignin("The request body is not a JSON object")
	}
	if name := f.missing("clientId", "grantType"); name != "" {
		return nil, badSignin("Missing required parameter: %s", name)
	}
	if !strings.HasPrefix(f.text("clientId"), "arn:aws:signin:::devtools/") {
		return nil, badSignin("Invalid client")
	}
	hash, fail := s.checkDPoP(c)
	if fail != nil {
		return nil, fail
	}
	switch f.text("grantType") {
	case refreshGrant:
		return s.refreshLogin(c, f, hash)
	case codeGrantType:
		// There is no page here that gives codes, so this one is not valid.
		return nil, signinDenied(http.StatusUnauthorized, "AUTHCODE_EXPIRED", "The authorization code is invalid or expired")
	}
	return nil, badSignin("Invalid grant type")
}

func (s *Server) refreshLogin(c *call, f fields, keyHash string) (any, *apiError) {
	t := s.state.signin.refresh[f.text("refreshToken")]
	if t == nil || t.login.client != f.text("clientId") {
		return nil, signinDenied(http.StatusUnauthorized, "TOKEN_EXPIRED", "The refresh token is invalid or expired")
	}
	if t.login.keyHash != keyHash {
		return nil, badSignin("The DPoP proof is not made with the key of the refresh token")
	}
	if fail := t.login.over(s, c.now); fail != nil {
		return nil, fail
	}
	if t.reply != nil {
		if c.now.Before(t.until) {
			return t.reply, nil
		}
		return nil, signinDenied(http.StatusUnauthorized, "TOKEN_EXPIRED", "The refresh token was used")
	}
	length := min(loginSession, t.login.ends.Sub(c.now)).Truncate(time.Second)
	k, fail := s.loginCredentials(c, t.login, length)
	if fail != nil {
		return nil, fail
	}
	t.until = k.expires
	t.reply = map[string]any{
		"accessToken":  map[string]string{"accessKeyId": k.id, "secretAccessKey": k.secret.Reveal(), "sessionToken": k.token.Reveal()},
		"tokenType":    "aws_sigv4",
		"expiresIn":    int(length.Seconds()),
		"refreshToken": s.loginRefresh(t.login).Reveal(),
	}
	return t.reply, nil
}

// over returns why the login gives no more credentials, nil if it does.
func (l *login) over(s *Server, now time.Time) *apiError {
	arn := ""
	if l.user != nil {
		arn = l.user.arn
	} else {
		arn = l.role.arn
	}
	switch {
	case l.overruled == "USER_CREDENTIALS_CHANGED":
		return signinDenied(http.StatusForbidden, l.overruled, "The credentials of the user have changed")
	case l.overruled != "" || !now.Before(l.ends):
		return signinDenied(http.StatusUnauthorized, "TOKEN_EXPIRED", "The login session has expired")
	case s.state.denied[arn]["signin:CreateOAuth2Token"]:
		return signinDenied(http.StatusForbidden, "INSUFFICIENT_PERMISSIONS", "Not authorized to perform signin:CreateOAuth2Token")
	}
	return nil
}

// checkDPoP verifies the proof in the header and returns the key that it was made with. A
// proof is for one method and address, for now, and for one use.
func (s *Server) checkDPoP(c *call) (keyHash string, fail *apiError) {
	t, err := parseJWT(c.request.Header.Get("DPoP"))
	if err != nil || t.header.Typ != "dpop+jwt" || t.header.JWK == nil || t.header.JWK.Kty != "EC" {
		return "", badSignin("A DPoP proof with an EC key is required")
	}
	if t.verify(t.header.JWK) != nil {
		return "", badSignin("The signature of the DPoP proof does not match")
	}
	if t.text("htm") != c.request.Method || t.text("htu") != s.URL()+c.request.URL.Path {
		return "", badSignin("The DPoP proof is for another request")
	}
	made, ok := t.number("iat")
	if age := c.now.Unix() - made; !ok || age > int64(proofSkew.Seconds()) || -age > int64(proofSkew.Seconds()) {
		return "", badSignin("The DPoP proof is too old or too new")
	}
	maps.DeleteFunc(s.state.signin.proofs, func(_ string, until time.Time) bool { return c.now.After(until) })
	if _, seen := s.state.signin.proofs[t.text("jti")]; seen || t.text("jti") == "" {
		return "", badSignin("The DPoP proof was used before")
	}
	s.state.signin.proofs[t.text("jti")] = c.now.Add(2*proofSkew + time.Second)
	keyHash, err = t.header.JWK.thumbprint()
	if err != nil {
		return "", badSignin("The key of the DPoP proof is not one")
	}
	return keyHash, nil
}

func badSignin(format string, args ...any) *apiError {
	fail := refuse(http.StatusBadRequest, "ValidationException", format, args...)
	fail.reason = "INVALID_REQUEST"
	return fail
}

func signinDenied(status int, reason, message string) *apiError {
	fail := refuse(status, "AccessDeniedException", "%s", message)
	fail.reason = reason
	return fail
}

// writeSignin writes the exception's name into a header and the reason into the body. An
// injected fault has only the exception.
func writeSignin(w http.ResponseWriter, c *call, result any, fail *apiError) {
	if fail == nil {
		writeJSON(w, c, http.StatusOK, result)
		return
	}
	reason := fail.reason
	if reason == "" {
		reason = "INVALID_REQUEST"
		if fail.status >= http.StatusInternalServerError {
			reason = "server_error"
		}
	}
	w.Header().Set("X-Amzn-Errortype", fail.code)
	writeJSON(w, c, fail.status, map[string]string{"error": reason, "message": fail.message})
}
