package creds

import (
	"testing"
	"time"
)

// A machine makes a session of an hour and its clock is set afterwards. The three clocks
// are AWS's, which is right, and that of the machine before and after.
func TestNoSessionIsGoodBeforeItWasIssuedOrForLongerThanItsOwnLife(t *testing.T) {
	const life = time.Hour
	start := time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC) // at AWS
	boot := start.Add(-24 * time.Hour)
	offsets := []time.Duration{-3 * time.Hour, -time.Hour, -10 * time.Minute, 0, 10 * time.Minute, time.Hour, 3 * time.Hour}
	for _, before := range offsets {
		skew := -before
		s := Session{AccessKeyID: "ASIAFAKE", Issued: start.Add(before), Expires: start.Add(life + before), Clock: Clock{Skew: skew, Started: boot.Add(before)}}
		for _, after := range offsets {
			for passed := time.Duration(0); passed < 5*time.Hour; passed += time.Minute {
				now := start.Add(passed + after)
				for name, started := range map[string]time.Time{"known": boot.Add(after), "unknown": {}} {
					got := s.By(now, started)
					good := !got.Expired(now)
					if after == 0 && good && passed >= life+ClockTolerance { // the clock is right now
						t.Fatalf("made %v off, right now, %v later, start %s: still good", before, passed, name)
					}
					if good && got.Expires.Sub(now) > life+ClockTolerance {
						t.Fatalf("made %v off, now %v off, %v later, start %s: good for %v", before, after, passed, name, got.Expires.Sub(now))
					}
					if name == "known" && good && passed >= life+ClockTolerance {
						t.Fatalf("made %v off, now %v off, %v later: still good", before, after, passed)
					}
					if again := got.By(now, started); !again.Expires.Equal(got.Expires) {
						t.Fatalf("made %v off, now %v off, %v later, start %s: %v becomes %v", before, after, passed, name, got.Expires, again.Expires)
					}
					if name == "known" && before == after && good != (passed < life) {
						t.Fatalf("the clock is %v off all the time: after %v good is %v", before, passed, good)
					}
				}
			}
		}
	}
}

func TestASessionThatIsVoidHasOneExpiry(t *testing.T) {
	noon := time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)
	s := Session{Issued: noon, Expires: noon.Add(time.Hour)}
	a, b := s.By(noon.Add(-2*time.Hour), time.Time{}), s.By(noon.Add(-time.Hour), time.Time{})
	if !a.Expires.Equal(b.Expires) || a.Expires.IsZero() || a.Expires.Unix() == 0 {
		t.Errorf("%v, %v", a.Expires, b.Expires) // else every prompt would find another session
	}
	if k := (Session{AccessKeyID: "AKIAFAKE"}).By(noon, noon); !k.Expires.IsZero() {
		t.Errorf("a key expires at %v", k.Expires)
	}
}
