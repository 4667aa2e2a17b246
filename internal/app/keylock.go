package app

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/d44b7504/vault/store"
)

// This file lets one process at a time change the key that is stored under a name. What
// adds, imports, rotates, moves or removes a key holds its lock meanwhile.

// errKeyBusy says that another process is changing the same key.
var errKeyBusy = errors.New("another terminal is rotating this key or storing another one")

func keyLockName(name string) string { return "rotate\x00" + name }

// lockKey waits until no other process changes the key under a name.
func (t *Task) lockKey(ctx context.Context, name string) (unlock func(), err error) {
	return t.Env.Runtime().Lock(ctx, keyLockName(name), sync.OnceFunc(func() {
		t.say("another terminal is changing the key of %s, waiting for it", name)
	}))
}

// lockKeyBriefly is LockKey for a caller that holds the lock of another key: two that wait
// for each other give up. The error is ErrKeyBusy then.
func lockKeyBriefly(t *Task, ctx context.Context, name string) (unlock func(), err error) {
	limited, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	unlock, err = t.Env.Runtime().Lock(limited, keyLockName(name), nil)
	if err != nil && ctx.Err() == nil {
		err = fmt.Errorf("the key of %q: %w", name, errKeyBusy)
	}
	return unlock, err
}

// LockForMove takes the lock under which a key is deleted from the store it was moved from. A
// key that another process is changing, or whose rotation was interrupted, is refused.
func (m *Migration) LockForMove(_ context.Context, name string) (unlock func(), err error) {
	unlock, got := m.task.Env.Runtime().TryLock(keyLockName(name))
	if !got {
		return nil, errKeyBusy
	}
	if err := m.rotationOf(name); err != nil {
		unlock()
		return nil, err
	}
	return unlock, nil
}

// rotationOf refuses a key of the old store whose rotation is not finished.
func (m *Migration) rotationOf(name string) error {
	book, err := m.task.Rotations()
	if err != nil {
		return err
	}
	j, unfinished, err := book.Read(name)
	if err != nil {
		return err
	}
	if unfinished && j.Backend == store.Of(m.From.Store).Name {
		return fmt.Errorf("its rotation is not finished: vault rotate --resume %s", Word(name))
	}
	return nil
}
