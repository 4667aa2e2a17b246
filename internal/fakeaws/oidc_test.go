package fakeaws_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sso"
	"github.com/aws/aws-sdk-go-v2/service/ssooidc"

	"github.com/d44b7504/vault/internal/fakeaws"
)

const (
	deviceGrant = "urn:ietf:params:oauth:grant-type:device_code"
	scope       = "sso:account:access"
)

// center is a world with an Identity Center, and the SDK's clients for it.
type center struct {
	*world
	dir    *fakeaws.Directory
	oidc   *ssooidc.Client
	portal *sso.Client
}

func newCenter(t *testing.T, o fakeaws.DirectoryOptions) *center {
	t.Helper()
	w := newWorld(t, fakeaws.Options{})
	dir, err := w.AddDirectory(o)
	must(t, err)
	return &center{
		world:  w,
		dir:    dir,
		oidc:   ssooidc.New(ssooidc.Options{Region: "eu-west-1", BaseEndpoint: aws.String(w.URL()), Retryer: aws.NopRetryer{}}),
		portal: sso.New(sso.Options{Region: "eu-west-1", BaseEndpoint: aws.String(w.URL()), Retryer: aws.NopRetryer{}}),
	}
}

func (c *center) assign(t *testing.T, account, set string) string {
	t.Helper()
	arn, err := c.dir.Assign(account, set)
	must(t, err)
	return arn
}

func (c *center) register(t *testing.T, scopes ...string) *ssooidc.RegisterClientOutput {
	t.Helper()
	reg, err := c.oidc.RegisterClient(bg, &ssooidc.RegisterClientInput{ClientName: aws.String("vault"), ClientType: aws.String("public"), Scopes: scopes})
	must(t, err)
	return reg
}

func (c *center) start(t *testing.T, reg *ssooidc.RegisterClientOutput) *ssooidc.StartDeviceAuthorizationOutput {
	t.Helper()
	out, err := c.oidc.StartDeviceAuthorization(bg, &ssooidc.StartDeviceAuthorizationInput{ClientId: reg.ClientId, ClientSecret: reg.ClientSecret, StartUrl: aws.String(c.dir.StartURL())})
	must(t, err)
	return out
}

func (c *center) poll(reg *ssooidc.RegisterClientOutput, code *string) (*ssooidc.CreateTokenOutput, error) {
	return c.oidc.CreateToken(bg, &ssooidc.CreateTokenInput{ClientId: reg.ClientId, ClientSecret: reg.ClientSecret, GrantType: aws.String(deviceGrant), DeviceCode: code})
}

func (c *center) refresh(reg *ssooidc.RegisterClientOutput, token *string) (*ssooidc.CreateTokenOutput, error) {
	return c.oidc.CreateToken(bg, &ssooidc.CreateTokenInput{ClientId: reg.ClientId, ClientSecret: reg.ClientSecret, GrantType: aws.String("refresh_token"), RefreshToken: token})
}

// signIn is the whole device flow.
func (c *center) signIn(t *testing.T, scopes ...string) (*ssooidc.RegisterClientOutput, *ssooidc.CreateTokenOutput) {
	t.Helper()
	reg := c.register(t, scopes...)
	device := c.start(t, reg)
	must(t, c.dir.Approve(bg, *device.UserCode))
	out, err := c.poll(reg, device.DeviceCode)
	must(t, err)
	return reg, out
}

// post sends JSON to Identity Center by hand.
func (c *center) post(t *testing.T, path, body string) answer {
	t.Helper()
	req, err := http.NewRequest(http.MethodPost, c.URL()+path, strings.NewReader(body))
	must(t, err)
	req.Header.Set("Content-Type", "application/json")
	return do(t, req)
}

func (a answer) wantOIDC(t *testing.T, status int, kind, word string) {
	t.Helper()
	var doc struct{ Error string }
	must(t, json.Unmarshal([]byte(a.body), &doc))
	if a.status != status || a.header.Get("X-Amzn-Errortype") != kind || doc.Error != word {
		t.Errorf("got %d %s %s, want %d %s %s", a.status, a.header.Get("X-Amzn-Errortype"), a.body, status, kind, word)
	}
}

