package sessions

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/d44b7504/vault/internal/creds"
	"github.com/d44b7504/vault/internal/fakeaws"
	"github.com/d44b7504/vault/internal/profiles"
)

// This file holds what is refused although it comes from AWS, or from a program that the
// user's config names.

func TestOnlyTheAddressOfAWebPageIsOpened(t *testing.T) {
	const endpoint = "http://127.0.0.1:4566"
	for address, want := range map[string]bool{
		"https://device.sso.eu-west-1.amazonaws.com/?user_code=ABCD-EFGH": true,
		"https://corp.awsapps.com/start/#/device?user_code=ABCD&x=1":      true,
		"https://device.sso.cn-north-1.amazonaws.com.cn/":                 true,
		endpoint + "/device?user_code=ABCD":                               true, // what the user has set as the endpoint

		"":                                      false,
		"http://corp.awsapps.com/start":         false,
		"http://127.0.0.1:9/device":             false,
		"file:///etc/passwd":                    false,
		"javascript:alert(1)":                   false,
		"JavaScript://corp.example/%0Aalert(1)": false,
		"data:text/html,x":                      false,
		"-option":                               false,
		"--new-window=https://corp.example/":    false,
		`\\share\x.exe`:                         false,
		`C:\Windows\x.exe`:                      false,
		"//corp.example/x":                      false,
		"https:corp.example":                    false,
		"https://":                              false,
		"https:///x":                            false,
		"https://localhost/":                    false,
		"https://-x.example/":                   false,
		"https://user@corp.example/":            false,
		"https://corp.example@evil.example/":    false,
		"https://corp.example/a b":              false,
		"https://corp.example/\n--x":            false,
		"https://corp.example/\x1b[31m":         false,
		"https://corp.example/\"&calc&\"":       false,
		"https://corp.example/$(id)`id`":        false,
		"https://corp.exam\u202eple/":           false,
		"https://c\u00f6rp.example/":            false,
		"smb://corp.example/x":                  false,
		"ms-settings:display":                   false,
	} {
		if got := webPage(address, endpoint); got != want {
			t.Errorf("%q: %v", address, got)
		}
	}
}

func TestASignInWithAnOddAddressOpensNothingAndFails(t *testing.T) {
	for _, address := range []string{"file:///etc/passwd", "-option", "javascript:alert(1)", `\\share\x.exe`} {
		c := newCenter(t, fakeaws.DirectoryOptions{})
		c.browser.Device = true
		c.browser.Open = func(url string) error {
			t.Errorf("%q was opened", url)
			return nil
		}
		answer, err := json.Marshal(map[string]any{"deviceCode": "d", "userCode": "ABCD-EFGH", "verificationUri": address, "expiresIn": 60, "interval": 1})
		noError(t, err)
		c.aws.Inject("StartDeviceAuthorization", fakeaws.Fault{Status: 200, Body: string(answer)})
		_, err = c.Make(context.Background(), c.profile())
		if err == nil || !strings.Contains(err.Error(), "not one of a web page") {
			t.Errorf("%q: %v", address, err)
		}
		if c.invited() != 0 {
			t.Errorf("%q was shown", address)
		}
	}
}

func TestTheIdOfAnAccountIsTwelveDigitsAndARoleHasANameThatIAMAllows(t *testing.T) {
	for _, x := range []struct{ action, body string }{
		{"ListAccounts", `{"accountList":[{"accountId":"1; touch x","accountName":"dev"}]}`},
		{"ListAccounts", `{"accountList":[{"accountId":"11112222333","accountName":"dev"}]}`},
		{"ListAccounts", `{"accountList":[{"accountId":"111122223333\n","accountName":"dev"}]}`},
		{"ListAccounts", `{"accountList":[{"accountId":"","accountName":"dev"}]}`},
		{"ListAccounts", `{"accountList":[{"accountId":"111122223333","accountName":"dev\n[evil]"}]}`},
		{"ListAccountRoles", `{"roleList":[{"roleName":"Admin\ncredential_process = x"}]}`},
		{"ListAccountRoles", `{"roleList":[{"roleName":"$(id)"}]}`},
		{"ListAccountRoles", `{"roleList":[{"roleName":""}]}`},
	} {
		c := newCenter(t, fakeaws.DirectoryOptions{})
		c.aws.Inject(x.action, fakeaws.Fault{Status: 200, Body: x.body})
		if list, err := c.Accounts(context.Background(), c.profile(), c.sso()); err == nil {
			t.Errorf("%s: %q was taken", x.body, list)
		}
	}
}

func TestCredentialsWithControlCharactersAreRefusedFromEverySource(t *testing.T) {
	odd := []string{"a\nb", "a\r", "a\x1b[2J", "a\x00", "\u202ea", "a\u2028b", "a\u0085b", "a\u200bb"}
	for _, text := range odd {
		for field := range 3 {
			values := []string{"ASIA" + strings.Repeat("X", 16), "secret", "token"}
			values[field] += text
			b := newBench(t)
			out, err := json.Marshal(map[string]any{
				"Version": 1, "AccessKeyId": values[0], "SecretAccessKey": values[1], "SessionToken": values[2],
			})
			noError(t, err)
			b.RunCredentials = func(context.Context, profiles.Process) (creds.Secret, error) { return creds.New(string(out)), nil }
			_, err = b.Make(context.Background(), profiles.Profile{Name: "p", Source: profiles.Source{Process: &profiles.Process{Profile: "p", Command: "x"}}})
			mustBeUnprintable(t, "credential_process", text, err)

			c := newCenter(t, fakeaws.DirectoryOptions{})
			out, err = json.Marshal(map[string]any{"roleCredentials": map[string]any{
				"accessKeyId": values[0], "secretAccessKey": values[1], "sessionToken": values[2], "expiration": 4102444800000,
			}})
			noError(t, err)
			c.aws.Inject("GetRoleCredentials", fakeaws.Fault{Status: 200, Body: string(out)})
			_, err = c.Make(context.Background(), c.profile())
			mustBeUnprintable(t, "portal", text, err)
		}
	}
	b := newBench(t)
	b.aws.Inject("GetSessionToken", fakeaws.Fault{Status: 200, Body: `<GetSessionTokenResponse><GetSessionTokenResult><Credentials>` +
		`<AccessKeyId>ASIAX</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t&#10;[evil]</SessionToken>` +
		`<Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></GetSessionTokenResult></GetSessionTokenResponse>`})
	_, err := b.Make(context.Background(), profiles.Profile{Name: "base", Source: profiles.Source{Stored: &profiles.Stored{Profile: "base"}}})
	mustBeUnprintable(t, "STS", "a line break", err)
}

func mustBeUnprintable(t *testing.T, source, text string, err error) {
	t.Helper()
	var odd *creds.UnprintableError
	if !errors.As(err, &odd) {
		t.Errorf("%s, %q: %v", source, text, err)
	}
}
