package refresh

import (
	"testing"
	"time"

	"github.com/d44b7504/vault/internal/creds"
)

var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

// lasting is a session made at noon.
func lasting(d time.Duration) creds.Session {
	return creds.Session{AccessKeyID: "ASIAFAKE", Issued: noon, Expires: noon.Add(d)}
}

func TestASessionIsRenewedAQuarterOfItsLifeEarly(t *testing.T) {
	for _, c := range []struct{ life, early time.Duration }{
		{time.Hour, 15 * time.Minute},
		{40 * time.Minute, 10 * time.Minute},
		{15 * time.Minute, 225 * time.Second},
		{12 * time.Hour, 15 * time.Minute}, // at most that
		{3 * time.Minute, time.Minute},     // and at least
		{2 * time.Minute, time.Minute},
		{90 * time.Second, 45 * time.Second}, // unless that is more than half
		{time.Second, 500 * time.Millisecond},
		{0, 0},
		{-time.Hour, 0},
	} {
		s := lasting(c.life)
		if got := s.Expires.Sub(Default.When(s)); got != c.early {
			t.Errorf("a session of %v is due %v early, want %v", c.life, got, c.early)
		}
	}
	if !Default.When(creds.Session{AccessKeyID: "AKIAFAKE"}).IsZero() {
		t.Error("a key that does not expire is due")
	}
}

func TestDueFromThatMomentOn(t *testing.T) {
	s := lasting(time.Hour)
	for at, want := range map[time.Duration]bool{
		0: false, 45*time.Minute - 1: false, 45 * time.Minute: true, time.Hour: true, 1000 * time.Hour: true, -time.Hour: false,
	} {
		if got := Default.Due(s, noon.Add(at)); got != want {
			t.Errorf("after %v: %v", at, got)
		}
	}
	if Default.Due(creds.Session{}, noon) {
		t.Error("a key that does not expire is due")
	}
}

func TestGoodLeavesAtLeastTheWantedTime(t *testing.T) {
	for _, c := range []struct {
		life, at, min time.Duration
		want          bool
	}{
		{time.Hour, 0, 5 * time.Minute, true},
		{time.Hour, 44 * time.Minute, 5 * time.Minute, true},
		{time.Hour, 45 * time.Minute, 5 * time.Minute, false}, // due
		{time.Hour, 44 * time.Minute, 20 * time.Minute, false},
		{time.Hour, 2 * time.Hour, 0, false},
		{12 * time.Hour, time.Hour, 10 * time.Hour, true}, // more than half its life cannot be wanted
		{12 * time.Hour, 7 * time.Hour, 10 * time.Hour, false},
		{4 * time.Minute, time.Minute, 5 * time.Minute, true}, // too short for it: good until due
		{4 * time.Minute, 3 * time.Minute, 5 * time.Minute, false},
		{time.Hour, -30 * time.Second, 5 * time.Minute, true},  // a clock that was corrected a little
		{time.Hour, -10 * time.Minute, 5 * time.Minute, false}, // set back: it was not issued yet
		{time.Hour, -2 * time.Hour, 5 * time.Minute, false},
	} {
		if got := Default.Good(lasting(c.life), noon.Add(c.at), c.min); got != c.want {
			t.Errorf("%v old of %v, %v wanted: %v", c.at, c.life, c.min, got)
		}
	}
	if !Default.Good(creds.Session{AccessKeyID: "AKIAFAKE"}, noon, time.Hour) {
		t.Error("a key that does not expire is not good")
	}
}

func TestBackoffDoublesUpToItsLimit(t *testing.T) {
	want := []time.Duration{30, 60, 120, 240, 480, 600, 600}
	for i, w := range want {
		if got := Default.Backoff(i + 1); got != w*time.Second {
			t.Errorf("after %d failures: %v, want %v", i+1, got, w*time.Second)
		}
	}
	if got := Default.Backoff(1 << 40); got != Default.BackoffMax {
		t.Errorf("after very many: %v", got)
	}
	if got := Default.Backoff(0); got > Default.BackoffMin {
		t.Errorf("after none: %v", got)
	}
}
