//go:build !linux && !darwin && !freebsd && !netbsd && !openbsd && !dragonfly

package agent

// watch does nothing: this system ends the agent with the login session.
func watch(string, func()) (stop func()) { return func() {} }
