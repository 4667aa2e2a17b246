package env

import (
	"slices"
	"testing"
	"time"

	"github.com/d44b7504/vault/internal/creds"
)

// Programs that read the expiry read the machine's clock too. When that was set back, the expiry follows,
// and when it is right again, it is what it was.
func TestTheExportedExpiryFollowsTheClock(t *testing.T) {
	at := time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)
	s := creds.Session{Profile: "prod", Region: "eu-west-1", AccessKeyID: "ASIAFAKE", SecretKey: creds.New("fake"), Issued: at.Add(-time.Hour), Expires: at}
	m := map[string]string{}
	follow := func(a Activation) {
		for _, c := range a.Changes {
			if m[c.Name] = c.Value.Reveal(); c.Unset {
				delete(m, c.Name)
			}
		}
	}
	follow(Activate(m, Request{Profile: "prod"}, s, "/g"))
	for _, expires := range []time.Time{at.Add(-time.Hour), time.Unix(1, 0), at, at.Add(-time.Hour)} {
		follow(Follow(m, "eu-west-1", "/g", expires))
		if st, _ := StateOf(m); m[Expiration] != expires.UTC().Format(time.RFC3339) || !st.Expires(m).Equal(at) || len(st.Changed(m)) > 0 {
			t.Errorf("exported %s, and by the clock of then %v; changed: %q", m[Expiration], st.Expires(m), st.Changed(m))
		}
	}
	m[Expiration] = at.Add(time.Minute).Format(time.RFC3339) // by another program
	if a := Follow(m, "eu-west-1", "/g", at); slices.ContainsFunc(a.Changes, func(c Change) bool { return c.Name == Expiration }) {
		t.Error("what another program has exported is changed")
	}
	follow(Deactivate(m))
	if len(m) > 1 { // the other program's
		t.Errorf("left: %q", m)
	}
}
