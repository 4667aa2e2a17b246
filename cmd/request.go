package cmd

// This file has the flags by which a session is asked for, and the words for it.

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/d44b7504/vault/env"
	"github.com/d44b7504/vault/internal/app"
	"github.com/d44b7504/vault/internal/atomicfile"
	"github.com/d44b7504/vault/internal/creds"
	"github.com/d44b7504/vault/internal/profiles"
	"github.com/d44b7504/vault/refresh"
)

// sessionFlags are the flags by which a session is asked for; several commands share them.
type sessionFlags struct {
	region, roleARN, policyFile, mfaToken string
	policyARNs                            []string
	duration, minTTL                      time.Duration
	readOnly, noSession, renew, noBrowser bool
	center                                centerRole
	yesReally                             []string

	of        *cobra.Command // the command that has the flags; nil: none has
	ownStdout bool           // --stdout of that command means something else
}

func (o *sessionFlags) bind(c *cobra.Command, r *run) {
	o.of = c
	fs := c.Flags()
	regionFlag(c, &o.region, "region to export, over the profile's and your own")
	durationFlag(fs, &o.duration, "duration", "d", "how long the session should last")
	boolFlag(fs, &o.noSession, "no-session", "n", false, "use the long-lived key itself")
	boolFlag(fs, &o.noBrowser, "stdout", "", false, "if you have to sign in: show the address and open no browser ($AWS_VAULT_STDOUT)")
	o.bindAnswers(c, r)
	_ = c.RegisterFlagCompletionFunc("duration", fixed("15m", "1h", "4h", "8h", "12h"))
}

// bindAnswers adds the flags that are about what a session needs of a person.
func (o *sessionFlags) bindAnswers(c *cobra.Command, r *run) {
	c.Flags().StringVarP(&o.mfaToken, "mfa-token", "t", "", "the MFA code, instead of being asked")
	o.center.bind(c, r)
	c.Flags().StringArrayVar(&o.yesReally, "yes-really", nil, "confirm a protected profile by its name, instead of being asked")
	_ = c.RegisterFlagCompletionFunc("region", completeRegions)
}

// bindRole adds the flags that change or narrow the role.
func (o *sessionFlags) bindRole(c *cobra.Command) {
	o.bindNarrow(c)
	durationFlag(c.Flags(), &o.minTTL, "min-ttl", "", "renew unless this much is left")
	boolFlag(c.Flags(), &o.renew, "refresh", "", false, "make a new session, whatever is cached")
}

// bindNarrow adds the flags that make another session of the profile than its own.
func (o *sessionFlags) bindNarrow(c *cobra.Command) {
	fs := c.Flags()
	fs.StringVar(&o.roleARN, "role-arn", "", "assume one more role: an ARN or ACCOUNT:ROLE")
	boolFlag(fs, &o.readOnly, "read-only", "", false, "narrow the role to AWS's ReadOnlyAccess")
	fs.StringArrayVar(&o.policyARNs, "policy-arn", nil, "narrow the role to a managed policy (may be repeated)")
	fs.StringVar(&o.policyFile, "policy", "", "narrow the role to the policy in a file")
	_ = c.RegisterFlagCompletionFunc("policy", completeFiles)
}

// maxPolicy is more bytes than AWS takes in a session policy.
const maxPolicy = 1 << 20

// request is how a session of a profile is asked for with these flags.
func (o sessionFlags) request(profile, mode string) (env.Request, error) {
	if err := o.check(); err != nil {
		return env.Request{}, err
	}
	q := env.Request{
		Profile: profile, Region: o.region, Mode: mode, Seconds: int(o.duration / time.Second),
		MinTTL: int(o.minTTL / time.Second), RoleARN: o.roleARN, PolicyARNs: o.policyARNs, NoSession: o.noSession,
	}
	if o.readOnly {
		q.PolicyARNs = append(q.PolicyARNs, env.ReadOnlyPolicy)
	}
	if o.policyFile != "" {
		text, err := atomicfile.Read(o.policyFile, maxPolicy)
		if err != nil {
			return q, fmt.Errorf("read the policy: %w", err)
		}
		if q.Policy = string(text); strings.TrimSpace(q.Policy) == "" {
			return q, usage(o.of, fmt.Errorf("the policy in %q is empty: the session would not be narrowed", o.policyFile))
		}
	}
	return q, nil
}

