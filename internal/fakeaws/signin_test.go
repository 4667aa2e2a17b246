package fakeaws_test

import (
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials/logincreds"
	"github.com/aws/aws-sdk-go-v2/service/signin"

	"github.com/d44b7504/vault/internal/fakeaws"
)

func (w *world) login(t *testing.T, left time.Duration) *fakeaws.Login {
	t.Helper()
	l, err := w.Login(w.user, left)
	must(t, err)
	return l
}

// provider is the SDK's own reader of the login cache, on a file with the
// login's content.
func (w *world) provider(t *testing.T, l *fakeaws.Login) *logincreds.Provider {
	t.Helper()
	dir := t.TempDir()
	path, err := logincreds.StandardCachedTokenFilepath(l.Session, dir)
	must(t, err)
	if path != filepath.Join(dir, l.FileName) {
		t.Fatalf("file %s, the SDK looks for %s", l.FileName, path)
	}
	must(t, os.WriteFile(path, []byte(l.Content.Reveal()), 0o600))
	client := signin.New(signin.Options{Region: "eu-west-1", BaseEndpoint: aws.String(w.URL()), Retryer: aws.NopRetryer{}})
	return logincreds.New(client, path)
}

func (w *world) isUser(t *testing.T, c aws.Credentials) {
	t.Helper()
	me, err := w.client(caller{c.AccessKeyID, c.SecretAccessKey, c.SessionToken}).GetCallerIdentity(bg, nil)
	must(t, err)
	if *me.Arn != w.user {
		t.Errorf("I am %s", *me.Arn)
	}
}

func TestTheSDKRefreshesALogin(t *testing.T) {
	w := newWorld(t, fakeaws.Options{})
	p := w.provider(t, w.login(t, 0))
	first, err := p.Retrieve(bg)
	must(t, err)
	w.isUser(t, first)
	if left := first.Expires.Sub(w.clock.now()); first.AccountID != account || left > 15*time.Minute || left < 14*time.Minute {
		t.Errorf("account %s, %s left", first.AccountID, left)
	}
	if _, err := p.Retrieve(bg); err != nil || w.Calls("CreateOAuth2Token") != 1 {
		t.Errorf("%v after %d calls", err, w.Calls("CreateOAuth2Token"))
	}
}

func TestALoginsFileHasCredentialsThatWork(t *testing.T) {
	w := newWorld(t, fakeaws.Options{})
	l := w.login(t, 10*time.Minute)
	got, err := w.provider(t, l).Retrieve(bg)
	must(t, err)
	w.isUser(t, got)
	if l.Session != w.user || w.Calls("CreateOAuth2Token") != 0 {
		t.Errorf("session %s, %d calls", l.Session, w.Calls("CreateOAuth2Token"))
	}
	if _, err := w.Login(w.user, time.Hour); err == nil {
		t.Error("an hour of credentials")
	}
	if _, err := w.Login(w.user+"x", 0); err == nil {
		t.Error("there was no sign-in")
	}
}

func TestARoleLogsInToo(t *testing.T) {
	w := newWorld(t, fakeaws.Options{})
	l, err := w.Login(w.role(t, fakeaws.Role{Name: "ops"}), 0)
	must(t, err)
	got, err := w.provider(t, l).Retrieve(bg)
	must(t, err)
	me, err := w.client(caller{got.AccessKeyID, got.SecretAccessKey, got.SessionToken}).GetCallerIdentity(bg, nil)
	must(t, err)
	if *me.Arn != l.Session || !strings.HasSuffix(l.Session, ":assumed-role/ops/console") {
		t.Errorf("I am %s, logged in as %s", *me.Arn, l.Session)
	}
}

func TestALoginThatIsOverSaysWhy(t *testing.T) {
	w := newWorld(t, fakeaws.Options{})
	for name, tc := range map[string]struct {
		end  func(*fakeaws.Login)
		want string
	}{
		"signed out":   {(*fakeaws.Login).End, "login session has expired"},
		"new password": {(*fakeaws.Login).ChangePassword, "password has changed"},
		"denied":       {func(*fakeaws.Login) { w.Deny(w.user, "signin:CreateOAuth2Token") }, "insufficient permissions"},
	} {
		t.Run(name, func(t *testing.T) {
			l := w.login(t, 0)
			if name == "denied" {
				_, err := w.provider(t, l).Retrieve(bg)
				must(t, err)
			}
			tc.end(l)
			_, err := w.provider(t, l).Retrieve(bg)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want …%s…", err, tc.want)
			}
		})
	}
}

