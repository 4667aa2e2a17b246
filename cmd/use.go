package cmd

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/d44b7504/vault/env"
	"github.com/d44b7504/vault/internal/app"
	"github.com/d44b7504/vault/internal/profiles"
	"github.com/d44b7504/vault/refresh"
)

type useOptions struct {
	sessionFlags
	profile, mode, shell string
}

func newUse(r *run) *cobra.Command {
	var o useOptions
	c := &cobra.Command{
		Use:   "use [PROFILE | - | .]",
		Short: "switch this shell to a profile",
		Long: `Switches the shell you are in. Without a profile a list is shown to choose from;
"-" goes back to the one before, and "." to the one that the directory names (see
vault project). What was in your environment comes back with "vault off".

With --mode server, or vault_mode = server in the profile, the agent serves the
session to the programs of this shell and renews it, so that they may run longer
than it lasts. It ends with the shell, or with "vault off".

A role of Identity Center needs no profile: --sso SESSION --account ACCOUNT --role
NAME, or the name SESSION:ID:NAME, with which it is remembered. What you leave out
is chosen from a list. ACCOUNT is the id, the name or the alias of an account.

With AWS_VAULT_SHORT=true, vault PROFILE and vault - are short for this command.

Exit status: 0 switched, 1 failed and nothing changed, 2 usage, 3 a person must
sign in and nobody can be asked, 130 interrupted.`,
		Args:              args(cobra.MaximumNArgs(1)),
		ValidArgsFunction: completeProfile(r),
		RunE: func(c *cobra.Command, a []string) error {
			o.profile = firstArg(a)
			return runUse(c.Context(), r, o)
		},
	}
	o.bind(c, r)
	o.bindRole(c)
	c.Flags().StringVar(&o.mode, "mode", "", "env: export keys; profile: export only AWS_PROFILE;\nserver: export the address of the agent, which renews")
	c.Flags().StringVar(&o.shell, "shell", "", "without the hook: print code for this shell")
	_ = c.RegisterFlagCompletionFunc("mode", fixed(env.ModeEnv, env.ModeProfile, env.ModeServer))
	_ = c.RegisterFlagCompletionFunc("shell", completeShells)
	return c
}

func runUse(ctx context.Context, r *run, o useOptions) error {
	e, err := evaluatorOf(r, o.shell)
	if err != nil {
		return err
	}
	q, err := o.requested(ctx, r)
	if err != nil {
		return err
	}
	if err := checkShell(ctx, r, q); err != nil {
		return err
	}
	p, l, err := o.session(ctx, r, &q)
	if err != nil {
		return err
	}
	goOnServing(ctx, r, p, q, l.Session)
	q.Unhooked, q.Passphrase = e.unhooked(r), r.task.Unlocked
	if err := o.put(ctx, r, e, p, q, l); err != nil {
		return err
	}
	if f, is := env.ForeignIn(r.task.Env.Current); is {
		r.say("the session of aws-vault, of %s, comes back with vault off", f.Profile)
	}
	return nil
}

// put makes a session that of the shell, and tells the person.
func (o useOptions) put(ctx context.Context, r *run, e evaluator, p profiles.Profile, q env.Request, l refresh.Lease) error {
	had, _ := r.task.Env.Active()
	if q.Mode == env.ModeServer {
		lease := leaseFor(r, q)
		if err := serveShell(ctx, r, e, p, q, lease, l.Session); err != nil {
			return err
		}
		dropLease(ctx, r, had, &lease)
		announceRegion(r, q)
		announceServed(r, p, q, l)
		return nil
	}
	if err := e.emit(env.Activate(r.task.Env.Current, q, l.Session, l.File), l, r.lookOf(q, p)); err != nil {
		return err
	}
	dropLease(ctx, r, had, nil)
	announceRegion(r, q)
	announce(r, p, q, l)
	return nil
}

// requested is the request for a name, for "-", or for a choice from the list.
func (o useOptions) requested(ctx context.Context, r *run) (env.Request, error) {
	mode, known := app.ModeOf(o.mode)
	if !known {
		return env.Request{}, app.Usage(r.command, fmt.Errorf("--mode is env, profile or server, not %q", o.mode))
	}
	if o.profile == "-" {
		st, active := r.task.Env.Active()
		if !active || st.Previous == nil {
			return env.Request{}, app.WithHint(errors.New("there is no profile to go back to"), "vault use PROFILE")
		}
		q := *st.Previous
		if o.mode != "" {
			q.Mode = mode
		}
		return o.onTop(q, "")
	}
	var visit *env.Visit
	if o.profile == "." {
		var err error
		if o.profile, visit, err = ofDirectory(r); err != nil {
			return env.Request{}, err
		}
	}
	name, err := o.center.profile(ctx, r, o.profile)
	if err != nil {
		return env.Request{}, err
	}
	if name == "" {
		if name, err = pick(ctx, r); err != nil {
			return env.Request{}, err
		}
	}
	q, err := o.request(name, mode)
	if err == nil && o.mode == "" {
		q.Mode, err = r.task.ConfiguredMode(q)
	}
	q.Visit = visit
	return q, err
}

// ofDirectory is the profile that this directory names, and what its session has to remember. That is
// nil where the hook does not see when the directory is left.
func ofDirectory(r *run) (string, *env.Visit, error) {
	p, err := projectHere(r, "")
	if err == nil {
		err = p.Usable()
	}
	switch {
	case err != nil:
		return "", nil, err
	case r.getenv(env.ProjectDir) != p.Mark():
		return p.Profile, nil, nil
	}
	return p.Profile, env.VisitOf(r.task.Env.Current, p.Dir), nil
}
