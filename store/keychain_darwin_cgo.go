//go:build darwin && cgo

package store

/*
#cgo CFLAGS: -Wno-deprecated-declarations
#cgo LDFLAGS: -framework Security
#include <Security/Security.h>
*/
import "C"

// setInteraction allows or forbids the keychain's dialogs in this process.
func setInteraction(allowed bool) {
	var b C.Boolean
	if allowed {
		b = 1
	}
	C.SecKeychainSetUserInteractionAllowed(b)
}
