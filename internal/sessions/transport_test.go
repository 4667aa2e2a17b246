package sessions

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/d44b7504/vault/internal/creds"
	"github.com/d44b7504/vault/internal/profiles"
)

// reachSTS asks STS at an endpoint who a made-up key is.
func reachSTS(ctx context.Context, e Endpoint) (*CallError, error) {
	s := creds.Session{Profile: "prod", AccessKeyID: "AKIAX", SecretKey: creds.New("x")}
	_, err := WhoAmI(ctx, e, s)
	var call *CallError
	errors.As(err, &call)
	return call, err
}

// listen is a server that does serve with each connection.
func listen(t *testing.T, serve func(net.Conn)) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	noError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go serve(c)
		}
	}()
	return l.Addr().String()
}

func closed(t *testing.T) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	noError(t, err)
	noError(t, l.Close())
	return l.Addr().String()
}

func TestWhatKeepsAWSAwayIsToldAsWhatItIs(t *testing.T) {
	secure := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<x/>") }))
	t.Cleanup(secure.Close)
	secure.Config.ErrorLog = log.New(io.Discard, "", 0)
	dir := t.TempDir()
	other := filepath.Join(dir, "other.pem")
	noError(t, os.WriteFile(other, otherCA(t), 0o600))
	page := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = io.WriteString(w, "<!DOCTYPE html><title>"+fakeSecret+"</title>")
	}))
	t.Cleanup(page.Close)
	busy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusTooManyRequests)
		_, _ = io.WriteString(w, "<html>slow down</html>")
	}))
	t.Cleanup(busy.Close)
	cut := "http://" + listen(t, func(c net.Conn) { _, _ = c.Read(make([]byte, 1)); _ = c.Close() })
	half := "http://" + listen(t, func(c net.Conn) {
		_, _ = c.Read(make([]byte, 4096))
		_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n<Get")
		_ = c.Close()
	})
	file := func(path string) profiles.Network {
		return profiles.Network{CABundle: path, Origins: map[string]string{"ca_bundle": "ca_bundle in /c:4"}}
	}
	for name, x := range map[string]struct {
		at       Endpoint
		kind     Kind
		says     []string
		settings string
	}{
		"no CA file":       {Endpoint{URL: secure.URL, Network: file(filepath.Join(dir, "no.pem"))}, BadSetting, []string{"ca_bundle in /c:4", "no.pem", "no such file"}, ""},
		"a directory":      {Endpoint{URL: secure.URL, Network: file(dir)}, BadSetting, []string{"ca_bundle in /c:4", dir, "directory"}, ""},
		"unknown CA":       {Endpoint{URL: secure.URL}, Untrusted, []string{"certificate of 127.0.0.1", `"Acme Co"`, "this machine does not trust"}, ""},
		"not in the file":  {Endpoint{URL: secure.URL, Network: file(other)}, Untrusted, []string{`"Acme Co"`, "not in " + other}, "ca_bundle in /c:4"},
		"page":             {Endpoint{URL: page.URL, Origin: "endpoint_url in /c:2"}, NotAWS, []string{"web page (status 503)"}, "endpoint_url in /c:2"},
		"cut":              {Endpoint{URL: cut}, Unreachable, []string{"the connection to 127.0.0.1 was cut"}, ""},
		"cut half-way":     {Endpoint{URL: half}, Unreachable, []string{"the connection to 127.0.0.1 was cut"}, ""},
		"HTTP, not HTTPS":  {Endpoint{URL: "https" + strings.TrimPrefix(page.URL, "http")}, Unreachable, []string{"does not speak HTTPS"}, ""},
		"nothing there":    {Endpoint{URL: "http://" + closed(t), Origin: "AWS_ENDPOINT_URL"}, Unreachable, []string{"AWS cannot be reached", "refused"}, "AWS_ENDPOINT_URL"},
		"too many of them": {Endpoint{URL: busy.URL}, Throttled, []string{"fewer calls"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			x.at.Network.MaxAttempts = 1
			call, err := reachSTS(t.Context(), x.at)
			if call == nil || call.Kind != x.kind || strings.Join(call.Settings, "|") != x.settings {
				t.Fatalf("%v: %+v", err, call)
			}
			for _, word := range x.says {
				if !strings.Contains(err.Error(), word) {
					t.Errorf("%q is not in: %v", word, err)
				}
			}
			if told := fmt.Sprintf("%v", err); strings.Contains(told, fakeSecret) || strings.Contains(told, "\n") {
				t.Errorf("%q", told)
			}
		})
	}
}

