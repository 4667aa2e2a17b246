//go:build !linux

package console

import "net"

// sameUser is true: the system does not say who is at the other end.
func sameUser(net.Conn) bool { return true }
