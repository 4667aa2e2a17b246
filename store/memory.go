package store

import (
	"context"
	"strings"
	"sync"

	"github.com/d44b7504/vault/internal/creds"
)

// This file keeps decrypted items in the memory of a process that holds a store for long:
// to decrypt one takes a millisecond or another program, and may need a person.

// maxRemembered is how many items are remembered at a time.
const maxRemembered = 512

// memory has decrypted items, each with the stamp of what it was decrypted from.
type memory struct {
	// only reports whether an item is to be remembered; nil: all are.
	only func(key string) bool

	mu    sync.Mutex
	items map[string]remembered
}

type remembered struct {
	stamp string
	value creds.Secret
}

// Remember makes an open store keep in memory what it reads, as long as the item is not
// replaced, by whatever program. It does nothing for a store whose items have no Stamp. Where
// a program asks the person, that program decides how long a key can be read: only sessions
// and sign-ins are remembered. It must be called before the store is used by several
// goroutines.
func Remember(s Store) {
	b, _ := s.(*bounded)
	if b == nil {
		return
	}
	if _, is := b.d.(filed); !is {
		return
	}
	b.memory = &memory{items: map[string]remembered{}}
	if AsksItself(s) {
		b.memory.only = func(key string) bool {
			return strings.HasPrefix(key, SessionPrefix) || strings.HasPrefix(key, TokenPrefix)
		}
	}
}

// get returns an item that is remembered and was not replaced, or reads and remembers it.
func (m *memory) get(ctx context.Context, b *bounded, key string, read func() (creds.Secret, error)) (creds.Secret, error) {
	if m.only != nil && !m.only(key) {
		return read()
	}
	stamp, known := Stamp(ctx, b, key)
	if known && stamp != "" {
		m.mu.Lock()
		it, is := m.items[key]
		m.mu.Unlock()
		if is && it.stamp == stamp {
			return it.value, nil
		}
	}
	v, err := read()
	if again, still := Stamp(ctx, b, key); err == nil && known && still && stamp != "" && again == stamp {
		m.mu.Lock()
		defer m.mu.Unlock()
		if len(m.items) >= maxRemembered {
			clear(m.items)
		}
		m.items[key] = remembered{stamp, v}
	}
	return v, err
}
