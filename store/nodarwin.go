//go:build !darwin

package store

// The back end of macOS, which does not exist here.
var openKeychain opener