func TestADeviceWaitsUntilThePersonApproves(t *testing.T) {
	c := newCenter(t, fakeaws.DirectoryOptions{})
	reg := c.register(t, scope)
	device := c.start(t, reg)
	if device.Interval != 1 || device.ExpiresIn != 600 || !strings.HasSuffix(*device.VerificationUriComplete, *device.UserCode) {
		t.Errorf("%d %d %s", device.Interval, device.ExpiresIn, *device.VerificationUriComplete)
	}
	_, err := c.poll(reg, device.DeviceCode)
	wantRefusal(t, err, "AuthorizationPendingException", "")
	must(t, c.dir.Approve(bg, *device.VerificationUriComplete))
	c.clock.forward(time.Second)
	out, err := c.poll(reg, device.DeviceCode)
	must(t, err)
	if *out.TokenType != "Bearer" || out.ExpiresIn != 3600 || out.RefreshToken == nil {
		t.Errorf("%s %d %v", *out.TokenType, out.ExpiresIn, out.RefreshToken != nil)
	}
	_, err = c.portal.ListAccounts(bg, &sso.ListAccountsInput{AccessToken: out.AccessToken})
	must(t, err)
	c.clock.forward(time.Minute)
	_, err = c.poll(reg, device.DeviceCode)
	wantRefusal(t, err, "InvalidGrantException", "")
}

func TestPollingTooFastSlowsTheDeviceDown(t *testing.T) {
	c := newCenter(t, fakeaws.DirectoryOptions{Interval: 2 * time.Second})
	reg := c.register(t)
	device := c.start(t, reg)
	for _, step := range []struct {
		after time.Duration
		want  string
	}{
		{0, "AuthorizationPendingException"},
		{time.Second, "SlowDownException"}, // 2 s were asked for; now 7
		{6 * time.Second, "SlowDownException"},
		{13 * time.Second, "AuthorizationPendingException"},
	} {
		c.clock.forward(step.after)
		_, err := c.poll(reg, device.DeviceCode)
		wantRefusal(t, err, step.want, "")
	}
	must(t, c.dir.Approve(bg, *device.UserCode))
	_, err := c.poll(reg, device.DeviceCode)
	wantRefusal(t, err, "SlowDownException", "") // approved, and still too fast
	c.clock.forward(18 * time.Second)
	_, err = c.poll(reg, device.DeviceCode)
	must(t, err)
}

func TestARefusedDeviceGetsNothing(t *testing.T) {
	c := newCenter(t, fakeaws.DirectoryOptions{})
	reg := c.register(t)
	device := c.start(t, reg)
	must(t, c.dir.Refuse(bg, *device.UserCode))
	_, err := c.poll(reg, device.DeviceCode)
	wantRefusal(t, err, "AccessDeniedException", "")
	if err := c.dir.Approve(bg, *device.UserCode); err == nil {
		t.Error("approved what was refused")
	}
}

func TestADeviceCodeExpiresAndBelongsToItsClient(t *testing.T) {
	c := newCenter(t, fakeaws.DirectoryOptions{DeviceLife: time.Minute})
	reg, thief := c.register(t), c.register(t)
	device := c.start(t, reg)
	must(t, c.dir.Approve(bg, *device.UserCode))
	_, err := c.poll(thief, device.DeviceCode)
	wantRefusal(t, err, "InvalidGrantException", "")
	c.clock.forward(61 * time.Second)
	_, err = c.poll(reg, device.DeviceCode)
	wantRefusal(t, err, "ExpiredTokenException", "")
	late := c.start(t, reg)
	c.clock.forward(61 * time.Second)
	if err := c.dir.Approve(bg, *late.UserCode); err == nil || !strings.Contains(err.Error(), "expired") {
		t.Errorf("approved too late: %v", err)
	}
}

