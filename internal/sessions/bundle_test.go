package sessions

import (
	"net/http"
	"net/url"
	"testing"
)

// A bundle has a hundred certificates and more, and to read them takes longer than a call
// to an emulator.
func TestABundleIsReadOnlyForACallThatNeedsIt(t *testing.T) {
	none := func(*http.Request) (*url.URL, error) { return nil, nil }
	some := func(*http.Request) (*url.URL, error) { return url.Parse("https://gateway.example.com") }
	for _, c := range []struct {
		at    string
		proxy func(*http.Request) (*url.URL, error)
		want  bool
	}{
		{"", none, true},
		{"https://127.0.0.1:4566", none, true},
		{"http://127.0.0.1:4566", none, false},
		{"http://sts.example.com", some, true},
		{"://", none, true},
	} {
		if got := (Endpoint{URL: c.at, Proxy: c.proxy}).speaksTLS(); got != c.want {
			t.Errorf("%q: %v", c.at, got)
		}
	}
}
