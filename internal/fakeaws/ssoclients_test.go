package fakeaws_test

import (
	"crypto/sha1" // names the file, protects nothing
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ssooidc"

	"github.com/d44b7504/vault/internal/fakeaws"
	"github.com/d44b7504/vault/internal/testenv"
)

// These tests let boto3 and the AWS CLI sign in: with clients of their own, and
// with the token cache their own login would have left.

// ssoHome is a home with a profile for each name, that of the permission set,
// and the cached token of the sign-in behind them.
func (c *center) ssoHome(t *testing.T, reg *ssooidc.RegisterClientOutput, out *ssooidc.CreateTokenOutput, expires time.Time, names ...string) []string {
	t.Helper()
	home := t.TempDir()
	config := "[sso-session corp]\nsso_start_url = " + c.dir.StartURL() + "\nsso_region = eu-west-1\nsso_registration_scopes = " + scope + "\n"
	for _, n := range names {
		config += "[profile " + n + "]\nsso_session = corp\nsso_account_id = " + account + "\nsso_role_name = " + n + "\n"
	}
	must(t, os.WriteFile(filepath.Join(home, "config"), []byte(config), 0o600))
	token, err := json.Marshal(map[string]string{
		"startUrl": c.dir.StartURL(), "region": "eu-west-1",
		"accessToken": *out.AccessToken, "expiresAt": expires.UTC().Format(time.RFC3339), "refreshToken": *out.RefreshToken,
		"clientId": *reg.ClientId, "clientSecret": *reg.ClientSecret,
		"registrationExpiresAt": time.Unix(reg.ClientSecretExpiresAt, 0).UTC().Format(time.RFC3339),
	})
	must(t, err)
	sum := sha1.Sum([]byte("corp"))
	dir := filepath.Join(home, ".aws", "sso", "cache")
	must(t, os.MkdirAll(dir, 0o700))
	must(t, os.WriteFile(filepath.Join(dir, hex.EncodeToString(sum[:])+".json"), token, 0o600))
	return []string{"HOME=" + home, "AWS_CONFIG_FILE=" + filepath.Join(home, "config"), "AWS_ENDPOINT_URL=" + c.URL(), "AWS_MAX_ATTEMPTS=1"}
}

func TestTheCommandLineReadsACachedSignIn(t *testing.T) {
	testenv.OnlyLong(t, "the emulator with the AWS CLI")
	cli := testenv.Require(t, "awscli", "aws")
	c := newCenter(t, fakeaws.DirectoryOptions{User: "ada"})
	c.assign(t, account, "Admin")
	c.assign(t, account, "Gone")
	must(t, c.dir.Forbid(account, "Gone"))
	c.AddBucket(account, "reports")
	reg, out := c.signIn(t, scope)
	env := c.ssoHome(t, reg, out, time.Now().Add(time.Hour), "Admin", "Gone")
	me := []string{"sts", "get-caller-identity", "--query", "Arn", "--output", "text", "--profile"}
	stdout, stderr, err := run(t, env, cli, append(me, "Admin")...)
	if err != nil || !strings.HasSuffix(stdout, "/ada\n") || !strings.Contains(stdout, ":assumed-role/AWSReservedSSO_Admin_") {
		t.Errorf("%v\n%s%s", err, stdout, stderr)
	}
	stdout, stderr, err = run(t, env, cli, "s3", "ls", "--profile", "Admin")
	if err != nil || !strings.HasSuffix(stdout, " reports\n") {
		t.Errorf("%v\n%s%s", err, stdout, stderr)
	}
	_, stderr, err = run(t, env, cli, append(me, "Gone")...)
	if err == nil || !strings.Contains(stderr, "(ForbiddenException) when calling the GetRoleCredentials operation: No access") {
		t.Errorf("%v\n%s", err, stderr)
	}
	c.dir.RevokeSessions()
	env = c.ssoHome(t, reg, out, time.Now().Add(time.Hour), "Admin") // nothing of the first home's cached
	_, stderr, err = run(t, env, cli, append(me, "Admin")...)
	if err == nil || !strings.Contains(stderr, "session associated with this profile has expired or is otherwise invalid") {
		t.Errorf("%v\n%s", err, stderr)
	}
}

func TestTheCommandLineRefreshesACachedSignIn(t *testing.T) {
	testenv.OnlyLong(t, "the emulator with the AWS CLI")
	cli := testenv.Require(t, "awscli", "aws")
	c := newCenter(t, fakeaws.DirectoryOptions{})
	c.assign(t, account, "Admin")
	reg, out := c.signIn(t, scope)
	c.dir.ExpireAccessTokens()
	before := c.Calls("CreateToken")
	env := c.ssoHome(t, reg, out, time.Now().Add(-time.Minute), "Admin")
	if stdout, stderr, err := run(t, env, cli, "sts", "get-caller-identity", "--profile", "Admin"); err != nil || c.Calls("CreateToken") != before+1 {
		t.Errorf("%v after %d calls\n%s%s", err, c.Calls("CreateToken")-before, stdout, stderr)
	}
	_, err := c.refresh(reg, out.RefreshToken)
	wantRefusal(t, err, "InvalidGrantException", "") // the CLI spent it
}

