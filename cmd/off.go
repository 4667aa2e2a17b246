package cmd

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/d44b7504/vault/env"
	"github.com/d44b7504/vault/internal/display"
	"github.com/d44b7504/vault/refresh"
)

func newOff(r *run) *cobra.Command {
	var shell string
	c := &cobra.Command{
		Use:   "off",
		Short: "give this shell back as it was",
		Long: `Removes the session from this shell and restores every variable that "vault use"
changed. The session itself stays cached for other terminals.`,
		Args: args(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error { return runOff(c.Context(), r, shell) },
	}
	c.Flags().StringVar(&shell, "shell", "", "without the hook: print code for this shell")
	_ = c.RegisterFlagCompletionFunc("shell", completeShells)
	return c
}

func runOff(ctx context.Context, r *run, shell string) error {
	e, err := evaluatorOf(r, shell)
	if err != nil {
		return err
	}
	st, active := r.task.Env.Active()
	f, foreign := env.ForeignIn(r.task.Env.Current)
	if err := takeOff(ctx, r, e, st); err != nil {
		return err
	}
	switch {
	case !active && foreign:
		r.say("no profile of vault was active; this shell is inside a session of aws-vault, of %s: leave it with exit", f.Profile)
	case !active:
		r.say("no profile was active")
	case foreign:
		r.say("left %s%s; back in the session of aws-vault, of %s%s", st.Request.Profile, reach(r), f.Profile, until(r, f))
	default:
		r.say("left %s%s", st.Request.Profile, reach(r))
	}
	return nil
}

// takeOff removes the session st from the shell, which shows again that of aws-vault if there is one.
func takeOff(ctx context.Context, r *run, e evaluator, st env.State) error {
	a := env.Deactivate(r.task.Env.Current)
	f, foreign := env.ForeignIn(r.task.Env.Current)
	var err error
	if foreign && e.hooked {
		err = e.emitForeign(r, a, f)
	} else {
		err = e.emit(a, refresh.Lease{}, look{})
	}
	if err == nil {
		dropLease(ctx, r, st, nil)
	}
	return err
}

// until says when a session of aws-vault ends, "" if that is not known.
func until(r *run, f env.Foreign) string {
	if f.Expires.IsZero() {
		return ""
	}
	return " until " + display.Clock(f.Expires, r.Now())
}
