package cmd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/d44b7504/vault/env"
	"github.com/d44b7504/vault/internal/creds"
	"github.com/d44b7504/vault/internal/profiles"
	"github.com/d44b7504/vault/internal/sessions"
	"github.com/d44b7504/vault/refresh"
)

var (
	errNoHook   = withHint(errors.New("this shell has not loaded the hook, so it cannot be changed"), `put the hook's line into your rc file: vault hook --help. In a script: vault use PROFILE --shell bash`)
	errTerminal = withHint(errors.New("the code holds secrets and will not be printed on a terminal"), `evaluate it: eval "$(vault use PROFILE --shell bash)"`)
	errInactive = withHint(errors.New("no profile is active in this shell"), "vault use PROFILE")
)

// identity are the flags by which a session is asked for; several commands share them.
type identity struct {
	region, roleARN, policyFile, mfaToken string
	policyARNs                            []string
	duration, minTTL                      time.Duration
	readOnly, noSession, anew             bool
}

func (o *identity) bind(c *cobra.Command) {
	fs := c.Flags()
	fs.StringVar(&o.region, "region", "", "region to export, over the profile's and your own")
	durationFlag(fs, &o.duration, "duration", "d", "how long the session should last")
	fs.StringVarP(&o.mfaToken, "mfa-token", "t", "", "the MFA code, instead of being asked")
	boolFlag(fs, &o.noSession, "no-session", "n", false, "use the long-lived key itself")
	_ = c.RegisterFlagCompletionFunc("region", completeRegions)
	_ = c.RegisterFlagCompletionFunc("duration", fixed("15m", "1h", "4h", "8h", "12h"))
}

// bindRole adds the flags that change or narrow the role.
func (o *identity) bindRole(c *cobra.Command) {
	fs := c.Flags()
	fs.StringVar(&o.roleARN, "role-arn", "", "assume one more role: an ARN or ACCOUNT:ROLE")
	boolFlag(fs, &o.readOnly, "read-only", "", false, "narrow the role to AWS's ReadOnlyAccess")
	fs.StringArrayVar(&o.policyARNs, "policy-arn", nil, "narrow the role to a managed policy (may be repeated)")
	fs.StringVar(&o.policyFile, "policy", "", "narrow the role to the policy in a file")
	durationFlag(fs, &o.minTTL, "min-ttl", "", "renew unless this much is left")
	boolFlag(fs, &o.anew, "refresh", "", false, "make a new session, whatever is cached")
	_ = c.RegisterFlagCompletionFunc("policy", completeFiles)
}

// request puts flags and name into the words a session is remembered by.
func (o identity) request(profile, mode string) (env.Request, error) {
	q := env.Request{
		Profile: profile, Region: o.region, Mode: mode, Seconds: int(o.duration / time.Second),
		MinTTL: int(o.minTTL / time.Second), RoleARN: o.roleARN, PolicyARNs: o.policyARNs, NoSession: o.noSession,
	}
	if o.readOnly {
		q.PolicyARNs = append(q.PolicyARNs, "arn:aws:iam::aws:policy/ReadOnlyAccess")
	}
	if o.policyFile != "" {
		text, err := os.ReadFile(o.policyFile)
		if err != nil {
			return q, fmt.Errorf("read the policy: %w", err)
		}
		q.Policy = string(text)
	}
	return q, nil
}

type useOptions struct {
	identity
	profile, mode, shell string
}

func newUse(r *run) *cobra.Command {
	var o useOptions
	c := &cobra.Command{
		Use:   "use [PROFILE | -]",
		Short: "switch this shell to a profile",
		Long: `Switches the shell you are in. Without a profile a list is shown to choose from;
"-" goes back to the one before. What was in your environment comes back with
"vault off".

Exit status: 0 switched, 1 failed and nothing changed, 2 usage, 3 a person must
sign in and nobody can be asked, 130 interrupted.`,
		Args:              args(cobra.MaximumNArgs(1)),
		ValidArgsFunction: r.completeProfile,
		RunE: func(c *cobra.Command, a []string) error {
			if len(a) > 0 {
				o.profile = a[0]
			}
			return use(c.Context(), r, o)
		},
	}
	o.bind(c)
	o.bindRole(c)
	c.Flags().StringVar(&o.mode, "mode", "", "env: export keys; profile: export only AWS_PROFILE")
	c.Flags().StringVar(&o.shell, "shell", "", "without the hook: print code for this shell")
	_ = c.RegisterFlagCompletionFunc("mode", fixed(env.ModeEnv, env.ModeProfile))
	_ = c.RegisterFlagCompletionFunc("shell", completeShells)
	return c
}

