package app

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/d44b7504/vault/internal/creds"
	"github.com/d44b7504/vault/internal/host"
	"github.com/d44b7504/vault/internal/profiles"
	"github.com/d44b7504/vault/internal/rotation"
	"github.com/d44b7504/vault/internal/sessions"
	"github.com/d44b7504/vault/store"
)

// Rotator rotates the key that a profile uses.
type Rotator struct {
	// Rotation is nil before Open. The functions that put questions to a person, MakeRoom,
	// MayDiscard and Say, are the caller's to set.
	Rotation *rotation.Rotation
	Profile  profiles.Profile
	Item     string // the name that the key is stored under

	task *Task
}

// Rotations is where unfinished rotations are noted down.
func (t *Task) Rotations() (rotation.Book, error) {
	dir, err := t.Env.StateDir()
	return rotation.Book{Dir: filepath.Join(dir, "rotate")}, err
}

// NewRotator is for the rotation of the key that p uses. It opens nothing.
func (t *Task) NewRotator(p profiles.Profile) *Rotator {
	return &Rotator{Profile: p, Item: sessions.NewPlan(p).Key, task: t}
}

// Lock lets one process rotate a key. It does not wait for another one: what that does would
// be done twice. The error is ErrKeyBusy then.
func (x *Rotator) Lock(ctx context.Context) (unlock func(), err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	unlock, err = x.task.Env.Runtime().Lock(ctx, keyLockName(x.Item), func() { cancel(errKeyBusy) })
	if err != nil && errors.Is(context.Cause(ctx), errKeyBusy) {
		err = errKeyBusy
	}
	return unlock, err
}

// Open opens the store and makes the Rotation.
func (x *Rotator) Open(ctx context.Context) error {
	t := x.task
	book, err := t.Rotations()
	if err != nil {
		return err
	}
	s, err := t.Keyring(ctx)
	if err != nil {
		return err
	}
	x.Rotation = &rotation.Rotation{
		Item: x.Item, Profile: x.Profile.Name, Backend: store.Of(s).Name, Store: s, Book: book,
		AWS: rotation.Calls{Who: keyUser(x.Profile)}, Follow: x.follow, Now: t.Now, Sleep: t.Sleep, Hold: host.HoldSignals,
	}
	return nil
}

// Identify finds out whose key it is, and who makes the calls of IAM: a session, or with
// noSession the key itself. It returns the key's id.
func (x *Rotator) Identify(ctx context.Context, noSession bool) (key string, err error) {
	user, key, err := x.Rotation.Identify(ctx)
	if errors.Is(err, store.ErrNotFound) {
		return "", &sessions.NoKeyError{Profile: x.Profile.Name, Key: x.Item, InFile: x.Profile.Source.Origin().Stored.InFile}
	}
	if err != nil {
		return "", err
	}
	x.Rotation.User = user
	if isRoot(user) {
		return "", WithHint(fmt.Errorf("the key stored for %q is that of the root user of account %s, which should have none", x.Item, AccountOf(user)),
			"delete it in the console, and store that of an IAM user")
	}
	if _, name := UserOf(user); name == "" {
		return "", fmt.Errorf("the key stored for %q belongs to %s, which is not an IAM user", x.Item, user)
	}
	signer, err := x.task.NewSigner(ctx, x.Profile, user, noSession)
	if err != nil {
		return "", err
	}
	who := x.Rotation.AWS.Who
	x.Rotation.AWS = signer.Calls()
	x.Rotation.AWS.Who = who
	return key, nil
}

// follow replaces copies of the old key that are stored under other names, and deletes the
// sessions of every profile that uses it, in the store and in every terminal.
func (x *Rotator) follow(ctx context.Context, old string, now creds.Key) error {
	set, err := x.task.Profiles()
	if err != nil {
		return err
	}
	names := []string{x.Item}
	for _, name := range x.copies(ctx, set, old) {
		if err := x.replaceCopy(ctx, name, old, now); err != nil {
			return err
		}
		x.task.say("%s had the same key, and has the new one now", name)
		names = append(names, name)
	}
	for _, name := range names {
		if err := x.task.ForgetUsers(ctx, set, name); err != nil {
			return fmt.Errorf("delete the sessions of the old key: %w", err)
		}
	}
	x.task.Env.Runtime().Recheck()
	return nil
}

// replaceCopy puts the new key in the place of a copy of the old one, unless the copy has
// been changed since it was read.
func (x *Rotator) replaceCopy(ctx context.Context, name, old string, now creds.Key) error {
	unlock, err := lockKeyBriefly(x.task, ctx, name)
	if err != nil {
		return err
	}
	defer unlock()
	k, err := store.GetKey(ctx, x.Rotation.Store, name)
	if err != nil || k.ID != old {
		return err
	}
	return store.KeepKey(ctx, x.Rotation.Store, name, now)
}

// copies are the other profiles that the same key is stored for. Where each read may take a
// dialog or a touch of a key, none are looked for.
func (x *Rotator) copies(ctx context.Context, set *profiles.Set, id string) []string {
	if of := store.Of(x.Rotation.Store); id == "" || of.Name == "" || of.AsksPerItem {
		return nil
	}
	var list []string
	x.eachOtherKey(ctx, set, func(name string, k creds.Key) {
		if k.ID == id {
			list = append(list, name)
		}
	})
	return list
}

// eachOtherKey reads the keys stored for other profiles. A name that is not a profile's may
// be another program's; what cannot be read is left out.
func (x *Rotator) eachOtherKey(ctx context.Context, set *profiles.Set, f func(name string, k creds.Key)) {
	names, _, err := store.KeyNames(ctx, x.Rotation.Store, set.Names()...)
	if err != nil {
		return
	}
	for _, name := range names {
		if name == x.Item || !set.Has(name) {
			continue
		}
		if k, err := store.GetKey(ctx, x.Rotation.Store, name); err == nil {
			f(name, k)
		}
	}
}

// MarkStored fills in the names of the other profiles that the keys are stored for.
func (x *Rotator) MarkStored(ctx context.Context, keys []rotation.Owned) {
	set, err := x.task.Profiles()
	if err != nil {
		return
	}
	x.eachOtherKey(ctx, set, func(name string, k creds.Key) {
		at := slices.IndexFunc(keys, func(o rotation.Owned) bool { return o.ID == k.ID })
		if at >= 0 && keys[at].Stored == "" {
			keys[at].Stored = name
		}
	})
}

// UserKeys is every key of the user, with what AWS says of its use.
func (x *Rotator) UserKeys(ctx context.Context, s rotation.State) []rotation.Owned {
	var all []rotation.Owned
	for _, k := range s.Keys {
		o := rotation.Owned{Key: k}
		if k.ID == s.Key.ID {
			o.Stored = x.Item
		}
		o.Use, o.UseErr = x.Rotation.AWS.LastUsed(ctx, k.ID)
		all = append(all, o)
	}
	return all
}
