package server

import (
	"bufio"
	"bytes"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/d44b7504/vault/internal/creds"
)

// The parsers are given the bytes of a connection. Whatever they are, a secret is in the
// answer only when the token was in the request.

// play answers every request in raw, and returns what was asked and what was answered.
func play(raw []byte, remote string, handler http.Handler, check func(*http.Request, *httptest.ResponseRecorder)) {
	in := bufio.NewReader(bytes.NewReader(raw))
	for {
		r, err := http.ReadRequest(in)
		if err != nil {
			return
		}
		r.RemoteAddr = remote
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		check(r, w)
		_ = r.Body.Close()
	}
}

func FuzzContainerRequest(f *testing.F) {
	const token, role = "a-token-for-the-fuzzer", "arn:aws:iam::111122223333:role/x"
	s, err := Listen(Options{Hosts: []string{"h:1"}})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = s.Close() })
	if _, err := s.Add(Grant{Name: "prod", Token: creds.New(token), Source: fixed("A"), Roles: map[string]Source{role: fixed("B")}}); err != nil {
		f.Fatal(err)
	}
	good := "Host: h:1\r\nAuthorization: " + token + "\r\n\r\n"
	for _, seed := range []string{
		"GET /prod HTTP/1.1\r\n" + good,
		"GET /prod/role-arn/" + role + " HTTP/1.1\r\n" + good,
		"GET /%70rod/role-arn/arn%3Aaws%3Aiam%3A%3A111122223333%3Arole%2Fx HTTP/1.1\r\n" + good,
		"GET http://h:1/prod HTTP/1.1\r\n" + good,
		"GET //h:1/prod HTTP/1.1\r\n" + good,
		"GET /prod?x=/role-arn/" + role + "#f HTTP/1.0\r\n" + good,
		"GET /prod/../prod HTTP/1.1\r\n" + good,
		"GET /prod/role-arn/../ HTTP/1.1\r\n" + good,
		"HEAD /prod HTTP/1.1\r\n" + good,
		"CONNECT h:1 HTTP/1.1\r\n" + good,
		"OPTIONS * HTTP/1.1\r\n" + good,
		"POST /prod HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n" + good + "0\r\n\r\n",
		"GET /prod HTTP/1.1\r\nHost: 127.0.0.1:1\r\nHost: h:1\r\nAuthorization: " + token + "\r\n\r\n",
		"GET /prod HTTP/1.1\r\nHost: h:1\r\nAuthorization: \r\nAuthorization: " + token + "\r\n\r\n",
		"GET /prod HTTP/1.1\r\nHost: h:1\r\nAuthorization: Bearer " + token + "\r\n\r\nGET /prod HTTP/1.1\r\n" + good,
		"\x16\x03\x01\x02\x00\x01\x00\x01", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "\r\n\r\n", "",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		play(raw, "127.0.0.1:1", http.HandlerFunc(s.answer), func(r *http.Request, w *httptest.ResponseRecorder) {
			told := strings.Contains(w.Body.String(), secret)
			asked := r.Method == http.MethodGet && r.Host == "h:1" && r.Header.Get("Authorization") == token && !hasBody(r) &&
				(r.URL.Path == "/prod" || r.URL.Path == "/prod/role-arn/"+role)
			if told != (w.Code == http.StatusOK) || told && !asked {
				t.Errorf("%q: %d %s", raw, w.Code, w.Body)
			}
			if w.Code != 200 && w.Code != 403 && w.Code != 404 && w.Code != 405 {
				t.Errorf("%q: %d", raw, w.Code)
			}
		})
	})
}

func FuzzMetadataRequest(f *testing.F) {
	m := &Metadata{}
	m.Set(&Instance{Source: fixed("A"), Role: "prod", Region: "eu-west-1"})
	token := (&imds{Metadata: m}).token(f, "21600")
	// A signature would not be found by chance, and is another at every run: it stands in
	// the corpus as a word.
	good := "Host: 169.254.169.254\r\nX-aws-ec2-metadata-token: TOKEN\r\n\r\n"
	for _, seed := range []string{
		"PUT /latest/api/token HTTP/1.1\r\nX-aws-ec2-metadata-token-ttl-seconds: 60\r\n" + good,
		"PUT /latest/api/token HTTP/1.1\r\nX-aws-ec2-metadata-token-ttl-seconds: +060\r\n" + good,
		"PUT /latest/api/token HTTP/1.1\r\nX-aws-ec2-metadata-token-ttl-seconds: 18446744073709551616\r\n" + good,
		"PUT /latest/api/token/ HTTP/1.1\r\nX-Forwarded-For: 1.2.3.4\r\n" + good,
		"GET " + rolesPath + " HTTP/1.1\r\n" + good,
		"GET " + rolesPath + "prod HTTP/1.1\r\n" + good,
		"GET " + rolesPath + "prod/ HTTP/1.0\r\n" + good,
		"GET http://169.254.169.254" + rolesPath + "prod HTTP/1.1\r\n" + good,
		"GET " + rolesPath + "prod HTTP/1.1\r\nHost: 169.254.169.254\r\n\r\n",
		"GET /latest/meta-data/placement/region HTTP/1.1\r\n" + good,
		"GET /latest/meta-data/../api/token HTTP/1.1\r\n" + good,
		"DELETE " + rolesPath + "prod HTTP/1.1\r\n" + good,
		"GET /latest HTTP/1.1\r\nContent-Length: 5\r\n" + good + "hello",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		raw = bytes.ReplaceAll(raw, []byte("TOKEN"), []byte(token))
		play(raw, MetadataAddr+":1", m, func(r *http.Request, w *httptest.ResponseRecorder) {
			told := strings.Contains(w.Body.String(), secret)
			asked := r.Method == http.MethodGet && (r.Host == MetadataAddr || r.Host == MetadataAddr+":80") &&
				r.Header.Get(tokenHeader) == token && !hasBody(r) && strings.TrimSuffix(r.URL.Path, "/") == rolesPath+"prod"
			if told && (!asked || w.Code != http.StatusOK) {
				t.Errorf("%q: %d %s", raw, w.Code, w.Body)
			}
			if w.Code >= 500 {
				t.Errorf("%q: %d", raw, w.Code)
			}
		})
	})
}
