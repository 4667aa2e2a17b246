package server

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/d44b7504/vault/internal/creds"
)

const secret = "the-secret-of-the-session"

// session lasts for life from now on.
func session(id string, now time.Time, life time.Duration) creds.Session {
	return creds.Session{AccessKeyID: id, SecretKey: creds.New(secret), Token: creds.New("the-token"),
		ARN: "arn:aws:sts::111122223333:assumed-role/prod/me", Issued: now, Expires: now.Add(life)}
}

// fixed is a source of one session that lasts an hour.
func fixed(id string) Source {
	return func(context.Context) (creds.Session, error) { return session(id, time.Now(), time.Hour), nil }
}

func listen(t testing.TB, o Options) *Server {
	t.Helper()
	s, err := Listen(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func add(t testing.TB, s *Server, g Grant) *Lease {
	t.Helper()
	l, err := s.Add(g)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// ask sends a request with a lease's token, as change makes it, and returns the answer.
func ask(t testing.TB, l *Lease, change func(*http.Request)) (status int, body string) {
	t.Helper()
	r, err := http.NewRequest(http.MethodGet, l.URL(), nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", l.Token().Reveal())
	if change != nil {
		change(r)
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(b)
}

func TestAnAnswerHasTheFormOfAmazonECS(t *testing.T) {
	expires := time.Date(2100, 1, 2, 3, 4, 5, 0, time.UTC)
	l := add(t, listen(t, Options{}), Grant{Source: func(context.Context) (creds.Session, error) {
		s := session("ASIAFAKE", time.Now(), 0)
		s.Expires = expires
		return s, nil
	}})
	status, body := ask(t, l, nil)
	want := `{"AccessKeyId":"ASIAFAKE","SecretAccessKey":"` + secret + `","Token":"the-token","Expiration":"2100-01-02T03:04:05Z","AccountId":"111122223333"}`
	if status != http.StatusOK || body != want {
		t.Errorf("%d %s", status, body)
	}
}

func TestEveryLeaseHasATokenOf256RandomBits(t *testing.T) {
	s := listen(t, Options{})
	a, b := add(t, s, Grant{Source: fixed("A")}), add(t, s, Grant{Source: fixed("B")})
	if len(a.Token().Reveal()) != 43 || a.Token().Equal(b.Token()) || a.URL() == b.URL() {
		t.Errorf("%s %s", a.URL(), b.URL())
	}
}

func TestALeaseAnswersWithItsOwnTokenOnly(t *testing.T) {
	s := listen(t, Options{})
	a, b := add(t, s, Grant{Name: "a b/c", Source: fixed("A")}), add(t, s, Grant{Name: "b", Source: fixed("B")})
	for _, l := range []*Lease{a, b} {
		if status, body := ask(t, l, nil); status != http.StatusOK {
			t.Errorf("%s: %d %s", l.URL(), status, body)
		}
	}
	status, body := ask(t, a, func(r *http.Request) { r.Header.Set("Authorization", b.Token().Reveal()) })
	if status != http.StatusForbidden || strings.Contains(body, secret) {
		t.Errorf("%d %s", status, body)
	}
}

func TestNoNameIsGivenToTwoLeases(t *testing.T) {
	s := listen(t, Options{})
	add(t, s, Grant{Name: "prod", Source: fixed("A")})
	for _, name := range []string{"prod", "a/role-arn/b", "role-arn"} {
		if _, err := s.Add(Grant{Name: name, Source: fixed("B")}); err == nil {
			t.Errorf("a second path %q", name)
		}
	}
}

// Whatever is wrong, the answer is the same for who has no token, down to the last byte.
func TestARefusalSaysNothing(t *testing.T) {
	s := listen(t, Options{})
	l := add(t, s, Grant{Name: "prod", Source: fixed("A"), Roles: map[string]Source{"arn:aws:iam::111122223333:role/x": fixed("X")}})
	token := l.Token().Reveal()
	path := func(p string) func(*http.Request) { return func(r *http.Request) { r.URL.Path, r.URL.RawPath = p, "" } }
	auth := func(v ...string) func(*http.Request) { return func(r *http.Request) { r.Header["Authorization"] = v } }
	for name, c := range map[string]struct {
		change func(*http.Request)
		want   int
	}{
		"no token":              {auth(), 403},
		"an empty token":        {auth(""), 403},
		"a shorter token":       {auth(token[1:]), 403},
		"a longer token":        {auth(token + "x"), 403},
		"a token with a scheme": {auth("Bearer " + token), 403},
		"two tokens":            {auth(token, token), 403},
		"no such lease":         {path("/dev"), 403},
		"no lease":              {path("/"), 403},
		"below a lease":         {path("/prod/x"), 403},
		"above a lease":         {path("/prod/../prod"), 403},
		"a role not allowed":    {path("/prod/role-arn/arn:aws:iam::111122223333:role/y"), 404},
		"a role with more":      {path("/prod/role-arn/arn:aws:iam::111122223333:role/x/"), 404},
		"a role, no token":      {func(r *http.Request) { path("/prod/role-arn/arn:aws:iam::111122223333:role/x")(r); auth()(r) }, 403},
		"another host":          {func(r *http.Request) { r.Host = "evil.example" }, 403},
		"a name for loopback":   {func(r *http.Request) { r.Host = "localhost:" + r.URL.Port() }, 403},
		"no port":               {func(r *http.Request) { r.Host = "127.0.0.1" }, 403},
		"POST":                  {func(r *http.Request) { r.Method = "POST" }, 405},
		"DELETE":                {func(r *http.Request) { r.Method = "DELETE" }, 405},
		"HEAD":                  {func(r *http.Request) { r.Method = "HEAD" }, 405},
		"OPTIONS":               {func(r *http.Request) { r.Method = "OPTIONS" }, 405},
		"a body": {func(r *http.Request) {
			r.Body, r.ContentLength = io.NopCloser(strings.NewReader("x")), 1
		}, 403},
		"an endless body": {func(r *http.Request) {
			r.Body, r.ContentLength = io.NopCloser(io.MultiReader(strings.NewReader("x"))), -1
		}, 403},
	} {
		status, body := ask(t, l, c.change)
		words := map[int]string{403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed"}[c.want]
		want := `{"code":"` + strings.ReplaceAll(words, " ", "") + `","message":"` + words + `"}`
		if name == "HEAD" {
			want = ""
		}
		if status != c.want || body != want {
			t.Errorf("%s: %d %s", name, status, body)
		}
	}
}

func TestAnotherHostIsAnsweredWhenItWasAllowed(t *testing.T) {
	l := add(t, listen(t, Options{Hosts: []string{"localhost:9"}}), Grant{Source: fixed("A")})
	if status, body := ask(t, l, func(r *http.Request) { r.Host = "localhost:9" }); status != http.StatusOK {
		t.Errorf("%d %s", status, body)
	}
}

func TestARoleThatIsAllowedIsAssumed(t *testing.T) {
	const arn = "arn:aws:iam::111122223333:role/path/x"
	l := add(t, listen(t, Options{}), Grant{Source: fixed("BASE"), Roles: map[string]Source{arn: fixed("ROLE")}})
	for _, path := range []string{"/role-arn/" + arn, "/role-arn/" + strings.NewReplacer(":", "%3A", "/", "%2F").Replace(arn)} {
		r, err := http.NewRequest(http.MethodGet, l.URL()+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		status, body := ask(t, l, func(q *http.Request) { q.URL = r.URL })
		if status != http.StatusOK || !strings.Contains(body, `"ROLE"`) {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
}

func TestARevokedLeaseAnswersNothing(t *testing.T) {
	s := listen(t, Options{})
	ended := make(chan struct{})
	waiting := add(t, s, Grant{Name: "w", Source: func(ctx context.Context) (creds.Session, error) {
		<-ctx.Done()
		close(ended)
		return creds.Session{}, ctx.Err()
	}})
	go waiting.Revoke()
	if status, body := ask(t, waiting, nil); status == http.StatusOK {
		t.Errorf("%d %s", status, body)
	}
	l := add(t, s, Grant{Name: "prod", Source: fixed("A")})
	l.Revoke()
	l.Revoke()
	if status, _ := ask(t, l, nil); status != http.StatusForbidden {
		t.Error(status)
	}
	again := add(t, s, Grant{Name: "prod", Source: fixed("B")})
	l.Revoke() // an old one has no power over the new
	if status, _ := ask(t, again, nil); status != http.StatusOK {
		t.Error(status)
	}
}

func TestCredentialsAreServedOnLoopbackOnly(t *testing.T) {
	for _, addr := range []string{"0.0.0.0:0", ":0", "[::]:0", "192.0.2.1:0", "localhost:0", "nonsense"} {
		if s, err := Listen(Options{Addr: addr}); err == nil {
			_ = s.Close()
			t.Errorf("listens on %s", addr)
		}
	}
	if l, err := net.Listen("tcp", "[::1]:0"); err == nil { // where there is IPv6
		_ = l.Close()
		lease := add(t, listen(t, Options{Addr: "[::1]:0"}), Grant{Source: fixed("A")})
		if status, body := ask(t, lease, nil); status != http.StatusOK {
			t.Errorf("%d %s", status, body)
		}
	}
}

func TestAPortThatIsTakenIsAnError(t *testing.T) {
	s := listen(t, Options{})
	if _, err := Listen(Options{Addr: s.listener.Addr().String()}); err == nil {
		t.Error("two servers on one port")
	}
}

func TestAFailureReachesTheClientInAWSsForm(t *testing.T) {
	s := listen(t, Options{})
	for _, c := range []struct {
		err    error
		status int
		body   string
	}{
		{&Error{Code: "SignInRequired", Message: "run \"vault refresh\""}, 400, `{"code":"SignInRequired","message":"run \"vault refresh\""}`},
		{&Error{Code: "Unreachable", Message: "no network", Retry: true}, 503, `{"code":"Unreachable","message":"no network"}`},
		{errors.New("x"), 500, `{"code":"CredentialsUnavailable","message":"x"}`},
	} {
		l := add(t, s, Grant{Source: func(context.Context) (creds.Session, error) { return creds.Session{}, c.err }})
		if status, body := ask(t, l, nil); status != c.status || body != c.body {
			t.Errorf("%v: %d %s", c.err, status, body)
		}
	}
}

func TestASessionThatDoesNotExpireIsPromisedForAnHour(t *testing.T) {
	l := add(t, listen(t, Options{}), Grant{Source: func(context.Context) (creds.Session, error) {
		return creds.Session{AccessKeyID: "AKIAFAKE", SecretKey: creds.New(secret)}, nil
	}})
	_, body := ask(t, l, nil)
	var got struct{ Expiration time.Time }
	if err := json.Unmarshal([]byte(body), &got); err != nil || time.Until(got.Expiration) < 58*time.Minute || time.Until(got.Expiration) > time.Hour {
		t.Errorf("%s: %v", body, err)
	}
}

func TestFetchReadsWhatALeaseAnswers(t *testing.T) {
	s := listen(t, Options{})
	good := add(t, s, Grant{Source: fixed("ASIAFAKE")})
	got, err := Fetch(context.Background(), good.URL(), good.Token())
	if err != nil || got.AccessKeyID != "ASIAFAKE" || got.SecretKey.Reveal() != secret || got.Token.Reveal() != "the-token" || time.Until(got.Expires) < 59*time.Minute {
		t.Errorf("%+v %v", got, err)
	}
	bad := add(t, s, Grant{Source: func(context.Context) (creds.Session, error) {
		return creds.Session{}, &Error{Code: "C", Message: "why"}
	}})
	var e *Error
	if _, err = Fetch(context.Background(), bad.URL(), bad.Token()); !errors.As(err, &e) || e.Code != "C" || e.Message != "why" || e.Retry {
		t.Errorf("%v", err)
	}
}

func TestCloseDoesNotWaitForClients(t *testing.T) {
	s := listen(t, Options{})
	var calls atomic.Int32
	asked := make(chan struct{})
	l := add(t, s, Grant{Source: func(ctx context.Context) (creds.Session, error) {
		calls.Add(1)
		close(asked)
		<-ctx.Done()
		return creds.Session{}, ctx.Err()
	}})
	done := make(chan error, 1)
	go func() {
		res, err := http.Get(l.URL())
		if err == nil {
			_ = res.Body.Close()
		}
		r, _ := http.NewRequest(http.MethodGet, l.URL(), nil)
		r.Header.Set("Authorization", l.Token().Reveal())
		if res, err = http.DefaultClient.Do(r); err == nil {
			_ = res.Body.Close()
		}
		done <- err
	}()
	<-asked
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	<-done
	if _, err := s.Add(Grant{Source: fixed("A")}); err == nil {
		t.Error("a lease of a closed server")
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
