package app

import (
	"context"
	"slices"
	"strings"

	"github.com/d44b7504/vault/env"
	"github.com/d44b7504/vault/internal/profiles"
	"github.com/d44b7504/vault/internal/sessions"
	"github.com/d44b7504/vault/refresh"
	"github.com/d44b7504/vault/store"
)

// Cleared says how many cached items were deleted.
type Cleared struct {
	Sessions, SignIns int
	Foreign           int    // of AWS Vault's
	Base              string // the profile whose shared session, under the roles of the others, stays; "": none
}

// caches are items to delete.
type caches struct {
	sessions, tokens, foreign []string

	keys []string // of some profiles: what their terminals look at
	base string
}

// ClearCaches deletes the cached sessions and sign-ins of some profiles, or all of them if
// none is named, and makes their terminals look again. What was deleted is returned with an
// error too.
func (t *Task) ClearCaches(ctx context.Context, names []string) (Cleared, error) {
	set, err := t.Profiles()
	if err != nil {
		return Cleared{}, err
	}
	s, err := t.Keyring(ctx)
	if err != nil {
		return Cleared{}, err
	}
	n, err := store.ReadNames(ctx, s, func() []string { return names })
	if err != nil {
		return Cleared{}, err
	}
	c, notify := caches{sessions: n.Sessions, tokens: n.Tokens, foreign: n.AWSVault}, t.Env.Runtime().Clear
	if len(names) > 0 {
		if c, err = cachesOf(t, set, n, names); err != nil {
			return Cleared{}, err
		}
		notify = func() { t.Env.Runtime().Forget(c.keys...) }
	}
	// Terminals look again when all is deleted, or they would find what is about to be deleted;
	// and also when there is nothing left, because an earlier run was interrupted here.
	defer notify()
	return c.delete(ctx, s)
}

func (c caches) delete(ctx context.Context, s store.Store) (done Cleared, err error) {
	done.Base = c.base
	for _, part := range [...]struct {
		names []string
		count *int
	}{{c.sessions, &done.Sessions}, {c.tokens, &done.SignIns}, {c.foreign, &done.Foreign}} {
		if err == nil {
			*part.count, err = store.DeleteAll(ctx, s, part.names)
		}
	}
	return done, err
}

// cachesOf collects what belongs to some profiles. A profile that is no longer in the
// config file can have sessions; a name that nothing is known of is a mistake.
func cachesOf(t *Task, set *profiles.Set, n store.Names, names []string) (caches, error) {
	var c caches
	for _, name := range names {
		p, err := t.resolveKnowing(env.Request{Profile: name}, func(key string) bool { return slices.Contains(n.Keys, key) })
		if err != nil {
			p = profiles.Profile{Name: name}
		}
		url := ""
		if sso := Origin(p).SSO; sso != nil {
			url = sso.StartURL
			if token := sessions.TokenName(sso); slices.Contains(n.Tokens, token) && !slices.Contains(c.tokens, token) {
				c.tokens = append(c.tokens, token)
			}
		}
		own, foreign := sessionsOf(n, name), n.AWSVaultOf(name, url)
		if !set.Has(name) && !slices.Contains(n.Keys, name) && len(own)+len(foreign) == 0 {
			return c, set.NotFound(name)
		}
		c.sessions = append(c.sessions, own...)
		c.foreign = append(c.foreign, foreign...)
		c.keys = append(c.keys, refresh.Key(p))
		if b := sessions.NewPlan(p).Base; b != nil && !slices.Contains(names, b.Name) && len(sessionsOf(n, b.Name)) > 0 {
			c.base = b.Name
		}
	}
	slices.Sort(c.foreign)
	c.foreign = slices.Compact(c.foreign)
	return c, nil
}

// sessionsOf are the cached sessions of a profile, however they were asked for.
func sessionsOf(n store.Names, profile string) []string {
	var own []string
	for _, name := range n.Sessions {
		if strings.HasPrefix(name, store.ProfilePrefix(profile)) {
			own = append(own, name)
		}
	}
	return own
}
