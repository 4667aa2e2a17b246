package fakeaws_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/d44b7504/vault/internal/fakeaws"
)

// signinToken exchanges credentials for a token, "" if they are refused.
func (w *world) signinToken(t *testing.T, k caller, more url.Values) string {
	t.Helper()
	text, err := json.Marshal(map[string]string{"sessionId": k.id, "sessionKey": k.secret, "sessionToken": k.token})
	must(t, err)
	form := url.Values{"Action": {"getSigninToken"}, "Session": {string(text)}}
	for name, values := range more {
		form[name] = values
	}
	res, err := http.PostForm(w.URL()+"/federation", form)
	must(t, err)
	defer func() { _ = res.Body.Close() }()
	var out struct{ SigninToken string }
	if res.StatusCode == http.StatusOK {
		must(t, json.NewDecoder(res.Body).Decode(&out))
	}
	return out.SigninToken
}

// consolePage is what a browser without cookies sees that is sent to sign in.
func (w *world) consolePage(t *testing.T, token, destination string) string {
	t.Helper()
	res, err := http.Get(w.URL() + "/federation?" + url.Values{"Action": {"login"}, "SigninToken": {token}, "Destination": {destination}}.Encode())
	must(t, err)
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	must(t, err)
	return string(text)
}

const consoleHome = "https://eu-west-1.console.aws.amazon.com/console/home"

func TestATokenOpensTheConsoleOnceAndForAQuarterOfAnHour(t *testing.T) {
	w := newWorld(t, fakeaws.Options{})
	out, err := w.federate(w.owner(), "ada", everything)
	must(t, err)
	user := session(out.Credentials)
	for name, tc := range map[string]struct {
		destination string
		wait        time.Duration
		want        string
	}{
		"in time":         {consoleHome, 14 * time.Minute, "You are not signed in"}, // no cookies: it got as far as the console
		"late":            {consoleHome, 16 * time.Minute, "Invalid token"},
		"to another host": {"https://console.aws.amazon.com.example.com/", 0, "Invalid destination"},
	} {
		token := w.signinToken(t, user, nil)
		w.clock.forward(tc.wait)
		if page := w.consolePage(t, token, tc.destination); token == "" || !strings.Contains(page, tc.want) {
			t.Errorf("%s: %s", name, page)
		}
		if page := w.consolePage(t, token, consoleHome); tc.wait > 0 && !strings.Contains(page, "Invalid token") {
			t.Errorf("%s, again: %s", name, page)
		}
	}
}

func TestOnlySomeCredentialsOpenTheConsole(t *testing.T) {
	w := newWorld(t, fakeaws.Options{})
	role := w.role(t, fakeaws.Role{Name: "any", Trust: fakeaws.Trust{Principals: []string{"*"}}})
	assume := func(from caller) caller {
		out, err := w.client(from).AssumeRole(bg, &sts.AssumeRoleInput{RoleArn: &role, RoleSessionName: aws.String("x1")})
		must(t, err)
		return session(out.Credentials)
	}
	mine, err := w.client(w.owner()).GetSessionToken(bg, nil)
	must(t, err)
	out, err := w.federate(w.owner(), "ada", everything)
	must(t, err)
	direct, chained, federated := assume(w.owner()), assume(session(mine.Credentials)), session(out.Credentials)
	hour := url.Values{"SessionDuration": {"3600"}}
	for name, tc := range map[string]struct {
		k    caller
		more url.Values
		ok   bool
	}{
		"a role": {direct, nil, true}, "a role for an hour": {direct, hour, true},
		"a role for too long": {direct, url.Values{"SessionDuration": {"43201"}}, false}, "a role too short": {direct, url.Values{"SessionDuration": {"899"}}, false},
		"a chained role": {chained, nil, true}, "a chained role with a length": {chained, hour, false},
		"a federated user": {federated, nil, true}, "a federated user with a length": {federated, hour, false},
		"GetSessionToken": {session(mine.Credentials), nil, false}, "a key": {w.owner(), nil, false},
		"another secret": {caller{direct.id, "x", direct.token}, nil, false}, "no token": {caller{direct.id, direct.secret, ""}, nil, false},
	} {
		if token := w.signinToken(t, tc.k, tc.more); (token != "") != tc.ok {
			t.Errorf("%s: %q", name, token)
		}
	}
}