func TestAClientIsRefusedForWhatItRegisters(t *testing.T) {
	c := newCenter(t, fakeaws.DirectoryOptions{})
	const named = `{"clientName":"vault","clientType":"public"`
	for name, tc := range map[string]struct{ body, kind, word string }{
		"no JSON":          {`{`, "InvalidRequestException", "invalid_request"},
		"no name":          {`{"clientType":"public"}`, "InvalidRequestException", "invalid_request"},
		"other case":       {`{"ClientName":"vault","clientType":"public"}`, "InvalidRequestException", "invalid_request"},
		"confidential":     {`{"clientName":"vault","clientType":"confidential"}`, "InvalidClientMetadataException", "invalid_client_metadata"},
		"scope":            {named + `,"scopes":["everything"]}`, "InvalidScopeException", "invalid_scope"},
		"grant":            {named + `,"grantTypes":["password"]}`, "UnsupportedGrantTypeException", "unsupported_grant_type"},
		"a name, no IP":    {named + `,"redirectUris":["http://localhost/"]}`, "InvalidRedirectUriException", "invalid_redirect_uri"},
		"elsewhere":        {named + `,"redirectUris":["http://192.0.2.1/"]}`, "InvalidRedirectUriException", "invalid_redirect_uri"},
		"https":            {named + `,"redirectUris":["https://127.0.0.1/"]}`, "InvalidRedirectUriException", "invalid_redirect_uri"},
		"code, no address": {named + `,"grantTypes":["authorization_code"]}`, "InvalidRequestException", "invalid_request"},
		"unknown issuer":   {named + `,"issuerUrl":"https://elsewhere.awsapps.com/start"}`, "InvalidRequestException", "invalid_request"},
	} {
		t.Run(name, func(t *testing.T) {
			c.post(t, "/client/register", tc.body).wantOIDC(t, 400, tc.kind, tc.word)
		})
	}
	if a := c.post(t, "/client/register", named+`,"redirectUris":["http://127.0.0.1:7/x","http://[::1]/x"],"issuerUrl":"`+c.dir.StartURL()+`/#/"}`); a.status != 200 {
		t.Errorf("%d %s", a.status, a.body)
	}
}

func TestAClientIsRefusedForWhatItIs(t *testing.T) {
	c := newCenter(t, fakeaws.DirectoryOptions{})
	reg := c.register(t)
	for name, tc := range map[string]struct {
		change func(*ssooidc.StartDeviceAuthorizationInput)
		want   string
	}{
		"unknown":      {func(in *ssooidc.StartDeviceAuthorizationInput) { in.ClientId = aws.String("x") }, "InvalidClientException"},
		"wrong secret": {func(in *ssooidc.StartDeviceAuthorizationInput) { in.ClientSecret = aws.String("x") }, "InvalidClientException"},
		"directory":    {func(in *ssooidc.StartDeviceAuthorizationInput) { in.StartUrl = aws.String("https://x.test") }, "InvalidRequestException"},
	} {
		t.Run(name, func(t *testing.T) {
			in := &ssooidc.StartDeviceAuthorizationInput{ClientId: reg.ClientId, ClientSecret: reg.ClientSecret, StartUrl: aws.String(c.dir.StartURL())}
			tc.change(in)
			_, err := c.oidc.StartDeviceAuthorization(bg, in)
			wantRefusal(t, err, tc.want, "")
		})
	}
	in := &ssooidc.CreateTokenInput{ClientId: reg.ClientId, ClientSecret: reg.ClientSecret, GrantType: aws.String("authorization_code")}
	_, err := c.oidc.CreateToken(bg, in)
	wantRefusal(t, err, "UnauthorizedClientException", "")
	in.GrantType = aws.String("password")
	_, err = c.oidc.CreateToken(bg, in)
	wantRefusal(t, err, "UnsupportedGrantTypeException", "")
	in.GrantType = aws.String(deviceGrant)
	_, err = c.oidc.CreateToken(bg, in)
	wantRefusal(t, err, "InvalidRequestException", "")
}

func TestARegistrationEndsAfterNinetyDaysOrWhenForgotten(t *testing.T) {
	c := newCenter(t, fakeaws.DirectoryOptions{})
	reg := c.register(t)
	if left := time.Unix(reg.ClientSecretExpiresAt, 0).Sub(c.clock.now()); left < 2159*time.Hour || left > 2160*time.Hour {
		t.Errorf("expires in %s", left)
	}
	c.clock.forward(90 * 24 * time.Hour)
	_, err := c.poll(reg, aws.String("x"))
	wantRefusal(t, err, "InvalidClientException", "")
	reg = c.register(t)
	c.ForgetClients()
	_, err = c.poll(reg, aws.String("x"))
	wantRefusal(t, err, "InvalidClientException", "")
}

