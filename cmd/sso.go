package cmd

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

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
	name, startURL, region       string
	force, device, stdout, share bool
	timeout                      time.Duration
}

func newSSOLogin(r *run) *cobra.Command {
	var o ssoLoginOptions
	c := &cobra.Command{
		Use:   "login [PROFILE | SESSION]",
		Short: "make sure that you are signed in",
		Long: `Makes sure that there is a sign-in to Identity Center that works: one that has not
expired is kept, one that can be renewed is renewed, and only then does a browser
open. Where no browser of yours can come back here (over SSH, in a container, in
CI) you compare a code instead; vault_sso_flow = device or pkce in the profile or
the sso-session settles it for good.

The first time, --start-url and --region say where Identity Center is; on a terminal
you are asked. Once you are signed in they are written into the config file as an
sso-session, which has the name that you give, or one made of the start URL.

A sign-in of the AWS CLI is used before you are asked. With --share the AWS CLI and
the SDKs use yours: it is kept up to date in their file, unencrypted, until
"vault sso logout" or until that file is deleted.

Exit status: 0 signed in, 1 failed, 2 usage, 3 the sign-in was not finished.`,
		Args:              args(cobra.MaximumNArgs(1)),
		ValidArgsFunction: completeProfile(r),
		RunE: func(c *cobra.Command, a []string) error {
			o.name = firstArg(a)
			r.task.SignIn = app.SignIn{Requested: true, PrintOnly: o.stdout, Timeout: o.timeout}
			if c.Flags().Changed("device") || c.Flags().Changed("no-device") {
				r.task.SignIn.Device = &o.device
			}
			return runSSOLogin(c.Context(), r, o)
		},
	}
	o.bind(c)
	return c
}

func (o *ssoLoginOptions) bind(c *cobra.Command) {
	fs := c.Flags()
	fs.StringVar(&o.startURL, "start-url", "", "where your company's Identity Center is, like https://corp.awsapps.com/start")
	regionFlag(c, &o.region, "the region of Identity Center")
	boolFlag(fs, &o.force, "force", "", false, "sign in again, even if you are signed in")
	boolFlag(fs, &o.device, "device", "", false, "compare a code; --no-device: let the browser come back here")
	boolFlag(fs, &o.stdout, "stdout", "", false, "print the address on standard output, open nothing")
	boolFlag(fs, &o.share, "share", "", false, "write the sign-in, in plain text, where the AWS CLI looks for it")
	durationFlag(fs, &o.timeout, "timeout", "", "how long you may take in the browser (default 5m)")
}

func runSSOLogin(ctx context.Context, r *run, o ssoLoginOptions) error {
	d, saved, err := o.directory(ctx, r)
	if err != nil {
		return err
	}
	expires, err := d.SignIn(ctx, o.force)
	var refused *sessions.CallError
	switch {
	case errors.As(err, &refused) && !saved:
		return app.WithHint(err, "check the start URL and the region of Identity Center; nothing was written")
	case err != nil:
		return err
	}
	r.say("signed in to %s until %s", d.Name(), display.Clock(expires, r.Now()))
	if !saved {
		file, err := d.Save(ctx)
		if err != nil {
			return err
		}
		r.say("added the sso-session %s to %s", d.Session, file)
		r.hint("vault sso sync writes a profile for every role; vault use --sso %s chooses one", app.Word(d.Session))
	}
	if !o.share {
		return nil
	}
	return shareSignIn(ctx, r, d)
}

// directory is the one to sign in to, and whether the config file has it.
func (o ssoLoginOptions) directory(ctx context.Context, r *run) (d app.Directory, saved bool, err error) {
	if o.startURL == "" && o.region == "" {
		d, err = r.task.Directory(ctx, o.name)
		if !o.isFirst(r, err) {
			return d, true, err
		}
		r.tell("%s: your administrator knows where Identity Center is", app.ErrNoDirectory)
	}
	for _, q := range []struct {
		answer               *string
		flag, ask, otherwise string
	}{
		{&o.startURL, "--start-url", "Start URL, like https://corp.awsapps.com/start: ", ""},
		{&o.region, "--region", "Region of Identity Center", r.task.Env.User["AWS_REGION"]},
	} {
		if *q.answer, err = r.answer(ctx, q.flag, *q.answer, q.ask, q.otherwise); err != nil {
			return d, false, err
		}
	}
	if o.region, err = regionNamed(o.region); err != nil { // it may have been asked for
		return d, false, err
	}
	d, saved, err = r.task.NewDirectory(o.name, o.startURL, o.region)
	if err != nil && !app.HasHint(err) {
		err = app.Usage(r.command, err)
	}
	return d, saved, err
}

// isFirst reports whether a person can be asked for the first Identity Center there is.
func (o ssoLoginOptions) isFirst(r *run, err error) bool {
	var missing *profiles.NotFoundError
	set, unread := r.task.Profiles()
	none := unread == nil && len(set.SSOSessions()) == 0
	return r.task.Ask != nil && (errors.Is(err, app.ErrNoDirectory) || none && errors.As(err, &missing) && missing.Name == o.name)
}

// shareSignIn writes the sign-in where the AWS CLI looks for it.
func shareSignIn(ctx context.Context, r *run, d app.Directory) error {
	if _, err := r.task.Env.SSOCacheDir(); err != nil {
		return err
	}
	file, err := d.Share(ctx)
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
		Long: `Ends the sign-in to Identity Center and deletes it, here and where the AWS CLI
keeps it. Sessions that were made with it stay valid until they expire.`,
		Args:              args(cobra.MaximumNArgs(1)),
		ValidArgsFunction: completeProfile(r),
		RunE:              func(c *cobra.Command, a []string) error { return runSSOLogout(c.Context(), r, firstArg(a)) },
	}
}

func runSSOLogout(ctx context.Context, r *run, name string) error {
	d, err := r.task.Directory(ctx, name)
	if err != nil {
		return err
	}
	was, err := d.SignOut(ctx)
	if err != nil {
		return err
	}
	if dir, err := r.task.Env.SSOCacheDir(); err == nil {
		atomicfile.Sweep(dir) // what a killed "sso login --share" left would be a sign-in too
	}
	if !was {
		r.say("you were not signed in to %s", d.Name())
		return nil
	}
	r.say("signed out of %s", d.Name())
	return nil
}
