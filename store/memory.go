package store

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/d44b7504/vault/internal/creds"
)

// This file keeps decrypted items in the memory of a process that holds a store for long:
// to decrypt one takes a millisecond or another program, and may need a person.

// maxRemembered is how many items are remembered at a time.
const maxRemembered = 512

// unstamped is how long an item without a stamp is remembered: what another program changes
// meanwhile is seen that much later.
const unstamped = time.Minute

// memory has decrypted items, each with a mark that changes when the item does.
type memory struct {
	// only reports whether an item is to be remembered; nil: all are.
	only func(key string) bool
	// changes is the mark where items have no stamp: another one after each change that this
	// program makes, in whatever process. "": nothing is remembered. nil: they have stamps.
	changes func() string
	now     func() time.Time

	mu    sync.Mutex
	items map[string]*remembered
}

// remembered is an item, or that there is none.
type remembered struct {
	turn  chan struct{} // holds one token while no call reads the item
	mark  string        // "": nothing is remembered
	since time.Time
	value creds.Secret
	none  error // ErrNotFound, of an item without a stamp
}

// Remember makes an open store keep in memory what it reads, as long as the item is not
// replaced, by whatever program. Where items have no Stamp it relies on changes, see Changed,
// and remembers an item for a minute at most. Where a program asks the person, that program
// decides how long a key can be read: only sessions and sign-ins are remembered. It must be
// called before the store is used by several goroutines.
func Remember(s Store, changes func() string) {
	b, _ := s.(*bounded)
	if b == nil {
		return
	}
	m := &memory{items: map[string]*remembered{}, now: time.Now}
	if _, is := b.d.(filed); !is {
		m.changes = changes
	}
	if AsksItself(s) {
		m.only = func(key string) bool { return isSession(key) || strings.HasPrefix(key, TokenPrefix) }
	}
	b.memory = m
}

// of returns what is remembered of an item, which may be nothing.
func (m *memory) of(key string) *remembered {
	m.mu.Lock()
	defer m.mu.Unlock()
	it := m.items[key]
	if it == nil {
		if len(m.items) >= maxRemembered {
			clear(m.items)
		}
		it = &remembered{turn: make(chan struct{}, 1)}
		it.turn <- struct{}{}
		m.items[key] = it
	}
	return it
}

// mark is that of an item now, "" if there is none.
func (m *memory) mark(ctx context.Context, b *bounded, key string) string {
	if m.changes != nil {
		return m.changes()
	}
	stamp, _ := Stamp(ctx, b, key)
	return stamp
}

// get returns an item that is remembered and was not replaced, or reads and remembers it. Of
// many calls at a time for one item, one reads it.
func (m *memory) get(ctx context.Context, b *bounded, key string, read func() (creds.Secret, error)) (creds.Secret, error) {
	if m.only != nil && !m.only(key) {
		return read()
	}
	it := m.of(key)
	select {
	case <-it.turn:
		defer func() { it.turn <- struct{}{} }()
	case <-time.After(b.limit): // the one before hangs
		return read()
	case <-ctx.Done():
		return creds.Secret{}, ctx.Err()
	}
	mark := m.mark(ctx, b, key)
	if mark != "" && it.mark == mark && (m.changes == nil || m.now().Sub(it.since) < unstamped) {
		return it.value, it.none
	}
	v, err := read()
	it.keep("", creds.Secret{}, nil, time.Time{})
	lasting := err == nil || m.changes != nil && errors.Is(err, ErrNotFound)
	if lasting && mark != "" && m.mark(ctx, b, key) == mark {
		it.keep(mark, v, err, m.now())
	}
	return v, err
}

func (r *remembered) keep(mark string, v creds.Secret, none error, since time.Time) {
	r.mark, r.value, r.none, r.since = mark, v, none, since
}

// changing is called before this process changes an item, and returns what is to be called
// when it has: with the new value, the zero one if that is not known.
func (m *memory) changing(ctx context.Context, b *bounded, key string) (changed func(creds.Secret)) {
	if m.only != nil && !m.only(key) {
		return func(creds.Secret) {}
	}
	it := m.of(key)
	select {
	case <-it.turn:
	case <-ctx.Done():
		return func(creds.Secret) {}
	}
	mark := ""
	if m.changes != nil {
		mark = m.changes()
	}
	it.keep("", creds.Secret{}, nil, time.Time{})
	return func(v creds.Secret) {
		if !v.IsZero() {
			it.keep(mark, v, nil, m.now())
		}
		it.turn <- struct{}{}
	}
}
