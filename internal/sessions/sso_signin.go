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

	"github.com/aws/smithy-go"

	"github.com/d44b7504/vault/internal/creds"
	"github.com/d44b7504/vault/internal/display"
	"github.com/d44b7504/vault/internal/profiles"
	"github.com/d44b7504/vault/store"
)

// This file has the two ways in which a person signs in to Identity Center. In the first
// the browser runs on this machine: AWS sends it to a port that this process listens on,
// with a code that only this process can exchange, because it alone knows the secret
// whose hash AWS was given (PKCE). In the second the browser may run anywhere: the person
// compares a code, and this process asks AWS until the person has confirmed it.

// Browser is how a person signs in.
type Browser struct {
	Device  bool                         // with a code to compare, in a browser anywhere
	Open    func(url string) error       // opens a browser here; nil: the person does it
	Failed  func(error)                  // is told why Open opened none; may be nil
	Show    func(Invitation)             // tells the person what to do; called before Open
	Timeout time.Duration                // how long the person may take; 0: five minutes
	Listen  func() (net.Listener, error) // nil: a free port of 127.0.0.1
}

// Invitation is what a person needs to sign in. Code is what the browser will show, "" if
// there is nothing to compare.
type Invitation struct{ URL, Code string }

// The two ways. A registration at AWS is for one of them.
const (
	flowBrowser = "browser"
	flowDevice  = "device"
)

const callback = "/oauth/callback"

// signIn has a person sign in with the browser and returns the result. If the person does
// not, it still returns the registration.
func (m *Maker) signIn(ctx context.Context, p profiles.Profile, s *profiles.SSO, t store.Token, b Browser) (store.Token, error) {
	if m.SigningIn != nil {
		defer m.SigningIn(tokenName(s))()
	}
	timeout := or(b.Timeout, 5*time.Minute)
	waiting, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	oidc := m.rest(p, oidcService, s.Region)
	signed, err := m.withBrowserOrCode(waiting, oidc, s, t, b)
	if forgotten(err) { // before its end
		t.Client = ""
		signed, err = m.withBrowserOrCode(waiting, oidc, s, t, b)
	}
	switch {
	case err == nil:
		return signed, nil
	case ctx.Err() != nil:
		return signed, ctx.Err()
	case waiting.Err() != nil, errors.Is(err, context.DeadlineExceeded), codeOf(err) == "ExpiredTokenException":
		return signed, needsSignIn(p, "it was not finished within "+display.Span(timeout))
	}
	return signed, m.failure("sign in to", s.StartURL, p.Name, err)
}

// withBrowserOrCode uses the browser of this machine, or a code if that is asked for or no
// port can be listened on.
func (m *Maker) withBrowserOrCode(ctx context.Context, oidc rest, s *profiles.SSO, t store.Token, b Browser) (store.Token, error) {
	if b.Device {
		return m.withCode(ctx, oidc, s, t, b)
	}
	listen := b.Listen
	if listen == nil {
		listen = func() (net.Listener, error) { return net.Listen("tcp4", "127.0.0.1:0") }
	}
	l, err := listen()
	if err != nil {
		m.say("cannot listen on a port of this machine, so the sign-in uses a code")
		return m.withCode(ctx, oidc, s, t, b)
	}
	defer func() { _ = l.Close() }()
	if m.registered(t, flowBrowser) {
		if err := m.stillRegistered(ctx, oidc, t); err != nil {
			return t, err
		}
	}
	if t, err = m.register(ctx, oidc, s, t, flowBrowser); err != nil {
		return t, err
	}
	return m.withBrowser(ctx, oidc, s, t, b, l)
}

// stillRegistered returns AWS's error if AWS has forgotten a registration, or cannot be
// reached. Only a page in the person's browser would say so later, and the browser would not
// come back. It asks with a code that is none.
func (m *Maker) stillRegistered(ctx context.Context, oidc rest, t store.Token) error {
	_, err := m.createToken(ctx, oidc, t, grant{
		GrantType: "authorization_code", Code: rand.Text(), RedirectURI: "http://127.0.0.1" + callback, CodeVerifier: rand.Text() + rand.Text(),
	})
	if forgotten(err) || codeOf(err) == "" {
		return err
	}
	return nil
}

