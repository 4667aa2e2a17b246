// Package storetest gives tests of other packages a store to work with. The program that
// is shipped does not contain it.
package storetest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/d44b7504/vault/internal/creds"
	"github.com/d44b7504/vault/store"
)

// NewMemory returns a store that lives as long as the process. It never blocks, and is
// safe for concurrent use.
func NewMemory() store.Store { return &memory{items: map[string]creds.Secret{}} }

type memory struct {
	mu    sync.Mutex
	items map[string]creds.Secret
}

func (m *memory) Get(_ context.Context, key string) (creds.Secret, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	v, ok := m.items[key]
	if !ok {
		return creds.Secret{}, store.ErrNotFound
	}
	return v, nil
}

func (m *memory) Put(_ context.Context, key string, v creds.Secret) error {
	if key == "" || key == "." || key == ".." || strings.ContainsRune(key, 0) {
		return fmt.Errorf("%w: %q cannot be the name of an item", store.ErrUnavailable, key)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.items[key] = v
	return nil
}

func (m *memory) Delete(_ context.Context, key string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := m.items[key]; !ok {
		return store.ErrNotFound
	}
	delete(m.items, key)
	return nil
}

func (m *memory) List(_ context.Context, prefix string) ([]string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var names []string
	for k := range m.items {
		if strings.HasPrefix(k, prefix) {
			names = append(names, k)
		}
	}
	slices.Sort(names)
	return names, nil
}
