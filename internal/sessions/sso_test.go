package sessions

import (
	"context"
	"crypto/sha1"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/d44b7504/vault/internal/creds"
	"github.com/d44b7504/vault/internal/fakeaws"
	"github.com/d44b7504/vault/internal/profiles"
	"github.com/d44b7504/vault/internal/storetest"
	"github.com/d44b7504/vault/store"
)

// center is a bench with an Identity Center, and a person who agrees to everything a
// browser shows.
type center struct {
	*bench
	dir     *fakeaws.Directory
	browser Browser
	mu      sync.Mutex
	shown   []Invitation
}

func newCenter(t *testing.T, o fakeaws.DirectoryOptions) *center {
	t.Helper()
	c := &center{bench: newBench(t)}
	var err error
	c.dir, err = c.aws.AddDirectory(o)
	noError(t, err)
	noError(t, c.dir.AddAccount(account, "dev"))
	_, err = c.dir.Assign(account, "Admin")
	noError(t, err)
	c.dir.SetAnswer(fakeaws.Yes)
	c.browser = Browser{
		Timeout: 20 * time.Second,
		Show: func(i Invitation) {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.shown = append(c.shown, i)
		},
		Open: func(url string) error { go visit(url); return nil },
	}
	c.Maker.Browser = func(profiles.Profile) *Browser { return &c.browser }
	lock := make(chan struct{}, 1)
	c.Lock = func(ctx context.Context, _ string) (func(), error) {
		select {
		case lock <- struct{}{}:
			return func() { <-lock }, nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return c
}

// visit is all a browser does.
func visit(address string) {
	if res, err := http.Get(address); err == nil {
		_, _ = io.Copy(io.Discard, res.Body)
		_ = res.Body.Close()
	}
}

func (c *center) sso() *profiles.SSO {
	return &profiles.SSO{Session: "corp", StartURL: c.dir.StartURL(), Region: "eu-west-1", Account: account, Role: "Admin"}
}

func (c *center) profile() profiles.Profile {
	return profiles.Profile{Name: "dev", Region: "eu-west-1", Source: profiles.Source{SSO: c.sso()}}
}

func (c *center) invited() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.shown)
}

func (c *center) calls(action string, want int) {
	c.t.Helper()
	if got := c.aws.Calls(action); got != want {
		c.t.Errorf("%s was called %d times, not %d", action, got, want)
	}
}

func (c *center) token() store.Token {
	c.t.Helper()
	t, err := c.SignedIn(context.Background(), c.sso())
	noError(c.t, err)
	return t
}

// expire makes the stored sign-in one that has to be renewed.
func (c *center) expire() {
	c.t.Helper()
	t := c.token()
	t.Expires = time.Now().Add(-time.Minute)
	noError(c.t, store.PutToken(context.Background(), c.Store, tokenName(c.sso()), t))
	c.dir.ExpireAccessTokens()
}

// made makes a session and checks that AWS knows it.
func (c *center) made() creds.Session {
	c.t.Helper()
	s, err := c.Make(context.Background(), c.profile())
	noError(c.t, err)
	who, err := WhoAmI(context.Background(), Endpoint{Region: "eu-west-1", URL: c.aws.URL()}, s)
	noError(c.t, err)
	if who.Account != account || !strings.Contains(who.ARN, "_Admin_") {
		c.t.Errorf("AWS takes us for %s", who.ARN)
	}
	return s
}

func TestABrowserSignsInOnceForManySessions(t *testing.T) {
	c := newCenter(t, fakeaws.DirectoryOptions{})
	s := c.made()
	if !s.Expires.After(time.Now()) || s.Issued.IsZero() || s.Token.IsZero() {
		t.Errorf("not a session: %+v", s)
	}
	c.made()
	if c.invited() != 1 || c.shown[0].Code != "" {
		t.Errorf("the person was sent to the browser %d times", c.invited())
	}
	c.calls("RegisterClient", 1)
	c.calls("CreateToken", 1)
}

func TestACodeSignsInWhereNoBrowserCanComeBack(t *testing.T) {
	t.Parallel()
	c := newCenter(t, fakeaws.DirectoryOptions{})
	c.browser.Device = true
	c.made()
	if c.invited() != 1 || c.shown[0].Code == "" || !strings.Contains(c.shown[0].URL, url.QueryEscape(c.shown[0].Code)) {
		t.Errorf("the person was shown %+v", c.shown)
	}
}

