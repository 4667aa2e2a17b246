package server

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/d44b7504/vault/internal/creds"
)

// upstream is a source whose sessions last for life, unless it is broken.
type upstream struct {
	life  time.Duration
	slow  time.Duration
	calls atomic.Int32
	down  atomic.Bool
}

var errDown = errors.New("down")

func (u *upstream) source(ctx context.Context) (creds.Session, error) {
	u.calls.Add(1)
	select {
	case <-time.After(u.slow):
	case <-ctx.Done():
		return creds.Session{}, ctx.Err()
	}
	if u.down.Load() {
		return creds.Session{}, errDown
	}
	return session("ASIAFAKE", time.Now(), u.life), nil
}

// inBubble runs a test in simulated time, with a held session of u.
func inBubble(t *testing.T, u *upstream, test func(t *testing.T, h *held)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		h := newHeld(ctx, u.source, time.Now)
		h.hold(session("ASIAFIRST", time.Now(), u.life))
		test(t, h)
	})
}

func left(t *testing.T, h *held) time.Duration {
	t.Helper()
	a, err := h.get(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return time.Until(a.expires)
}

// boto3 asks again as soon as 15 minutes are left, and before each of its own calls.
func TestAClientThatAsksAllDayAlwaysHasMoreThanFifteenMinutes(t *testing.T) {
	u := &upstream{life: time.Hour, slow: 300 * time.Millisecond}
	inBubble(t, u, func(t *testing.T, h *held) {
		for range 24 * 60 * 6 {
			time.Sleep(10 * time.Second)
			if l := left(t, h); l <= 15*time.Minute {
				t.Fatalf("%s left", l)
			}
		}
		if n := u.calls.Load(); n != 32 { // every 44 minutes
			t.Errorf("%d calls in a day", n)
		}
	})
}

func TestASessionOfSecondsIsRenewedHalfWay(t *testing.T) {
	u := &upstream{life: 4 * time.Second}
	inBubble(t, u, func(t *testing.T, h *held) {
		for range 100 {
			time.Sleep(500 * time.Millisecond)
			if l := left(t, h); l < 1900*time.Millisecond {
				t.Fatalf("%s left", l)
			}
		}
	})
}

func TestNoClientWaitsForARenewalAhead(t *testing.T) {
	u := &upstream{life: time.Hour, slow: 500 * time.Millisecond}
	inBubble(t, u, func(t *testing.T, h *held) {
		time.Sleep(50 * time.Minute) // renewed at 44
		before := time.Now()
		if l := left(t, h); l < 50*time.Minute || time.Since(before) != 0 {
			t.Errorf("%s left, after %s", l, time.Since(before))
		}
	})
}

func TestManyRequestsAtOnceAreOneCall(t *testing.T) {
	u := &upstream{life: time.Hour, slow: 3 * time.Second}
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		h := newHeld(ctx, u.source, time.Now)
		for range 500 {
			go func() {
				if _, err := h.get(ctx); err != nil {
					t.Error(err)
				}
			}()
		}
		synctest.Wait()
		time.Sleep(4 * time.Second)
		if n := u.calls.Load(); n != 1 {
			t.Errorf("%d calls", n)
		}
	})
}

// A client that gave up after its two seconds must find the session at its next try.
func TestAClientThatGivesUpDoesNotEndTheCall(t *testing.T) {
	u := &upstream{life: time.Hour, slow: 3 * time.Second}
	synctest.Test(t, func(t *testing.T) {
		lease, cancel := context.WithCancel(context.Background())
		defer cancel()
		h := newHeld(lease, u.source, time.Now)
		ctx, giveUp := context.WithTimeout(context.Background(), 2*time.Second)
		defer giveUp()
		if _, err := h.get(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v", err)
		}
		if _, err := h.get(lease); err != nil || u.calls.Load() != 1 {
			t.Errorf("%v, %d calls", err, u.calls.Load())
		}
	})
}

func TestAFailedRenewalLeavesTheSessionThatLives(t *testing.T) {
	u := &upstream{life: time.Hour}
	u.down.Store(true)
	inBubble(t, u, func(t *testing.T, h *held) {
		for range 59 {
			time.Sleep(time.Minute)
			before := time.Now()
			left(t, h)
			if time.Since(before) > 0 {
				t.Fatal("a request waited for a network that is down")
			}
		}
		if n := u.calls.Load(); n < 8 || n > 20 {
			t.Errorf("%d calls in the last 16 minutes", n)
		}
		u.down.Store(false)
		time.Sleep(time.Minute)
		if l := left(t, h); l < 44*time.Minute {
			t.Errorf("the network is back, and %s left", l)
		}
	})
}

