package refresh

import (
	"context"
	"time"

	"github.com/gofrs/flock"

	"github.com/d44b7504/vault/profiles"
)

// This file sees to it that one process makes a session. The lock is the kernel's, so
// a process that is killed lets go of it.

func (k *Keeper) lockFile(p profiles.Profile) *flock.Flock {
	return flock.New(k.Dir.path("l", fileKey(Key(p))))
}

// take makes us the one that makes p's session, unless another is at it. Where no lock
// can be had (a full or read-only disk) we go on without: two calls are better than none.
func (k *Keeper) take(p profiles.Profile) (unlock func(), got bool) {
	lock := k.lockFile(p)
	if err := k.Dir.ensure("l"); err != nil {
		return func() {}, true
	}
	got, err := lock.TryLock()
	return func() { _ = lock.Unlock() }, got || err != nil
}

// await returns when whoever makes p's session is done with it. Those who wait share
// the lock, so that all go on at once and read what was made.
func (k *Keeper) await(ctx context.Context, p profiles.Profile) error {
	done := make(chan error, 1)
	go func() { // a blocked flock cannot be given up: when ctx ends it is left to the kernel
		lock := k.lockFile(p)
		err := lock.RLock()
		_ = lock.Unlock()
		done <- err
	}()
	said := time.After(time.Second)
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case err := <-done:
			return err
		case <-said:
			if k.Waiting != nil {
				k.Waiting()
			}
		}
	}
}