func TestATakenPortLeadsToTheCode(t *testing.T) {
	t.Parallel()
	c := newCenter(t, fakeaws.DirectoryOptions{})
	c.browser.Listen = func() (net.Listener, error) { return nil, errors.New("address already in use") }
	c.made()
	if c.shown[0].Code == "" {
		t.Error("no code was shown")
	}
}

func TestAskedToSlowDownItAsksLessOften(t *testing.T) {
	t.Parallel()
	c := newCenter(t, fakeaws.DirectoryOptions{})
	c.browser.Device = true
	c.aws.Inject("CreateToken", fakeaws.Fault{Status: 400, Code: "SlowDownException"})
	began := time.Now()
	c.made()
	if took := time.Since(began); took < 6*time.Second {
		t.Errorf("it asked again after %v", took)
	}
}

func TestASignInIsRenewedWithoutAPerson(t *testing.T) {
	c := newCenter(t, fakeaws.DirectoryOptions{})
	c.made()
	first := c.token()
	c.expire()
	c.Maker.Browser, c.Ask = nil, nil
	c.made()
	if now := c.token(); now.Refresh.Equal(first.Refresh) || now.Access.Equal(first.Access) {
		t.Error("the sign-in was not renewed")
	}
	c.calls("RegisterClient", 1)
}

func TestWithoutAPersonThereIsNoBrowser(t *testing.T) {
	c := newCenter(t, fakeaws.DirectoryOptions{})
	c.Maker.Browser = nil
	_, err := c.Make(context.Background(), c.profile())
	var needs *NeedsUserError
	if !errors.As(err, &needs) || needs.Need != NeedsBrowser || !errors.Is(err, ErrNeedsUser) {
		t.Fatalf("got %v", err)
	}
	c.calls("RegisterClient", 0)
}

func TestARevokedSignInIsReplacedByANewOne(t *testing.T) {
	c := newCenter(t, fakeaws.DirectoryOptions{})
	c.made()
	c.dir.RevokeSessions()
	c.made()
	if c.invited() != 2 {
		t.Errorf("the person was sent to the browser %d times, not 2", c.invited())
	}
	c.calls("RegisterClient", 1)

	c.dir.RevokeSessions()
	c.Maker.Browser = nil
	for range 2 {
		if _, err := c.Make(context.Background(), c.profile()); !errors.Is(err, ErrNeedsUser) {
			t.Errorf("got %v", err)
		}
	}
	if !c.token().Access.IsZero() {
		t.Error("the revoked sign-in is still kept")
	}
}

func TestARegistrationThatAWSForgotIsMadeAgain(t *testing.T) {
	t.Parallel()
	c := newCenter(t, fakeaws.DirectoryOptions{})
	c.made()
	c.aws.ForgetClients()
	c.browser.Device = true // what is registered is for the other way, so this registers
	c.expire()
	c.made()
	c.aws.ForgetClients()
	c.expire()
	c.made() // and this one learns it from the answer
	if c.invited() != 3 {
		t.Errorf("the person was sent to the browser %d times, not 3", c.invited())
	}
}

// Only a page in the browser would say that it is forgotten, and the browser would not come
// back: so it was for 90 days, whatever a person tried.
func TestARegistrationThatAWSForgotDoesNotPreventSigningIn(t *testing.T) {
	for name, again := range map[string]func(*center) error{
		"renewal": func(c *center) error { c.expire(); return nil },
		"force": func(c *center) error {
			_, err := c.SignInAgain(context.Background(), c.profile(), c.sso())
			return err
		},
		"logout": func(c *center) error {
			_, err := c.SignOut(context.Background(), c.profile(), c.sso())
			return err
		},
		"revoked": func(c *center) error { c.dir.RevokeSessions(); return nil },
	} {
		t.Run(name, func(t *testing.T) {
			c := newCenter(t, fakeaws.DirectoryOptions{})
			c.browser.Timeout = 5 * time.Second
			c.made()
			c.aws.ForgetClients()
			noError(t, again(c))
			c.made()
			c.calls("RegisterClient", 2)
			if c.invited() != 2 {
				t.Errorf("the person was sent to the browser %d times, not 2", c.invited())
			}
		})
	}
	t.Run("the browser says so", func(t *testing.T) {
		c := newCenter(t, fakeaws.DirectoryOptions{})
		open, first := c.browser.Open, true
		c.browser.Open = func(address string) error {
			if !first {
				return open(address)
			}
			first = false
			u, err := url.Parse(address)
			noError(t, err)
			q := u.Query()
			go visit(q.Get("redirect_uri") + "?error=invalid_client&state=" + q.Get("state"))
			return nil
		}
		c.made()
		c.calls("RegisterClient", 2)
	})
}

