package cmd

// This file holds what the commands that store keys share: what is stored already, and
// whom a key belongs to.

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

// held is what the keyring has under a profile's name.
type held struct {
	there  bool
	unread bool
	key    creds.Key // empty when what is there is no key
}

// shown is the end of the key's id.
func (h held) shown() string {
	switch {
	case h.unread:
		return "the one that was there"
	case h.key.ID == "":
		return "something that is no key"
	}
	return h.key.Tail()
}

// storedKey reads the key of a profile. It decrypts, and so may ask, only if there is one.
func (r *run) storedKey(ctx context.Context, name string) (held, error) {
	s, err := r.keyring(ctx)
	if err != nil {
		return held{}, err
	}
	names, _, err := store.KeyNames(ctx, s, name)
	if err != nil || !slices.Contains(names, name) {
		return held{}, err
	}
	k, err := store.GetKey(ctx, s, name)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return held{}, nil
	case errors.Is(err, store.ErrForeign):
		return held{there: true}, nil
	}
	return held{there: true, key: k}, err
}

// owner asks AWS whom a key belongs to, where the profile's own settings say that AWS
// is: in China it is not where it is elsewhere. region, if any, is asked instead.
func (r *run) owner(ctx context.Context, set *profiles.Set, name, region string, k creds.Key) (sessions.Identity, error) {
	over := r.overrides(env.Request{Region: region})
	over.HasKey = func(string) bool { return true }
	p, err := set.Resolve(name, over)
	if err != nil { // its section is wrong, which is no reason to doubt the key
		if p, err = profiles.Parse("", nil).Resolve(name, over); err != nil {
			return sessions.Identity{}, err
		}
	}
	end := r.endpoint(p, sessions.STS, p.Region)
	return sessions.WhoAmI(ctx, end, creds.Session{Profile: name, AccessKeyID: k.ID, SecretKey: k.Secret})
}

// writing waits until no other vault changes a file, and clears away what one that was
// killed left beside it.
func (r *run) writing(ctx context.Context, file string) (done func(), err error) {
	done, err = r.runtime().Lock(ctx, "write "+file, func() { r.say("another vault is writing %s, waiting for it", printable(file)) })
	if err == nil {
		profiles.Tidy(file)
	}
	return done, err
}
