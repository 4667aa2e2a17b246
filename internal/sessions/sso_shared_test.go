package sessions

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/d44b7504/vault/internal/creds"
	"github.com/d44b7504/vault/internal/fakeaws"
	"github.com/d44b7504/vault/store"
)

// sharingCenter is a center whose sign-ins the AWS tools may have too.
func sharingCenter(t *testing.T) *center {
	t.Helper()
	c := newCenter(t, fakeaws.DirectoryOptions{})
	c.SharedDir = filepath.Join(t.TempDir(), "sso", "cache")
	return c
}

func (c *center) share() {
	c.t.Helper()
	_, err := c.Share(context.Background(), c.sso())
	noError(c.t, err)
}

// alone says that no person can be sent to a browser.
func (c *center) alone() { c.Maker.Browser, c.Ask = nil, nil }

// theirs is what is in the file of the AWS tools.
func (c *center) theirs() (sharedToken, bool) {
	c.t.Helper()
	var in sharedToken
	text, err := os.ReadFile(sharedFile(c.SharedDir, c.sso()))
	if errors.Is(err, os.ErrNotExist) {
		return in, false
	}
	noError(c.t, err)
	noError(c.t, json.Unmarshal(text, &in))
	return in, true
}

// cliRenews does what the AWS CLI does with its file: it uses up the refresh token.
func (c *center) cliRenews() error {
	c.t.Helper()
	in, _ := c.theirs()
	var out struct {
		AccessToken, RefreshToken string
		ExpiresIn                 int
	}
	err := c.rest(c.profile(), oidcService, "eu-west-1").call(context.Background(), restCall{method: http.MethodPost, path: "/token", body: grant{
		ClientID: in.ClientID, ClientSecret: in.ClientSecret, GrantType: "refresh_token", RefreshToken: in.RefreshToken,
	}}, &out)
	if err != nil {
		return err
	}
	in.AccessToken, in.RefreshToken = out.AccessToken, out.RefreshToken
	in.ExpiresAt = time.Now().Add(time.Duration(out.ExpiresIn) * time.Second).UTC().Format(time.RFC3339)
	noError(c.t, writeJSON(sharedFile(c.SharedDir, c.sso()), in))
	return nil
}

func TestASharedSignInSurvivesWhoeverRenewsIt(t *testing.T) {
	c := sharingCenter(t)
	c.made()
	c.share()
	c.alone()
	for range 3 { // we renew, then they, then we
		c.expire()
		c.made()
		if in, _ := c.theirs(); in.RefreshToken != c.token().Refresh.Reveal() || in.AccessToken != c.token().Access.Reveal() {
			t.Fatal("what was renewed is not in the file")
		}
		noError(t, c.cliRenews())
		c.expire() // of the access tokens AWS takes none, of the refresh tokens theirs
		c.made()
		noError(t, c.cliRenews())
	}
}

// To renew ours would be a call that AWS refuses: they have used up its refresh token.
func TestASignInThatTheAWSToolsRenewedInTheSameSecondIsTheNewerOne(t *testing.T) {
	c := sharingCenter(t)
	c.made()
	c.share()
	c.alone()
	noError(t, c.cliRenews())
	in, _ := c.theirs()
	in.ExpiresAt = c.token().Expires.UTC().Format(time.RFC3339)
	noError(t, writeJSON(sharedFile(c.SharedDir, c.sso()), in))
	c.dir.ExpireAccessTokens()
	before := c.aws.Calls("CreateToken")
	c.made()
	if n := c.aws.Calls("CreateToken") - before; n != 1 {
		t.Errorf("%d calls", n)
	}
}

func TestASignInOfTheAWSToolsIsUsedBeforeAPersonIsAsked(t *testing.T) {
	c := sharingCenter(t)
	c.made()
	c.share()
	noError(t, store.PutToken(context.Background(), c.Store, tokenName(c.sso()), store.Token{StartURL: "https://x"}))
	c.alone()
	c.made() // with their access token
	noError(t, store.PutToken(context.Background(), c.Store, tokenName(c.sso()), store.Token{StartURL: "https://x"}))
	c.dir.ExpireAccessTokens()
	c.made() // with their refresh token, which they get back
	noError(t, c.cliRenews())
}

