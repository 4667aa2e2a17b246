package store

// This file moves keys from one store to another. At every moment each key is in one of
// the two: an item is read back from the new store before the next one is copied, and
// nothing is deleted from the old store before all of them have been read back.

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"

	"github.com/d44b7504/vault/internal/creds"
	"github.com/d44b7504/vault/internal/progress"
)

// Outcome is what became of an item, or would without DryRun.
type Outcome int

// The outcomes.
const (
	Copied   Outcome = iota // the new store did not have it
	Replaced                // the new store had another key of this name, which is overwritten
	Present                 // the new store has it already
	Conflict                // the new store has another key of this name, which stays
	Foreign                 // it is not an access key, and stays where it is
	Failed                  // Err says why
)

// Moved is one item and what became of it.
type Moved struct {
	Name    string
	Outcome Outcome
	Err     error
	Deleted bool // from the old store

	item creds.Secret // as it was copied, or found in the new store
}

// ErrSameStore: what is written to one store appears in the other.
var ErrSameStore = errors.New("the two stores are the same one")

// Migration moves long-lived keys.
type Migration struct {
	From, To Store
	// Overwrite replaces a key that differs.
	Overwrite bool
	// DeleteSource deletes the items from the old store, after all of them were read back
	// from the new one. If one could not be moved, none is deleted.
	DeleteSource bool
	// DryRun reads and compares, and writes nothing.
	DryRun bool
	// Tell, if set, is called with each item as soon as its outcome is known.
	Tell func(Moved)
	// Lock, if set, is called before an item is deleted from the old store, so that no process
	// else changes it meanwhile. An item that it refuses stays.
	Lock func(ctx context.Context, name string) (unlock func(), err error)
}

// Run moves the items with these names, and goes on after one that fails. It may be killed
// at any time: another run finds what is there already and does the rest. The error is the
// one that stopped it: ctx's, ErrSameStore, or that of bringing the keys to the disk.
func (m Migration) Run(ctx context.Context, names []string) ([]Moved, error) {
	moved := make([]Moved, 0, len(names))
	whole := true
	for i, name := range names {
		progress.Step(ctx, "copying keys", i, len(names))
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
	progress.Step(ctx, "copying keys", len(names), len(names))
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
	return Moved{Name: name, Outcome: outcome, Err: err, item: item}
}

// compare returns the outcome that follows from what the new store has under this name.
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

// sameKey reports whether two items are the same key: AWS Vault and other programs write it
// with more fields or fewer.
func sameKey(name string, a, b creds.Secret) bool {
	if a.Equal(b) {
		return true
	}
	x, err := parseKey(name, a)
	y, other := parseKey(name, b)
	return err == nil && other == nil && x.Equal(y)
}

// deleteSource deletes the items that were moved from the old store.
func (m Migration) deleteSource(ctx context.Context, moved []Moved) error {
	if err := m.checkDistinct(ctx); err != nil {
		return err
	}
	const what = "deleting keys from the old store"
	defer progress.Step(ctx, what, len(moved), len(moved))
	for i := range moved {
		progress.Step(ctx, what, i, len(moved))
		one := &moved[i]
		if one.Outcome == Foreign {
			continue
		}
		if err := m.deleteOne(ctx, *one); err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			one.Err = fmt.Errorf("it was not deleted from the old store: %w", err)
			continue
		}
		one.Deleted = true
	}
	return nil
}

// deleteOne deletes an item from the old store if both stores still have what was copied.
// Between the copy and this, another program may have replaced it: by a rotation, say.
func (m Migration) deleteOne(ctx context.Context, x Moved) error {
	if m.Lock != nil {
		unlock, err := m.Lock(ctx, x.Name)
		if err != nil {
			return err
		}
		defer unlock()
	}
	for i, s := range []Store{m.From, m.To} {
		switch now, err := s.Get(ctx, x.Name); {
		case errors.Is(err, ErrNotFound) && i == 0:
			return nil // another program has deleted it
		case err != nil:
			return err
		case !sameKey(x.Name, now, x.item):
			return errMovedOn
		}
	}
	if err := m.From.Delete(ctx, x.Name); err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	return nil
}

// errMovedOn: what is deleted must be what was copied.
var errMovedOn = errors.New("the key was changed after it was copied; run it again")

// probeName names an item that exists while two stores are compared. AWS Vault would take it
// for a session, if this process is killed meanwhile; the next migration uses it again.
func probeName() string { return "vault.probe," + digest("probe") + "," + noExpiry }

// checkDistinct returns ErrSameStore if an item that is put into one store is found in the
// other, however they are named: to delete a key from one would delete it from both.
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
