//go:build !linux

package host

// LockMemory reports whether memory is kept from being written to a swap file. Here the
// system encrypts that file, or has no such call.
func LockMemory() bool { return false }