func TestOneSignInServesAllThatWait(t *testing.T) {
	c := newCenter(t, fakeaws.DirectoryOptions{})
	var wg sync.WaitGroup
	errs := make(chan error, 8)
	for range 8 {
		wg.Go(func() {
			_, err := c.Make(context.Background(), c.profile())
			errs <- err
		})
	}
	wg.Wait()
	for range 8 {
		noError(t, <-errs)
	}
	if c.invited() != 1 {
		t.Errorf("%d browsers were opened", c.invited())
	}
	c.calls("CreateToken", 1)
}

func TestTheWaitForTheBrowserEnds(t *testing.T) {
	t.Parallel()
	for name, device := range map[string]bool{"browser": false, "code": true} {
		t.Run(name, func(t *testing.T) {
			c := newCenter(t, fakeaws.DirectoryOptions{})
			c.dir.SetAnswer(fakeaws.Ask)
			c.browser.Open, c.browser.Device, c.browser.Timeout = nil, device, 1500*time.Millisecond
			_, err := c.Make(context.Background(), c.profile())
			if !errors.Is(err, ErrNeedsUser) || !strings.Contains(fmt.Sprint(err), "it was not finished within 2 seconds") {
				t.Fatalf("got %v", err)
			}
			if !c.token().Access.IsZero() {
				t.Error("something half-done was kept")
			}
			c.browser.Timeout = 20 * time.Second
			c.dir.SetAnswer(fakeaws.Yes)
			c.browser.Open = func(url string) error { go visit(url); return nil }
			c.made()
			c.calls("RegisterClient", 1)
		})
	}
}

func TestADeclinedSignInSaysSo(t *testing.T) {
	t.Parallel()
	for name, device := range map[string]bool{"browser": false, "code": true} {
		t.Run(name, func(t *testing.T) {
			c := newCenter(t, fakeaws.DirectoryOptions{})
			c.dir.SetAnswer(fakeaws.No)
			c.browser.Device = device
			_, err := c.Make(context.Background(), c.profile())
			var call *CallError
			if !errors.As(err, &call) || call.Kind != Denied || call.Op == "" || !strings.Contains(err.Error(), "declined") {
				t.Fatalf("got %v", err)
			}
		})
	}
}

func TestAVisitWithoutOurStateIsTurnedAway(t *testing.T) {
	c := newCenter(t, fakeaws.DirectoryOptions{})
	c.browser.Open = func(address string) error {
		u, err := url.Parse(address)
		noError(t, err)
		back := u.Query().Get("redirect_uri")
		for _, evil := range []string{"?code=evil", "?code=evil&state=", "?code=evil&state=guess", "?error=access_denied"} {
			res, err := http.Get(back + evil)
			noError(t, err)
			_ = res.Body.Close()
			if res.StatusCode != http.StatusNotFound {
				t.Errorf("%s was answered with %d", evil, res.StatusCode)
			}
		}
		go visit(address)
		return nil
	}
	c.made()
}

func TestARoleOneMayNotHaveIsDenied(t *testing.T) {
	c := newCenter(t, fakeaws.DirectoryOptions{})
	noError(t, c.dir.Forbid(account, "Admin"))
	_, err := c.Make(context.Background(), c.profile())
	var call *CallError
	if !errors.As(err, &call) || call.Kind != Denied {
		t.Fatalf("got %v", err)
	}
	if c.token().Access.IsZero() {
		t.Error("the sign-in was dropped with it")
	}
}

