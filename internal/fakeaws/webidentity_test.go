package fakeaws_test

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/d44b7504/vault/internal/creds"
	"github.com/d44b7504/vault/internal/fakeaws"
	"github.com/d44b7504/vault/internal/testenv"
)

// pipeline is a world whose account trusts a CI system's tokens.
type pipeline struct {
	*world
	issuer *fakeaws.Issuer
	role   string
}

func newPipeline(t *testing.T) *pipeline {
	t.Helper()
	w := newWorld(t, fakeaws.Options{})
	i, err := w.AddIssuer(account, "sts.amazonaws.com", "other.example.com")
	must(t, err)
	web := &fakeaws.WebIdentity{Issuer: i.URL, Audience: "sts.amazonaws.com", Subject: "repo:acme/*:ref:refs/heads/main"}
	return &pipeline{w, i, w.role(t, fakeaws.Role{Name: "deploy", Trust: fakeaws.Trust{Web: web}})}
}

func (p *pipeline) mint(t *testing.T, kv ...any) creds.Secret {
	t.Helper()
	claims := map[string]any{"sub": "repo:acme/site:ref:refs/heads/main"}
	for i := 0; i < len(kv); i += 2 {
		claims[kv[i].(string)] = kv[i+1]
	}
	token, err := p.issuer.MintES256(claims)
	must(t, err)
	return token
}

// assume calls without signing, as the SDK does for this action.
func (p *pipeline) assume(token creds.Secret, change func(*sts.AssumeRoleWithWebIdentityInput)) (*sts.AssumeRoleWithWebIdentityOutput, error) {
	in := &sts.AssumeRoleWithWebIdentityInput{RoleArn: &p.role, RoleSessionName: aws.String("build-7"), WebIdentityToken: aws.String(token.Reveal())}
	if change != nil {
		change(in)
	}
	client := sts.New(sts.Options{Region: "eu-west-1", BaseEndpoint: aws.String(p.URL()), Retryer: aws.NopRetryer{}})
	return client.AssumeRoleWithWebIdentity(bg, in)
}

func TestATokenOfATrustedIssuerBecomesARole(t *testing.T) {
	p := newPipeline(t)
	rs256, err := p.issuer.Mint(map[string]any{"sub": "repo:acme/site:ref:refs/heads/main"})
	must(t, err)
	for name, token := range map[string]creds.Secret{"RS256": rs256, "ES256": p.mint(t), "two audiences": p.mint(t, "aud", []string{"x", "sts.amazonaws.com"})} {
		t.Run(name, func(t *testing.T) {
			out, err := p.assume(token, nil)
			must(t, err)
			if *out.SubjectFromWebIdentityToken != "repo:acme/site:ref:refs/heads/main" || *out.Audience != "sts.amazonaws.com" || *out.Provider != p.issuer.ARN {
				t.Errorf("%s %s %s", *out.SubjectFromWebIdentityToken, *out.Audience, *out.Provider)
			}
			k := session(out.Credentials)
			me, err := p.client(k).GetCallerIdentity(bg, nil)
			must(t, err)
			if *me.Arn != "arn:aws:sts::"+account+":assumed-role/deploy/build-7" {
				t.Errorf("I am %s", *me.Arn)
			}
			p.send(t, p.buckets(k)).want(t, 200, "", "")
		})
	}
}