// otherCA is a certificate that has signed nothing here.
func otherCA(t *testing.T) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	noError(t, err)
	c := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Other"}, IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	noError(t, err)
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

func TestACallThatIsNotAnsweredEndsAndSaysHowLongItTook(t *testing.T) {
	never := make(chan struct{})
	defer close(never)
	silent := listen(t, func(c net.Conn) { <-never; _ = c.Close() })
	slowly := listen(t, func(c net.Conn) { // the head of an answer, and no end
		_, _ = c.Read(make([]byte, 4096))
		_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n<")
		<-never
		_ = c.Close()
	})
	short := Limits{Connect: 60 * time.Millisecond, Answer: 60 * time.Millisecond}
	for name, x := range map[string]struct {
		at   Endpoint
		says string
	}{
		"no answer":      {Endpoint{URL: "http://" + silent, Limits: short}, "took the connection and did not answer within 60 milliseconds"},
		"half an answer": {Endpoint{URL: "http://" + slowly, Limits: short}, "took the connection and did not answer within 60 milliseconds"},
		"no handshake":   {Endpoint{URL: "https://" + silent, Limits: short}, "could not be connected to within 60 milliseconds"},
	} {
		call, err := reachSTS(t.Context(), x.at)
		if call == nil || call.Kind != Unreachable || !strings.Contains(err.Error(), x.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
	c := rest{"http://" + silent, Endpoint{URL: "x", Limits: short}.httpClient(nil)}
	err := c.call(t.Context(), restCall{method: http.MethodGet, path: "/?secret=" + fakeSecret}, nil)
	if err == nil || !strings.Contains(err.Error(), "did not answer") || strings.Contains(fmt.Sprintf("%+v", err), fakeSecret) {
		t.Errorf("a call of this program: %v", err)
	}
	w := newWatch(t.Context(), Limits{})
	defer w.stop()
	if w.limits != (Limits{time.Minute, time.Minute}) {
		t.Errorf("botocore's limits are a minute each, not %v", w.limits)
	}
}

func TestAPersonEndsACallAtOnce(t *testing.T) {
	arrived, never := make(chan struct{}), make(chan struct{})
	defer close(never)
	silent := listen(t, func(c net.Conn) { close(arrived); <-never; _ = c.Close() })
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-arrived; cancel() }()
	call, err := reachSTS(ctx, Endpoint{URL: "http://" + silent})
	if !errors.Is(err, context.Canceled) || call != nil {
		t.Errorf("%v", err)
	}
}

func TestAProxyIsNamedWithoutItsPassword(t *testing.T) {
	answers := func(status string) string {
		return listen(t, func(c net.Conn) {
			_, _ = c.Read(make([]byte, 4096))
			_, _ = io.WriteString(c, "HTTP/1.1 "+status+"\r\nContent-Length: 6\r\n\r\n<html>")
			_ = c.Close()
		})
	}
	bad := func(*http.Request) (*url.URL, error) { return url.Parse("http://http:") } // of http://[x
	call, err := reachSTS(t.Context(), Endpoint{URL: "https://sts.example.com", Proxy: bad})
	if call == nil || call.Kind != BadSetting || !strings.Contains(fmt.Sprint(call.Settings), "HTTPS_PROXY") {
		t.Errorf("%v", err)
	}
	for _, x := range []struct {
		proxy, at string
		kind      Kind
		says      string
	}{
		{answers("407 Proxy Authentication Required"), "https://sts.example.com", NotAWS, "refused to connect to sts.example.com (status 407: it wants a user name and a password)"},
		{answers("503 Service Unavailable"), "https://sts.example.com", NotAWS, "refused to connect to sts.example.com (status 503)"},
		{answers("503 Service Unavailable"), "http://sts.example.com", NotAWS, "answered with a web page (status 503)"},
		{closed(t), "https://sts.example.com", Unreachable, "cannot be reached: connect: connection refused"},
	} {
		proxy := func(*http.Request) (*url.URL, error) { return url.Parse("http://me:" + fakeSecret + "@" + x.proxy) }
		call, err := reachSTS(t.Context(), Endpoint{URL: x.at, Proxy: proxy, Network: profiles.Network{MaxAttempts: 1}})
		if call == nil || call.Kind != x.kind || !strings.Contains(err.Error(), "the proxy http://"+x.proxy+" "+x.says) ||
			strings.Contains(fmt.Sprint(err), fakeSecret) || !strings.Contains(fmt.Sprint(call.Settings), "HTTPS_PROXY") {
			t.Errorf("%v: %+v", err, call)
		}
	}
}
