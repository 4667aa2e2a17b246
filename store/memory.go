package store

import (
	"context"
	"slices"
	"strings"
	"sync"

	"github.com/d44b7504/vault/internal/creds"
)

// NewMemory returns a store that lives as long as the process. It never blocks.
func NewMemory() Store { return &memory{items: map[string]creds.Secret{}} }

type memory struct {
	mu    sync.Mutex
	items map[string]creds.Secret
}

func (m *memory) Get(_ context.Context, key string) (creds.Secret, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	v, ok := m.items[key]
	if !ok {
		return creds.Secret{}, ErrNotFound
	}
	return v, nil
}

func (m *memory) Put(_ context.Context, key string, v creds.Secret) error {
	if err := checkName(key); err != nil {
		return err
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
		return ErrNotFound
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