func TestATokenThatProvesNothingIsRefused(t *testing.T) {
	p := newPipeline(t)
	good := p.mint(t).Reveal()
	parts := strings.Split(good, ".")
	foreign, err := p.AddIssuer(other)
	must(t, err)
	theirs, err := foreign.MintES256(nil)
	must(t, err)
	posing, err := foreign.MintES256(map[string]any{"iss": p.issuer.URL})
	must(t, err)
	now := p.clock.now().Unix()
	for name, tc := range map[string]struct{ token, code, part string }{
		"no JWT":          {"opaque", "InvalidIdentityToken", "The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)"},
		"other issuer":    {theirs.Reveal(), "InvalidIdentityToken", "No OpenIDConnect provider found in your account for " + foreign.URL},
		"foreign key":     {posing.Reveal(), "InvalidIdentityToken", "Couldn't retrieve verification key from your identity provider"},
		"other claims":    {parts[0] + "." + strings.Split(p.mint(t, "sub", "x").Reveal(), ".")[1] + "." + parts[2], "InvalidIdentityToken", "signature"},
		"no signature":    {parts[0] + "." + parts[1] + ".", "InvalidIdentityToken", "signature"},
		"no subject":      {p.mint(t, "sub", nil).Reveal(), "InvalidIdentityToken", "Missing a required claim: sub"},
		"no audience":     {p.mint(t, "aud", nil).Reveal(), "InvalidIdentityToken", "Missing a required claim: aud"},
		"audience":        {p.mint(t, "aud", "elsewhere").Reveal(), "InvalidIdentityToken", "Incorrect token audience"},
		"expired":         {p.mint(t, "exp", now-1).Reveal(), "ExpiredTokenException", "Token expired: current date/time "},
		"not yet":         {p.mint(t, "nbf", now+60).Reveal(), "InvalidIdentityToken", "not valid before"},
		"other subject":   {p.mint(t, "sub", "repo:evil/site:ref:refs/heads/main").Reveal(), "AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity"},
		"other branch":    {p.mint(t, "sub", "repo:acme/site:ref:refs/heads/mainly").Reveal(), "AccessDenied", "Not authorized"},
		"role's audience": {p.mint(t, "aud", "other.example.com").Reveal(), "AccessDenied", "Not authorized"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := p.assume(creds.New(tc.token), nil)
			wantRefusal(t, err, tc.code, tc.part)
		})
	}
	_, err = p.assume(creds.New(good), nil)
	must(t, err)
}

// A token may not choose how it is checked: "none", and a secret made of the
// public key, are the two classic ways to forge one.
func TestATokenDoesNotChooseItsAlgorithm(t *testing.T) {
	p := newPipeline(t)
	parts := strings.Split(p.mint(t).Reveal(), ".")
	header := map[string]string{}
	decodePart(t, parts[0], &header)
	for _, alg := range []string{"none", "HS256", "RS256"} {
		header["alg"] = alg
		_, err := p.assume(creds.New(encodePart(t, header)+"."+parts[1]+"."+parts[2]), nil)
		wantRefusal(t, err, "InvalidIdentityToken", "signature")
	}
}

func TestATokenCanBeRevokedAndItsKeyWithdrawn(t *testing.T) {
	p := newPipeline(t)
	token, another := p.mint(t), p.mint(t)
	must(t, p.issuer.Revoke(token))
	_, err := p.assume(token, nil)
	wantRefusal(t, err, "IDPRejectedClaim", "responded with HTTP/1.1 400 Bad Request")
	_, err = p.assume(another, nil)
	must(t, err)
	p.issuer.RotateKeys()
	_, err = p.assume(another, nil)
	wantRefusal(t, err, "InvalidIdentityToken", "Couldn't retrieve verification key")
	_, err = p.assume(p.mint(t), nil)
	must(t, err)
	if err := p.issuer.Revoke(creds.New("opaque")); err == nil {
		t.Error("revoked something that is not a token")
	}
}

func TestAWebSessionHasTheRolesLimits(t *testing.T) {
	p := newPipeline(t)
	for name, tc := range map[string]struct {
		change func(*sts.AssumeRoleWithWebIdentityInput)
		code   string
	}{
		"too long": {func(in *sts.AssumeRoleWithWebIdentityInput) { in.DurationSeconds = aws.Int32(7200) }, "ValidationError"},
		"short":    {func(in *sts.AssumeRoleWithWebIdentityInput) { in.DurationSeconds = aws.Int32(60) }, "ValidationError"},
		"name":     {func(in *sts.AssumeRoleWithWebIdentityInput) { in.RoleSessionName = aws.String("a b") }, "ValidationError"},
		"policy":   {func(in *sts.AssumeRoleWithWebIdentityInput) { in.Policy = aws.String("{") }, "MalformedPolicyDocument"},
		"no role":  {func(in *sts.AssumeRoleWithWebIdentityInput) { in.RoleArn = aws.String(p.role + "x") }, "AccessDenied"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := p.assume(p.mint(t), tc.change)
			wantRefusal(t, err, tc.code, "")
		})
	}
	_, err := p.assume(p.mint(t), func(in *sts.AssumeRoleWithWebIdentityInput) { in.DurationSeconds = aws.Int32(900) })
	must(t, err)
	if q, ok := p.LastWebIdentity(); !ok || q.Duration != 15*time.Minute || q.SessionName != "build-7" || !strings.HasPrefix(q.Caller, "repo:acme/") {
		t.Errorf("recorded %+v", q)
	}
	p.Deny(p.role, "sts:AssumeRoleWithWebIdentity")
	_, err = p.assume(p.mint(t), nil)
	wantRefusal(t, err, "AccessDenied", "")
}

