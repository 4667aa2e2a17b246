package refresh

import (
	"context"
	"time"

	"github.com/gofrs/flock"

	"github.com/d44b7504/vault/profiles"
)

// lock waits until we are the only one to make p's session. The lock is the kernel's,
// so a process that is killed lets go of it. Where no lock file can be made (a full or
// read-only disk) we go on without: two calls are better than none.
func (k *Keeper) lock(ctx context.Context, p profiles.Profile) (unlock func(), err error) {
	lock := flock.New(k.Dir.path("l", fileKey(Key(p))))
	got, err := k.try(lock)
	if err != nil {
		return func() {}, nil
	}
	if !got {
		if err := k.wait(ctx, lock); err != nil {
			return nil, err
		}
	}
	return func() { _ = lock.Unlock() }, nil
}

func (k *Keeper) try(lock *flock.Flock) (bool, error) {
	if err := k.Dir.ensure("l"); err != nil {
		return false, err
	}
	return lock.TryLock()
}

// wait polls, because a blocking lock cannot be given up when ctx ends. The first
// polls are close together: the holder is usually one round trip from done.
func (k *Keeper) wait(ctx context.Context, lock *flock.Flock) error {
	said := time.After(time.Second)
	for pause := 2 * time.Millisecond; ; pause = min(pause*3/2, 100*time.Millisecond) {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-said:
			if k.Waiting != nil {
				k.Waiting()
			}
		case <-time.After(pause):
		}
		if got, err := lock.TryLock(); got || err != nil {
			return err
		}
	}
}
