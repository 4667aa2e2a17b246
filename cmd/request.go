package cmd

// This file has the flags by which a session is asked for, and the words for it.

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/d44b7504/vault/env"
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
	readOnly, noSession, renew            bool
}

func (o *sessionFlags) bind(c *cobra.Command) {
	fs := c.Flags()
	fs.StringVar(&o.region, "region", "", "region to export, over the profile's and your own")
	durationFlag(fs, &o.duration, "duration", "d", "how long the session should last")
	fs.StringVarP(&o.mfaToken, "mfa-token", "t", "", "the MFA code, instead of being asked")
	boolFlag(fs, &o.noSession, "no-session", "n", false, "use the long-lived key itself")
	_ = c.RegisterFlagCompletionFunc("region", completeRegions)
	_ = c.RegisterFlagCompletionFunc("duration", fixed("15m", "1h", "4h", "8h", "12h"))
}

// bindRole adds the flags that change or narrow the role.
func (o *sessionFlags) bindRole(c *cobra.Command) {
	fs := c.Flags()
	fs.StringVar(&o.roleARN, "role-arn", "", "assume one more role: an ARN or ACCOUNT:ROLE")
	boolFlag(fs, &o.readOnly, "read-only", "", false, "narrow the role to AWS's ReadOnlyAccess")
	fs.StringArrayVar(&o.policyARNs, "policy-arn", nil, "narrow the role to a managed policy (may be repeated)")
	fs.StringVar(&o.policyFile, "policy", "", "narrow the role to the policy in a file")
	durationFlag(fs, &o.minTTL, "min-ttl", "", "renew unless this much is left")
	boolFlag(fs, &o.renew, "refresh", "", false, "make a new session, whatever is cached")
	_ = c.RegisterFlagCompletionFunc("policy", completeFiles)
}

// maxPolicy is more bytes than AWS takes in a session policy.
const maxPolicy = 1 << 20

// request is how a session of a profile is asked for with these flags.
func (o sessionFlags) request(profile, mode string) (env.Request, error) {
	q := env.Request{
		Profile: profile, Region: o.region, Mode: mode, Seconds: int(o.duration / time.Second),
		MinTTL: int(o.minTTL / time.Second), RoleARN: o.roleARN, PolicyARNs: o.policyARNs, NoSession: o.noSession,
	}
	if o.readOnly {
		q.PolicyARNs = append(q.PolicyARNs, "arn:aws:iam::aws:policy/ReadOnlyAccess")
	}
	if o.policyFile != "" {
		text, err := atomicfile.Read(o.policyFile, maxPolicy)
		if err != nil {
			return q, fmt.Errorf("read the policy: %w", err)
		}
		q.Policy = string(text)
	}
	return q, nil
}

// choose is the request of a command that runs as a profile: the one that is named, else
// the active one as it was asked for, else the user's AWS_PROFILE, else the person chooses.
func (o sessionFlags) choose(ctx context.Context, r *run, profile, mode string) (env.Request, error) {
	if profile == "" {
		if st, active := r.task.Env.Active(); active {
			return st.Request, nil
		}
		profile = r.task.Env.User["AWS_PROFILE"]
	}
	if profile == "" {
		var err error
		if profile, err = pick(ctx, r); err != nil {
			return env.Request{}, err
		}
	}
	return o.request(profile, mode)
}

// session makes or finds the session of a request.
func (o sessionFlags) session(ctx context.Context, r *run, q env.Request) (profiles.Profile, refresh.Lease, error) {
	r.task.MFACode = creds.New(o.mfaToken)
	return r.task.Session(ctx, q, refresh.Want{IgnoreCache: o.renew})
}
