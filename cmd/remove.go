package cmd

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/d44b7504/vault/env"
	"github.com/d44b7504/vault/internal/app"
	"github.com/d44b7504/vault/internal/profiles"
	"github.com/d44b7504/vault/internal/sessions"
	"github.com/d44b7504/vault/store"
)

type removeOptions struct {
	names        []string
	yes          bool
	sessionsOnly bool
}

func newRemove(r *run) *cobra.Command {
	var o removeOptions
	var force bool
	c := &cobra.Command{
		Use:     "remove PROFILE...",
		Aliases: []string{"rm"},
		Short:   "delete a stored key, and the sessions made with it",
		Long: `Deletes the access key of a profile from the keyring, and every cached session that
was made with it, after asking. The profile's section in the config file stays, and
so does the key at AWS: whoever else has it can use it until it is deleted there.`,
		Args:              args(cobra.MinimumNArgs(1)),
		ValidArgsFunction: r.completeStored,
		RunE: func(c *cobra.Command, a []string) error {
			o.names, o.yes = distinct(a), o.yes || force
			if o.sessionsOnly {
				return clearCaches(c.Context(), r, o.names)
			}
			return remove(c.Context(), r, o)
		},
	}
	boolFlag(c.Flags(), &force, "force", "f", false, "do not ask")
	boolFlag(c.Flags(), &o.yes, "yes", "y", false, "the same as --force")
	boolFlag(c.Flags(), &o.sessionsOnly, "sessions-only", "s", false, "the same as vault clear")
	_ = c.Flags().MarkHidden("sessions-only")
	return c
}

// remove deletes the keys that are there, as rm does files, and fails for the others.
func remove(ctx context.Context, r *run, o removeOptions) error {
	set, err := r.task.Profiles()
	if err != nil {
		return err
	}
	s, err := r.task.Keyring(ctx)
	if err != nil {
		return err
	}
	n, err := store.ReadNames(ctx, s, func() []string { return append(set.Names(), o.names...) })
	if err != nil {
		return err
	}
	there, missing := split(o.names, n.Keys)
	if err := r.stopAtRotation(n, there, o.yes); err != nil {
		return err
	}
	if len(there) > 0 {
		if err := r.agreeToRemove(ctx, set, there, o.yes); err != nil {
			return err
		}
	}
	for _, name := range there {
		if err := r.removeKey(ctx, s, set, name); err != nil {
			return err
		}
	}
	return r.notRemoved(ctx, set, missing, n.Keys)
}

// stopAtRotation stops at a key whose rotation was cut off: the key that is to take its
// place waits in the keyring, and knows only from this one whose it is.
func (r *run) stopAtRotation(n store.Names, names []string, yes bool) error {
	for _, name := range names {
		if !n.Rotating(name) {
			continue
		}
		if !yes {
			return app.WithHint(fmt.Errorf("nothing was removed: the rotation of the key of %q was not finished", name), "vault rotate --resume %s", app.Word(name))
		}
		r.say("the rotation of the key of %s was not finished: the next key stays in the keyring", printable(name))
	}
	return nil
}

// agreeToRemove says what hangs on the keys and asks once for all of them.
func (r *run) agreeToRemove(ctx context.Context, set *profiles.Set, names []string, yes bool) error {
	for _, name := range names {
		var others []string
		for _, p := range r.task.UsersOf(set, name) {
			if p.Name != name {
				others = append(others, p.Name)
			}
		}
		if n := len(others); n > 0 {
			r.say("%s %s on the key of %s", printable(few(others)), plural(n, "stands", "stand"), printable(name))
		}
	}
	if yes {
		return nil
	}
	keys := plural(len(names), "key", "keys")
	return r.agreed(ctx, "vault remove", fmt.Sprintf("Remove the %s of %s from the keyring", keys, all(names)), "nothing was removed")
}

// removeKey deletes sessions, then the key, then the sessions that a terminal may have
// made in between. Killed anywhere before the key is gone, the same command does it all
// again; after that no new session can be made.
func (r *run) removeKey(ctx context.Context, s store.Store, set *profiles.Set, name string) error {
	users := r.task.UsersOf(set, name)
	before, err := r.task.Forget(ctx, users)
	if err != nil {
		return fmt.Errorf("the key was not removed: %w", err)
	}
	if err := s.Delete(ctx, name); err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	after, err := r.task.Forget(ctx, users)
	if err != nil {
		return fmt.Errorf("the key is removed, but not all sessions made with it: %w", err)
	}
	r.say("removed the key of %s%s", printable(name), made(before+after))
	if set.Has(name) {
		r.say("its section stays in %s", printable(set.Path()))
	}
	r.hint("AWS still knows the key: if nobody else uses it, delete it there too")
	return nil
}

// made is how many sessions went with a key.
func made(sessions int) string {
	if sessions == 0 {
		return ""
	}
	return " and " + numberOf(sessions, "session", "sessions") + " made with it"
}

// notRemoved is about keys that are not there. A run that was cut off may have left
// sessions of one.
func (r *run) notRemoved(ctx context.Context, set *profiles.Set, missing, keys []string) error {
	var failed []error
	for _, name := range missing {
		n, err := r.task.Forget(ctx, r.task.UsersOf(set, name))
		switch {
		case err != nil:
			return err
		case n > 0:
			r.say("the key of %s was gone already; removed %s made with it", printable(name), numberOf(n, "session", "sessions"))
		default:
			failed = append(failed, r.noKey(name, keys))
		}
	}
	for _, err := range failed[:max(len(failed)-1, 0)] {
		r.report(err)
	}
	if len(failed) > 0 {
		return failed[len(failed)-1]
	}
	return nil
}

// noKey says what might have been meant by the name of a key that is not there.
func (r *run) noKey(name string, keys []string) error {
	err := fmt.Errorf("no key is stored for %q", name)
	if p, resolved := r.task.ResolveUnopened(env.Request{Profile: name}); resolved == nil {
		if key := sessions.NewPlan(p).Key; key != name && slices.Contains(keys, key) {
			return app.WithHint(err, "it stands on the key of %s: vault remove %s", key, app.Word(key))
		}
	}
	if near := profiles.Near(name, keys); len(near) > 0 {
		return app.WithHint(err, "%s", app.DidYouMean(near))
	}
	return app.WithHint(err, "vault list --credentials shows those that are")
}

// split sorts names into those that are among others and those that are not.
func split(names, others []string) (there, missing []string) {
	for _, n := range names {
		if slices.Contains(others, n) {
			there = append(there, n)
		} else {
			missing = append(missing, n)
		}
	}
	return there, missing
}

// distinct drops what is there twice.
func distinct(names []string) []string {
	var list []string
	for _, n := range names {
		if !slices.Contains(list, n) {
			list = append(list, n)
		}
	}
	return list
}

// all is a list as it is spoken: a, b and c.
func all(names []string) string {
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " and " + names[last]
}

// few is a list that does not fill the screen: a, b, c and 12 more.
func few(names []string) string {
	const most = 5
	if len(names) > most+1 {
		names = append(slices.Clone(names[:most]), fmt.Sprintf("%d more", len(names)-most))
	}
	return all(names)
}

func plural(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}

// numberOf is a number with its noun.
func numberOf(n int, one, many string) string { return fmt.Sprintf("%d %s", n, plural(n, one, many)) }
