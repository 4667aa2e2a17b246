// Package app is the core of the program without its command line: which profile,
// which session, which store, and who may be asked.
package app

import (
	"context"

	"github.com/d44b7504/vault/internal/host"
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
	return &World{World: host.Real(), OpenStore: store.Open, Probe: store.Probe, Policy: refresh.Default}
}
