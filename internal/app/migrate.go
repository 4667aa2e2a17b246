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

// Migration is a move of keys from one store to another. The stores are open.
type Migration struct {
	From, To OpenedStore

	task *Task
}

// NewMigration opens the two stores: BACKEND or BACKEND:PLACE each. Without to it is the one
// that vault uses, without from the one of AWS Vault's own stores that has keys.
func (t *Task) NewMigration(ctx context.Context, from, to string) (*Migration, error) {
	m := &Migration{task: t}
	var err error
	if m.To, err = m.openNew(ctx, to); err != nil {
		return nil, err
	}
	if m.From, err = m.openOld(ctx, from); err != nil {
		return nil, err
	}
	return m, nil
}

// OpenedStore is a store that was opened, and how.
type OpenedStore struct {
	store.Options
	Store store.Store
}

func (o OpenedStore) backend() store.Backend { return store.Of(o.Store) }

// openStore opens a store and finds out which it is.
func openStore(ctx context.Context, t *Task, o store.Options) (OpenedStore, error) {
	s, err := t.open(ctx, o)
	if err != nil {
		return OpenedStore{}, err
	}
	if name := store.Of(s).Name; name != "" {
		o.Backend = name
	}
	return OpenedStore{o, s}, nil
}

func (m *Migration) openNew(ctx context.Context, spec string) (OpenedStore, error) {
	o := m.task.StoreOptions()
	if spec != "" {
		var err error
		if o, err = o.At(spec); err != nil {
			return OpenedStore{}, Usage("vault migrate", fmt.Errorf("--to %w", err))
		}
	}
	return openStore(ctx, m.task, o)
}

// fromPassphrase opens the old store, where the two have different passphrases.
const fromPassphrase = "AWS_VAULT_FROM_PASSPHRASE"

// openOld opens the store that keys are moved from, which must not be the new one.
func (m *Migration) openOld(ctx context.Context, spec string) (OpenedStore, error) {
	o := m.task.StoreOptions()
	if p := m.task.Env.Secret(fromPassphrase); p != nil {
		o.SetPassphrases(func(string) *creds.Secret { return p })
	}
	if spec == "" {
		return m.findKeys(ctx, o)
	}
	o, err := o.At(spec)
	if err != nil {
		return OpenedStore{}, Usage("vault migrate", fmt.Errorf("--from %w", err))
	}
	if store.Same(o, m.To.Options) {
		return OpenedStore{}, m.sameStore()
	}
	from, err := openStore(ctx, m.task, o)
	if err == nil && store.Same(from.Options, m.To.Options) {
		err = m.sameStore()
	}
	return from, err
}

func (m *Migration) sameStore() error {
	return WithHint(fmt.Errorf("%s is the old store and the new one", m.To.Spec()), "--from and --to name two different stores")
}

// findKeys looks through AWS Vault's own stores, without asking anything, for the one
// that has keys.
func (m *Migration) findKeys(ctx context.Context, o store.Options) (OpenedStore, error) {
	var found []store.Options
	var told []string
	for _, at := range store.Usual(o) {
		if store.Same(at, m.To.Options) {
			continue
		}
		quiet := at
		quiet.Quiet = true
		n, err := m.countKeys(ctx, quiet)
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
		return openStore(ctx, m.task, found[0])
	case len(told) > 0:
		return OpenedStore{}, WithHint(fmt.Errorf("it is not clear which store to move from: %s", strings.Join(told, "; ")), "--from names it")
	}
	return OpenedStore{}, WithHint(fmt.Errorf("no keys were found in AWS Vault's stores on this machine, apart from %s", m.To.Spec()), "--from names another store")
}

func (m *Migration) countKeys(ctx context.Context, o store.Options) (int, error) {
	s, err := m.task.OpenStore(ctx, o)
	if err != nil {
		return 0, err
	}
	names, hidden, err := store.KeyNames(ctx, s)
	return len(names) + hidden, err
}

// Keys lists the keys in the old store, all or those that are wanted, and makes sure that it
// can be read before anything is written. Where the usual passphrase does not open it a
// person is asked for the other one.
func (m *Migration) Keys(ctx context.Context, wanted []string) ([]string, error) {
	names, err := readableKeys(ctx, m.From)
	if errors.Is(err, store.ErrLocked) && m.From.backend().Passphrase.Variable != "" {
		if m.task.askHidden() == nil || m.task.Env.Secret(fromPassphrase) != nil {
			return nil, WithHint(err, "%s is the passphrase of the store that is moved from", fromPassphrase)
		}
		o := m.From.Options
		o.SetPassphrases(func(string) *creds.Secret { return nil })
		if m.From, err = openStore(ctx, m.task, o); err == nil {
			names, err = readableKeys(ctx, m.From)
		}
	}
	if err != nil {
		return nil, err
	}
	if len(wanted) > 0 {
		if names, err = selectKeys(m.From, names, wanted); err != nil {
			return nil, err
		}
	}
	return names, notRotating(ctx, m.From, names)
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

// Settings are the variables that make vault use the new store, "NAME=VALUE …"; "" when it
// does already. quote makes a word of a value.
func (m *Migration) Settings(ctx context.Context, quote func(string) string) string {
	t, to := m.task, m.To
	if now, err := openStore(ctx, t, t.StoreOptions()); err == nil && store.Same(now.Options, to.Options) {
		return ""
	}
	settings := "AWS_VAULT_BACKEND=" + to.Backend
	usual, err := t.StoreOptions().At(to.Backend)
	if _, place, given := strings.Cut(to.Spec(), ":"); given && (err != nil || !store.Same(usual, to.Options)) {
		setting, _ := to.backend().Place()
		settings += " " + setting.Variable + "=" + quote(place)
	}
	return settings
}