// prover makes proofs by hand, to spoil them one part at a time.
type prover struct {
	*world
	key     *ecdsa.PrivateKey
	refresh string
	client  string
}

func newProver(t *testing.T, w *world) *prover {
	t.Helper()
	var file struct{ DPoPKey, RefreshToken, ClientID string }
	must(t, json.Unmarshal([]byte(w.login(t, 0).Content.Reveal()), &file))
	block, _ := pem.Decode([]byte(file.DPoPKey))
	key, err := x509.ParseECPrivateKey(block.Bytes)
	must(t, err)
	return &prover{w, key, file.RefreshToken, file.ClientID}
}

type object = map[string]any

func (p *prover) header(t *testing.T) object {
	t.Helper()
	point, err := p.key.PublicKey.Bytes()
	must(t, err)
	b64 := base64.RawURLEncoding.EncodeToString
	return object{"typ": "dpop+jwt", "alg": "ES256", "jwk": object{"kty": "EC", "crv": "P-256", "x": b64(point[1:33]), "y": b64(point[33:])}}
}

func (p *prover) claims() object {
	return object{"htm": "POST", "htu": p.URL() + "/v1/token", "iat": p.clock.now().Unix(), "jti": rand.Text()}
}

func (p *prover) proof(t *testing.T, header, claims object) string {
	t.Helper()
	text := encodePart(t, header) + "." + encodePart(t, claims)
	sum := sha256.Sum256([]byte(text))
	r, s, err := ecdsa.Sign(rand.Reader, p.key, sum[:])
	must(t, err)
	signature := make([]byte, 64)
	r.FillBytes(signature[:32])
	s.FillBytes(signature[32:])
	return text + "." + base64.RawURLEncoding.EncodeToString(signature)
}

func encodePart(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	must(t, err)
	return base64.RawURLEncoding.EncodeToString(text)
}

func decodePart(t *testing.T, part string, into any) {
	t.Helper()
	text, err := base64.RawURLEncoding.DecodeString(part)
	must(t, err)
	must(t, json.Unmarshal(text, into))
}

// ask refreshes with a proof, and returns the new refresh token.
func (p *prover) ask(t *testing.T, proof string) (answer, string) {
	t.Helper()
	body, err := json.Marshal(object{"clientId": p.client, "grantType": "refresh_token", "refreshToken": p.refresh})
	must(t, err)
	return p.sendBody(t, proof, string(body))
}

func (p *prover) sendBody(t *testing.T, proof, body string) (answer, string) {
	t.Helper()
	req, err := http.NewRequest(http.MethodPost, p.URL()+"/v1/token", strings.NewReader(body))
	must(t, err)
	if proof != "" {
		req.Header.Set("DPoP", proof)
	}
	a := do(t, req)
	var doc struct{ RefreshToken, Error string }
	must(t, json.Unmarshal([]byte(a.body), &doc))
	a.code, a.message = a.header.Get("X-Amzn-Errortype"), doc.Error
	return a, doc.RefreshToken
}