func TestARefreshTokenIsForOneUseAndOneClient(t *testing.T) {
	c := newCenter(t, fakeaws.DirectoryOptions{})
	reg, first := c.signIn(t, scope)
	_, err := c.refresh(c.register(t, scope), first.RefreshToken)
	wantRefusal(t, err, "InvalidGrantException", "")
	second, err := c.refresh(reg, first.RefreshToken)
	must(t, err)
	if *second.RefreshToken == *first.RefreshToken || *second.AccessToken == *first.AccessToken {
		t.Error("the same tokens again")
	}
	_, err = c.refresh(reg, first.RefreshToken)
	wantRefusal(t, err, "InvalidGrantException", "")
	_, err = c.refresh(reg, second.RefreshToken)
	must(t, err)
	if _, plain := c.signIn(t); plain.RefreshToken != nil || plain.ExpiresIn != 8*3600 {
		t.Errorf("without a scope: refresh token %v, %d s", plain.RefreshToken != nil, plain.ExpiresIn)
	}
}

func TestTokensEndWithTheirTimesAndWithTheSession(t *testing.T) {
	c := newCenter(t, fakeaws.DirectoryOptions{SessionLife: 90 * time.Minute})
	works := func(out *ssooidc.CreateTokenOutput) error {
		_, err := c.portal.ListAccounts(bg, &sso.ListAccountsInput{AccessToken: out.AccessToken})
		return err
	}
	reg, first := c.signIn(t, scope)
	c.clock.forward(time.Hour)
	wantRefusal(t, works(first), "UnauthorizedException", "Session token not found or invalid")
	second, err := c.refresh(reg, first.RefreshToken)
	must(t, err)
	if second.ExpiresIn < 1790 || second.ExpiresIn > 1800 {
		t.Errorf("%d s, of the thirty minutes the session has left", second.ExpiresIn)
	}
	c.dir.ExpireAccessTokens()
	wantRefusal(t, works(second), "UnauthorizedException", "")
	third, err := c.refresh(reg, second.RefreshToken)
	must(t, err)
	must(t, works(third))
	c.clock.forward(30 * time.Minute)
	_, err = c.refresh(reg, third.RefreshToken)
	wantRefusal(t, err, "InvalidGrantException", "")

	reg, out := c.signIn(t, scope)
	c.dir.RevokeSessions()
	wantRefusal(t, works(out), "UnauthorizedException", "")
	_, err = c.refresh(reg, out.RefreshToken)
	wantRefusal(t, err, "InvalidGrantException", "")
}

func TestInjectedErrorsSpeakIdentityCentersLanguages(t *testing.T) {
	c := newCenter(t, fakeaws.DirectoryOptions{})
	c.Inject("RegisterClient", fakeaws.Fault{Status: 500, Code: "InternalServerException"})
	c.post(t, "/client/register", `{}`).wantOIDC(t, 500, "InternalServerException", "internal_server")
	_, out := c.signIn(t)
	c.Inject("ListAccounts", fakeaws.Fault{Status: 429, Code: "TooManyRequestsException", Message: "HTTP 429 Unknown Code", RetryAfter: 3 * time.Second})
	a := c.get(t, "/assignment/accounts", *out.AccessToken)
	if a.status != 429 || a.header.Get("Retry-After") != "3" || a.header.Get("X-Amzn-Errortype") != "TooManyRequestsException" {
		t.Errorf("%d %v %s", a.status, a.header, a.body)
	}
	c.Inject("ListAccounts", fakeaws.Fault{Body: `{"accountList":[`})
	if a := c.get(t, "/assignment/accounts", *out.AccessToken); a.status != 200 || a.body != `{"accountList":[` {
		t.Errorf("%d %s", a.status, a.body)
	}
	c.Inject("ListAccounts", fakeaws.Fault{Status: 502, Body: "<html>"})
	if a := c.get(t, "/assignment/accounts", *out.AccessToken); a.status != 502 || a.body != "<html>" {
		t.Errorf("%d %s", a.status, a.body)
	}
}

func challenge(verifier string) string {
	sum := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

func TestUserCodesAreNotMisread(t *testing.T) {
	c := newCenter(t, fakeaws.DirectoryOptions{})
	reg := c.register(t)
	seen := map[string]bool{}
	for range 20 {
		code := *c.start(t, reg).UserCode
		if len(code) != 9 || code[4] != '-' || strings.ContainsAny(code, "AEIOU01") || seen[code] {
			t.Errorf("code %q", code)
		}
		seen[code] = true
	}
}
