// Package app is the core of the program without its command line: which profile,
// which session, which store, and who may be asked. What all requests of a process
// share is a Core; what belongs to one request is a Caller, which is passed in; a Task
// is one request being carried out.
package app

import (
	"context"
	"time"

	"github.com/d44b7504/vault/internal/host"
	"github.com/d44b7504/vault/internal/profiles"
	"github.com/d44b7504/vault/refresh"
	"github.com/d44b7504/vault/store"
)

// World is everything outside the program: the host, the keyrings, and how early a
// session is renewed. What costs or can fail is a function, called when it is needed.
type World struct {
	*host.World
	OpenStore func(context.Context, store.Options) (store.Store, error)
	// Probe looks at every keyring of this machine and opens none.
	Probe  func(context.Context, store.Options) []store.Finding
	Policy refresh.Policy
}

// Real is the world of the program that people run.
func Real() *World {
	return &World{World: host.Real(), OpenStore: openPatiently, Probe: store.Probe, Policy: refresh.Default}
}

// Core is what all requests of a process share. It holds nothing of any one of them,
// so that it may carry out several at the same time.
type Core struct {
	OpenStore func(context.Context, store.Options) (store.Store, error)
	// Probe looks at every keyring of this machine and opens none.
	Probe func(context.Context, store.Options) []store.Finding
	// LoadProfiles reads an AWS config file and a credentials file.
	LoadProfiles func(config, credentials string) (*profiles.Set, error)
	Policy       refresh.Policy

	Now func() time.Time
	// SinceBoot is how long ago the machine started; nil, or 0: unknown.
	SinceBoot func() time.Duration
	Sleep     func(context.Context, time.Duration) error
	// Who is the user and the machine, for the session names in CloudTrail.
	Who func() (user, host string)

	// Agent holds stores that a person has unlocked; nil: there is none, as in the agent itself.
	Agent Agent
	Self  string // the file of this program; "": not known

	// How programs are run; see host.World.
	Run   func(context.Context, host.Child) (host.Output, error)
	Start func(argv, environ []string) error
}

// Core is the part of the world that all requests share.
func (w *World) Core() *Core {
	return &Core{
		OpenStore: w.OpenStore, Probe: w.Probe, LoadProfiles: profiles.LoadFiles,
		Policy: w.Policy, Now: w.Now, SinceBoot: w.SinceBoot, Sleep: w.Sleep, Who: w.Who, Self: w.Self, Run: w.Run, Start: w.Start,
	}
}

// Started is when the machine started, by the clock that Now reads; zero if unknown. It
// changes only if that clock is set.
func (c *Core) Started() time.Time {
	if c.SinceBoot == nil {
		return time.Time{}
	}
	since := c.SinceBoot()
	if since <= 0 {
		return time.Time{}
	}
	return c.Now().Add(-since).UTC().Truncate(time.Second)
}

// Task begins a request of a caller. It opens nothing; what the request needs is opened
// when it is needed, and once. Several goroutines may use a Task only after it has opened
// the store and the config file.
func (c *Core) Task(caller Caller) *Task { return &Task{Core: c, Caller: caller} }

// openPatiently is store.Open for this process. What may wait comes after it: a person, a keyring,
// another process, AWS.
func openPatiently(ctx context.Context, o store.Options) (store.Store, error) {
	host.CatchSignalsSoon()
	return store.Open(ctx, o)
}