func (m *Maker) withBrowser(ctx context.Context, oidc rest, s *profiles.SSO, t store.Token, b Browser, l net.Listener) (store.Token, error) {
	state, verifier := rand.Text(), rand.Text()+rand.Text()
	sum := sha256.Sum256([]byte(verifier))
	redirect := "http://" + l.Addr().String() + callback
	back := make(chan callbackResult, 1)
	server := &http.Server{Handler: callbackHandler(state, back), ReadHeaderTimeout: 10 * time.Second}
	defer func() { _ = server.Close() }()
	go func() { _ = server.Serve(l) }()

	err := b.invite(oidc, Invitation{URL: oidc.base + "/authorize?" + url.Values{
		"response_type": {"code"}, "client_id": {t.Client}, "redirect_uri": {redirect}, "state": {state},
		"code_challenge_method": {"S256"}, "code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])},
		"scopes": {strings.Join(scopes(s), " ")},
	}.Encode()})
	if err != nil {
		return t, err
	}
	select {
	case <-ctx.Done():
		return t, ctx.Err()
	case c := <-back:
		// Shutdown waits until the browser has got the page.
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

// invite tells the person what to do, then opens the browser. If none opens, the person
// has the address. An address that is not one of a web page is neither shown nor opened.
func (b Browser) invite(oidc rest, i Invitation) error {
	if !webPage(i.URL, oidc.base) || !creds.Printable(i.Code) {
		return malformed("the address for signing in is not one of a web page, so it was not opened")
	}
	if b.Show != nil {
		b.Show(i)
	}
	if b.Open != nil {
		if err := b.Open(i.URL); err != nil && b.Failed != nil {
			b.Failed(err)
		}
	}
	return nil
}

// webPage reports whether a text is the address of a web page and nothing that a program
// which opens addresses could take for a file, an option or a command: https with a host
// name, or what the endpoint itself has in their place.
func webPage(text, endpoint string) bool {
	u, err := url.Parse(text)
	if err != nil || u.User != nil || u.Opaque != "" || strings.ContainsFunc(text, oddInAddress) {
		return false
	}
	host := u.Hostname()
	own, err := url.Parse(endpoint)
	if err == nil && u.Scheme == own.Scheme && u.Host == own.Host && host != "" {
		return true
	}
	return u.Scheme == "https" && strings.Contains(strings.Trim(host, "."), ".") && !strings.HasPrefix(host, "-") &&
		!strings.ContainsFunc(host, func(r rune) bool {
			return r != '-' && r != '.' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
		})
}

// oddInAddress: what RFC 3986 does not allow in an address.
func oddInAddress(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune("\"<>\\^`{|}'", r) }

// callbackResult is what the browser brought back.
type callbackResult struct {
	code string
	err  error
}

// callbackHandler receives the browser. Any web page can send a browser to a port of this
// machine, so a request without the right state is refused, and the wait goes on.
func callbackHandler(state string, back chan<- callbackResult) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		if r.Method != http.MethodGet || r.URL.Path != callback || subtle.ConstantTimeCompare([]byte(q.Get("state")), []byte(state)) != 1 {
			page(w, http.StatusNotFound, "This is not the page you are looking for.")
			return
		}
		c := callbackResult{code: q.Get("code")}
		switch {
		case q.Get("error") == "access_denied":
			c.err = declined()
		case q.Get("error") == "invalid_client", q.Get("error") == "unauthorized_client":
			c.err = &smithy.GenericAPIError{Code: "InvalidClientException", Message: "AWS does not know this program any more"}
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
		default: // the page was loaded again
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

// withCode has the person compare a code, and asks AWS until that is done.
func (m *Maker) withCode(ctx context.Context, oidc rest, s *profiles.SSO, t store.Token, b Browser) (store.Token, error) {
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
	if err := oidc.call(ctx, restCall{method: http.MethodPost, path: "/device_authorization", body: in}, &out); err != nil {
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
	if err := b.invite(oidc, Invitation{URL: out.URLComplete, Code: out.UserCode}); err != nil {
		return t, err
	}
	return m.poll(ctx, oidc, t, out.DeviceCode, time.Duration(out.Interval)*time.Second)
}

// poll asks for the token as often as AWS allows, less often if AWS says so.
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