func TestOnlyATokenOpensAWebRole(t *testing.T) {
	p := newPipeline(t)
	_, err := p.client(p.owner()).AssumeRole(bg, &sts.AssumeRoleInput{RoleArn: &p.role, RoleSessionName: aws.String("x1")})
	wantRefusal(t, err, "AccessDenied", "")
	plain := p.world.role(t, fakeaws.Role{Name: "plain", Trust: fakeaws.Trust{Principals: []string{"*"}}})
	_, err = p.assume(p.mint(t), func(in *sts.AssumeRoleWithWebIdentityInput) { in.RoleArn = &plain })
	wantRefusal(t, err, "AccessDenied", "")
	_, err = p.assume(creds.New(""), nil)
	if err == nil {
		t.Error("no token was enough")
	}
}

func TestAnIssuerPublishesItsKeys(t *testing.T) {
	p := newPipeline(t)
	p.mint(t)
	var conf struct {
		Issuer  string
		JWKSURI string `json:"jwks_uri"`
	}
	must(t, json.Unmarshal([]byte(page(t, p.issuer.URL+"/.well-known/openid-configuration").body), &conf))
	if conf.Issuer != p.issuer.URL {
		t.Errorf("issuer %s", conf.Issuer)
	}
	if a := page(t, conf.JWKSURI); a.status != 200 || !strings.Contains(a.body, `"crv":"P-256"`) || strings.Contains(a.body, `"d"`) {
		t.Errorf("%d %s", a.status, a.body)
	}
	if a := page(t, p.URL()+"/issuer/9/jwks.json"); a.status != 404 {
		t.Errorf("%d %s", a.status, a.body)
	}
}

func page(t *testing.T, url string) answer {
	t.Helper()
	req, err := http.NewRequest(http.MethodGet, url, nil)
	must(t, err)
	return do(t, req)
}

// tokenFile is what a CI system leaves for its jobs.
func tokenFile(t *testing.T, token creds.Secret) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "token")
	must(t, os.WriteFile(path, []byte(token.Reveal()), 0o600))
	return path
}

func TestTheCommandLineAssumesARoleWithATokenFile(t *testing.T) {
	testenv.OnlyLong(t, "the emulator with the AWS CLI")
	cli := testenv.Require(t, "awscli", "aws")
	p := newPipeline(t)
	env := func(token creds.Secret) []string {
		return []string{"AWS_ENDPOINT_URL=" + p.URL(), "AWS_ROLE_ARN=" + p.role, "AWS_ROLE_SESSION_NAME=build-8", "AWS_WEB_IDENTITY_TOKEN_FILE=" + tokenFile(t, token), "AWS_MAX_ATTEMPTS=1"}
	}
	rs256, err := p.issuer.Mint(map[string]any{"sub": "repo:acme/site:ref:refs/heads/main"})
	must(t, err)
	stdout, stderr, err := run(t, env(rs256), cli, "sts", "get-caller-identity", "--query", "Arn", "--output", "text")
	if err != nil || stdout != "arn:aws:sts::"+account+":assumed-role/deploy/build-8\n" {
		t.Errorf("%v\n%s%s", err, stdout, stderr)
	}
	_, stderr, err = run(t, env(p.mint(t, "aud", "elsewhere")), cli, "sts", "get-caller-identity")
	if err == nil || !strings.Contains(stderr, "(InvalidIdentityToken) when calling the AssumeRoleWithWebIdentity operation: Incorrect token audience") {
		t.Errorf("%v\n%s", err, stderr)
	}
}
