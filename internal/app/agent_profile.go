package app

import (
	"context"
	"path/filepath"
	"strings"
	"sync"

	"github.com/d44b7504/vault/internal/creds"
	"github.com/d44b7504/vault/internal/profiles"
	"github.com/d44b7504/vault/store"
)

// forAgent is a profile as a process with another current directory understands it, without
// what it has no use for.
func forAgent(p profiles.Profile) profiles.Profile {
	p.Warnings, p.Extra = nil, nil
	if b := p.Network.CABundle; b != "" {
		if full, err := filepath.Abs(b); err == nil {
			p.Network.CABundle = full
		}
	}
	return p
}

// tokens is a store in memory for a sign-in that the agent is to keep.
type tokens struct {
	mu    sync.Mutex
	items map[string]creds.Secret
}

func newTokens() *tokens { return &tokens{items: map[string]creds.Secret{}} }

// Get returns an item that was put here.
func (t *tokens) Get(_ context.Context, key string) (creds.Secret, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	v, ok := t.items[key]
	if !ok {
		return v, store.ErrNotFound
	}
	return v, nil
}

// Put keeps an item in memory.
func (t *tokens) Put(_ context.Context, key string, v creds.Secret) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.items[key] = v
	return nil
}

// Delete forgets an item.
func (t *tokens) Delete(_ context.Context, key string) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.items, key)
	return nil
}

// List returns the names of the items.
func (t *tokens) List(_ context.Context, prefix string) ([]string, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	var names []string
	for name := range t.items {
		if strings.HasPrefix(name, prefix) {
			names = append(names, name)
		}
	}
	return names, nil
}
