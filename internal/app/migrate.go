package app

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/d44b7504/vault/internal/creds"
	"github.com/d44b7504/vault/internal/display"
	"github.com/d44b7504/vault/store"
)

// This file finds the two stores of a migration, and the keys to move.

// OpenedStore is a store that was opened, and how.
type OpenedStore struct {
	store.Options
	Store store.Store
}

func (o OpenedStore) backend() store.Backend { return store.Of(o.Store) }

// openStore opens a store and finds out which it is.
func (t *Task) openStore(ctx context.Context, o store.Options) (OpenedStore, error) {
	s, err := t.OpenStore(ctx, o)
	if err != nil {
		return OpenedStore{}, err
	}
	if name := store.Of(s).Name; name != "" {
		o.Backend = name
	}
	return OpenedStore{o, s}, nil
}

// NewStore opens the store that keys are moved to: BACKEND or BACKEND:PLACE, or "" for the
// one that vault uses.
func (t *Task) NewStore(ctx context.Context, spec string) (OpenedStore, error) {
	o := t.StoreOptions()
	if spec != "" {
		var err error
		if o, err = o.At(spec); err != nil {
			return OpenedStore{}, Usage("vault migrate", fmt.Errorf("--to %w", err))
		}
	}
	return t.openStore(ctx, o)
}

// fromPassphrase opens the old store, where the two have different passphrases.
const fromPassphrase = "AWS_VAULT_FROM_PASSPHRASE"

// OldStore opens the store that keys are moved from, which must not be to. With "" it looks
// through AWS Vault's own stores for the one that has keys.
func (t *Task) OldStore(ctx context.Context, spec string, to OpenedStore) (OpenedStore, error) {
	o := t.StoreOptions()
	if p := t.Env.Secret(fromPassphrase); p != nil {
		o.SetPassphrases(func(string) *creds.Secret { return p })
	}
	if spec == "" {
		return t.findKeys(ctx, o, to)
	}
	o, err := o.At(spec)
	if err != nil {
		return OpenedStore{}, Usage("vault migrate", fmt.Errorf("--from %w", err))
	}
	if store.Same(o, to.Options) {
		return OpenedStore{}, sameStore(to)
	}
	from, err := t.openStore(ctx, o)
	if err == nil && store.Same(from.Options, to.Options) {
		err = sameStore(to)
	}
	return from, err
}

func sameStore(to OpenedStore) error {
	return WithHint(fmt.Errorf("%s is the old store and the new one", to.Spec()), "--from and --to name two different stores")
}

// findKeys looks through AWS Vault's own stores, without asking anything, for the one
// that has keys.
func (t *Task) findKeys(ctx context.Context, o store.Options, to OpenedStore) (OpenedStore, error) {
	var found []store.Options
	var told []string
	for _, at := range store.Usual(o) {
		if store.Same(at, to.Options) {
			continue
		}
		quiet := at
		quiet.Quiet = true
		n, err := t.countKeys(ctx, quiet)
		switch {
		case ctx.Err() != nil:
			return OpenedStore{}, ctx.Err()
		case err == nil && n > 0:
			found = append(found, at)
			told = append(told, at.Spec()+" has "+display.Count(n, "item"))
		case errors.Is(err, store.ErrLocked):
			told = append(told, at.Spec()+" is locked")
		}
	}
	switch {
	case len(found) == 1:
		return t.openStore(ctx, found[0])
	case len(told) > 0:
		return OpenedStore{}, WithHint(fmt.Errorf("it is not clear which store to move from: %s", strings.Join(told, "; ")), "--from names it")
	}
	return OpenedStore{}, WithHint(fmt.Errorf("no keys were found in AWS Vault's stores on this machine, apart from %s", to.Spec()), "--from names another store")
}

func (t *Task) countKeys(ctx context.Context, o store.Options) (int, error) {
	s, err := t.OpenStore(ctx, o)
	if err != nil {
		return 0, err
	}
	names, hidden, err := store.KeyNames(ctx, s)
	return len(names) + hidden, err
}

// KeysToMove lists the keys in the old store, all or those that are wanted, and makes sure
// that it can be read before anything is written. Where the usual passphrase does not open
// it a person is asked for the other one; the store is then another one.
func (t *Task) KeysToMove(ctx context.Context, from OpenedStore, wanted []string) (OpenedStore, []string, error) {
	names, err := readableKeys(ctx, from)
	if errors.Is(err, store.ErrLocked) && from.backend().Passphrase.Variable != "" {
		if t.AskHidden() == nil || t.Env.Secret(fromPassphrase) != nil {
			return from, nil, WithHint(err, "%s is the passphrase of the store that is moved from", fromPassphrase)
		}
		o := from.Options
		o.SetPassphrases(func(string) *creds.Secret { return nil })
		if from, err = t.openStore(ctx, o); err == nil {
			names, err = readableKeys(ctx, from)
		}
	}
	if err != nil {
		return from, nil, err
	}
	if len(wanted) > 0 {
		if names, err = selectKeys(from, names, wanted); err != nil {
			return from, nil, err
		}
	}
	return from, names, notRotating(ctx, from, names)
}

// selectKeys is the list of the wanted keys, each of which must be stored.
func selectKeys(from OpenedStore, stored, wanted []string) ([]string, error) {
	for _, name := range wanted {
		if !slices.Contains(stored, name) {
			return nil, WithHint(fmt.Errorf("%s has no key named %q", from.Spec(), name), "vault migrate --dry-run lists those that it has")
		}
	}
	slices.Sort(wanted)
	return slices.Compact(wanted), nil
}

// readableKeys lists the keys and, in a store under one passphrase that is not needed to
// list them, reads one.
func readableKeys(ctx context.Context, from OpenedStore) ([]string, error) {
	names, err := store.AllKeyNames(ctx, from.Store)
	if b := from.backend(); err == nil && len(names) > 0 && b.Passphrase.Variable != "" && !b.HidesNames() {
		if _, readErr := from.Store.Get(ctx, names[0]); errors.Is(readErr, store.ErrLocked) {
			err = readErr
		}
	}
	return names, err
}

// notRotating refuses a key whose rotation was interrupted: the new key is stored beside
// it, and would stay behind.
func notRotating(ctx context.Context, from OpenedStore, names []string) error {
	n, err := store.ReadNames(ctx, from.Store, func() []string { return names })
	if err != nil {
		return err
	}
	for _, name := range names {
		if n.Rotating(name) {
			return WithHint(fmt.Errorf("nothing was moved: the rotation of the key of %q is not finished", name), "vault rotate --resume %s", Word(name))
		}
	}
	return nil
}

// IsDefault reports whether vault uses a store by itself.
func (t *Task) IsDefault(ctx context.Context, o OpenedStore) bool {
	now, err := t.openStore(ctx, t.StoreOptions())
	return err == nil && store.Same(now.Options, o.Options)
}

// Settings are the variables that make vault use a store, NAME=VALUE each; the last one is
// left out where the back end's usual place is meant. quote makes a word of a value.
func (t *Task) Settings(o OpenedStore, quote func(string) string) string {
	settings := "AWS_VAULT_BACKEND=" + o.Backend
	usual, err := t.StoreOptions().At(o.Backend)
	if _, place, given := strings.Cut(o.Spec(), ":"); given && (err != nil || !store.Same(usual, o.Options)) {
		setting, _ := o.backend().Place()
		settings += " " + setting.Variable + "=" + quote(place)
	}
	return settings
}
