//go:build darwin && !cgo

package store

// setInteraction has nothing to set: this build has no keychain.
func setInteraction(bool) {}
