package sessions

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// ticking is a server that says it is so much later, or what Date is set to.
func ticking(t *testing.T, h http.HandlerFunc) Endpoint {
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return Endpoint{URL: s.URL}
}

func TestTimeIsReadOffAnyAnswer(t *testing.T) {
	for _, status := range []int{200, 302, 403, 500} {
		e := ticking(t, func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Authorization") != "" || r.Method != http.MethodHead {
				t.Errorf("a %s with %v", r.Method, r.Header)
			}
			w.Header().Set("Date", time.Now().Add(-time.Hour).UTC().Format(http.TimeFormat))
			w.Header().Set("Location", "http://127.0.0.1:1/")
			w.WriteHeader(status)
		})
		host, ahead, err := Time(t.Context(), e, time.Now)
		if err != nil || (ahead+time.Hour).Abs() > 3*time.Second || "http://"+host != e.URL {
			t.Errorf("%d: %q, %v, %v", status, host, ahead, err)
		}
	}
}

func TestTimeFailsInWordsAndInTime(t *testing.T) {
	stuck := make(chan struct{})
	for name, c := range map[string]struct {
		e    Endpoint
		want string
	}{
		"no date": {ticking(t, func(w http.ResponseWriter, _ *http.Request) { w.Header()["Date"] = nil }), "the answer has no date"},
		"silence": {ticking(t, func(http.ResponseWriter, *http.Request) { <-stuck }), "no answer in time"},
		"nobody":  {Endpoint{URL: "http://user:hunter2@127.0.0.1:1"}, "connection refused"},
		"no CA":   {Endpoint{URL: "https://127.0.0.1:1"}, "refused"},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		host, _, err := Time(ctx, c.e, time.Now)
		cancel()
		var call *CallError
		if !errors.As(err, &call) || !strings.Contains(call.Reason(), c.want) {
			t.Errorf("%s: %v", name, err)
		} else if text := host + call.Error(); strings.Contains(text, "hunter2") {
			t.Errorf("%s: a password is shown: %s", name, text)
		}
	}
	close(stuck)
}

func TestTimeAsksTheSTSThatTheSDKWouldAsk(t *testing.T) {
	for region, want := range map[string]string{
		"eu-west-1": "sts.eu-west-1.amazonaws.com", "cn-north-1": "sts.cn-north-1.amazonaws.com.cn", "us-gov-west-1": "sts.us-gov-west-1.amazonaws.com",
		"": "sts.us-east-1.amazonaws.com",
	} {
		at, err := Endpoint{Region: region}.sts(t.Context())
		if err != nil || at.Host != want || at.Scheme != "https" {
			t.Errorf("%q: %v, %v", region, at, err)
		}
	}
	legacy := Endpoint{Region: "eu-west-1"}
	legacy.Network.LegacySTS = true
	if at, err := legacy.sts(t.Context()); err != nil || at.Host != "sts.amazonaws.com" {
		t.Errorf("legacy: %v, %v", at, err)
	}
}