func use(ctx context.Context, r *run, o useOptions) error {
	sh, out, err := r.dialect(o.shell)
	if err != nil {
		return err
	}
	q, err := o.wanted(ctx, r)
	if err != nil {
		return err
	}
	r.mfaToken = creds.New(o.mfaToken)
	p, l, err := r.session(ctx, q, refresh.Want{Anew: o.anew})
	if err != nil {
		return err
	}
	if err := r.emit(sh, out, env.Activate(r.env, q, l.Session, l.File), l, q.Profile); err != nil {
		return err
	}
	r.announce(p, l)
	return nil
}

// wanted is the request behind the words: a name, "-" or a choice from the list.
func (o useOptions) wanted(ctx context.Context, r *run) (env.Request, error) {
	mode := o.mode
	switch {
	case mode == env.ModeEnv:
		mode = ""
	case mode != "" && mode != env.ModeProfile:
		return env.Request{}, &usageError{"vault use", fmt.Errorf("--mode is env or profile, not %q", mode)}
	}
	if o.profile == "-" {
		st, active := env.StateOf(r.env)
		if !active || st.Previous == nil {
			return env.Request{}, withHint(errors.New("there is no profile to go back to"), "vault use PROFILE")
		}
		return *st.Previous, nil
	}
	name := o.profile
	if name == "" {
		var err error
		if name, err = r.pick(ctx); err != nil {
			return env.Request{}, err
		}
	}
	if o.mode == "" {
		mode = r.configuredMode(name)
	}
	return o.request(name, mode)
}

// configuredMode is the profile's vault_mode, where it is one we know.
func (r *run) configuredMode(name string) string {
	set, err := r.profiles()
	if err != nil {
		return ""
	}
	for _, s := range set.Settings(name) {
		if s.Key == "vault_mode" && s.Value == env.ModeProfile {
			return env.ModeProfile
		}
	}
	return ""
}

// session is the one way from a request to a lease.
func (r *run) session(ctx context.Context, q env.Request, w refresh.Want) (profiles.Profile, refresh.Lease, error) {
	p, err := r.resolve(ctx, q)
	if err != nil {
		return p, refresh.Lease{}, err
	}
	for _, warning := range p.Warnings {
		if !r.quiet {
			r.say("%s", printable(warning.String()))
		}
	}
	if err := r.circle(p); err != nil {
		return p, refresh.Lease{}, err
	}
	k, err := r.keeper(ctx)
	if err != nil {
		return p, refresh.Lease{}, err
	}
	if w.MinTTL = time.Duration(q.MinTTL) * time.Second; w.MinTTL == 0 {
		if w.MinTTL, err = r.minTTL(); err != nil {
			return p, refresh.Lease{}, err
		}
	}
	l, err := k.Fresh(ctx, p, w)
	l.Session.Region = p.Region
	if l.Warning != nil {
		r.say("%s", printable(text(l.Warning)))
	}
	return p, l, err
}

// announce says what became active and what will happen to it.
func (r *run) announce(p profiles.Profile, l refresh.Lease) {
	name := printable(p.Name)
	now := r.Now()
	r.sayCapped(p)
	switch s := l.Session; {
	case s.Expires.IsZero():
		r.say("%s, with a key that does not expire", name)
	case l.Warning != nil && !l.RefreshAt.IsZero() && l.Note != "":
		r.say("%s until %s, with the session it had", name, clock(s.Expires, now))
	case sessions.NewPlan(p).Silent() && r.unlocked:
		r.say("%s until %s (then asks for the passphrase)", name, clock(s.Expires, now))
	case sessions.NewPlan(p).Silent():
		r.say("%s until %s (renews by itself)", name, clock(s.Expires, now))
	default:
		r.say("%s until %s (then asks for an MFA code)", name, clock(s.Expires, now))
	}
}

// sayCapped tells when AWS's limit on chains made a role's session shorter than asked.
func (r *run) sayCapped(p profiles.Profile) {
	for _, c := range sessions.NewPlan(p).Roles {
		if c.Wanted > 0 {
			r.say("%s is limited to %s, because it is assumed with a session and not with the key", printable(c.ARN), span(c.Duration))
		}
	}
}

// readOnly is AWS's own policy of that name, in the partition of the role it narrows.
func readOnly(p *profiles.Profile) {
	var role string
	var policies []string
	switch s := p.Source; {
	case s.Role != nil:
		role, policies = s.Role.ARN, s.Role.PolicyARNs
	case s.WebIdentity != nil:
		role, policies = s.WebIdentity.ARN, s.WebIdentity.PolicyARNs
	}
	for i, arn := range policies {
		if rest, ok := strings.CutPrefix(arn, "arn:aws:iam::aws:"); ok {
			policies[i] = "arn:" + strings.SplitN(role, ":", 3)[1] + ":iam::aws:" + rest
		}
	}
}
