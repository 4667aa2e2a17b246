// Package proxy is the side of EC2 mode that needs root: the address 169.254.169.254 on
// this machine, port 80 of it, and what must not be left behind. Two processes share the
// work. The keeper has root, holds the address, and reads nothing from anyone. The front
// answers every request and every command, as an ordinary user. It has no credentials of
// its own: it asks those who have joined it for each request.
package proxy

import (
	"errors"
	"net"
	"time"
)

// Why there is no proxy to be had. Each is the whole story for a person.
var (
	ErrNotRoot     = errors.New("only root can give this machine the address 169.254.169.254, at which programs look for instance metadata")
	ErrRunning     = errors.New("a metadata proxy is running already")
	errNotRunning  = errors.New("no metadata proxy is running")
	errBusy        = errors.New("the metadata proxy serves another command already, and programs cannot tell two apart")
	ErrForeign     = errors.New("this machine has the address 169.254.169.254 already, from something else")
	ErrUnsupported = errors.New("instance metadata cannot be served on this system")
)

// Owner is who may join and stop a proxy, beside root, and as whom its front runs. The
// zero value is root alone, and a front that runs as nobody.
type Owner struct{ UID, GID int }

// front is the user as whom the front runs: never root.
func (o Owner) front() (uid, gid uint32) {
	const nobody = 65534
	if o.UID == 0 {
		return nobody, nobody
	}
	return uint32(o.UID), uint32(o.GID)
}

// Instance is what a command that joins is to be served as.
type Instance struct {
	URL, Token   string // of a lease of this user's server
	Role, Region string
	V1           bool
}

// command is what is said on the control socket, as one line of JSON.
type command struct {
	Op string // "join" or "stop"
	Instance
}

// reply is the answer to it.
type reply struct{ Error string }

const (
	joinOp, stopOp = "join", "stop"
	busy           = "busy"

	maxCommand = 4 << 10
	patience   = 5 * time.Second // for a command to arrive and to be answered
)

// loopback reports whether a host with its port is this machine.
func loopback(host string) bool {
	name, _, err := net.SplitHostPort(host)
	return err == nil && net.ParseIP(name).IsLoopback()
}
