package sessions

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/d44b7504/vault/internal/profiles"
	"github.com/d44b7504/vault/store"
)

// This file has the two ways in which a person signs in to Identity Center. In the first
// the browser runs on this machine: AWS sends it back to a port of ours with a code that
// only we can spend, for we alone know what its hash was made of (PKCE). In the second
// the browser may run anywhere: the person compares a code, and we ask until AWS has
// been told that it is right.

// Browser is how a person signs in.
type Browser struct {
	Device   bool                         // with a code to compare, in a browser anywhere
	Open     func(url string) error       // opens a browser here; nil: the person does it
	Show     func(Invitation)             // tells the person; before Open
	Patience time.Duration                // how long the person may take; 0: five minutes
	Listen   func() (net.Listener, error) // nil: a free port of 127.0.0.1
}

// Invitation is what a person needs for signing in. Code is what the browser will show,
// "" where there is nothing to compare.
type Invitation struct{ URL, Code string }

// The ways, as a registration is for one or the other.
const (
	flowBrowser = "browser"
	flowDevice  = "device"
)

const callback = "/oauth/callback"

// signIn sends a person to the browser and returns the sign-in that comes of it. When
// none does, the registration comes back all the same.
func (m *Maker) signIn(ctx context.Context, p profiles.Profile, s *profiles.SSO, t store.Token, b Browser) (store.Token, error) {
	patience := or(b.Patience, 5*time.Minute)
	waiting, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	oidc := m.rest(p, OIDC, s.Region)
	signed, err := m.bySuitableFlow(waiting, oidc, s, t, b)
	if codeOf(err) == "InvalidClientException" { // AWS has forgotten us before it said it would
		t.Client = ""
		signed, err = m.bySuitableFlow(waiting, oidc, s, t, b)
	}
	switch {
	case err == nil:
		return signed, nil
	case ctx.Err() != nil:
		return signed, ctx.Err()
	case waiting.Err() != nil, errors.Is(err, context.DeadlineExceeded), codeOf(err) == "ExpiredTokenException":
		return signed, needsSignIn(p, fmt.Sprintf("nobody finished it within %s", plain(patience)))
	}
	return signed, m.failure("sign in to", s.StartURL, p.Name, err)
}

// bySuitableFlow prefers the browser of this machine. Where no port can be had the code
// does it.
func (m *Maker) bySuitableFlow(ctx context.Context, oidc rest, s *profiles.SSO, t store.Token, b Browser) (store.Token, error) {
	if b.Device {
		return m.byCode(ctx, oidc, s, t, b)
	}
	listen := b.Listen
	if listen == nil {
		listen = func() (net.Listener, error) { return net.Listen("tcp4", "127.0.0.1:0") }
	}
	l, err := listen()
	if err != nil {
		m.say("no port of this machine can be listened on, so the browser cannot come back here")
		return m.byCode(ctx, oidc, s, t, b)
	}
	defer func() { _ = l.Close() }()
	if t, err = m.register(ctx, oidc, s, t, flowBrowser); err != nil {
		return t, err
	}
	return m.byBrowser(ctx, oidc, s, t, b, l)
}

func (m *Maker) byBrowser(ctx context.Context, oidc rest, s *profiles.SSO, t store.Token, b Browser, l net.Listener) (store.Token, error) {
	state, verifier := rand.Text(), rand.Text()+rand.Text()
	sum := sha256.Sum256([]byte(verifier))
	redirect := "http://" + l.Addr().String() + callback
	back := make(chan comeback, 1)
	server := &http.Server{Handler: receiver(state, back), ReadHeaderTimeout: 10 * time.Second}
	defer func() { _ = server.Close() }()
	go func() { _ = server.Serve(l) }()

	b.invite(Invitation{URL: oidc.base + "/authorize?" + url.Values{
		"response_type": {"code"}, "client_id": {t.Client}, "redirect_uri": {redirect}, "state": {state},
		"code_challenge_method": {"S256"}, "code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])},
		"scopes": {strings.Join(scopes(s), " ")},
	}.Encode()})
	select {
	case <-ctx.Done():
		return t, ctx.Err()
	case c := <-back:
		// The page is on its way to the browser; closing it cuts nothing off.
		stopped, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		_ = server.Shutdown(stopped)
		if c.err != nil {
			return t, c.err
		}
		return m.createToken(ctx, oidc, t, grant{
			GrantType: "authorization_code", Code: c.code, RedirectURI: redirect, CodeVerifier: verifier,
		})
	}
}

