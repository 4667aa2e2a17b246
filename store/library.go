package store

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"sync"

	"github.com/99designs/keyring"
)

// library is a driver on one back end of the keyring library.
type library struct {
	cfg keyring.Config
	// place is where the items are, for people.
	place string
	// before, if set, runs before every call. It can refuse a call that would show a dialog.
	// key is "" for a listing; making says that the call makes the item.
	before func(ctx context.Context, key string, making bool) error
	// explain, if set, finds the reason when the library does not open (it does not tell),
	// when a call fails, or when an item is not found.
	explain func(ctx context.Context, err error) error
	// silent says that the library reports no error when a missing item is removed.
	silent bool

	mu   sync.Mutex
	idle keyring.Keyring // open and not in use; an abandoned call keeps its own
}

// use calls f with an open keyring. Two calls never share one: the library's types are not
// safe for concurrent use.
func (l *library) use(ctx context.Context, f func(keyring.Keyring) error) error {
	ring, err := l.take()
	if err == nil {
		err = f(ring)
		l.giveBack(ring)
	}
	if err != nil && l.explain != nil {
		return l.explain(ctx, err)
	}
	return err
}

func (l *library) take() (keyring.Keyring, error) {
	l.mu.Lock()
	ring := l.idle
	l.idle = nil
	l.mu.Unlock()
	if ring != nil {
		return ring, nil
	}
	return keyring.Open(l.cfg)
}

func (l *library) giveBack(ring keyring.Keyring) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.idle = ring
}

func (l *library) check(ctx context.Context, key string, making bool) error {
	if l.before == nil {
		return nil
	}
	return l.before(ctx, key, making)
}

func (l *library) get(ctx context.Context, key string) ([]byte, error) {
	item, err := l.item(ctx, key)
	return named(item, key, err)
}

func (l *library) item(ctx context.Context, key string) (item keyring.Item, err error) {
	if err := l.check(ctx, key, false); err != nil {
		return item, err
	}
	err = l.use(ctx, func(ring keyring.Keyring) error {
		item, err = ring.Get(key)
		return err
	})
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	if errors.As(err, &syntax) || errors.As(err, &kind) {
		err = ErrForeign // the library's items are JSON where others' are kept beside them
	}
	return item, err
}

func (l *library) put(ctx context.Context, item keyring.Item) error {
	if err := l.check(ctx, item.Key, true); err != nil {
		return err
	}
	return l.use(ctx, func(ring keyring.Keyring) error { return ring.Set(item) })
}

func (l *library) remove(ctx context.Context, key string) error {
	if err := l.check(ctx, key, false); err != nil {
		return err
	}
	return l.use(ctx, func(ring keyring.Keyring) error {
		if l.silent {
			if _, err := ring.Get(key); err != nil {
				return err
			}
		}
		return ring.Remove(key)
	})
}

func (l *library) keys(ctx context.Context, _ string) (names []string, err error) {
	if err := l.check(ctx, "", false); err != nil {
		return nil, err
	}
	err = l.use(ctx, func(ring keyring.Keyring) error {
		names, err = ring.Keys()
		return err
	})
	return names, err
}

func (l *library) survey(ctx context.Context) survey { return listed(ctx, l.place, l) }

// registered reports whether the library offers this back end in this process.
func registered(name keyring.BackendType) bool {
	return slices.Contains(keyring.AvailableBackends(), name)
}
