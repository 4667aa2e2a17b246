//go:build darwin && cgo

package store

/*
#cgo CFLAGS: -Wno-deprecated-declarations
#cgo LDFLAGS: -framework Security
#include <Security/Security.h>
*/
import "C"

import (
	"context"
	"errors"
	"math"

	"github.com/99designs/keyring"
)

func openKeychain(_ context.Context, o Options, _ bool) (driver, error) {
	if !registered(keyring.KeychainBackend) {
		return nil, errors.New("this program was built without the macOS keychain")
	}
	l := &library{cfg: config(keyring.KeychainBackend, o), before: allowDialogs(!o.Quiet), place: "~/Library/Keychains/" + o.KeychainName + ".keychain-db"}
	// No item is too large here, but a build without cgo may have stored some in parts.
	return &partsDriver{l, math.MaxInt}, nil
}

// allowDialogs returns a function that says, before each call, whether macOS may ask a
// person. If it may not, a call that needs to fails with "User interaction is not allowed".
func allowDialogs(allowed bool) func(context.Context, string, bool) error {
	var b C.Boolean
	if allowed {
		b = 1
	}
	return func(context.Context, string, bool) error {
		C.SecKeychainSetUserInteractionAllowed(b)
		return nil
	}
}