// check refuses an empty value of a flag that narrows: it comes from a variable that is
// not set, and would give the whole role.
func (o sessionFlags) check() error {
	if o.of == nil {
		return nil
	}
	for _, f := range []struct{ name, value string }{{"policy", o.policyFile}, {"role-arn", o.roleARN}} {
		if o.of.Flags().Changed(f.name) && strings.TrimSpace(f.value) == "" {
			return usage(o.of, fmt.Errorf("--%s has no value", f.name))
		}
	}
	if slices.ContainsFunc(o.policyARNs, func(arn string) bool { return strings.TrimSpace(arn) == "" }) {
		return usage(o.of, errors.New("--policy-arn has no value"))
	}
	if o.readOnly && (o.policyFile != "" || len(o.policyARNs) > 0) {
		return usage(o.of, errors.New("--read-only goes with no other policy: AWS adds policies up, so the session could do what any one of them allows"))
	}
	if o.of.Flags().Changed("duration") && o.duration < time.Second {
		return usage(o.of, errors.New("--duration must be at least a second"))
	}
	return nil
}

// onTop applies the flags to a request that was made before: that of the active session,
// or of the one before it. What narrowed that cannot be combined with what narrows now.
func (o sessionFlags) onTop(q env.Request, mode string) (env.Request, error) {
	now, err := o.request(q.Profile, mode)
	if err != nil {
		return q, err
	}
	switch {
	case !now.Special():
	case q.Special():
		return q, app.WithHint(usage(o.of, fmt.Errorf("this session of %q is %q already, and cannot be narrowed further", q.Profile, q.Qualifier())), "name the profile")
	default:
		q.RoleARN, q.Policy, q.PolicyARNs = now.RoleARN, now.Policy, now.PolicyARNs
	}
	q.Mode, q.Region = cmp.Or(now.Mode, q.Mode), cmp.Or(now.Region, q.Region)
	q.Seconds, q.MinTTL = cmp.Or(now.Seconds, q.Seconds), cmp.Or(now.MinTTL, q.MinTTL)
	q.NoSession = q.NoSession || now.NoSession
	return q, nil
}

// checkMode refuses to give only the name of a profile to the AWS tools if they would make
// another session of it, or none.
func checkMode(ctx context.Context, r *run, q env.Request) error {
	if q.Mode != env.ModeProfile {
		return nil
	}
	if q.Special() {
		return app.Usage(r.command, fmt.Errorf("the AWS tools would use %q itself: a session that is %q needs --mode env", q.Profile, q.Qualifier()))
	}
	return r.task.CheckToolsFollow(ctx, q)
}

// checkShell returns an error if this shell cannot have the session of q, before a person is asked
// for anything.
func checkShell(ctx context.Context, r *run, q env.Request) error {
	if err := checkMode(ctx, r, q); err != nil {
		return err
	}
	if q.Mode == env.ModeServer {
		if err := checkServed(r, q); err != nil {
			return err
		}
	}
	return blockedError(env.Prevents(r.task.Env.Current, q))
}

// choose is the request of a command that runs as a profile: the one that is named, else
// the active one as it was asked for, else the one that aws-vault or the user's variables name, else
// the person chooses.
func (o sessionFlags) choose(ctx context.Context, r *run, profile, mode string) (env.Request, error) {
	profile, err := o.center.profile(ctx, r, profile)
	if err != nil {
		return env.Request{}, err
	}
	if profile == "" {
		if st, active := r.task.Env.Active(); active {
			st.Request.Visit = nil // the command has it wherever it goes
			return o.onTop(st.Request, mode)
		}
		if f, is := r.task.Env.Foreign(); is {
			profile = f.Profile
		}
		profile = cmp.Or(profile, r.task.Env.NamedProfile())
	}
	if profile == "" {
		var err error
		if profile, err = pick(ctx, r); err != nil {
			return env.Request{}, err
		}
	}
	return o.request(profile, mode)
}

// session makes or finds the session of a request, after the person has confirmed what has to be
// confirmed. It makes q what is to be remembered of it.
func (o sessionFlags) session(ctx context.Context, r *run, q *env.Request) (p profiles.Profile, l refresh.Lease, err error) {
	o.answer(r)
	p, *q, l, err = r.task.Given(ctx, *q, refresh.Want{IgnoreCache: o.renew})
	if err == nil && r.task.Ask != nil && !r.task.SignIn.Never {
		r.task.Used(q.Profile)
	}
	return p, l, err
}

// unmade is session where the session is made later.
func (o sessionFlags) unmade(ctx context.Context, r *run, q *env.Request) (p profiles.Profile, err error) {
	r.task.YesReally = o.yesReally
	p, *q, err = r.task.Permitted(ctx, *q)
	return p, err
}

// answer gives the task what the flags say of the questions that a session may need.
func (o sessionFlags) answer(r *run) {
	r.task.YesReally = o.yesReally
	r.task.MFACode = creds.New(o.mfaToken)
	r.task.SignIn.NoBrowser = o.noBrowser
	if o.of == nil || o.ownStdout || !o.of.Flags().Changed("stdout") && !o.of.Flags().Changed("no-stdout") {
		r.task.SignIn.NoBrowser = r.isOn("AWS_VAULT_STDOUT")
	}
}
