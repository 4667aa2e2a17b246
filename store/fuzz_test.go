package store

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/d44b7504/vault/internal/creds"
)

// Whatever a keyring returns, it is a key, a session or a sign-in that can be used, or an error
// that does not quote it.
func FuzzItem(f *testing.F) {
	for _, text := range []string{`{"AccessKeyID":"AKIA1","SecretAccessKey":"s3cr3tvalue"}`, `{"AccessKeyID":"ASIA1","Expires":"2100-01-01T00:00:00Z"}`, `{"StartURL":"https://x"}`, `{`, `{"AccessKeyID":7}`} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		k, err := parseKey("work", creds.New(text))
		quotes(t, err, text)
		if err == nil && (!creds.Printable(k.ID) || k.ID == "" || !creds.Printable(k.Secret.Reveal())) {
			t.Errorf("%q is the key %q", text, k.ID)
		}
		if err != nil && !errors.Is(err, ErrUnavailable) {
			t.Error(err)
		}
		s, err := parseSession(creds.New(text))
		quotes(t, err, text)
		if err == nil && s.Check() != nil || err != nil && !errors.Is(err, ErrNotFound) {
			t.Errorf("%q: %v", text, err)
		}
		_, err = parseToken(creds.New(text))
		quotes(t, err, text)
	})
}

// What a helper is given it gives back, whatever it was.
func FuzzHelperValue(f *testing.F) {
	f.Add([]byte("plain"), "work")
	f.Add([]byte{0, 1, 2}, "a\nb")
	f.Add([]byte(encodedHead), nameMark)
	f.Fuzz(func(t *testing.T, data []byte, name string) {
		h := &helper{name: "docker-credential-x"}
		value, err := withoutName(withName(encodeValue(data), name), name)
		if err != nil {
			t.Fatal(err)
		}
		if back, err := h.decodeValue(value); err != nil || !bytes.Equal(back, data) && len(data) > 0 {
			t.Errorf("%q became %q: %v", data, back, err)
		}
		_, err = h.decodeValue(string(data))
		quotes(t, err, string(data))
	})
}

// quotes fails the test for an error with a part of the text that is long enough to be a secret.
func quotes(t *testing.T, err error, text string) {
	t.Helper()
	if err == nil {
		return
	}
	for i := 0; i+12 <= len(text); i++ {
		if part := text[i : i+12]; strings.Contains(err.Error(), part) {
			t.Errorf("the error quotes %q: %v", part, err)
			return
		}
	}
}
