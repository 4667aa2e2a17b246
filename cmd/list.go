package cmd

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/d44b7504/vault/env"
	"github.com/d44b7504/vault/profiles"
	"github.com/d44b7504/vault/refresh"
	"github.com/d44b7504/vault/store"
)

type listOptions struct{ profiles, credentials, sessions, json bool }

// listed is one row: a profile, the key stored for it, the sessions cached for it.
type listed struct {
	Profile    string     `json:"profile"`
	Configured bool       `json:"configured"`
	Credential bool       `json:"credential"`
	Sessions   int        `json:"sessions"`
	Expires    *time.Time `json:"expires,omitempty"`
}

func newList(r *run) *cobra.Command {
	var o listOptions
	c := &cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   "list profiles, stored keys and cached sessions",
		Long: `Lists the profiles of the config file, the keys in the keyring and the sessions
that are cached. Nothing is decrypted and nobody is asked.`,
		Args: args(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error { return list(c.Context(), r, o) },
	}
	boolFlag(c.Flags(), &o.profiles, "profiles", "", false, "only the names of profiles, one a line")
	boolFlag(c.Flags(), &o.credentials, "credentials", "", false, "only the names of stored keys, one a line")
	boolFlag(c.Flags(), &o.sessions, "sessions", "", false, "only the profiles with a cached session, one a line")
	boolFlag(c.Flags(), &o.json, "json", "", false, "as JSON")
	return c
}

func list(ctx context.Context, r *run, o listOptions) error {
	set, err := r.profiles()
	if err != nil {
		return err
	}
	for _, problem := range set.Problems() {
		r.say("%s", printable(problem.Error()))
	}
	if o.profiles && !o.json {
		return r.names(set.Names())
	}
	rows, err := r.rows(ctx, set)
	if err != nil {
		return err
	}
	switch {
	case o.json:
		e := json.NewEncoder(r.Stdout)
		e.SetIndent("", "  ")
		return e.Encode(rows)
	case o.credentials:
		return r.names(pickNames(rows, func(l listed) bool { return l.Credential }))
	case o.sessions:
		return r.names(pickNames(rows, func(l listed) bool { return l.Sessions > 0 }))
	}
	return r.listTable(rows)
}

// rows joins the config file with the names in the keyring: one listing, no read.
func (r *run) rows(ctx context.Context, set *profiles.Set) ([]listed, error) {
	r.quiet = true
	s, err := r.keyring(ctx)
	if err != nil {
		return nil, err
	}
	keys, _, err := store.KeyNames(ctx, s, set.Names()...)
	if err != nil {
		return nil, err
	}
	cached, err := s.List(ctx, store.SessionPrefix)
	if err != nil {
		return nil, err
	}
	count := map[string]int{}
	for _, name := range cached {
		count[store.PrefixOf(name)]++
	}
	rows := []listed{} // an empty list in JSON, not null
	add := func(name string, configured bool) {
		l := listed{Profile: name, Configured: configured, Credential: slices.Contains(keys, name)}
		l.Sessions = count[store.ProfilePrefix(name)]
		if l.Sessions > 0 {
			l.Expires = r.expiryOf(name)
		}
		rows = append(rows, l)
	}
	for _, n := range set.Names() {
		add(n, true)
	}
	for _, n := range keys {
		if !set.Has(n) {
			add(n, false)
		}
	}
	return rows, nil
}

// expiryOf reads when a profile's usual session lapses off its generation file.
func (r *run) expiryOf(name string) *time.Time {
	p, err := r.resolveUnasked(env.Request{Profile: name})
	if err != nil {
		return nil
	}
	if m, ok := r.runtime().Mark(refresh.Key(p)); ok && !m.Expires.IsZero() {
		t := m.Expires.UTC()
		return &t
	}
	return nil
}

func (r *run) names(list []string) error {
	for _, n := range list {
		if _, err := fmt.Fprintln(r.Stdout, n); err != nil {
			return err
		}
	}
	return nil
}

func pickNames(rows []listed, want func(listed) bool) []string {
	var names []string
	for _, l := range rows {
		if want(l) {
			names = append(names, l.Profile)
		}
	}
	return names
}

func (r *run) listTable(rows []listed) error {
	w := tabwriter.NewWriter(r.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "Profile\tCredentials\tSessions")
	fmt.Fprintln(w, "=======\t===========\t========")
	dash := func(b bool, s string) string {
		if b {
			return s
		}
		return "-"
	}
	for _, l := range rows {
		name := printable(l.Profile)
		fmt.Fprintf(w, "%s\t%s\t%s\n", dash(l.Configured, name), dash(l.Credential, name), dash(l.Sessions > 0, r.sessionText(l)))
	}
	return w.Flush()
}

func (r *run) sessionText(l listed) string {
	if l.Expires == nil {
		return strings.TrimSpace(fmt.Sprintf("%d cached", l.Sessions))
	}
	return left(l.Expires.Sub(r.Now()))
}
