package app

import (
	"context"
	"errors"
	"slices"

	"github.com/d44b7504/vault/env"
	"github.com/d44b7504/vault/internal/creds"
	"github.com/d44b7504/vault/internal/profiles"
	"github.com/d44b7504/vault/internal/sessions"
	"github.com/d44b7504/vault/store"
)

// This file holds what the commands that store keys share: what is stored already, whom
// a key belongs to, and who may write a file now.

// StoredKey is what the keyring has under a profile's name. The zero value is nothing.
type StoredKey struct {
	Exists bool
	Unread bool      // it was not decrypted, so Key is empty
	Key    creds.Key // empty also when what is there is not an access key
}

// Shown names what is stored in words: the end of the key's id.
func (k StoredKey) Shown() string {
	switch {
	case k.Unread:
		return "the one that was there"
	case k.Key.ID == "":
		return "something that is no key"
	}
	return k.Key.Tail()
}

// StoredKey reads the key of a profile. It decrypts, and so may ask, only if there is one.
func (t *Task) StoredKey(ctx context.Context, name string) (StoredKey, error) {
	s, err := t.Keyring(ctx)
	if err != nil {
		return StoredKey{}, err
	}
	names, _, err := store.KeyNames(ctx, s, name)
	if err != nil || !slices.Contains(names, name) {
		return StoredKey{}, err
	}
	k, err := store.GetKey(ctx, s, name)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return StoredKey{}, nil
	case errors.Is(err, store.ErrForeign):
		return StoredKey{Exists: true}, nil
	}
	return StoredKey{Exists: true, Key: k}, err
}

// KeyOwner asks AWS whom a key belongs to, where the profile's own settings say that AWS
// is: in China it is not where it is elsewhere. region, if any, is asked instead.
func (t *Task) KeyOwner(ctx context.Context, set *profiles.Set, name, region string, k creds.Key) (sessions.Identity, error) {
	o := t.Overrides(env.Request{Region: region})
	o.HasKey = anyKey
	p, err := set.Resolve(name, o)
	if err != nil { // its section is wrong, which is no reason to doubt the key
		if p, err = profiles.Parse("", nil).Resolve(name, o); err != nil {
			return sessions.Identity{}, err
		}
	}
	return WhoAmI(ctx, p, creds.Session{Profile: name, AccessKeyID: k.ID, SecretKey: k.Secret})
}

// WhoAmI asks STS whose credentials these are, where the profile says that STS is.
func WhoAmI(ctx context.Context, p profiles.Profile, by creds.Session) (sessions.Identity, error) {
	return sessions.WhoAmI(ctx, Endpoint(p, sessions.STS, p.Region), by)
}

// LockFile waits until no other vault changes a file, and removes what one that was
// killed left beside it.
func (t *Task) LockFile(ctx context.Context, file string) (unlock func(), err error) {
	unlock, err = t.Env.Runtime().Lock(ctx, "write "+file, func() { t.say("another vault is writing %s, waiting for it", file) })
	if err == nil {
		profiles.Tidy(file)
	}
	return unlock, err
}