func TestBoto3SignsInWithADeviceCode(t *testing.T) {
	c := newCenter(t, fakeaws.DirectoryOptions{})
	c.assign(t, account, "Admin")
	c.assign(t, account, "ReadOnly")
	c.dir.SetAnswer(fakeaws.Yes)
	got := c.boto(t, c.owner(), map[string]string{"start": c.dir.StartURL(), "scope": scope, "account": account}, `
oidc, portal = client('sso-oidc'), client('sso')
reg = oidc.register_client(clientName='boto', clientType='public', scopes=[arg['scope']])
me = dict(clientId=reg['clientId'], clientSecret=reg['clientSecret'])
dev = oidc.start_device_authorization(startUrl=arg['start'], **me)
ask = dict(me, grantType='urn:ietf:params:oauth:grant-type:device_code', deviceCode=dev['deviceCode'])
show('pending', call(lambda: oidc.create_token(**ask)))
show('too fast', call(lambda: oidc.create_token(**ask)))
dev = oidc.start_device_authorization(startUrl=arg['start'], **me)
page = urllib.request.urlopen(dev['verificationUriComplete']).read().decode()
show('page', 'Approved' if 'Approved' in page else page)
tok = oidc.create_token(**dict(ask, deviceCode=dev['deviceCode']))
show('again', call(lambda: oidc.create_token(**dict(ask, deviceCode=dev['deviceCode']))))
show('expires', str(tok['expiresIn']))
access = tok['accessToken']
show('accounts', ' '.join(a['accountId'] for p in portal.get_paginator('list_accounts').paginate(accessToken=access) for a in p['accountList']))
pages = list(portal.get_paginator('list_account_roles').paginate(accessToken=access, accountId=arg['account'], PaginationConfig={'PageSize': 1}))
show('roles', ' '.join(r['roleName'] for p in pages for r in p['roleList']) + ' in %d' % len(pages))
c = portal.get_role_credentials(accessToken=access, accountId=arg['account'], roleName='Admin')['roleCredentials']
show('role', client('sts', {'AccessKeyId': c['accessKeyId'], 'SecretAccessKey': c['secretAccessKey'], 'SessionToken': c['sessionToken']}).get_caller_identity()['Arn'].split('/')[-1])
show('none', call(lambda: portal.get_role_credentials(accessToken=access, accountId=arg['account'], roleName='Nobody')))
refresh = dict(me, grantType='refresh_token', refreshToken=tok['refreshToken'])
show('refreshed', str(oidc.create_token(**refresh)['accessToken'] != access))
show('spent', call(lambda: oidc.create_token(**refresh)))
portal.logout(accessToken=access)
show('after', call(lambda: portal.list_accounts(accessToken=access)))
show('unknown client', call(lambda: oidc.start_device_authorization(startUrl=arg['start'], clientId='x', clientSecret='x')))
`)
	wantAll(t, got, map[string]string{
		"pending":        "400 AuthorizationPendingException",
		"too fast":       "400 SlowDownException",
		"page":           "Approved",
		"again":          "400 InvalidGrantException",
		"expires":        "3600",
		"accounts":       account,
		"roles":          "Admin ReadOnly in 2",
		"role":           "person@example.com",
		"none":           "403 ForbiddenException",
		"refreshed":      "True",
		"spent":          "400 InvalidGrantException",
		"after":          "401 UnauthorizedException",
		"unknown client": "401 InvalidClientException",
	})
}

func TestBoto3AssumesARoleWithATokenFile(t *testing.T) {
	p := newPipeline(t)
	good, old := tokenFile(t, p.mint(t)), tokenFile(t, p.mint(t, "exp", p.clock.now().Add(-time.Minute).Unix()))
	got := p.boto(t, caller{}, map[string]string{"role": p.role, "good": good, "old": old}, `
for k in ('AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY'):
    os.environ.pop(k, None)
def who(path):
    os.environ.update(AWS_ROLE_ARN=arg['role'], AWS_WEB_IDENTITY_TOKEN_FILE=path, AWS_ROLE_SESSION_NAME='boto')
    return boto3.session.Session().client('sts', config=quiet).get_caller_identity()['Arn']
show('good', who(arg['good']))
show('old', call(lambda: who(arg['old'])))
`)
	wantAll(t, got, map[string]string{
		"good": "arn:aws:sts::" + account + ":assumed-role/deploy/boto",
		"old":  "400 ExpiredTokenException",
	})
}

func TestBoto3SpeaksToSignin(t *testing.T) {
	w := newWorld(t, fakeaws.Options{})
	p := newProver(t, w)
	proof := func() string { return p.proof(t, p.header(t), p.claims()) }
	got := w.boto(t, w.owner(), map[string]string{"client": p.client, "refresh": p.refresh, "one": proof(), "two": proof()}, `
signin = boto3.client('signin', config=botocore.config.Config(signature_version=botocore.UNSIGNED))
proof = []
signin.meta.events.register('before-call.signin.CreateOAuth2Token', lambda params, **kw: params['headers'].update({'DPoP': p for p in proof}))
def refresh(token, *p):
    proof[:] = p
    return signin.create_o_auth2_token(tokenInput={'clientId': arg['client'], 'grantType': 'refresh_token', 'refreshToken': token})
def why(f):
    try:
        return f()
    except botocore.exceptions.ClientError as e:
        return e.response['Error']['Code'] + ' ' + e.response['error']
show('no proof', why(lambda: refresh(arg['refresh'])))
t = refresh(arg['refresh'], arg['one'])['tokenOutput']
show('me', client('sts', {k[0].upper() + k[1:]: v for k, v in t['accessToken'].items()}).get_caller_identity()['Arn'])
show('type', '%s %d' % (t['tokenType'], t['expiresIn']))
show('replayed', why(lambda: refresh(t['refreshToken'], arg['one'])))
show('unknown', why(lambda: refresh('x', arg['two'])))
`)
	wantAll(t, got, map[string]string{
		"no proof": "ValidationException INVALID_REQUEST",
		"me":       w.user,
		"type":     "aws_sigv4 900",
		"replayed": "ValidationException INVALID_REQUEST",
		"unknown":  "AccessDeniedException TOKEN_EXPIRED",
	})
}
