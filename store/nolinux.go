//go:build !linux

package store

// The back ends of Linux, which do not exist here.
var openSecretService, openKWallet, openKeyctl opener
