package store

import (
	"context"
	"errors"

	"github.com/99designs/keyring"
)

func platform() []backend {
	return []backend{
		{name: "keychain", open: openKeychain},
		{name: "pass", open: openPass},
		{name: "file", open: openFiles},
		{name: "age", open: openAge, explicit: true},
	}
}

func openKeychain(_ context.Context, o Options, _ bool) (driver, error) {
	if !registered(keyring.KeychainBackend) {
		return nil, errors.New("this program was built without cgo, and so without the macOS keychain")
	}
	return &library{cfg: config(keyring.KeychainBackend, o), before: allowDialogs(!o.Quiet)}, nil
}

// allowDialogs sets, ahead of each call, whether macOS may ask a person during it.
// When it may not, what would have asked fails with "User interaction is not allowed".
func allowDialogs(allowed bool) func(context.Context, string, bool) error {
	return func(context.Context, string, bool) error {
		setInteraction(allowed)
		return nil
	}
}
