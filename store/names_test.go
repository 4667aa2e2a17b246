package store

import (
	"context"
	"encoding/base64"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/d44b7504/vault/internal/creds"
)

// hidden is a driver that does not list the names of its keys.
type hidden struct {
	driver
	t *testing.T
}

func (d hidden) keys(ctx context.Context, prefix string) ([]string, error) {
	if prefix == "" {
		d.t.Error("it was asked for all names")
	}
	return d.driver.keys(ctx, prefix)
}

// hiddenStore is a store that hides the names of its keys: "base", and two others.
func hiddenStore(t *testing.T, s *bounded) Store {
	known := func(_ context.Context, _ driver, names []string) ([]string, int, error) {
		if slices.Contains(names, "base") {
			return []string{"base"}, 2, nil
		}
		return nil, 3, nil
	}
	return newBounded(Backend{Name: "hidden", known: known}, hidden{s.d, t}, time.Minute)
}

func TestReadNamesTellsItemsApart(t *testing.T) {
	ctx, s := t.Context(), newMemory()
	b64 := func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }
	session, token := SessionName("prod", "key"), TokenName("https://x", "eu-west-1", nil)
	theirs := "sts.AssumeRole," + b64("prod") + ",,1700000000"
	kept := []string{"base", "a,b", "oidc", "vault.later,x,y,9999999999", "vault.rotating,x"}
	staged := stagedPrefix + digest("base") + ",x" + noExpiry
	for _, name := range append(kept, staged, session, token, theirs, "oidc:https://x/start", "old session (1)") {
		if err := s.Put(ctx, name, creds.New("x")); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		s       Store
		keys    []string
		hidden  int
		foreign []string
	}{
		{s, []string{"a,b", "base", "oidc"}, 0, []string{"oidc:https://x/start", "old session (1)", theirs}},
		{hiddenStore(t, s), []string{"base"}, 2, nil},
	} {
		n, err := ReadNames(ctx, c.s, func() []string { return []string{"base", "prod"} })
		if err != nil || !slices.Equal(n.Keys, c.keys) || n.Hidden != c.hidden || !slices.Equal(n.AWSVault, c.foreign) ||
			!slices.Equal(n.Sessions, []string{session}) || !slices.Equal(n.Tokens, []string{token}) ||
			!slices.Equal(n.Staged, []string{staged}) || !n.Rotating("base") || n.Rotating("prod") || n.Rotating("") {
			t.Errorf("%+v, %v", n, err)
		}
	}
}

func TestForeignOfFindsOneProfilesAndOneDirectorys(t *testing.T) {
	name := func(profile string) string {
		return "sts.GetSessionToken," + base64.RawURLEncoding.EncodeToString([]byte(profile)) + ",,1700000000"
	}
	n := Names{AWSVault: []string{name("prod"), name("prod2"), name(""), "oidc:https://x/start", "oidc:https://y/start/#/", "prod session (1)", "session:prod:x:1"}}
	for _, c := range []struct {
		profile, url string
		want         []string
	}{
		{"prod", "", []string{name("prod")}},
		{"prod", "https://y/start", []string{name("prod"), "oidc:https://y/start/#/"}},
		{"nobody", "https://x/start/", []string{"oidc:https://x/start"}},
		{"nobody", "", nil},
	} {
		if got := n.AWSVaultOf(c.profile, c.url); !slices.Equal(got, c.want) {
			t.Errorf("%q at %q: %q, want %q", c.profile, c.url, got, c.want)
		}
	}
}

func TestSessionsAreCountedByProfile(t *testing.T) {
	n := Names{Sessions: []string{SessionName("prod", "a"), SessionName("prod", "b"), SessionName("", "c"), SessionPrefix, SessionPrefix + "!,x", SessionPrefix + "AA,x"}}
	c := n.CountSessions()
	for profile, want := range map[string]int{"prod": 2, "": 1, "dev": 0} {
		if got := c.Of(profile); got != want {
			t.Errorf("%q has %d, want %d", profile, got, want)
		}
	}
	if got := (Names{}).CountSessions().Of("prod"); got != 0 {
		t.Errorf("%d of none", got)
	}
}

// stubborn is a store that refuses to delete one item.
type stubborn struct {
	Store
	name string
}

func (s stubborn) Delete(ctx context.Context, name string) error {
	if name == s.name {
		return ErrLocked
	}
	return s.Store.Delete(ctx, name)
}

func TestDeleteAllCountsWhatItDeletedAndStopsAtAnError(t *testing.T) {
	ctx, s := t.Context(), newMemory()
	for _, name := range []string{"a", "b", "c"} {
		if err := s.Put(ctx, name, creds.New("x")); err != nil {
			t.Fatal(err)
		}
	}
	if n, err := DeleteAll(ctx, stubborn{s, "b"}, []string{"gone", "a", "b", "c"}); n != 1 || !errors.Is(err, ErrLocked) {
		t.Errorf("deleted %d, %v", n, err)
	}
	if n, err := DeleteAll(ctx, s, []string{"a", "b", "c"}); n != 2 || err != nil {
		t.Errorf("deleted %d, %v", n, err)
	}
}
