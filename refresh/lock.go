package refresh

import (
	"context"
	"time"

	"github.com/gofrs/flock"
)

// This file sees to it that one process does a thing. The lock is the kernel's, so a
// process that is killed lets go of it.

// Lock waits until we are the only process that holds the name. Where no lock can be
// had (a full or read-only disk) we go on without: two calls are better than none.
// waiting, if not nil, is called once when another process has held it for a second.
func (d Directory) Lock(ctx context.Context, name string, waiting func()) (unlock func(), err error) {
	for {
		if unlock, got := d.take(name); got {
			return unlock, nil
		}
		if err := d.await(ctx, name, waiting); err != nil {
			return nil, err
		}
	}
}

func (d Directory) flock(name string) *flock.Flock { return flock.New(d.path("l", fileKey(name))) }

// take locks the name, unless another process holds it.
func (d Directory) take(name string) (unlock func(), got bool) {
	lock := d.flock(name)
	if err := d.ensure("l"); err != nil {
		return func() {}, true
	}
	got, err := lock.TryLock()
	return func() { _ = lock.Unlock() }, got || err != nil
}

// await returns when whoever holds the name is done. Those who wait share the lock, so
// that all go on at once and look at what was made.
func (d Directory) await(ctx context.Context, name string, waiting func()) error {
	done := make(chan error, 1)
	go func() { // a blocked flock cannot be given up: when ctx ends it is left to the kernel
		lock := d.flock(name)
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
			if waiting != nil {
				waiting()
			}
		}
	}
}
