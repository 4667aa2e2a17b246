package server

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/d44b7504/vault/internal/creds"
)

// imds is a service of one instance, asked without a network.
type imds struct {
	*Metadata
	now time.Time
}

func newIMDS(i *Instance) *imds {
	m := &imds{Metadata: &Metadata{}, now: time.Now()}
	m.Now = func() time.Time { return m.now }
	m.Set(i)
	return m
}

// do sends a request from this machine, with headers name, value, ….
func (m *imds) do(method, path string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, "http://"+MetadataAddr+path, nil)
	r.RemoteAddr = MetadataAddr + ":4711"
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
		if headers[i] == "Host" {
			r.Host = headers[i+1]
		}
		if headers[i] == "From" {
			r.RemoteAddr = headers[i+1]
		}
	}
	w := httptest.NewRecorder()
	m.ServeHTTP(w, r)
	return w
}

func (m *imds) token(t testing.TB, ttl string) string {
	t.Helper()
	w := m.do("PUT", tokenPath, ttlHeader, ttl)
	if w.Code != http.StatusOK || w.Header().Get(ttlHeader) != ttl {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	return w.Body.String()
}

const rolesPath = "/latest/meta-data/iam/security-credentials/"

func TestMetadataGivesTheRoleToWhoHasAToken(t *testing.T) {
	m := newIMDS(&Instance{Source: fixed("ASIAFAKE"), Role: "prod", Region: "eu-west-1"})
	token := m.token(t, "60")
	for path, want := range map[string]string{
		rolesPath: "prod", strings.TrimSuffix(rolesPath, "/"): "prod", "/latest/meta-data/placement/region": "eu-west-1",
		"/latest/meta-data/placement/availability-zone": "eu-west-1a", "/latest/meta-data/instance-id": "vault",
		"/latest/meta-data/iam/info": `{"Code":"Success"}`, "/latest/dynamic/instance-identity/document": `{"region":"eu-west-1"}`,
	} {
		if w := m.do("GET", path, tokenHeader, token); w.Code != http.StatusOK || w.Body.String() != want {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
	w := m.do("GET", rolesPath+"prod", tokenHeader, token)
	var got map[string]string
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || w.Code != http.StatusOK {
		t.Fatalf("%d %s %v", w.Code, w.Body, err)
	}
	if got["Code"] != "Success" || got["Type"] != "AWS-HMAC" || got["AccessKeyId"] != "ASIAFAKE" || got["SecretAccessKey"] != secret || got["Token"] != "the-token" || got["Expiration"] == "" || got["LastUpdated"] == "" {
		t.Errorf("%v", got)
	}
}

func TestMetadataRefusesWhatIsNotAProgramOnThisMachine(t *testing.T) {
	m := newIMDS(&Instance{Source: fixed("ASIAFAKE"), V1: true})
	token := m.token(t, "60")
	for name, c := range map[string]struct {
		method, path string
		headers      []string
		want         int
	}{
		"another machine":      {"GET", rolesPath, []string{"From", "192.0.2.1:4711"}, 403},
		"a container":          {"GET", rolesPath, []string{"From", "172.17.0.2:4711"}, 403},
		"a link-local machine": {"GET", rolesPath, []string{"From", "169.254.169.253:4711"}, 403},
		"no address":           {"GET", rolesPath, []string{"From", "@"}, 403},
		"another host":         {"GET", rolesPath, []string{"Host", "evil.example"}, 403},
		"another port":         {"GET", rolesPath, []string{"Host", MetadataAddr + ":8080"}, 403},
		"a proxy":              {"GET", rolesPath, []string{"X-Forwarded-For", "192.0.2.1"}, 403},
		"a proxy for a token":  {"PUT", tokenPath, []string{"X-Forwarded-For", "", ttlHeader, "60"}, 403},
		"POST":                 {"POST", rolesPath, nil, 405},
		"a GET for a token":    {"GET", tokenPath, []string{ttlHeader, "60"}, 405},
		"no TTL":               {"PUT", tokenPath, nil, 400},
		"a TTL of nothing":     {"PUT", tokenPath, []string{ttlHeader, "0"}, 400},
		"a TTL below that":     {"PUT", tokenPath, []string{ttlHeader, "-1"}, 400},
		"a TTL of days":        {"PUT", tokenPath, []string{ttlHeader, "21601"}, 400},
		"a TTL in words":       {"PUT", tokenPath, []string{ttlHeader, "60s"}, 400},
		"two TTLs":             {"PUT", tokenPath, []string{ttlHeader, "60", ttlHeader, "60"}, 400},
		"another role":         {"GET", rolesPath + "other", nil, 404},
		"user data":            {"GET", "/latest/user-data", nil, 404},
		"no region":            {"GET", "/latest/meta-data/placement/region", nil, 404},
		"a token that is none": {"GET", rolesPath, []string{tokenHeader, "x"}, 401}, // though version 1 is allowed
		"two tokens":           {"GET", rolesPath, []string{tokenHeader, token, tokenHeader, token}, 401},
		"a longer token":       {"GET", rolesPath, []string{tokenHeader, token + "A"}, 401},
	} {
		w := m.do(c.method, c.path, c.headers...)
		if w.Code != c.want || strings.Contains(w.Body.String(), secret) {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
	}
	for _, from := range []string{"127.0.0.1:1", "[::1]:1"} {
		if w := m.do("GET", rolesPath, "From", from); w.Code != http.StatusOK {
			t.Errorf("%s: %d", from, w.Code)
		}
	}
}

func TestMetadataAnswersWithoutATokenOnRequestOnly(t *testing.T) {
	for v1, want := range map[bool]int{false: 401, true: 200} {
		m := newIMDS(&Instance{Source: fixed("ASIAFAKE"), V1: v1})
		if w := m.do("GET", rolesPath+"vault"); w.Code != want || strings.Contains(w.Body.String(), secret) != v1 {
			t.Errorf("%v: %d %s", v1, w.Code, w.Body)
		}
	}
}

func TestAMetadataTokenEndsAndCannotBeMadeUp(t *testing.T) {
	m := newIMDS(&Instance{Source: fixed("ASIAFAKE")})
	token := m.token(t, "60")
	if other := m.token(t, "60"); other == token {
		t.Error("the same token twice")
	}
	m.now = m.now.Add(59 * time.Second)
	if w := m.do("GET", rolesPath, tokenHeader, token); w.Code != http.StatusOK {
		t.Errorf("%d", w.Code)
	}
	for i := range token {
		c := byte('A')
		if token[i] == c {
			c = 'B'
		}
		if w := m.do("GET", rolesPath, tokenHeader, token[:i]+string(c)+token[i+1:]); w.Code != http.StatusUnauthorized {
			t.Errorf("byte %d may be another: %d", i, w.Code)
		}
	}
	m.now = m.now.Add(time.Second)
	if w := m.do("GET", rolesPath, tokenHeader, token); w.Code != http.StatusUnauthorized {
		t.Errorf("%d after its end", w.Code)
	}
}

func TestWithoutAnInstanceThereIsNoMetadata(t *testing.T) {
	i := &Instance{Source: fixed("ASIAFAKE")}
	m := newIMDS(i)
	token := m.token(t, "60")
	m.Set(nil)
	for _, w := range []*httptest.ResponseRecorder{m.do("GET", rolesPath, tokenHeader, token), m.do("PUT", tokenPath, ttlHeader, "60")} {
		if w.Code != http.StatusNotFound {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	}
	m.Set(i)
	if w := m.do("GET", rolesPath, tokenHeader, token); w.Code != http.StatusUnauthorized {
		t.Errorf("a token of the one before: %d", w.Code)
	}
}

func TestMetadataSaysWhyThereAreNoCredentials(t *testing.T) {
	for _, c := range []struct {
		source Source
		want   string
	}{
		{func(context.Context) (creds.Session, error) {
			return creds.Session{}, &Error{Code: "SignInRequired", Message: "m"}
		}, "SignInRequired"},
		{func(context.Context) (creds.Session, error) { return creds.Session{}, errors.New("m") }, "CredentialsUnavailable"},
		{func(context.Context) (creds.Session, error) {
			return session("ASIAFAKE", time.Now().Add(-2*time.Hour), time.Hour), nil
		}, "CredentialsUnavailable"},
	} {
		m := newIMDS(&Instance{Source: c.source, V1: true})
		w := m.do("GET", rolesPath+"vault")
		var got map[string]string
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || got["Code"] != c.want || got["Message"] == "" || got["AccessKeyId"] != "" || strings.Contains(w.Body.String(), secret) {
			t.Errorf("%d %s %v", w.Code, w.Body, err)
		}
	}
}

func TestMetadataIsServedUntilItIsStopped(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	m := &Metadata{Hosts: []string{l.Addr().String()}}
	m.Set(&Instance{Source: fixed("ASIAFAKE"), V1: true})
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- m.Serve(ctx, l) }()
	res, err := http.Get("http://" + l.Addr().String() + rolesPath)
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("%v %v", res, err)
	}
	_ = res.Body.Close()
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if _, err := net.Dial("tcp", l.Addr().String()); err == nil {
		t.Error("still there")
	}
}
