package fakeaws_test

import (
	"context"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssooidc"

	"github.com/d44b7504/vault/internal/fakeaws"
)

const verifier = "a-verifier-of-at-least-forty-three-characters-long"

// waiter is a program that waits on a loopback port for a browser to come back.
type waiter struct {
	*center
	reg      *ssooidc.RegisterClientOutput
	redirect string
	came     chan url.Values
}

func newWaiter(t *testing.T) *waiter {
	t.Helper()
	c := newCenter(t, fakeaws.DirectoryOptions{})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	p := &waiter{center: c, redirect: "http://" + l.Addr().String() + "/oauth/callback", came: make(chan url.Values, 8)}
	server := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { p.came <- r.URL.Query() })}
	go func() { _ = server.Serve(l) }()
	t.Cleanup(func() { must(t, server.Close()) })
	p.reg, err = c.oidc.RegisterClient(bg, &ssooidc.RegisterClientInput{
		ClientName: aws.String("vault"), ClientType: aws.String("public"), Scopes: []string{scope},
		GrantTypes: []string{"authorization_code", "refresh_token"}, RedirectUris: []string{"http://127.0.0.1/oauth/callback"},
		IssuerUrl: aws.String(c.dir.StartURL()),
	})
	must(t, err)
	return p
}

// page is where the browser is sent, with what is different about it.
func (p *waiter) page(kv ...string) string {
	q := url.Values{
		"response_type": {"code"}, "client_id": {*p.reg.ClientId}, "redirect_uri": {p.redirect}, "state": {"of mind"},
		"code_challenge_method": {"S256"}, "code_challenge": {challenge(verifier)}, "scopes": {scope},
	}
	for i := 0; i < len(kv); i += 2 {
		q.Set(kv[i], kv[i+1])
	}
	return *p.reg.AuthorizationEndpoint + "?" + q.Encode()
}

// code is what the browser brings back after the person approved.
func (p *waiter) code(t *testing.T) string {
	t.Helper()
	must(t, p.dir.Approve(bg, p.page()))
	q := p.back(t)
	if q.Get("state") != "of mind" || q.Get("code") == "" {
		t.Fatalf("came back with %v", q)
	}
	return q.Get("code")
}

func (p *waiter) back(t *testing.T) url.Values {
	t.Helper()
	select {
	case q := <-p.came:
		return q
	case <-time.After(time.Minute):
		t.Fatal("the browser did not come back")
		return nil
	}
}

func (p *waiter) redeem(code string, change func(*ssooidc.CreateTokenInput)) (*ssooidc.CreateTokenOutput, error) {
	in := &ssooidc.CreateTokenInput{
		ClientId: p.reg.ClientId, ClientSecret: p.reg.ClientSecret, GrantType: aws.String("authorization_code"),
		Code: &code, RedirectUri: &p.redirect, CodeVerifier: aws.String(verifier),
	}
	if change != nil {
		change(in)
	}
	return p.oidc.CreateToken(bg, in)
}

func TestABrowserComesBackWithACodeThatWorksOnce(t *testing.T) {
	p := newWaiter(t)
	code := p.code(t)
	out, err := p.redeem(code, nil)
	must(t, err)
	if out.RefreshToken == nil || out.ExpiresIn != 3600 {
		t.Errorf("%d s, refresh token %v", out.ExpiresIn, out.RefreshToken != nil)
	}
	_, err = p.refresh(p.reg, out.RefreshToken)
	must(t, err)
	_, err = p.redeem(code, nil)
	wantRefusal(t, err, "InvalidGrantException", "")
}

func TestACodeIsBoundToWhatItWasAskedWith(t *testing.T) {
	p := newWaiter(t)
	thief := newWaiter(t)
	for name, change := range map[string]func(*ssooidc.CreateTokenInput){
		"verifier":    func(in *ssooidc.CreateTokenInput) { in.CodeVerifier = aws.String(verifier + "x") },
		"redirect":    func(in *ssooidc.CreateTokenInput) { in.RedirectUri = &thief.redirect },
		"short proof": func(in *ssooidc.CreateTokenInput) { in.CodeVerifier = aws.String("x") },
	} {
		t.Run(name, func(t *testing.T) {
			code := p.code(t)
			_, err := p.redeem(code, change)
			wantRefusal(t, err, "InvalidGrantException", "")
			_, err = p.redeem(code, nil)
			wantRefusal(t, err, "InvalidGrantException", "") // tried once, spent
		})
	}
	other, err := p.oidc.RegisterClient(bg, &ssooidc.RegisterClientInput{
		ClientName: aws.String("other"), ClientType: aws.String("public"), GrantTypes: []string{"authorization_code"},
		RedirectUris: []string{"http://127.0.0.1/oauth/callback"}, IssuerUrl: aws.String(p.dir.StartURL()),
	})
	must(t, err)
	_, err = p.redeem(p.code(t), func(in *ssooidc.CreateTokenInput) { in.ClientId, in.ClientSecret = other.ClientId, other.ClientSecret })
	wantRefusal(t, err, "InvalidGrantException", "")
	code := p.code(t)
	p.clock.forward(10 * time.Minute)
	_, err = p.redeem(code, nil)
	wantRefusal(t, err, "ExpiredTokenException", "")
	_, err = p.redeem(code, func(in *ssooidc.CreateTokenInput) { in.CodeVerifier = nil })
	wantRefusal(t, err, "InvalidRequestException", "")
}