// invite tells the person, then opens the browser. If none opens, the person has the
// address.
func (b Browser) invite(i Invitation) {
	if b.Show != nil {
		b.Show(i)
	}
	if b.Open != nil {
		_ = b.Open(i.URL)
	}
}

// comeback is what the browser brought.
type comeback struct {
	code string
	err  error
}

// receiver waits for the browser. Any page can send a browser to a port of this machine,
// so a visit without our state is turned away, and we wait on.
func receiver(state string, back chan<- comeback) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		if r.Method != http.MethodGet || r.URL.Path != callback || subtle.ConstantTimeCompare([]byte(q.Get("state")), []byte(state)) != 1 {
			page(w, http.StatusNotFound, "This is not the page you are looking for.")
			return
		}
		c := comeback{code: q.Get("code")}
		switch {
		case q.Get("error") == "access_denied":
			c.err = declined()
		case c.code == "":
			c.err = malformed("the browser came back without a code")
		}
		if c.err != nil {
			page(w, http.StatusOK, "You are not signed in. You can close this window.")
		} else {
			page(w, http.StatusOK, "You can close this window and go back to your terminal.")
		}
		select {
		case back <- c:
		default: // it was reloaded
		}
	})
}

func page(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
	w.Header().Set("Referrer-Policy", "no-referrer")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	fmt.Fprintf(w, `<!doctype html><title>vault</title><body style="font:1.2em system-ui;margin:4em auto;max-width:30em">%s`, text)
}

func declined() error {
	return &CallError{Kind: Denied, Code: "AccessDeniedException", Message: "it was declined in the browser"}
}

// byCode has the person compare a code, and asks until AWS knows.
func (m *Maker) byCode(ctx context.Context, oidc rest, s *profiles.SSO, t store.Token, b Browser) (store.Token, error) {
	t, err := m.register(ctx, oidc, s, t, flowDevice)
	if err != nil {
		return t, err
	}
	var out struct {
		DeviceCode  string `json:"deviceCode"`
		UserCode    string `json:"userCode"`
		URL         string `json:"verificationUri"`
		URLComplete string `json:"verificationUriComplete"`
		ExpiresIn   int    `json:"expiresIn"`
		Interval    int    `json:"interval"`
	}
	in := map[string]string{"clientId": t.Client, "clientSecret": t.ClientSecret.Reveal(), "startUrl": s.StartURL}
	if err := oidc.call(ctx, ask{method: http.MethodPost, path: "/device_authorization", body: in}, &out); err != nil {
		return t, err
	}
	if out.DeviceCode == "" || out.UserCode == "" {
		return t, malformed("the answer has no code in it")
	}
	if out.URLComplete == "" {
		out.URLComplete = out.URL
	}
	if out.ExpiresIn > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Duration(out.ExpiresIn)*time.Second)
		defer cancel()
	}
	b.invite(Invitation{URL: out.URLComplete, Code: out.UserCode})
	return m.poll(ctx, oidc, t, out.DeviceCode, time.Duration(out.Interval)*time.Second)
}

// poll asks as often as AWS allows. Told that it is too often, it asks less often.
func (m *Maker) poll(ctx context.Context, oidc rest, t store.Token, device string, interval time.Duration) (store.Token, error) {
	interval = or(interval, 5*time.Second)
	for {
		select {
		case <-ctx.Done():
			return t, ctx.Err()
		case <-time.After(interval):
		}
		signed, err := m.createToken(ctx, oidc, t, grant{
			GrantType: "urn:ietf:params:oauth:grant-type:device_code", DeviceCode: device,
		})
		switch codeOf(err) {
		case "AuthorizationPendingException":
		case "SlowDownException":
			interval += 5 * time.Second
		case "AccessDeniedException":
			return t, declined()
		default:
			return signed, err
		}
	}
}

// plain is a duration without the zeros that Go writes.
func plain(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}