func TestASignInGoesToTheFileOnlyIfItIsShared(t *testing.T) {
	c := sharingCenter(t)
	c.made()
	c.expire()
	c.made()
	if _, is := c.theirs(); is {
		t.Fatal("it was shared unasked")
	}
	c.share()
	c.dir.RevokeSessions()
	c.made()
	if in, _ := c.theirs(); in.AccessToken != c.token().Access.Reveal() {
		t.Error("the sign-in after that is not in the file")
	}
	noError(t, os.Remove(sharedFile(c.SharedDir, c.sso())))
	c.expire()
	c.made()
	if _, is := c.theirs(); is || c.token().Shared {
		t.Error("it was shared again after the file was deleted")
	}
}

func TestASharedSignInThatAWSRejectsIsNotTakenForOneThatWorks(t *testing.T) {
	c := sharingCenter(t)
	c.made()
	c.share()
	c.dir.RevokeSessions()
	person := c.Maker.Browser
	c.Maker.Browser = nil
	if _, err := c.Make(context.Background(), c.profile()); !errors.Is(err, ErrNeedsUser) {
		t.Fatal(err)
	}
	c.Maker.Browser = person
	_, err := c.EnsureSignedIn(context.Background(), c.profile(), c.sso())
	noError(t, err)
	if in, _ := c.theirs(); c.invited() != 2 || in.AccessToken != c.token().Access.Reveal() || !c.token().Shared {
		t.Errorf("the person was sent to the browser %d times, not 2; shared %v", c.invited(), c.token().Shared)
	}
	c.made()
}

func TestASignInOfAnotherProcessIsSharedAsTheOneBefore(t *testing.T) {
	c := sharingCenter(t)
	c.made()
	c.share()
	other := c.token()
	other.Access, other.Shared = creds.New("from another process"), false
	noError(t, c.KeepSignIn(context.Background(), c.sso(), other))
	if in, _ := c.theirs(); in.AccessToken != "from another process" || !c.token().Shared {
		t.Errorf("%+v", in)
	}
}

func TestAFileOfAnotherDirectoryIsLeftAlone(t *testing.T) {
	c := sharingCenter(t)
	c.made()
	c.share()
	other := *c.sso()
	other.StartURL = "https://d-other.awsapps.com/start"
	file, err := shareToken(c.SharedDir, &other, store.Token{Access: creds.New("theirs"), Expires: time.Now().Add(time.Hour)})
	noError(t, err)
	c.expire()
	c.made()
	_, err = c.SignOut(context.Background(), c.profile(), c.sso())
	noError(t, err)
	if in, is := c.theirs(); !is || in.AccessToken != "theirs" {
		t.Errorf("%s was changed", file)
	}
}

func TestWhatIsNotASignInInTheFileIsNotUsed(t *testing.T) {
	c := sharingCenter(t)
	c.made()
	c.share()
	file := sharedFile(c.SharedDir, c.sso())
	whole, err := os.ReadFile(file)
	noError(t, err)
	for _, text := range []string{"", "{", "[]", `{"accessToken": 1}`, string(whole[:len(whole)/2]), `{"startUrl": "https://d-other.awsapps.com/start", "region": "eu-west-1", "accessToken": "x"}`} {
		noError(t, os.WriteFile(file, []byte(text), 0o600))
		if in, is := c.shared(c.sso()); is {
			t.Errorf("%q: %+v", text, in)
		}
	}
	noError(t, os.Remove(file))
	noError(t, os.Mkdir(file, 0o700))
	c.expire()
	c.made()
}

func TestSigningOutTakesTheFileAlong(t *testing.T) {
	ctx := context.Background()
	for name, before := range map[string]func(*center){
		"shared":                  func(*center) {},
		"renewed by them":         func(c *center) { noError(t, c.cliRenews()) },
		"only they are signed in": func(c *center) { noError(t, c.Store.Delete(ctx, tokenName(c.sso()))) },
		"with our own registration": func(c *center) {
			noError(t, store.PutToken(ctx, c.Store, tokenName(c.sso()), store.Token{StartURL: "x"}))
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := sharingCenter(t)
			c.made()
			c.share()
			before(c)
			in, _ := c.theirs()
			if was, err := c.SignOut(ctx, c.profile(), c.sso()); err != nil || !was {
				t.Fatal(was, err)
			}
			if _, is := c.theirs(); is {
				t.Error("the file is still there")
			}
			err := c.rest(c.profile(), ssoService, "eu-west-1").call(ctx, restCall{method: "GET", path: "/assignment/accounts", bearer: creds.New(in.AccessToken)}, nil)
			if codeOf(err) != "UnauthorizedException" {
				t.Errorf("AWS still takes their token: %v", err)
			}
			if was, err := c.SignOut(ctx, c.profile(), c.sso()); was || err != nil {
				t.Error("again", was, err)
			}
		})
	}
}