func TestABrowserComesBackWithARefusal(t *testing.T) {
	p := newWaiter(t)
	must(t, p.dir.Refuse(bg, p.page()))
	if q := p.back(t); q.Get("error") != "access_denied" || q.Get("state") != "of mind" || q.Has("code") {
		t.Errorf("came back with %v", q)
	}
}

// fetch is a browser that shows one page and goes nowhere else.
func fetch(t *testing.T, page string) answer {
	t.Helper()
	req, err := http.NewRequest(http.MethodGet, page, nil)
	must(t, err)
	resp, err := http.DefaultTransport.RoundTrip(req)
	must(t, err)
	must(t, resp.Body.Close())
	return answer{status: resp.StatusCode, header: resp.Header}
}

func TestNothingIsSentToAnAddressThatIsNotTheClients(t *testing.T) {
	p := newWaiter(t)
	p.dir.SetAnswer(fakeaws.Yes)
	for name, kv := range map[string][2]string{
		"another path":    {"redirect_uri", strings.Replace(p.redirect, "callback", "elsewhere", 1)},
		"another host":    {"redirect_uri", "http://192.0.2.1/oauth/callback"},
		"a name":          {"redirect_uri", strings.Replace(p.redirect, "127.0.0.1", "localhost", 1)},
		"unknown client":  {"client_id", "x"},
		"no state":        {"state", ""},
		"plain challenge": {"code_challenge_method", "plain"},
		"no challenge":    {"code_challenge", ""},
		"no code":         {"response_type", "token"},
		"too much":        {"scopes", "codewhisperer:completions"},
	} {
		t.Run(name, func(t *testing.T) {
			if a := fetch(t, p.page(kv[0], kv[1])); a.status != 400 || a.header.Get("Location") != "" {
				t.Errorf("%d %s", a.status, a.header.Get("Location"))
			}
			if err := p.dir.Approve(bg, p.page(kv[0], kv[1])); err == nil {
				t.Error("approved")
			}
		})
	}
	if a := fetch(t, p.page()); a.status != 302 || !strings.HasPrefix(a.header.Get("Location"), p.redirect+"?") {
		t.Errorf("%d %s", a.status, a.header.Get("Location"))
	}
}

func TestAPersonCanAnswerBeforeBeingAsked(t *testing.T) {
	p := newWaiter(t)
	if a := fetch(t, p.page()); a.status != 200 || a.header.Get("Location") != "" {
		t.Errorf("unasked: %d %s", a.status, a.header.Get("Location"))
	}
	p.dir.SetAnswer(fakeaws.No)
	if a := fetch(t, p.page()); a.status != 302 || !strings.Contains(a.header.Get("Location"), "error=access_denied") {
		t.Errorf("%d %s", a.status, a.header.Get("Location"))
	}
	p.dir.SetAnswer(fakeaws.Yes)
	reg := p.register(t)
	device := p.start(t, reg)
	fetch(t, *device.VerificationUriComplete)
	_, err := p.poll(reg, device.DeviceCode)
	must(t, err)
}

func TestThePagesHaveWhatAPersonNeeds(t *testing.T) {
	p := newWaiter(t)
	reg := p.register(t)
	device := p.start(t, reg)
	for page, parts := range map[string][]string{
		p.page():                        {`<form method="post">`, `value="approve"`, `value="deny"`, "vault asks"},
		*device.VerificationUri:         {`<form method="get">`, `name="user_code"`},
		*device.VerificationUriComplete: {`<form method="post">`, *device.UserCode, `value="approve"`},
	} {
		req, err := http.NewRequest(http.MethodGet, page, nil)
		must(t, err)
		a := do(t, req)
		for _, part := range parts {
			if a.status != 200 || !strings.Contains(a.body, part) {
				t.Errorf("%s: %d, no %s in\n%s", page, a.status, part, a.body)
			}
		}
	}
}

func TestAPersonOnlyPressesButtonsOfThisServer(t *testing.T) {
	p := newWaiter(t)
	for _, page := range []string{"http://192.0.2.1/authorize", "NOT-ACODE", p.URL() + "/device?user_code=BCDF-BCDF"} {
		if err := p.dir.Approve(bg, page); err == nil {
			t.Errorf("approved %s", page)
		}
	}
	gone, cancel := context.WithCancel(bg)
	cancel()
	if err := p.dir.Approve(gone, p.page()); err == nil {
		t.Error("approved after the person had gone")
	}
}
