package store

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/d44b7504/vault/internal/creds"
	"github.com/d44b7504/vault/internal/testenv"
)

// kernelStore is a keyring of the test's own below the user's, unlinked afterwards.
func kernelStore(t *testing.T) Store {
	t.Helper()
	service := fmt.Sprintf("vault-test-%d-%d", os.Getpid(), time.Now().UnixNano())
	d, err := keyctlNamed(service, Options{}.withDefaults())
	if err != nil {
		testenv.Missing(t, "keyctl", err.Error())
	}
	t.Cleanup(func() {
		if id, err := unix.KeyctlSearch(unix.KEY_SPEC_USER_KEYRING, "keyring", service, 0); err == nil {
			_, _ = unix.KeyctlInt(unix.KEYCTL_UNLINK, id, unix.KEY_SPEC_USER_KEYRING, 0, 0)
		}
	})
	return newBounded(entryOf(t, "keyctl"), d, 5*time.Second)
}

func init() {
	stages["keyctl"] = func(t *testing.T) { conforms(t, kernelStore(t), 1, 100, 5_000) }
}

func TestKeyctlSaysWhatItCannotHold(t *testing.T) {
	s := kernelStore(t)
	for _, n := range []int{0, 40_000} {
		err := s.Put(soon(t), "k", creds.New(strings.Repeat("v", n)))
		if !errors.Is(err, ErrUnavailable) || !strings.Contains(err.Error(), "1 to 32767 bytes") {
			t.Errorf("%d bytes: %v", n, err)
		}
	}
}

func TestKeyctlIsOpenedByNameOnly(t *testing.T) {
	if b := entryOf(t, "keyctl"); b.isAutomatic() || !b.Volatile {
		t.Error("it would be chosen, and a restart would lose every key")
	}
}
