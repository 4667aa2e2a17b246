package sessions

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/d44b7504/vault/internal/creds"
	"github.com/d44b7504/vault/internal/profiles"
	"github.com/d44b7504/vault/store"
)

// Whatever a credential process prints, it is credentials that can be used now, or a reason that
// does not quote it.
func FuzzProcessOutput(f *testing.F) {
	for _, out := range []string{
		`{"Version":1,"AccessKeyId":"ASIA1","SecretAccessKey":"s3cr3tvalue1","SessionToken":"t","Expiration":"2100-01-01T00:00:00Z"}`,
		`{"Version":"1","AccessKeyId":"ASIA1","SecretAccessKey":"x"}`, `{"Version":2}`, "", "null", `{"Version":1e999}`,
	} {
		f.Add(out)
	}
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, out string) {
		s, why := parseProcess(creds.New(out), now)
		if why == "" && (s.AccessKeyID == "" || s.SecretKey.Reveal() == "" || !s.Expires.IsZero() && !now.Before(s.Expires)) {
			t.Errorf("%q is %+v", out, s)
		}
		if len(out) > 20 && strings.Contains(why, out[:20]) || strings.ContainsAny(why, "\n\x1b\x00") {
			t.Errorf("%q is said to be %q", out, why)
		}
	})
}

// Whatever AWS, or what stands in its place, answers: it is a session that can be used, or a reason on one line
// that does not quote a secret.
func FuzzAnswer(f *testing.F) {
	const secret = "wJalrXUtnFEMIFAKEFAKEFAKEFAKEFAKEFAKEKEY"
	xml := "<Credentials><AccessKeyId>ASIA1</AccessKeyId><SecretAccessKey>" + secret + "</SecretAccessKey><SessionToken>t</SessionToken><Expiration>2100-01-01T00:00:00Z</Expiration></Credentials>"
	for _, body := range []string{
		"<GetSessionTokenResponse><GetSessionTokenResult>" + xml + "</GetSessionTokenResult></GetSessionTokenResponse>",
		"<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult>" + xml + "</AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>",
		"<ErrorResponse><Error><Code>ExpiredToken</Code><Message>m</Message></Error></ErrorResponse>",
		`{"roleCredentials":{"accessKeyId":"ASIA1","secretAccessKey":"` + secret + `","sessionToken":"t","expiration":4102444800000}}`,
		`{"Code":"Success","AccessKeyId":"ASIA1","SecretAccessKey":"` + secret + `","Token":"t","Expiration":"2100-01-01T00:00:00Z"}`,
		`{"accessToken":{"accessKeyId":"ASIA1","secretAccessKey":"` + secret + `","sessionToken":"t"},"expiresIn":900,"refreshToken":"r"}`,
		`{"error":"invalid_grant","error_description":"d"}`, `{"message":"m","__type":"ForbiddenException"}`, "<html>", "", "null", "[]",
	} {
		for kind := range uint8(len(answered)) {
			f.Add(kind, true, body)
			f.Add(kind, false, body)
		}
	}
	b := newBench(f)
	_, console, file := b.signedIn(f, 0)
	var body string
	var good bool
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Connection", "close") // or each of a million would stay open for a while
		if !good {
			w.WriteHeader(http.StatusBadRequest)
		}
		_, _ = io.WriteString(w, body)
	}))
	f.Cleanup(server.Close)
	b.Endpoint = func(_ profiles.Profile, _, region string) Endpoint { return Endpoint{Region: region, URL: server.URL} }
	b.Env = map[string]string{"AWS_CONTAINER_CREDENTIALS_FULL_URI": server.URL}
	noError(f, store.PutToken(context.Background(), b.Store, tokenName(answered[1].SSO), store.Token{
		StartURL: "https://x.awsapps.com/start", Region: "eu-west-1", Access: creds.New("a"), Expires: time.Now().Add(time.Hour)}))
	text, err := os.ReadFile(file)
	noError(f, err)
	f.Fuzz(func(t *testing.T, kind uint8, ok bool, answer string) {
		body, good = answer, ok
		p := profiles.Profile{Name: "x", Region: "eu-west-1", Source: answered[int(kind)%len(answered)]}
		if p.Source.Login != nil {
			p = console
			noError(t, os.WriteFile(file, text, 0o600))
		}
		s, err := b.Make(t.Context(), p)
		if err == nil && (s.AccessKeyID == "" || s.SecretKey.IsZero()) {
			t.Errorf("%d: %q is %+v", kind, answer, s)
		}
		if err != nil && (strings.Contains(err.Error(), secret) || strings.ContainsAny(err.Error(), "\n\x1b\x00")) {
			t.Errorf("%d: %q is said to be %q", kind, answer, err)
		}
	})
}

// answered are the sources that ask something over HTTP.
var answered = []profiles.Source{
	{Stored: &profiles.Stored{Profile: "base"}},
	{SSO: &profiles.SSO{StartURL: "https://x.awsapps.com/start", Region: "eu-west-1", Account: "111122223333", Role: "dev"}},
	{Host: &profiles.Host{Kind: profiles.HostContainer}},
	{Login: &profiles.Login{}},
}

// Whatever is in the file of a sign-in that the AWS tools share, it is one that can be used, or none.
func FuzzSharedToken(f *testing.F) {
	f.Add(`{"startUrl":"https://x.awsapps.com/start","region":"eu-west-1","accessToken":"a","expiresAt":"2100-01-01T00:00:00UTC"}`)
	f.Add(`{"startUrl":"https://x.awsapps.com/start/#/","region":"eu-west-1","accessToken":"a","refreshToken":"r","clientId":"c","clientSecret":"s","registrationExpiresAt":"x"}`)
	f.Add(`{"accessToken":1}`)
	f.Fuzz(func(t *testing.T, text string) {
		m := Maker{SharedDir: t.TempDir()}
		s := answered[1].SSO
		noError(t, os.WriteFile(sharedFile(m.SharedDir, s), []byte(text), 0o600))
		token, is := m.shared(s)
		if is && (token.Access.IsZero() || !strings.Contains(text, "eu-west-1")) {
			t.Errorf("%q is %+v", text, token)
		}
		f, all, err := openLogin(sharedFile(m.SharedDir, s))
		if err != nil && len(text) > 20 && strings.Contains(err.Error(), text[:20]) {
			t.Errorf("%q is quoted: %v", text, err)
		}
		if err == nil && f.AccessToken != nil && f.AccessToken.AccessKeyID != "" && len(all) == 0 {
			t.Errorf("%q loses what it does not know", text)
		}
	})
}
