package app

import (
	"context"
	"time"

	"github.com/d44b7504/vault/internal/creds"
	"github.com/d44b7504/vault/store"
)

// This file gives the agent a passphrase that a person has typed for a command which needs the
// key itself, such as add or rotate: the agent gives out no key, so such a command asks, but
// no terminal has to ask again for a session.

// handOver starts the agent and has it hold the store that a typed passphrase has opened. It
// does so beside the command, says nothing, and may fail: then the next command asks.
func (t *Task) handOver(s store.Store, o store.Options, typed creds.Secret) {
	if t.Agent == nil || t.asks || s == nil {
		return
	}
	how, err := t.Env.agentSettings()
	if err != nil || how.ttl == 0 {
		return
	}
	t.handed.Go(func() {
		ctx, cancel := context.WithTimeout(context.Background(), handOverTime)
		defer cancel()
		if !store.NeedsPassphrase(ctx, s) {
			return
		}
		k := agentKeeper{t: t, ref: store.ReferenceTo(s, o), how: how}
		if t.Agent.Holds(ctx, k.ref) || t.Agent.Start(ctx) != nil {
			return
		}
		_, _ = k.hold(ctx, typed)
	})
}

// handOverTime is how long a command that is done waits for the agent at most: to derive an
// age key from the passphrase takes a second.
const handOverTime = 10 * time.Second

// Finish waits until the agent has what it is being given. The process can end then.
func (t *Task) Finish() { t.handed.Wait() }
