package app

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/d44b7504/vault/env"
	"github.com/d44b7504/vault/internal/profiles"
	"github.com/d44b7504/vault/internal/sessions"
	"github.com/d44b7504/vault/store"
)

// Removal is the removal of stored keys: what is there is known, and nothing is deleted yet.
type Removal struct {
	Stored   []string // of the names, those that a key is stored under
	Missing  []string // and the others
	Rotating []string // of Stored, those whose rotation is not finished
	Set      *profiles.Set

	task *Task
	keys []string // all that are stored
}

// PlanRemoval finds out which of some keys are stored.
func (t *Task) PlanRemoval(ctx context.Context, names []string) (*Removal, error) {
	set, err := t.Profiles()
	if err != nil {
		return nil, err
	}
	s, err := t.Keyring(ctx)
	if err != nil {
		return nil, err
	}
	n, err := store.ReadNames(ctx, s, func() []string { return append(set.Names(), names...) })
	if err != nil {
		return nil, err
	}
	m := &Removal{Set: set, task: t, keys: n.Keys}
	for _, name := range names {
		switch {
		case !slices.Contains(n.Keys, name):
			m.Missing = append(m.Missing, name)
			continue
		case n.Rotating(name):
			m.Rotating = append(m.Rotating, name)
		}
		m.Stored = append(m.Stored, name)
	}
	return m, nil
}

// Users are the names of the other profiles that use a key.
func (m *Removal) Users(name string) []string {
	var others []string
	for _, p := range usersOf(m.task, m.Set, name) {
		if p.Name != name {
			others = append(others, p.Name)
		}
	}
	return others
}

// Remove deletes sessions, then the key, then the sessions that a terminal may have made
// in between, and returns how many sessions there were. Killed anywhere before the key is
// deleted, the same command does it all again; after that no new session can be made.
func (m *Removal) Remove(ctx context.Context, name string) (sessions int, err error) {
	s, err := m.task.Keyring(ctx)
	if err != nil {
		return 0, err
	}
	unlock, err := m.task.lockKey(ctx, name)
	if err != nil {
		return 0, err
	}
	defer unlock()
	users := usersOf(m.task, m.Set, name)
	before, err := m.task.Forget(ctx, users)
	if err != nil {
		return 0, fmt.Errorf("the key was not removed: %w", err)
	}
	if err := s.Delete(ctx, name); err != nil && !errors.Is(err, store.ErrNotFound) {
		return before, err
	}
	after, err := m.task.Forget(ctx, users)
	if err != nil {
		return before, fmt.Errorf("the key is removed, but not all sessions made with it: %w", err)
	}
	return before + after, nil
}

// Finish deletes the sessions of a key that is not stored, which an interrupted run may
// have left. Where there are none, the error says what the name may have meant.
func (m *Removal) Finish(ctx context.Context, name string) (sessions int, err error) {
	n, err := m.task.Forget(ctx, usersOf(m.task, m.Set, name))
	if err == nil && n == 0 {
		err = m.notStored(name)
	}
	return n, err
}

// notStored says what may have been meant by the name of a key that is not stored.
func (m *Removal) notStored(name string) error {
	if at, plain := m.Set.PlainKeys()[name]; plain {
		return &sessions.NoKeyError{Profile: name, Key: name, InFile: at}
	}
	err := fmt.Errorf("no key is stored for %q", name)
	if p, resolved := m.task.ResolveUnopened(env.Request{Profile: name}); resolved == nil {
		if key := sessions.NewPlan(p).Key; key != name && slices.Contains(m.keys, key) {
			return WithHint(err, "it uses the key of %s: vault remove %s", key, Word(key))
		}
	}
	if near := profiles.Near(name, m.keys); len(near) > 0 {
		return WithHint(err, "%s", DidYouMean(near))
	}
	return WithHint(err, "vault list --credentials lists those that are stored")
}