func TestABadAnswerOfAWSGivesOneSentence(t *testing.T) {
	secret := strings.Repeat("Secret/", 8)
	for name, x := range map[string]struct {
		fault fakeaws.Fault
		kind  Kind
		text  string
	}{
		"malformed": {fakeaws.Fault{Body: `{"roleCredentials":{"secretAccessKey":"` + secret}, Other, "cannot be read"},
		"empty":     {fakeaws.Fault{Body: `{}`}, Other, "no credentials in it"},
		"500":       {fakeaws.Fault{Status: 500, Code: "InternalServerException", Times: -1}, Other, "500"},
		"page":      {fakeaws.Fault{Status: 503, Body: "<html>" + secret, Times: -1}, NotAWS, "web page (status 503)"},
		"429":       {fakeaws.Fault{Status: 429, Code: "TooManyRequestsException", Times: -1}, Throttled, "fewer calls"},
		"gone":      {fakeaws.Fault{Drop: true, Times: -1}, Unreachable, "was cut before"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCenter(t, fakeaws.DirectoryOptions{})
			c.aws.Inject("GetRoleCredentials", x.fault)
			_, err := c.Make(context.Background(), c.profile())
			var call *CallError
			if !errors.As(err, &call) || call.Kind != x.kind || !strings.Contains(err.Error(), x.text) {
				t.Fatalf("got %v", err)
			}
			if all := fmt.Sprintf("%v %+v", err, call); strings.Contains(all, "Secret/") || strings.Contains(err.Error(), "\n") {
				t.Errorf("it says too much: %s", all)
			}
		})
	}
}

func TestABusyAWSIsAskedAgain(t *testing.T) {
	t.Parallel()
	c := newCenter(t, fakeaws.DirectoryOptions{})
	c.aws.Inject("GetRoleCredentials", fakeaws.Fault{Status: 429, Code: "TooManyRequestsException", Times: 2})
	c.made()
	c.calls("GetRoleCredentials", 3)
}

func TestASignInOutlivesAnOfflineRenewal(t *testing.T) {
	t.Parallel()
	c := newCenter(t, fakeaws.DirectoryOptions{})
	c.made()
	k := c.token()
	k.Expires = time.Now().Add(renewal / 2) // due, and still good
	noError(t, store.PutToken(context.Background(), c.Store, tokenName(c.sso()), k))
	c.aws.Inject("CreateToken", fakeaws.Fault{Status: 500, Times: -1})
	c.made()
	if !c.token().Refresh.Equal(k.Refresh) {
		t.Error("the refresh token is gone")
	}
}

func TestADirectoryIsListedPageByPage(t *testing.T) {
	t.Parallel()
	c := newCenter(t, fakeaws.DirectoryOptions{})
	const accounts = 120 // more than a page
	for i := range accounts {
		id := fmt.Sprintf("%012d", 222200000000+i)
		noError(t, c.dir.AddAccount(id, fmt.Sprintf("team-%d", i)))
		for _, role := range []string{"ReadOnly", "Admin"} {
			_, err := c.dir.Assign(id, role)
			noError(t, err)
		}
	}
	c.aws.Inject("ListAccountRoles", fakeaws.Fault{Status: 429, Code: "TooManyRequestsException", Times: 3})
	list, err := c.Accounts(context.Background(), c.profile(), c.sso())
	noError(t, err)
	if len(list) != accounts+1 {
		t.Fatalf("%d accounts", len(list))
	}
	for _, a := range list[1:] {
		if strings.Join(a.Roles, " ") != "Admin ReadOnly" || a.Name == "" {
			t.Errorf("%+v", a)
		}
	}
	if c.invited() != 1 {
		t.Errorf("%d browsers", c.invited())
	}
}

func TestEnsureSignedInNeedsNoPersonWhenSignedIn(t *testing.T) {
	c := newCenter(t, fakeaws.DirectoryOptions{})
	ctx := context.Background()
	for range 3 {
		until, err := c.EnsureSignedIn(ctx, c.profile(), c.sso())
		noError(t, err)
		if !until.After(time.Now()) {
			t.Errorf("until %v", until)
		}
	}
	if c.invited() != 1 {
		t.Errorf("%d browsers", c.invited())
	}
	_, err := c.SignInAgain(ctx, c.profile(), c.sso())
	noError(t, err)
	if c.invited() != 2 {
		t.Errorf("force: %d browsers", c.invited())
	}
	before := c.token()
	c.dir.SetAnswer(fakeaws.No)
	if _, err := c.SignInAgain(ctx, c.profile(), c.sso()); err == nil {
		t.Error("it was declined")
	}
	if !c.token().Access.Equal(before.Access) {
		t.Error("the sign-in there was is gone")
	}
}