func TestAProofIsForOneRequestNowAndOnce(t *testing.T) {
	w := newWorld(t, fakeaws.Options{})
	p := newProver(t, w)
	for name, change := range map[string]func(header, claims object){
		"method":    func(_, c object) { c["htm"] = "GET" },
		"address":   func(_, c object) { c["htu"] = p.URL() + "/token" },
		"other":     func(_, c object) { c["htu"] = "https://signin.example.com/v1/token" },
		"old":       func(_, c object) { c["iat"] = w.clock.now().Add(-6 * time.Minute).Unix() },
		"new":       func(_, c object) { c["iat"] = w.clock.now().Add(6 * time.Minute).Unix() },
		"no time":   func(_, c object) { delete(c, "iat") },
		"no id":     func(_, c object) { delete(c, "jti") },
		"type":      func(h, _ object) { h["typ"] = "JWT" },
		"algorithm": func(h, _ object) { h["alg"] = "none" },
		"no key":    func(h, _ object) { delete(h, "jwk") },
		"a bad key": func(h, _ object) { h["jwk"].(object)["x"] = "AAAA" },
	} {
		t.Run(name, func(t *testing.T) {
			header, claims := p.header(t), p.claims()
			change(header, claims)
			a, _ := p.ask(t, p.proof(t, header, claims))
			a.want(t, 400, "ValidationException", "INVALID_REQUEST")
		})
	}
	a, _ := p.ask(t, "")
	a.want(t, 400, "ValidationException", "INVALID_REQUEST")
	proof := p.proof(t, p.header(t), p.claims())
	a, _ = p.ask(t, proof[:len(proof)-8]+"AAAAAAAA")
	a.want(t, 400, "ValidationException", "INVALID_REQUEST")
	a, _ = p.ask(t, proof)
	a.want(t, 200, "", "")
	a, _ = p.ask(t, proof)
	a.want(t, 400, "ValidationException", "INVALID_REQUEST")
}

func TestARefreshTokenIsWorthNothingWithAnotherKey(t *testing.T) {
	w := newWorld(t, fakeaws.Options{})
	owner, thief := newProver(t, w), newProver(t, w)
	thief.refresh = owner.refresh
	a, _ := thief.ask(t, thief.proof(t, thief.header(t), thief.claims()))
	a.want(t, 400, "ValidationException", "INVALID_REQUEST")
	a, _ = owner.ask(t, owner.proof(t, owner.header(t), owner.claims()))
	a.want(t, 200, "", "")
}

func TestALoginsRefreshTokenRotates(t *testing.T) {
	w := newWorld(t, fakeaws.Options{})
	p := newProver(t, w)
	ask := func() (answer, string) { return p.ask(t, p.proof(t, p.header(t), p.claims())) }
	first, next := ask()
	first.want(t, 200, "", "")
	if again, same := ask(); again.body != first.body || same == p.refresh {
		t.Error("asked twice at once, and answered differently")
	}
	w.clock.forward(15 * time.Minute)
	a, _ := ask()
	a.want(t, 401, "AccessDeniedException", "TOKEN_EXPIRED")
	p.refresh = next
	a, next = ask()
	a.want(t, 200, "", "")
	w.clock.forward(12 * time.Hour)
	p.refresh = next
	a, _ = ask()
	a.want(t, 401, "AccessDeniedException", "TOKEN_EXPIRED")
}

func TestSigninRefusesBadQuestions(t *testing.T) {
	w := newWorld(t, fakeaws.Options{})
	p := newProver(t, w)
	const client = `"clientId":"arn:aws:signin:::devtools/same-device"`
	for body, want := range map[string]struct {
		status     int
		kind, word string
	}{
		`[`:                             {400, "ValidationException", "INVALID_REQUEST"},
		`{"grantType":"refresh_token"}`: {400, "ValidationException", "INVALID_REQUEST"},
		`{"clientId":"x","grantType":"refresh_token"}`:                    {400, "ValidationException", "INVALID_REQUEST"},
		`{` + client + `,"grantType":"password"}`:                         {400, "ValidationException", "INVALID_REQUEST"},
		`{` + client + `,"grantType":"authorization_code"}`:               {401, "AccessDeniedException", "AUTHCODE_EXPIRED"},
		`{` + client + `,"grantType":"refresh_token","refreshToken":"x"}`: {401, "AccessDeniedException", "TOKEN_EXPIRED"},
	} {
		a, _ := p.sendBody(t, p.proof(t, p.header(t), p.claims()), body)
		a.want(t, want.status, want.kind, want.word)
	}
	w.Inject("CreateOAuth2Token", fakeaws.Fault{Status: 500, Code: "InternalServerException"})
	a, _ := p.ask(t, "")
	a.want(t, 500, "InternalServerException", "server_error")
}
