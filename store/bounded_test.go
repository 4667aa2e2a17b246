package store

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/99designs/keyring"

	"github.com/d44b7504/vault/internal/creds"
)

// odd is a driver whose every call does what the test says.
type odd func(ctx context.Context) error

func (o odd) get(ctx context.Context, _ string) ([]byte, error) { return []byte("v"), o(ctx) }
func (o odd) put(ctx context.Context, _ keyring.Item) error     { return o(ctx) }
func (o odd) remove(ctx context.Context, _ string) error        { return o(ctx) }
func (o odd) keys(ctx context.Context, _ string) ([]string, error) {
	return nil, o(ctx)
}
func (o odd) survey(context.Context) survey { return survey{} }

func everyCall(ctx context.Context, s Store) map[string]error {
	_, get := s.Get(ctx, "k")
	_, list := s.List(ctx, "")
	return map[string]error{"Get": get, "Put": s.Put(ctx, "k", creds.New("v")), "Delete": s.Delete(ctx, "k"), "List": list}
}

func TestACallThatHangsEndsAtItsDeadlineAndDoesNotHoldUpTheNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		s := newBounded(Backend{Name: "stub"}, odd(func(context.Context) error { <-release; return nil }), 5*time.Second)
		start := time.Now()
		for call, err := range everyCall(t.Context(), s) {
			if !errors.Is(err, ErrUnavailable) || !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "in stub: ") {
				t.Errorf("%s: %v", call, err)
			}
		}
		if took := time.Since(start); took != 20*time.Second+4*cleanupTime {
			t.Errorf("four calls of 5s each took %v", took)
		}
		close(release)
	})
}

func TestACancelledCallEndsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		s := newBounded(Backend{Name: "stub"}, odd(func(context.Context) error { <-release; return nil }), time.Hour)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start := time.Now()
		for call, err := range everyCall(ctx, s) {
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s: %v", call, err)
			}
		}
		if took := time.Since(start); took != time.Second+cleanupTime {
			t.Errorf("took %v", took)
		}
		close(release)
	})
}

func TestAPanicOfTheLibraryIsAnError(t *testing.T) {
	s := newBounded(Backend{Name: "stub"}, odd(func(context.Context) error { panic("a dialog was dismissed") }), time.Second)
	for call, err := range everyCall(t.Context(), s) {
		if !errors.Is(err, ErrUnavailable) {
			t.Errorf("%s: %v", call, err)
		}
	}
}

func TestEveryErrorIsOneOfThreeKinds(t *testing.T) {
	for said, want := range map[string]error{
		keyring.ErrKeyNotFound.Error():                 ErrUnavailable, // the text alone is not the error
		"Cannot get secret of a locked object":         ErrLocked,
		"Cannot create an item in a locked collection": ErrLocked,
		"User interaction is not allowed. (-25308)":    ErrLocked,
		"the stub received bad data":                   ErrUnavailable,
	} {
		s := newBounded(Backend{Name: "stub"}, odd(func(context.Context) error { return errors.New(said) }), time.Second)
		for call, err := range everyCall(t.Context(), s) {
			if !errors.Is(err, want) || !strings.Contains(err.Error(), said) {
				t.Errorf("%s of %q: %v", call, said, err)
			}
		}
	}
	s := newBounded(Backend{Name: "stub"}, odd(func(context.Context) error { return keyring.ErrKeyNotFound }), time.Second)
	for call, err := range everyCall(t.Context(), s) {
		if !errors.Is(err, ErrNotFound) {
			t.Errorf("%s: %v", call, err)
		}
	}
}
