package refresh

import (
	"context"
	"os"
	"strconv"
	"time"

	"github.com/gofrs/flock"
)

// Each turn is a lock of the kernel, so that a process that is killed ends its turn. There are
// fewer turns than requests of which gpg's agent has been seen to fail (more than twenty at
// once), and enough that those in which a person is asked do not hold up all others.
const (
	turns       = 8
	longestTurn = 10 * time.Second // for this long at most one process waits for others
)

// Turn waits until fewer than eight processes have a turn, and returns what ends this one. It
// waits for at most ten seconds and for half of the time that ctx has left, and goes on without
// a turn then, or where no lock can be had: what it is for is worth trying all the same.
func (d Directory) Turn(ctx context.Context) (done func()) {
	if d.ensure("l") != nil {
		return func() {}
	}
	ctx, cancel := context.WithTimeout(ctx, patienceOf(ctx))
	defer cancel()
	own, locked := d.turnOf(0), make(chan error, 1)
	if done, got := d.anyTurn(); got {
		return done
	}
	go func() { locked <- own.Lock() }() // cannot be stopped: it may outlive ctx
	again := time.NewTicker(100 * time.Millisecond)
	defer again.Stop()
	for {
		select {
		case <-locked:
			return func() { _ = own.Unlock() }
		case <-again.C:
			if done, got := d.anyTurn(); got {
				go endTurn(own, locked)
				return done
			}
		case <-ctx.Done():
			go endTurn(own, locked)
			return func() {}
		}
	}
}

// patienceOf is how long a turn is waited for.
func patienceOf(ctx context.Context) time.Duration {
	if end, has := ctx.Deadline(); has {
		return min(longestTurn, time.Until(end)/2)
	}
	return longestTurn
}

// turnOf is one of the turns: for 0 the one that this process waits for.
func (d Directory) turnOf(i int) *flock.Flock {
	return d.flock("turn\x00" + strconv.Itoa((os.Getpid()+i)%turns))
}

// anyTurn takes a turn if one is free.
func (d Directory) anyTurn() (done func(), got bool) {
	for i := range turns {
		lock := d.turnOf(i)
		if got, err := lock.TryLock(); got || err != nil {
			return func() { _ = lock.Unlock() }, true
		}
	}
	return nil, false
}

// endTurn ends a turn as soon as it begins.
func endTurn(own *flock.Flock, locked <-chan error) {
	<-locked
	_ = own.Unlock()
}
