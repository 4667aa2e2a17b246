package store

// This file moves keys from one store to another. What is there is never in one place
// only by luck: an item is read back from its new store before anything else is done,
// and nothing leaves the old store before every item has been.

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"

	"github.com/d44b7504/vault/internal/creds"
)

// Outcome is what became of an item, or in a rehearsal would.
type Outcome int

// The outcomes.
const (
	Copied   Outcome = iota // it was not there
	Replaced                // another key was there, and is overwritten
	Present                 // the same key was there already
	Conflict                // another key is there, and stays
	Foreign                 // it is no access key, and is none of our business
	Failed                  // Err says why
)

// Moved is one item and what became of it.
type Moved struct {
	Name    string
	Outcome Outcome
	Err     error
	Deleted bool // it is gone from the old store
}

// ErrSameStore: what is written to one store shows up in the other.
var ErrSameStore = errors.New("the two stores are one and the same")

// Migration is a move of keys that do not expire.
type Migration struct {
	From, To Store
	// Overwrite replaces a key that differs.
	Overwrite bool
	// DeleteSource removes the items from the old store, after every one of them was
	// read back from the new one. If any could not be moved, none is removed.
	DeleteSource bool
	// DryRun reads and compares, and writes nothing.
	DryRun bool
	// Tell, if set, is called as the outcome of each item is known.
	Tell func(Moved)
}

// Run moves the items with these names, and goes on after one that fails. It may be
// killed at any time: run again, it finds what is there already and does the rest. The
// error is one that ends it all: ctx's, or ErrSameStore.
func (m Migration) Run(ctx context.Context, names []string) ([]Moved, error) {
	moved := make([]Moved, 0, len(names))
	whole := true
	for _, name := range names {
		if err := ctx.Err(); err != nil {
			return moved, err
		}
		one := m.copy(ctx, name)
		whole = whole && one.Outcome != Failed && one.Outcome != Conflict
		moved = append(moved, one)
		if m.Tell != nil {
			m.Tell(one)
		}
	}
	if err := ctx.Err(); err != nil || !m.DeleteSource || m.DryRun || !whole {
		return moved, err
	}
	if err := Flush(ctx, m.To); err != nil {
		return moved, err
	}
	return moved, m.deleteSource(ctx, moved)
}

// copy moves one item, byte for byte, and reads it back.
func (m Migration) copy(ctx context.Context, name string) Moved {
	item, err := m.From.Get(ctx, name)
	if err == nil {
		_, err = parseKey(name, item)
	}
	switch {
	case errors.Is(err, ErrForeign):
		return Moved{Name: name, Outcome: Foreign, Err: err}
	case err != nil:
		return Moved{Name: name, Outcome: Failed, Err: err}
	}
	outcome, err := m.compare(ctx, name, item)
	if err == nil && (outcome == Copied || outcome == Replaced) && !m.DryRun {
		err = keep(ctx, m.To, name, item)
	}
	if err != nil {
		outcome = Failed
	}
	return Moved{Name: name, Outcome: outcome, Err: err}
}

// compare says what the new store's own item of that name leads to.
func (m Migration) compare(ctx context.Context, name string, item creds.Secret) (Outcome, error) {
	there, err := m.To.Get(ctx, name)
	switch {
	case errors.Is(err, ErrNotFound):
		return Copied, nil
	case err != nil && !errors.Is(err, ErrForeign):
		return Failed, err
	case err == nil && sameKey(name, there, item):
		return Present, nil
	case m.Overwrite:
		return Replaced, nil
	}
	return Conflict, nil
}

// sameKey: AWS Vault and others write the same key with more fields or fewer.
func sameKey(name string, a, b creds.Secret) bool {
	if a.Equal(b) {
		return true
	}
	x, err := parseKey(name, a)
	y, other := parseKey(name, b)
	return err == nil && other == nil && x.Equal(y)
}

// deleteSource deletes what was moved from the old store.
func (m Migration) deleteSource(ctx context.Context, moved []Moved) error {
	if err := m.checkDistinct(ctx); err != nil {
		return err
	}
	for i := range moved {
		one := &moved[i]
		if one.Outcome == Foreign {
			continue
		}
		if err := m.From.Delete(ctx, one.Name); err != nil && !errors.Is(err, ErrNotFound) {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			one.Err = fmt.Errorf("it is in both stores now: %w", err)
			continue
		}
		one.Deleted = true
	}
	return nil
}

// probeName is an item that is there for the length of one question. AWS Vault would take
// it for a session, should we be killed meanwhile; the next migration uses it again.
func probeName() string { return "vault.probe," + digest("probe") + "," + noExpiry }

// checkDistinct makes sure that the two stores are two, however they are named: what is put
// into one must not be found in the other, or deleting there would delete here.
func (m Migration) checkDistinct(ctx context.Context) error {
	mark := creds.New(rand.Text())
	if err := m.To.Put(ctx, probeName(), mark); err != nil {
		return err
	}
	found, err := m.From.Get(ctx, probeName())
	if gone := m.To.Delete(ctx, probeName()); gone != nil {
		return gone
	}
	switch {
	case err == nil && found.Equal(mark):
		return ErrSameStore
	case err == nil, errors.Is(err, ErrNotFound):
		return nil
	}
	return err
}
