package refresh

import (
	"context"
	"time"

	"github.com/gofrs/flock"
)

// Lock waits until we are the only process that holds the name. The lock is the
// kernel's, so a process that is killed lets go of it. Where no lock file can be made
// (a full or read-only disk) we go on without: two calls are better than none. waiting,
// if not nil, is called once when another process has held it for a second.
func (d Directory) Lock(ctx context.Context, name string, waiting func()) (unlock func(), err error) {
	lock := d.flock(name)
	got, err := d.try(lock)
	if err != nil {
		return func() {}, nil
	}
	if !got {
		if err := wait(ctx, lock, waiting); err != nil {
			return nil, err
		}
	}
	return func() { _ = lock.Unlock() }, nil
}

func (d Directory) flock(name string) *flock.Flock { return flock.New(d.path("l", fileKey(name))) }

func (d Directory) try(lock *flock.Flock) (bool, error) {
	if err := d.ensure("l"); err != nil {
		return false, err
	}
	return lock.TryLock()
}

// wait polls, because a blocking lock cannot be given up when ctx ends. The first
// polls are close together: the holder is usually one round trip from done.
func wait(ctx context.Context, lock *flock.Flock, waiting func()) error {
	said := time.After(time.Second)
	for pause := 2 * time.Millisecond; ; pause = min(pause*3/2, 100*time.Millisecond) {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-said:
			if waiting != nil {
				waiting()
			}
		case <-time.After(pause):
		}
		if got, err := lock.TryLock(); got || err != nil {
			return err
		}
	}
}
