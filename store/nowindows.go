//go:build !windows

package store

// The back end of Windows, which does not exist here.
var openWincred opener