func TestSigningOutEndsItHereAndAtAWS(t *testing.T) {
	c := newCenter(t, fakeaws.DirectoryOptions{})
	ctx := context.Background()
	c.made()
	access := c.token().Access
	was, err := c.SignOut(ctx, c.profile(), c.sso())
	noError(t, err)
	if !was || !c.token().Access.IsZero() || !c.token().Refresh.IsZero() {
		t.Error("the sign-in is still kept")
	}
	c.calls("Logout", 1)
	err = c.rest(c.profile(), ssoService, "eu-west-1").call(ctx, restCall{method: "GET", path: "/assignment/accounts", bearer: access}, nil)
	if codeOf(err) != "UnauthorizedException" {
		t.Errorf("AWS still takes it: %v", err)
	}
	if was, err = c.SignOut(ctx, c.profile(), c.sso()); err != nil || was {
		t.Errorf("again: %v %v", was, err)
	}
}

func TestOneDirectoryWrittenInManyWaysIsOneSignIn(t *testing.T) {
	a := &profiles.SSO{StartURL: "https://d-1.awsapps.com/start", Region: "eu-west-1"}
	for _, s := range []*profiles.SSO{
		{StartURL: "https://d-1.awsapps.com/start/#/", Region: "eu-west-1"},
		{StartURL: "https://d-1.awsapps.com/start/", Region: "eu-west-1", Session: "x", Scopes: []string{accessScope}},
	} {
		if tokenName(a) != tokenName(s) {
			t.Errorf("%+v has another name", s)
		}
	}
	if other := (&profiles.SSO{StartURL: a.StartURL, Region: "us-east-1"}); tokenName(a) == tokenName(other) {
		t.Error("two regions share a sign-in")
	}
	names, _, err := store.KeyNames(context.Background(), func() store.Store {
		s := storetest.NewMemory()
		noError(t, store.PutToken(context.Background(), s, tokenName(a), store.Token{StartURL: "x"}))
		return s
	}())
	if err != nil || len(names) != 0 {
		t.Errorf("a sign-in is taken for a key: %v %v", names, err)
	}
}

func TestASharedSignInIsInTheFormOfTheCLI(t *testing.T) {
	c := newCenter(t, fakeaws.DirectoryOptions{})
	c.made()
	dir := filepath.Join(t.TempDir(), "sso", "cache")
	file, err := shareToken(dir, c.sso(), c.token())
	noError(t, err)
	sum := sha1.Sum([]byte("corp"))
	if filepath.Base(file) != hex.EncodeToString(sum[:])+".json" {
		t.Errorf("it is in %s", file)
	}
	info, err := os.Stat(file)
	noError(t, err)
	if info.Mode().Perm()&0o077 != 0 {
		t.Errorf("others can read it: %v", info.Mode())
	}
	var got map[string]string
	text, err := os.ReadFile(file)
	noError(t, err)
	noError(t, json.Unmarshal(text, &got))
	for _, key := range []string{"startUrl", "region", "accessToken", "expiresAt", "clientId", "clientSecret", "registrationExpiresAt", "refreshToken"} {
		if got[key] == "" {
			t.Errorf("%s is missing", key)
		}
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
		t.Errorf("%v %v", left, err)
	}
}

func TestARoleOnTopOfIdentityCenterIsCappedAtAnHour(t *testing.T) {
	c := newCenter(t, fakeaws.DirectoryOptions{})
	_, err := c.aws.AddRole(fakeaws.Role{Account: account, Name: "deploy", Trust: fakeaws.Trust{Principals: []string{account}}})
	noError(t, err)
	p := c.profile()
	p.Source = profiles.Source{Role: &profiles.Role{
		Profile: "dev", ARN: "arn:aws:iam::" + account + ":role/deploy", Duration: 4 * time.Hour, Region: "eu-west-1", Source: p.Source,
	}}
	plan := NewPlan(p)
	if plan.Roles[0].Duration != time.Hour || plan.Roles[0].Wanted != 4*time.Hour || !plan.Silent() {
		t.Errorf("%+v", plan.Roles[0])
	}
	s, err := c.Make(context.Background(), p)
	noError(t, err)
	if !strings.Contains(s.ARN, ":assumed-role/deploy/") {
		t.Errorf("we are %s", s.ARN)
	}
}
