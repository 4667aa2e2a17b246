package store

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/d44b7504/vault/internal/testenv"
)

// Docker's own helper for the Secret Service, on a real one.
func TestHelperWithSecretService(t *testing.T) {
	testenv.Require(t, "helper", secretServiceHelper, "gnome-keyring-daemon")
	if !onABus(t, "helper") {
		return
	}
	unlockedLogin(t)
	prompts := prompter(t)
	o := Options{Helper: "secretservice", Ask: mustNotAsk}
	quiet := Options{Helper: "secretservice", Quiet: true}
	t.Run("conforms", func(t *testing.T) { testenv.OnlyLong(t, slowHelper); conforms(t, open(t, o), 0, 1, 100, 100_000) })
	t.Run("quiet when unlocked", func(t *testing.T) {
		put(t, open(t, quiet), "k", "v")
		wantValue(t, open(t, quiet), "k", "v")
	})
	lock(t, "login")
	t.Run("quiet when locked", func(t *testing.T) {
		start := time.Now()
		for call, err := range everyCall(t.Context(), open(t, quiet)) {
			if !errors.Is(err, ErrLocked) || !strings.Contains(err.Error(), secretServiceHelper) {
				t.Errorf("%s: %v", call, err)
			}
		}
		if took := time.Since(start); took > 3*time.Second || prompts.Load() != 0 {
			t.Errorf("took %v and wanted %d dialogs", took, prompts.Load())
		}
	})
	t.Run("a dialog that fails", func(t *testing.T) {
		if err := getErr(t, open(t, o), "k"); !errors.Is(err, ErrLocked) || prompts.Load() == 0 {
			t.Errorf("%v after %d dialogs", err, prompts.Load())
		}
	})
}

// Where there is no bus this helper would have one started, which nothing would end.
func TestHelperWithSecretServiceIsNotRunWithoutABus(t *testing.T) {
	testenv.Require(t, "helper", secretServiceHelper)
	start := time.Now()
	for call, err := range everyCall(t.Context(), open(t, Options{Helper: "secretservice"})) {
		if !errors.Is(err, ErrUnavailable) || !strings.Contains(err.Error(), secretServiceHelper+": no D-Bus session bus") &&
			!strings.Contains(err.Error(), "does not answer") {
			t.Errorf("%s: %v", call, err)
		}
	}
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("took %v", took)
	}
}
