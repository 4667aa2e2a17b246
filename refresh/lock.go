package refresh

import (
	"context"
	"time"

	"github.com/gofrs/flock"
)

// This file lets one process do something while the others wait. The lock is the
// kernel's, so a process that is killed releases it.

// Lock waits until this process is the only one that holds the name. Where no lock can be
// had, because the disk is full or cannot be written to, it returns without one: two calls
// of AWS are better than none. waiting, if not nil, is called once when another process
// has held the lock for a second.
func (d Directory) Lock(ctx context.Context, name string, waiting func()) (unlock func(), err error) {
	for {
		if unlock, got := d.TryLock(name); got {
			return unlock, nil
		}
		if err := d.await(ctx, name, waiting); err != nil {
			return nil, err
		}
	}
}

func (d Directory) flock(name string) *flock.Flock { return flock.New(d.path("l", fileKey(name))) }

// TryLock locks the name, unless another process holds it.
func (d Directory) TryLock(name string) (unlock func(), got bool) {
	if err := d.ensure("l"); err != nil {
		return func() {}, true
	}
	lock := d.flock(name)
	got, err := lock.TryLock()
	return func() { _ = lock.Unlock() }, got || err != nil
}

// await returns when the process that holds the name has released it. Those who wait
// share the lock, so that all of them go on at once and look at what was made. waiting is
// called after each second.
func (d Directory) await(ctx context.Context, name string, waiting func()) error {
	done := make(chan error, 1)
	go func() { // a call that waits for a lock cannot be stopped: it may outlive ctx
		lock := d.flock(name)
		err := lock.RLock()
		_ = lock.Unlock()
		done <- err
	}()
	second := time.NewTicker(time.Second)
	defer second.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case err := <-done:
			return err
		case <-second.C:
			if waiting != nil {
				waiting()
			}
		}
	}
}
