package creds

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"strings"
	"testing"
	"time"
)

// hidden is the text that must never appear; its parts are searched for too, since some
// verbs would print it in hexadecimal or as a list of numbers.
const hidden = "fake-hidden-text"

type holder struct {
	Name   string
	Secret Secret
	inner  Secret
}

// holders are all the ways a secret gets into something that is printed.
func holders() map[string]any {
	s := New(hidden)
	h := holder{"n", s, s}
	return map[string]any{
		"itself": s, "a pointer": &s, "a struct": h, "a pointer to a struct": &h,
		"a slice": []Secret{s}, "a map": map[string]Secret{"k": s}, "an interface": any(s), "an array": [1]holder{h},
		"a slice of pointers": []*holder{&h}, "a Session": Session{SecretKey: s, Token: s}, "a Key": Key{ID: "AKIAFAKE", Secret: s},
		"a pointer to a Session": &Session{SecretKey: s}, "a struct in an error": fmt.Errorf("failed with %v: %w", h, errors.New("why")),
	}
}

func leaks(text string) bool {
	for _, form := range []string{hidden, fmt.Sprintf("%x", hidden), fmt.Sprintf("%X", hidden), fmt.Sprintf("% x", hidden), fmt.Sprint([]byte(hidden)), fmt.Sprintf("%q", hidden)} {
		if strings.Contains(text, strings.Trim(form, `[]"`)) {
			return true
		}
	}
	return false
}

func TestASecretIsNotPrintedByAnyVerb(t *testing.T) {
	for _, verb := range strings.Split("v +v #v s +s q #q x X #x d b o O c U e g f t p T w 20s -20v .3s 08d", " ") {
		for where, v := range holders() {
			if got := fmt.Sprintf("%"+verb, v); leaks(got) {
				t.Errorf("%%%s of %s: %s", verb, where, got)
			}
		}
	}
	if got := fmt.Sprint(New(hidden)); got != redacted {
		t.Errorf("printed as %q", got)
	}
}

func TestASecretIsNotEncoded(t *testing.T) {
	for where, v := range holders() {
		if b, err := json.Marshal(v); leaks(string(b)) {
			t.Errorf("JSON of %s: %s, %v", where, b, err)
		}
		if b, err := xml.Marshal(v); leaks(string(b)) {
			t.Errorf("XML of %s: %s, %v", where, b, err)
		}
	}
	b, err := json.Marshal(map[string]any{"k": New(hidden)})
	if want := `{"k":"[redacted]"}`; err != nil || string(b) != want {
		t.Errorf("JSON %s, %v", b, err)
	}
}

func TestASecretIsNotLogged(t *testing.T) {
	var buf bytes.Buffer
	for where, v := range holders() {
		buf.Reset()
		slog.New(slog.NewTextHandler(&buf, nil)).Info("m", "v", v)
		slog.New(slog.NewJSONHandler(&buf, nil)).Info("m", "v", v)
		log.New(&buf, "", 0).Println(v)
		log.New(&buf, "", 0).Printf("%+v", v)
		if leaks(buf.String()) {
			t.Errorf("the log of %s: %s", where, buf.String())
		}
	}
}

func TestASecretIsNotInAPanic(t *testing.T) {
	defer func() {
		if r := recover(); leaks(fmt.Sprint(r)) {
			t.Errorf("panic: %v", r)
		}
	}()
	panic(fmt.Sprintf("broken: %v", holders()))
}

func TestRevealIsTheOnlyWayOut(t *testing.T) {
	if got := New(hidden).Reveal(); got != hidden {
		t.Errorf("revealed %q", got)
	}
	var zero Secret
	if zero.Reveal() != "" || !zero.IsZero() || !New("").IsZero() || New("x").IsZero() {
		t.Error("the zero value is not the empty secret")
	}
	if New(hidden).String() != redacted {
		t.Error("String reveals")
	}
}

func TestEqualComparesTheText(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{{"a", "a", true}, {"a", "b", false}, {"a", "ab", false}, {"", "", true}, {"", "a", false}} {
		if got := New(c.a).Equal(New(c.b)); got != c.want {
			t.Errorf("%q and %q: %v", c.a, c.b, got)
		}
	}
}

func TestASessionIsExpiredFromItsLastMomentOn(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	s := Session{Expires: at}
	if s.Expired(at.Add(-time.Nanosecond)) || !s.Expired(at) || !s.Expired(at.Add(time.Hour)) {
		t.Error("the moment is wrong")
	}
	if (Session{}).Expired(at) {
		t.Error("a key that does not expire has expired")
	}
}
