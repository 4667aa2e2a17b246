package cmd

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"

	"github.com/d44b7504/vault/env"
	"github.com/d44b7504/vault/internal/app"
	"github.com/d44b7504/vault/internal/creds"
	"github.com/d44b7504/vault/internal/profiles"
	"github.com/d44b7504/vault/refresh"
	"github.com/d44b7504/vault/store"
)

type refreshOptions struct {
	ifDue, env bool
	shell      string
	mfaToken   string
}

func newRefresh(r *run) *cobra.Command {
	var o refreshOptions
	c := &cobra.Command{
		Use:   "refresh",
		Short: "renew this shell's session now",
		Long: `Makes a new session for the active profile and puts it into this shell; other
terminals with the same session take it over at their next prompt. With --if-due
it renews only when it is time, in the background, and never asks anybody.`,
		Args: args(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			switch {
			case o.env:
				return reapply(c.Context(), r, o)
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

// refreshNow is a person's wish: it may ask.
func refreshNow(ctx context.Context, r *run, o refreshOptions) error {
	sh, out, err := r.dialect(o.shell)
	if err != nil {
		return err
	}
	st, active := env.StateOf(r.task.Env.Current)
	if !active {
		return errInactive
	}
	r.task.MFACode = creds.New(o.mfaToken)
	p, l, err := r.task.Session(ctx, st.Request, refresh.Want{IgnoreCache: true})
	if err != nil {
		return err
	}
	if err := r.emit(sh, out, env.Activate(r.task.Env.Current, st.Request, l.Session, l.File), l, st.Request.Profile); err != nil {
		return err
	}
	r.announce(p, l)
	return nil
}

// refreshDetached renews in a process of its own session, so that closing the terminal
// or Ctrl-C does not cut it off half-way, and waits for it, because its end wakes an
// idle prompt.
func refreshDetached(ctx context.Context, r *run) error {
	if r.getenv(env.Detached) == "" {
		err := r.Detach(ctx, r.Args, append(r.task.Env.List, env.Detached+"=1"))
		var exit interface{ ExitCode() int }
		if errors.As(err, &exit) && exit.ExitCode() > 0 {
			return statusError(exit.ExitCode()) // why is in the note
		}
		return err
	}
	r.task.Quiet = true
	ctx, cancel := context.WithTimeout(ctx, r.Policy.Deadline)
	defer cancel()
	return ifDue(ctx, r)
}

func ifDue(ctx context.Context, r *run) error {
	st, active := env.StateOf(r.task.Env.Current)
	if !active || r.getenv(env.Expiration) == "" {
		return nil
	}
	p, err := r.task.Resolve(ctx, st.Request)
	if err != nil {
		return err
	}
	k, err := r.task.Keeper(ctx)
	if err != nil {
		return r.unreadable(p, err)
	}
	if err = k.IfDue(ctx, p); errors.Is(err, store.ErrLocked) { // it opened, and does not let us read
		return r.unreadable(p, err)
	}
	return err
}

// unreadable tells every terminal that the keyring is why nothing is renewed.
func (r *run) unreadable(p profiles.Profile, err error) error {
	_, setErr := r.task.Env.Runtime().Set(refresh.Key(p), r.held(p), app.NoteFor(err))
	return errors.Join(err, setErr)
}

// reapply prints what brings this shell up to date with the store. It asks nobody and
// makes no call, except that with --if-due a renewal that is due is tried first.
func reapply(ctx context.Context, r *run, o refreshOptions) error {
	r.task.Quiet = true
	sh, out, err := r.dialect(o.shell)
	if err != nil {
		return err
	}
	st, active := env.StateOf(r.task.Env.Current)
	if !active {
		return errInactive
	}
	if o.ifDue {
		ctx, cancel := context.WithTimeout(ctx, r.Policy.Hold)
		_ = ifDue(ctx, r) // what it could not do, the note will say
		cancel()
	}
	p, err := r.task.Resolve(ctx, st.Request)
	if err != nil {
		return err
	}
	q := st.Request
	l := r.current(ctx, p)
	a := env.Activate(r.task.Env.Current, q, l.Session, l.File)
	if l.Session.SecretKey.IsZero() { // the environment is right as it is; only the label is not
		a = env.Activation{Changes: []env.Change{{Name: env.Token, Value: creds.New(l.File)}}}
	}
	return r.emit(sh, out, a, l, q.Profile)
}

// current returns what this shell should have, without waiting: the session in the
// store, or one without its secret when the environment has the right one already or
// the store cannot give another.
func (r *run) current(ctx context.Context, p profiles.Profile) refresh.Lease {
	held := r.held(p)
	m, known := r.task.Env.Runtime().Mark(refresh.Key(p))
	if known && m.File == r.getenv(env.Token) {
		return r.leaseOf(p, held, m.Note)
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	if held.Expires.IsZero() {
		return r.mark(p, held, "")
	}
	k, err := r.task.Keeper(ctx)
	if err == nil {
		var l refresh.Lease
		if l, err = k.Current(ctx, p); err == nil {
			l.Session.Region = p.Region
			return l
		}
	}
	note := m.Note
	if !errors.Is(err, refresh.ErrNoSession) && !errors.Is(err, store.ErrNotFound) {
		note = app.NoteFor(err)
	}
	l := r.leaseOf(p, held, note)
	if l.File = m.File; !known {
		l = r.mark(p, held, note)
	} // else the file stays: two shells that each said what they hold would never agree
	if note == "" {
		l.RefreshAt = r.Now() // nothing is cached: make one soon
	}
	return l
}

// held is the session in our own environment, without its secrets: enough for a label.
func (r *run) held(p profiles.Profile) creds.Session {
	st, _ := env.StateOf(r.task.Env.Current)
	expires, _ := time.Parse(time.RFC3339, r.getenv(env.Expiration))
	s := creds.Session{Profile: p.Name, Region: p.Region, AccessKeyID: r.getenv("AWS_ACCESS_KEY_ID"), ARN: st.ARN, Expires: expires}
	if st.Issued > 0 {
		s.Issued = time.Unix(st.Issued, 0)
	}
	return s
}

// mark makes the generation file say what we hold. The path is right even where the
// disk refuses it; the shell then asks again, rarely.
func (r *run) mark(p profiles.Profile, s creds.Session, note refresh.Note) refresh.Lease {
	l := r.leaseOf(p, s, note)
	l.File, _ = r.task.Env.Runtime().Set(refresh.Key(p), s, note)
	return l
}

func (r *run) leaseOf(p profiles.Profile, s creds.Session, note refresh.Note) refresh.Lease {
	l := refresh.Lease{Session: s, Note: note, RefreshAt: r.Policy.When(s), File: r.getenv(env.Token)}
	if failures, next := r.task.Env.Runtime().Retry(refresh.Key(p)); failures > 0 && note != "" {
		l.RefreshAt = next
	}
	return l
}
