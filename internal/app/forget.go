package app

import (
	"context"

	"github.com/d44b7504/vault/env"
	"github.com/d44b7504/vault/internal/profiles"
	"github.com/d44b7504/vault/internal/sessions"
	"github.com/d44b7504/vault/refresh"
)

// This file forgets sessions. AWS takes none back before it expires; here it is deleted
// from the keyring, and every terminal is made to look again.

// ForgetUsers deletes the sessions made with the key stored under name: the profile's
// own and those of every profile whose chain begins there.
func (t *Task) ForgetUsers(ctx context.Context, set *profiles.Set, name string) error {
	_, err := t.Forget(ctx, usersOf(t, set, name))
	return err
}

// Forget deletes every cached session of some profiles and returns how many there were.
func (t *Task) Forget(ctx context.Context, list []profiles.Profile) (int, error) {
	s, err := t.Keyring(ctx)
	if err != nil {
		return 0, err
	}
	k := &refresh.Keeper{Store: s, Dir: t.Env.Runtime(), Policy: t.Policy, Now: t.Now}
	return k.Forget(ctx, list...)
}

// usersOf lists the profiles whose chain begins with the key stored under name, in file
// order. A profile of that name is among them also when its section is wrong.
func usersOf(t *Task, set *profiles.Set, name string) []profiles.Profile {
	var users []profiles.Profile
	names := set.Names()
	if !set.Has(name) {
		names = append(names, name)
	}
	for _, n := range names {
		p, err := t.resolveKnowing(env.Request{Profile: n}, func(key string) bool { return key == name })
		switch {
		case err == nil && sessions.NewPlan(p).Key == name:
			users = append(users, p)
		case err != nil && n == name:
			users = append(users, profiles.Profile{Name: n})
		}
	}
	return users
}
