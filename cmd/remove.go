package cmd

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/d44b7504/vault/internal/app"
	"github.com/d44b7504/vault/internal/display"
)

type removeOptions struct {
	names []string
	yes   bool
}

func newRemove(r *run) *cobra.Command {
	var o removeOptions
	var force, sessionsOnly bool
	c := &cobra.Command{
		Use:     "remove PROFILE...",
		Aliases: []string{"rm"},
		Short:   "delete a stored key, and the sessions made with it",
		Long: `Deletes the access key of a profile from the keyring, and every cached session that
was made with it, after asking. The profile's section in the config file stays, and
so does the key at AWS: whoever else has it can use it until it is deleted there.`,
		Args:              args(cobra.MinimumNArgs(1)),
		ValidArgsFunction: completeStored(r),
		RunE: func(c *cobra.Command, a []string) error {
			o.names, o.yes = distinct(a), o.yes || force
			if sessionsOnly {
				return runClear(c.Context(), r, o.names)
			}
			return runRemove(c.Context(), r, o)
		},
	}
	boolFlag(c.Flags(), &force, "force", "f", false, "do not ask")
	boolFlag(c.Flags(), &o.yes, "yes", "y", false, "the same as --force")
	boolFlag(c.Flags(), &sessionsOnly, "sessions-only", "s", false, "the same as vault clear")
	_ = c.Flags().MarkHidden("sessions-only")
	return c
}

// runRemove deletes the keys that are stored, as rm does files, and fails for the others.
func runRemove(ctx context.Context, r *run, o removeOptions) error {
	m, err := r.task.PlanRemoval(ctx, o.names)
	if err != nil {
		return err
	}
	if err := checkRotations(r, m, o.yes); err != nil {
		return err
	}
	if len(m.Stored) > 0 {
		if err := confirmRemoval(ctx, r, m, o.yes); err != nil {
			return err
		}
	}
	for _, name := range m.Stored {
		n, err := m.Remove(ctx, name)
		if err != nil {
			return err
		}
		sayRemoved(r, m, name, n)
	}
	return finishRemovals(ctx, r, m)
}

// checkRotations stops at a key whose rotation was interrupted: the new key waits in the
// keyring, and only the old one says whose it is.
func checkRotations(r *run, m *app.Removal, yes bool) error {
	for _, name := range m.Rotating {
		if !yes {
			return app.WithHint(fmt.Errorf("nothing was removed: the rotation of the key of %q is not finished", name), "vault rotate --resume %s", app.Word(name))
		}
		r.say("the rotation of the key of %s is not finished: the new key stays in the keyring", name)
	}
	return nil
}

// confirmRemoval says which profiles use the keys, and asks once for all of them.
func confirmRemoval(ctx context.Context, r *run, m *app.Removal, yes bool) error {
	for _, name := range m.Stored {
		if users := m.Users(name); len(users) > 0 {
			r.say("%s %s the key of %s", display.ShortList(users), display.Plural(len(users), "uses", "use"), name)
		}
	}
	if yes {
		return nil
	}
	keys := display.Plural(len(m.Stored), "key", "keys")
	return r.confirm(ctx, "vault remove", fmt.Sprintf("Remove the %s of %s from the keyring", keys, display.List(m.Stored)), "nothing was removed")
}

func sayRemoved(r *run, m *app.Removal, name string, sessions int) {
	with := ""
	if sessions > 0 {
		with = " and " + display.Count(sessions, "session") + " made with it"
	}
	r.say("removed the key of %s%s", name, with)
	if m.Set.Has(name) {
		r.say("its section stays in %s", m.Set.Path())
	}
	r.hint("AWS still knows the key: if it is not used elsewhere, delete it there too")
}

// finishRemovals is about keys that are not stored. An interrupted run may have left
// sessions of one. Every error is reported; the last one makes the exit status.
func finishRemovals(ctx context.Context, r *run, m *app.Removal) error {
	var last error
	for _, name := range m.Missing {
		n, err := m.Finish(ctx, name)
		switch {
		case err == nil:
			r.say("the key of %s was removed already; removed %s made with it", name, display.Count(n, "session"))
		case !app.HasHint(err): // the keyring failed, and will for the next name too
			return err
		case last != nil:
			r.report(last)
			last = err
		default:
			last = err
		}
	}
	return last
}
