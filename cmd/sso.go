package cmd

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/d44b7504/vault/env"
	"github.com/d44b7504/vault/internal/app"
	"github.com/d44b7504/vault/internal/atomicfile"
	"github.com/d44b7504/vault/internal/display"
	"github.com/d44b7504/vault/internal/profiles"
	"github.com/d44b7504/vault/internal/sessions"
)

func newSSO(r *run) *cobra.Command {
	c := &cobra.Command{
		Use:   "sso",
		Short: "sign in to Identity Center, and write profiles from it",
		Args:  args(cobra.NoArgs),
		RunE:  func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(newSSOLogin(r), newSSOLogout(r), newSSOList(r), newSSOSync(r))
	return c
}

type ssoLoginOptions struct {
	name                         string
	force, device, stdout, share bool
	timeout                      time.Duration
}

func newSSOLogin(r *run) *cobra.Command {
	var o ssoLoginOptions
	c := &cobra.Command{
		Use:   "login [PROFILE | SESSION]",
		Short: "make sure that you are signed in",
		Long: `Makes sure that there is a sign-in to Identity Center that works: one that lasts
is left alone, one that can be renewed is renewed, and only then does a browser
open. Where no browser of yours can come back here (over SSH, in a container, in
CI) you compare a code instead; vault_sso_flow = device or pkce in the profile or
the sso-session settles it for good.

Exit status: 0 signed in, 1 failed, 2 usage, 3 the sign-in was not finished.`,
		Args:              args(cobra.MaximumNArgs(1)),
		ValidArgsFunction: completeProfile(r),
		RunE: func(c *cobra.Command, a []string) error {
			if len(a) > 0 {
				o.name = a[0]
			}
			r.task.SignIn = app.SignIn{Requested: true, PrintOnly: o.stdout, Timeout: o.timeout}
			if c.Flags().Changed("device") || c.Flags().Changed("no-device") {
				r.task.SignIn.Device = &o.device
			}
			return ssoLogin(c.Context(), r, o)
		},
	}
	fs := c.Flags()
	boolFlag(fs, &o.force, "force", "", false, "sign in again, whatever there is")
	boolFlag(fs, &o.device, "device", "", false, "compare a code; --no-device: let the browser come back here")
	boolFlag(fs, &o.stdout, "stdout", "", false, "print the address on standard output, open nothing")
	boolFlag(fs, &o.share, "share", "", false, "write the sign-in, in plain text, where the AWS CLI looks for it")
	durationFlag(fs, &o.timeout, "timeout", "", "how long you may take in the browser (default 5m)")
	return c
}

func ssoLogin(ctx context.Context, r *run, o ssoLoginOptions) error {
	p, s, err := r.directory(ctx, o.name)
	if err != nil {
		return err
	}
	m, err := r.task.Maker(ctx)
	if err != nil {
		return err
	}
	ensure := m.EnsureSignedIn
	if o.force {
		ensure = m.SignInAgain
	}
	expires, err := ensure(ctx, p, s)
	if err != nil {
		return err
	}
	r.say("signed in to %s until %s", directoryName(s), display.Clock(expires, r.Now()))
	if !o.share {
		return nil
	}
	t, err := m.SignedIn(ctx, s)
	if err != nil {
		return err
	}
	dir, err := r.task.Env.SSOCacheDir()
	if err != nil {
		return err
	}
	file, err := sessions.ShareToken(dir, s, t)
	if err != nil {
		return fmt.Errorf("share the sign-in: %w", err)
	}
	r.say("the AWS CLI finds it in %s", filepath.Dir(file))
	return nil
}

func newSSOLogout(r *run) *cobra.Command {
	return &cobra.Command{
		Use:   "logout [PROFILE | SESSION]",
		Short: "end the sign-in, at AWS and here",
		Long: `Ends the sign-in to Identity Center and forgets it. Sessions that were made with
it last until they lapse.`,
		Args:              args(cobra.MaximumNArgs(1)),
		ValidArgsFunction: completeProfile(r),
		RunE: func(c *cobra.Command, a []string) error {
			return ssoLogout(c.Context(), r, strings.Join(a, ""))
		},
	}
}

func ssoLogout(ctx context.Context, r *run, name string) error {
	p, s, err := r.directory(ctx, name)
	if err != nil {
		return err
	}
	m, err := r.task.Maker(ctx)
	if err != nil {
		return err
	}
	was, err := m.SignOut(ctx, p, s)
	if err != nil {
		return err
	}
	if dir, err := r.task.Env.SSOCacheDir(); err == nil {
		atomicfile.Sweep(dir) // what a killed "sso login --share" left would be a sign-in too
	}
	if !was {
		r.say("you were not signed in to %s", directoryName(s))
		return nil
	}
	r.say("signed out of %s", directoryName(s))
	return nil
}

// directory finds the Identity Center that is meant: that of a profile, of an
// sso-session, of the active profile, or the only one there is.
func (r *run) directory(ctx context.Context, name string) (profiles.Profile, *profiles.SSO, error) {
	set, err := r.task.Profiles()
	if err != nil {
		return profiles.Profile{}, nil, err
	}
	if name == "" {
		if st, active := env.StateOf(r.task.Env.Current); active {
			if p, err := r.task.ResolveUnopened(st.Request); err == nil && app.Origin(p).SSO != nil {
				return p, app.Origin(p).SSO, nil
			}
		}
		if name, err = onlySession(set); err != nil {
			return profiles.Profile{}, nil, err
		}
	}
	if !set.Has(name) {
		s, extra, err := set.SSOSession(name)
		var missing *profiles.NotFoundError
		if !errors.As(err, &missing) {
			if err != nil {
				return profiles.Profile{}, nil, err
			}
			p, err := r.task.ResolveEmpty(name)
			p.Extra, p.Source = extra, profiles.Source{SSO: &s}
			return p, &s, err
		}
	}
	p, err := r.task.Resolve(ctx, env.Request{Profile: name})
	if err != nil {
		return p, nil, err
	}
	s := app.Origin(p).SSO
	if s == nil {
		return p, nil, app.WithHint(fmt.Errorf("%q does not come from Identity Center", name), "vault show %s says where it comes from", app.Word(name))
	}
	return p, s, nil
}

func onlySession(set *profiles.Set) (string, error) {
	names := set.SSOSessions()
	switch len(names) {
	case 0:
		return "", app.WithHint(errors.New("there is no sso-session in the config file"), "aws configure sso-session writes one")
	case 1:
		return names[0], nil
	}
	return "", app.WithHint(errors.New("there are several sso-sessions, so name one"), "%s", strings.Join(names, ", "))
}

func directoryName(s *profiles.SSO) string { return cmp.Or(s.Session, s.Directory()) }
