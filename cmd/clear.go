package cmd

import (
	"context"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/d44b7504/vault/env"
	"github.com/d44b7504/vault/internal/app"
	"github.com/d44b7504/vault/internal/profiles"
	"github.com/d44b7504/vault/internal/sessions"
	"github.com/d44b7504/vault/refresh"
	"github.com/d44b7504/vault/store"
)

func newClear(r *run) *cobra.Command {
	return &cobra.Command{
		Use:   "clear [PROFILE...]",
		Short: "delete cached sessions and sign-ins",
		Long: `Deletes the sessions and the Identity Center sign-ins that are cached in the keyring,
or those of the profiles that are named, AWS Vault's as well as ours. Stored keys stay.

A session that is deleted here still lasts at AWS, which can take none back. A shell
that is in one makes itself a new one where that needs nobody, and else keeps what it
has until that lapses; vault off, there, leaves it. vault sso logout ends a sign-in at
AWS too.`,
		ValidArgsFunction: r.completeProfiles,
		RunE:              func(c *cobra.Command, a []string) error { return clearCaches(c.Context(), r, distinct(a)) },
	}
}

// caches are items to delete and, of some profiles, the keys of the terminals that are
// to look again.
type caches struct {
	sessions, tokens, foreign []string
	terminals                 []string
	base                      string // whose shared session is under the roles, and stays
}

func clearCaches(ctx context.Context, r *run, names []string) error {
	set, err := r.task.Profiles()
	if err != nil {
		return err
	}
	s, err := r.task.Keyring(ctx)
	if err != nil {
		return err
	}
	n, err := store.ReadNames(ctx, s, func() []string { return names })
	if err != nil {
		return err
	}
	c, bump := caches{sessions: n.Sessions, tokens: n.Tokens, foreign: n.Foreign}, r.task.Env.Runtime().Clear
	if len(names) > 0 {
		if c, err = r.cachesOf(set, n, names); err != nil {
			return err
		}
		bump = func() { r.task.Env.Runtime().Forget(c.terminals...) }
	}
	// Terminals look again when all is gone, or they would find what is about to go;
	// and also when there is nothing left, because an earlier run was cut off here.
	defer bump()
	return r.clear(ctx, s, c, names)
}

// cachesOf collects what belongs to some profiles. A profile that is no longer in the
// config file can have sessions; one that nothing is known of is a mistake.
func (r *run) cachesOf(set *profiles.Set, n store.Names, names []string) (caches, error) {
	var c caches
	for _, name := range names {
		own := namesOf(n, name)
		p, err := r.task.ResolveUnopened(env.Request{Profile: name})
		if err != nil {
			p = profiles.Profile{Name: name}
		}
		url := ""
		if sso := app.Origin(p).SSO; sso != nil {
			url = sso.StartURL
			if token := sessions.TokenName(sso); slices.Contains(n.Tokens, token) && !slices.Contains(c.tokens, token) {
				c.tokens = append(c.tokens, token)
			}
		}
		foreign := n.ForeignOf(name, url)
		if !set.Has(name) && !slices.Contains(n.Keys, name) && len(own)+len(foreign) == 0 {
			return c, &profiles.NotFoundError{Name: name, Nearest: profiles.Near(name, set.Names())}
		}
		c.sessions = append(c.sessions, own...)
		c.foreign = append(c.foreign, foreign...)
		c.terminals = append(c.terminals, refresh.Key(p))
		if b := sessions.NewPlan(p).Base; b != nil && !slices.Contains(names, b.Name) && len(namesOf(n, b.Name)) > 0 {
			c.base = b.Name
		}
	}
	slices.Sort(c.foreign)
	c.foreign = slices.Compact(c.foreign)
	return c, nil
}

// namesOf are the cached sessions of a profile, whatever they were asked for with.
func namesOf(n store.Names, profile string) []string {
	var own []string
	for _, name := range n.Sessions {
		if strings.HasPrefix(name, store.ProfilePrefix(profile)) {
			own = append(own, name)
		}
	}
	return own
}

func (r *run) clear(ctx context.Context, s store.Store, c caches, names []string) error {
	var counts [3]int
	var err error
	for i, list := range [...][]string{c.sessions, c.tokens, c.foreign} {
		if err == nil {
			counts[i], err = store.DeleteAll(ctx, s, list)
		}
	}
	if err == nil || counts != [3]int{} {
		r.sayCleared(counts, names)
	}
	if err != nil {
		return err
	}
	if c.base != "" {
		r.say("the session with MFA that roles share stays: it is that of %s", printable(c.base))
		r.hint("vault clear %s", app.Word(c.base))
	}
	if counts[0] > 0 {
		r.hint("a shell that is in one keeps it until it lapses, or renews it by itself; vault off leaves it")
	}
	return nil
}

// sayCleared says what went. Nothing is no failure: that is how it was to be.
func (r *run) sayCleared(n [3]int, names []string) {
	var parts []string
	for i, noun := range [...][2]string{
		{"session", "sessions"}, {"sign-in", "sign-ins"}, {"item that AWS Vault had cached", "items that AWS Vault had cached"},
	} {
		if n[i] > 0 {
			parts = append(parts, numberOf(n[i], noun[0], noun[1]))
		}
	}
	whose := ""
	if len(names) > 0 {
		whose = " of " + printable(all(names))
	}
	if len(parts) == 0 {
		r.say("nothing%s was cached", whose)
		return
	}
	r.say("cleared %s%s", all(parts), whose)
}
