package refresh

import (
	"context"
	"errors"

	"github.com/d44b7504/vault/internal/creds"
	"github.com/d44b7504/vault/internal/profiles"
	"github.com/d44b7504/vault/store"
)

// This file notices that the key under a session was replaced: by another program, or by
// a change that came from elsewhere into a shared store.

// storedKey is the name of the stored key that a profile's session begins with, "" if it
// begins with none.
func storedKey(p profiles.Profile) string {
	s := p.Source
	for s.Role != nil {
		s = s.Role.Source
	}
	if s.Stored == nil {
		return ""
	}
	return s.Stored.Profile
}

// make makes a session and notes the stamp of the key it was made with. The stamp is read
// first: a key that is replaced meanwhile then has another one.
func (k *Keeper) make(ctx context.Context, p profiles.Profile) (creds.Session, error) {
	stamp := ""
	if name := storedKey(p); name != "" {
		stamp, _ = store.Stamp(ctx, k.Store, name)
	}
	s, err := k.Make(ctx, p)
	if s.Key.ID != "" {
		s.Key.Stamp = stamp
	}
	return s, err
}

// madeWithKey reports whether a session was made with the key that is stored now, as far
// as that can be known. It reads the key, which may need a person, only if the stamp has
// changed, or, if read is set, where the store has no stamps.
func (k *Keeper) madeWithKey(ctx context.Context, p profiles.Profile, s creds.Session, read bool) bool {
	if t := p.Source.Origin().Temporary; t != nil {
		return s.Key.ID == t.Session.AccessKeyID
	}
	key := storedKey(p)
	if key == "" || s.Key.ID == "" {
		return true
	}
	stamp, known := store.Stamp(ctx, k.Store, key)
	switch {
	case known && stamp == "":
		return false // it is not stored any more
	case known && stamp == s.Key.Stamp, !known && !read:
		return true
	}
	now, err := store.GetKey(ctx, k.Store, key)
	if err != nil {
		return !errors.Is(err, store.ErrNotFound) // without the key there is no other session either
	}
	if now.ID != s.Key.ID {
		return false
	}
	if known {
		s.Key.Stamp = stamp
		_ = k.save(ctx, p, s) // only spares the next one the look
	}
	return true
}

// Drop deletes the cached session of a profile if it is still the one with this access
// key id, which AWS does not accept any more.
func (k *Keeper) Drop(ctx context.Context, p profiles.Profile, accessKeyID string) error {
	s, err := store.GetSession(ctx, k.Store, name(p))
	if err == nil && s.AccessKeyID == accessKeyID {
		err = k.Store.Delete(ctx, name(p))
	}
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	return err
}
