package cmd

// This file forgets sessions. What lapses by itself at AWS cannot be taken back there;
// here it is deleted from the keyring, and every terminal is made to look again.

import (
	"context"

	"github.com/d44b7504/vault/env"
	"github.com/d44b7504/vault/internal/profiles"
	"github.com/d44b7504/vault/internal/sessions"
	"github.com/d44b7504/vault/refresh"
)

// forgetUsers drops the sessions made with the key stored under name: the profile's
// own and those of every profile whose chain ends there.
func (r *run) forgetUsers(ctx context.Context, set *profiles.Set, name string) error {
	_, err := r.forget(ctx, r.usersOf(set, name))
	return err
}

// forget drops every cached session of some profiles and says how many there were. The
// keyring has been opened.
func (r *run) forget(ctx context.Context, list []profiles.Profile) (int, error) {
	k := &refresh.Keeper{Store: r.store, Dir: r.runtime(), Policy: r.Policy, Now: r.Now}
	return k.Forget(ctx, list...)
}

// usersOf lists the profiles whose chain ends at the key stored under name, in file
// order. A profile of that name is among them also when its section is wrong.
func (r *run) usersOf(set *profiles.Set, name string) []profiles.Profile {
	var users []profiles.Profile
	names := set.Names()
	if !set.Has(name) {
		names = append(names, name)
	}
	for _, n := range names {
		p, err := r.resolveUnasked(env.Request{Profile: n})
		switch {
		case err == nil && sessions.NewPlan(p).Key == name:
			users = append(users, p)
		case err != nil && n == name:
			users = append(users, profiles.Profile{Name: n})
		}
	}
	return users
}
