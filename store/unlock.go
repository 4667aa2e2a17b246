package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/d44b7504/vault/internal/creds"
)

// This file opens a store for another process of the same user that is to hold it: the
// passphrase is asked for here, and tried there.

// passphraseDriver is a driver whose items one passphrase opens.
type passphraseDriver interface {
	// closed reports whether there is something to open, and no passphrase was given.
	closed(ctx context.Context) bool
	// askPassphrase asks a person, up to three times, and calls try, whose error matches
	// errPassphrase if another passphrase may be the right one.
	askPassphrase(ctx context.Context, try func(creds.Secret) error) error
	// prove opens something with the passphrase that was given.
	prove(ctx context.Context) error
}

func passphraseOf(s Store) (*bounded, passphraseDriver) {
	b, _ := s.(*bounded)
	if b == nil {
		return nil, nil
	}
	d, _ := b.d.(passphraseDriver)
	return b, d
}

// NeedsPassphrase reports whether a person would have to type the passphrase before items
// of s can be read. It does not ask and decrypts nothing.
func NeedsPassphrase(ctx context.Context, s Store) bool {
	_, d := passphraseOf(s)
	return d != nil && d.closed(ctx)
}

// AsksItself reports whether s is read by a program that asks the person by itself.
func AsksItself(s Store) bool { return Of(s).asksItself }

// AskPassphrase asks a person for the passphrase of s, as reading an item would, and gives
// it to try, which reports whether it opens the store. A person may try three times. The
// error matches ErrLocked when there is nobody to ask, or every passphrase was wrong.
func AskPassphrase(ctx context.Context, s Store, try func(creds.Secret) (opens bool, err error)) error {
	b, d := passphraseOf(s)
	if d == nil {
		return fmt.Errorf("%w: it has no passphrase", ErrUnavailable)
	}
	ctx, cancel := context.WithTimeout(ctx, max(b.limit, personDeadline))
	defer cancel()
	err := d.askPassphrase(ctx, func(typed creds.Secret) error {
		opens, err := try(typed)
		if err == nil && !opens {
			err = errPassphrase
		}
		return err
	})
	return err
}

// Prove opens something in s with the passphrase that was given in its Options, and
// reports whether that is the right one. A store without a passphrase is always open.
func Prove(ctx context.Context, s Store) (opens bool, err error) {
	b, d := passphraseOf(s)
	if d == nil {
		return true, nil
	}
	ctx, cancel := context.WithTimeout(ctx, b.limit)
	defer cancel()
	_, err = inTurn(ctx, b, func(ctx context.Context) (struct{}, error) { return struct{}{}, d.prove(ctx) })
	if errors.Is(err, errPassphrase) {
		return false, nil
	}
	return err == nil, err
}

func (f *files) closed(ctx context.Context) bool {
	if f.pass.given != nil {
		return false
	}
	dir, err := os.Open(f.dir)
	if err != nil {
		return false
	}
	defer func() { _ = dir.Close() }()
	for ctx.Err() == nil { // the first item of what may be many
		some, err := dir.ReadDir(16)
		if slices.ContainsFunc(some, f.isItem) {
			return true
		}
		if err != nil {
			return false
		}
	}
	return false
}

func (f *files) askPassphrase(ctx context.Context, try func(creds.Secret) error) error {
	return f.try(ctx, try)
}

func (f *files) prove(ctx context.Context) error {
	return f.try(ctx, func(pass creds.Secret) error { return f.check(pass, "") })
}

func (a *ageFiles) closed(context.Context) bool {
	if a.o.AgePassphrase != nil {
		return false
	}
	data, err := os.ReadFile(a.identityFile())
	return err == nil && isEncrypted(data)
}

func (a *ageFiles) askPassphrase(ctx context.Context, try func(creds.Secret) error) error {
	return a.tryPassphrases(ctx, a.identityFile(), try)
}

func (a *ageFiles) prove(ctx context.Context) error {
	_, err := a.unlock(ctx)
	return err
}
