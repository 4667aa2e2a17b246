package cmd

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"

	"github.com/d44b7504/vault/env"
	"github.com/d44b7504/vault/refresh"
)

type refreshOptions struct {
	ifDue, env bool
	shell      string
	sessionFlags
}

func newRefresh(r *run) *cobra.Command {
	o := refreshOptions{sessionFlags: sessionFlags{renew: true}}
	c := &cobra.Command{
		Use:   "refresh",
		Short: "renew this shell's session now",
		Long: `Makes a new session for the active profile and puts it into this shell; other
terminals with the same session take it over at their next prompt. With --if-due
it renews only when it is time, in the background, and never asks you for anything.`,
		Args: args(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			switch {
			case o.env:
				return updateShell(c.Context(), r, o)
			case o.ifDue:
				return refreshDetached(c.Context(), r)
			}
			return refreshNow(c.Context(), r, o)
		},
	}
	boolFlag(c.Flags(), &o.ifDue, "if-due", "", false, "only when it is time; never ask")
	c.Flags().BoolVar(&o.env, "env", false, "print what brings this shell up to date")
	_ = c.Flags().MarkHidden("env")
	c.Flags().StringVarP(&o.mfaToken, "mfa-token", "t", "", "the MFA code, instead of being asked")
	c.Flags().StringVar(&o.shell, "shell", "", "without the hook: print code for this shell")
	_ = c.RegisterFlagCompletionFunc("shell", completeShells)
	return c
}

// refreshNow is what a person asked for: it may ask.
func refreshNow(ctx context.Context, r *run, o refreshOptions) error {
	e, err := evaluatorOf(r, o.shell)
	if err != nil {
		return err
	}
	st, active := r.task.Env.Active()
	if !active {
		return errInactive(r)
	}
	had := st
	p, l, err := o.session(ctx, r, &st.Request)
	if err != nil {
		return err
	}
	goOnServing(ctx, r, p, st.Request, l.Session)
	st.Request.Unhooked, st.Request.Passphrase = e.unhooked(r), r.task.Unlocked
	if st.Lease != nil {
		if err := serveShell(ctx, r, e, p, st.Request, leaseHere(r, had, st.Request), l.Session); err != nil {
			return err
		}
		announceServed(r, p, st.Request, l)
		return nil
	}
	a, shown := env.Activate(r.task.Env.Current, st.Request, l.Session, l.File), l
	if st.Request.Served() { // vault exec finds the new session by itself
		a = env.Follow(r.task.Env.Current, p.Region, l.File, time.Time{})
		shown.Session.Expires, shown.RefreshAt = time.Time{}, time.Time{}
	}
	if err := e.emit(a, shown, r.lookOf(st.Request, p)); err != nil {
		return err
	}
	announce(r, p, st.Request, l)
	return nil
}

// refreshDetached renews in a process of its own session, so that closing the terminal
// or Ctrl-C does not cut it off half-way, and waits for it, because its end wakes an
// idle prompt.
func refreshDetached(ctx context.Context, r *run) error {
	if r.getenv(env.Detached) == "" {
		err := r.Detach(ctx, r.Args, append(r.Environ, env.Detached+"=1"))
		var exit interface{ ExitCode() int }
		if errors.As(err, &exit) && exit.ExitCode() > 0 {
			return statusError(exit.ExitCode()) // the note says why
		}
		return err
	}
	r.task.Quiet = true
	ctx, cancel := context.WithTimeout(ctx, r.Policy.Deadline)
	defer cancel()
	return r.task.RenewIfDue(ctx)
}

// updateShell prints what brings this shell up to date with the store. It does not ask and
// makes no call, except that with --if-due a renewal that is due is tried first.
func updateShell(ctx context.Context, r *run, o refreshOptions) error {
	r.task.Quiet = true
	e, err := evaluatorOf(r, o.shell)
	if err != nil {
		return err
	}
	st, active := r.task.Env.Active()
	if f, is := r.task.Env.Foreign(); is && e.hooked {
		return e.emitForeign(r, env.Activation{}, f)
	}
	if !active {
		return errInactive(r)
	}
	if o.ifDue {
		ctx, cancel := context.WithTimeout(ctx, r.Policy.Hold)
		_ = r.task.RenewIfDue(ctx) // the note says what it could not do
		cancel()
	}
	p, err := r.task.Resolve(ctx, st.Request)
	if err != nil {
		return err
	}
	if st.Lease != nil {
		return updateServed(ctx, r, e, p, st)
	}
	l := r.task.Current(ctx, p)
	st.Request.Unhooked = e.unhooked(r)
	a := env.Activate(r.task.Env.Current, st.Request, l.Session, l.File)
	if l.Session.SecretKey.IsZero() { // the keys are right as they are
		a = env.Follow(r.task.Env.Current, p.Region, l.File, l.Session.Expires)
	}
	if len(a.Blocked) > 0 { // the shell goes on with what it has, and the prompt says why
		l, a = r.task.Exported(p, refresh.ReadOnly), env.Activation{}
	}
	return e.emit(a, l, r.lookOf(st.Request, p))
}