// A network that swallows packets must not make every request wait.
func TestARequestWaitsASecondAtMostWhileASessionLives(t *testing.T) {
	u := &upstream{life: time.Hour, slow: time.Hour}
	inBubble(t, u, func(t *testing.T, h *held) {
		time.Sleep(44*time.Minute + time.Millisecond)
		before := time.Now()
		left(t, h)
		if d := time.Since(before); d > patience {
			t.Errorf("waited %s", d)
		}
	})
}

func TestAnExpiredSessionIsNeverGivenOut(t *testing.T) {
	u := &upstream{life: time.Hour}
	u.down.Store(true)
	inBubble(t, u, func(t *testing.T, h *held) {
		time.Sleep(time.Hour)
		for range 20 {
			if a, err := h.get(context.Background()); !errors.Is(err, errDown) || a != nil {
				t.Fatalf("%v %v", a, err)
			}
			time.Sleep(100 * time.Millisecond)
		}
		calls := u.calls.Load()
		u.down.Store(false) // someone has signed in
		time.Sleep(time.Second)
		left(t, h)
		if n := u.calls.Load() - calls; n != 1 {
			t.Errorf("%d calls", n)
		}
	})
}

func TestNothingIsTriedForASessionThatHasExpiredUntilAClientAsks(t *testing.T) {
	u := &upstream{life: time.Hour}
	u.down.Store(true)
	inBubble(t, u, func(t *testing.T, h *held) {
		time.Sleep(2 * time.Hour)
		calls := u.calls.Load()
		time.Sleep(24 * time.Hour)
		if n := u.calls.Load(); n != calls {
			t.Errorf("%d calls in a day that nobody asked in", n-calls)
		}
	})
}

// At most one call a second, however many ask.
func TestAClientInALoopDoesNotBecomeALoopOfCalls(t *testing.T) {
	u := &upstream{life: time.Hour}
	u.down.Store(true)
	inBubble(t, u, func(t *testing.T, h *held) {
		time.Sleep(2 * time.Hour)
		calls := u.calls.Load()
		for range 10_000 {
			_, _ = h.get(context.Background())
			time.Sleep(time.Millisecond)
		}
		if n := u.calls.Load() - calls; n > 11 {
			t.Errorf("%d calls in ten seconds", n)
		}
	})
}

// A source that can do no better gives back what it has.
func TestASessionThatCannotBeRenewedIsServedToItsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		only := session("ASIAFAKE", time.Now(), time.Hour)
		calls := 0
		h := newHeld(ctx, func(context.Context) (creds.Session, error) { calls++; return only, nil }, time.Now)
		h.hold(only)
		for range 59 {
			time.Sleep(time.Minute)
			left(t, h)
		}
		time.Sleep(time.Minute)
		if a, err := h.get(ctx); err == nil || a != nil {
			t.Errorf("%v %v", a, err)
		}
		if calls > 40 {
			t.Errorf("%d calls", calls)
		}
	})
}

// Timers stand still while a machine sleeps, and the wall clock does not.
func TestAfterSleepTheFirstRequestHasANewSession(t *testing.T) {
	u := &upstream{life: time.Hour}
	synctest.Test(t, func(t *testing.T) {
		var slept atomic.Int64
		now := func() time.Time { return time.Now().Add(time.Duration(slept.Load())) }
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		h := newHeld(ctx, func(ctx context.Context) (creds.Session, error) {
			_, err := u.source(ctx)
			return session("ASIAFAKE", now(), u.life), err
		}, now)
		h.hold(session("ASIAFIRST", now(), u.life))
		for _, nap := range []time.Duration{50 * time.Minute, 8 * time.Hour} {
			slept.Add(int64(nap))
			a, err := h.get(ctx)
			if err != nil || !a.lives(now()) {
				t.Fatalf("%v after %s", err, nap)
			}
		}
		if n := u.calls.Load(); n != 2 {
			t.Errorf("%d calls", n)
		}
	})
}

func TestASessionThatIsDueAtTheBeginningIsRenewedAtOnce(t *testing.T) {
	u := &upstream{life: time.Hour}
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		h := newHeld(ctx, u.source, time.Now)
		old := session("ASIAFIRST", time.Now().Add(-50*time.Minute), time.Hour)
		h.hold(old)
		synctest.Wait()
		if l := left(t, h); l != time.Hour || u.calls.Load() != 1 {
			t.Errorf("%s left after %d calls", l, u.calls.Load())
		}
	})
}

func TestARevokedLeaseRenewsNothing(t *testing.T) {
	u := &upstream{life: time.Hour}
	synctest.Test(t, func(t *testing.T) {
		ctx, revoke := context.WithCancel(context.Background())
		h := newHeld(ctx, u.source, time.Now)
		h.hold(session("ASIAFIRST", time.Now(), u.life))
		revoke()
		synctest.Wait()
		time.Sleep(5 * time.Hour)
		if n := u.calls.Load(); n != 0 {
			t.Errorf("%d calls", n)
		}
	})
}
