package agent

import (
	"context"
	"errors"
	"runtime/debug"
	"time"

	"github.com/d44b7504/vault/internal/app"
	"github.com/d44b7504/vault/internal/creds"
	"github.com/d44b7504/vault/store"
)

// heldStore is a store that a person has unlocked, until its time is over.
type heldStore struct {
	ref            store.Reference
	store          store.Store
	opened         time.Time // by both clocks of a time.Time
	ttl            time.Duration
	untilSuspended bool
	sinceBoot      time.Duration // when it was opened; 0: unknown
	timer          *time.Timer
}

// until is when it is forgotten.
func (h *heldStore) until() time.Time { return h.opened.Add(h.ttl).Round(0) }

// over reports whether its time is over. A clock that was set back does not lengthen it,
// nor does a machine that slept, whose timers stood still meanwhile.
func (h *heldStore) over(now time.Time, sinceBoot time.Duration) bool {
	awake := now.Sub(h.opened)
	if max(awake, now.Round(0).Sub(h.opened.Round(0))) >= h.ttl {
		return true
	}
	const tolerance = 5 * time.Second
	slept := sinceBoot - h.sinceBoot - awake
	return h.untilSuspended && h.sinceBoot > 0 && sinceBoot > 0 && slept > tolerance
}

// maxStores is how many stores are held at a time.
const maxStores = 16

// errTooMany is for a client that unlocks one store after the other.
var errTooMany = errors.New("the agent holds as many stores as it can; vault lock makes it forget them")

// unlock opens a store with a passphrase and holds it.
func (a *Agent) unlock(ctx context.Context, u app.Unlocking) (opens bool, err error) {
	if u.For <= 0 {
		return false, errors.New("a store cannot be held for no time")
	}
	o, err := u.Store.Options()
	if err = errors.Join(err, u.Store.Reachable()); err != nil {
		return false, err
	}
	o.Quiet = true
	o.SetPassphrases(func(string) *creds.Secret { return &u.Passphrase })
	s, err := a.Core.OpenStore(ctx, o)
	if err != nil {
		return false, err
	}
	if opens, err = store.Prove(ctx, s); err != nil || !opens {
		return opens, err
	}
	store.Remember(s, a.Dir.Changes)
	debug.FreeOSMemory() // the work to try a passphrase takes a hundred megabytes
	if err := a.hold(s, u); err != nil {
		return true, err
	}
	if u.Person {
		for _, p := range a.parts {
			p.Unlocked(u.Store)
		}
	}
	return true, nil
}

func (a *Agent) hold(s store.Store, u app.Unlocking) error {
	key := u.Store.Key()
	h := &heldStore{ref: u.Store, store: s, opened: a.Core.Now(), ttl: u.For, untilSuspended: u.UntilSuspended, sinceBoot: a.sinceBoot()}
	a.mu.Lock()
	defer a.mu.Unlock()
	old := a.stores[key]
	switch {
	case old != nil:
		old.timer.Stop()
	case len(a.stores) >= maxStores:
		return errTooMany
	}
	h.timer = time.AfterFunc(u.For, func() { a.forget(key, h) })
	a.stores[key] = h
	return nil
}

// forget drops h, if it is still held under the key.
func (a *Agent) forget(key string, h *heldStore) {
	a.mu.Lock()
	if a.stores[key] == h {
		h.timer.Stop()
		delete(a.stores, key)
	}
	a.mu.Unlock()
	debug.FreeOSMemory() // also collects what was forgotten
	a.rest()
}

// lookup finds a store that is held. One whose time is over is forgotten.
func (a *Agent) lookup(r store.Reference) *heldStore {
	key := r.Key()
	a.mu.Lock()
	h := a.stores[key]
	a.mu.Unlock()
	if h != nil && h.over(a.Core.Now(), a.sinceBoot()) {
		a.forget(key, h)
		return nil
	}
	return h
}

func (a *Agent) sinceBoot() time.Duration {
	if a.Core.SinceBoot == nil {
		return 0
	}
	return a.Core.SinceBoot()
}
