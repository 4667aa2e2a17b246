package app

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/d44b7504/vault/env"
	"github.com/d44b7504/vault/internal/profiles"
	"github.com/d44b7504/vault/internal/sessions"
	"github.com/d44b7504/vault/refresh"
)

// This file turns a request into a profile, with the user's own environment counted in.

// Resolve resolves a request. A name without a section is looked up in the store, which
// may have to be opened for that.
func (t *Task) Resolve(ctx context.Context, q env.Request) (profiles.Profile, error) {
	var failed error
	stored := func(name string) bool {
		has, err := t.hasKey(ctx, name)
		if err != nil {
			failed = err
		}
		return has
	}
	p, err := resolve(t, q, stored, stored)
	if failed != nil {
		return p, failed
	}
	return p, err
}

// ResolveUnopened is Resolve without the store: a name without a section is taken for
// that of a stored key, and a profile that has another source for one without a key.
func (t *Task) ResolveUnopened(q env.Request) (profiles.Profile, error) {
	return resolve(t, q, anyKey, nil)
}

// resolveKnowing is ResolveUnopened where it is known which keys are stored.
func (t *Task) resolveKnowing(q env.Request, stored func(name string) bool) (profiles.Profile, error) {
	return resolve(t, q, anyKey, stored)
}

// resolveActive is ResolveUnopened for the session that is active in the shell. Which key
// it was made with can be told from its generation file.
func resolveActive(t *Task, q env.Request) (profiles.Profile, error) {
	p, err := t.ResolveUnopened(q)
	if err != nil || refresh.IsFileOf(t.Env.Get(env.GenerationFile), refresh.Key(p)) {
		return p, err
	}
	own, ownErr := resolve(t, q, anyKey, anyKey)
	if ownErr == nil && refresh.IsFileOf(t.Env.Get(env.GenerationFile), refresh.Key(own)) {
		return own, nil
	}
	return p, nil
}

func anyKey(string) bool { return true }

func resolve(t *Task, q env.Request, hasKey, hasOwnKey func(string) bool) (profiles.Profile, error) {
	set, err := t.Profiles()
	if err != nil {
		return profiles.Profile{}, err
	}
	o := overrides(t, q)
	o.HasKey, o.HasOwnKey = hasKey, hasOwnKey
	p, err := set.Resolve(q.Profile, o)
	if err == nil {
		err = finish(t, &p)
		limited(&p, o.Duration)
	}
	return p, withoutFiles(t, err)
}

// withoutFiles adds to the error for a profile that does not exist that a file, in which it
// may have been meant to be, does not exist.
func withoutFiles(t *Task, err error) error {
	var missing *profiles.NotFoundError
	if !errors.As(err, &missing) || len(missing.Ignored) > 0 {
		return err
	}
	text := t.Env.NoConfigFile()
	if text == "" && len(missing.Nearest) == 0 {
		text = t.Env.noFile(credentialsVariable)
	}
	if text != "" {
		return WithHint(err, "%s", text)
	}
	return err
}

// ResolveEmpty is what a name means that no section explains: what the environment says
// of every profile.
func (t *Task) ResolveEmpty(name string) (profiles.Profile, error) {
	o := overrides(t, env.Request{})
	o.HasKey = anyKey
	return profiles.Parse("", nil).Resolve(name, o)
}

// overrides is what a request asks of a profile, and what the user's environment does.
// What vault exported does not count, or the last profile's region would be the next one's.
func overrides(t *Task, q env.Request) profiles.Overrides {
	return profiles.Overrides{
		SessionName: t.sessionNameFor(q.Agent), Region: q.Region, Duration: time.Duration(q.Seconds) * time.Second, RoleARN: q.RoleARN,
		Policy: q.Policy, PolicyARNs: q.PolicyARNs, NoSession: q.NoSession, Console: q.Console, Env: t.Env.User, Path: t.Env.settingPath,
		AWSSSO: t.awsSSO,
	}
}

// finish fills in what the package profiles leaves to its caller: the durations that
// variables give, and the partition of AWS's own policies.
func finish(t *Task, p *profiles.Profile) error {
	fitPolicies(p)
	return applyDurations(t.Env, p)
}

// modeSetting is the key in a profile that says how its session reaches programs.
const modeSetting = "vault_mode"

// ModeOf is a mode as a Request has it, "" for the usual one, and false if there is no such mode.
func ModeOf(text string) (mode string, known bool) {
	switch text {
	case "", env.ModeEnv:
		return "", true
	case env.ModeProfile, env.ModeServer:
		return text, true
	}
	return "", false
}

// ConfiguredMode is the mode that the profile of a request asks for, "" for the usual one. The
// error names the line of a value that is not a mode. The AWS tools cannot make a special session
// from the name of a profile.
func (t *Task) ConfiguredMode(q env.Request) (string, error) {
	p, err := t.ResolveUnopened(env.Request{Profile: q.Profile})
	if err != nil {
		return "", nil // it is met again, and told
	}
	mode, known := ModeOf(p.Extra[modeSetting])
	switch {
	case !known:
		where := modeSetting
		if set, err := t.Profiles(); err == nil {
			if at, there := set.Where(q.Profile, modeSetting); there {
				where = at.String() + ": " + modeSetting
			}
		}
		return "", fmt.Errorf("%s is %q: it is env, profile or server", where, p.Extra[modeSetting])
	case mode == env.ModeProfile && q.Special():
		return "", nil
	}
	return mode, nil
}

// Endpoint says where a service is: as profile and environment have it, or AWS's own.
func Endpoint(p profiles.Profile, service, region string) sessions.Endpoint {
	e := sessions.Endpoint{Region: region, Network: p.Network, URL: p.Network.Endpoints[strings.ToLower(service)]}
	if service == sessions.STS && e.URL == "" {
		e.URL = p.Endpoint
	}
	if e.URL != "" {
		e.Origin = p.Network.Origins[strings.ToLower(service)]
	}
	return e
}

// Origin is the source that a chain begins with. It is never a role.
func Origin(p profiles.Profile) profiles.Source { return p.Source.Origin() }

// fitPolicies puts AWS's own policies into the partition of the role that they narrow:
// in China arn:aws:… is arn:aws-cn:….
func fitPolicies(p *profiles.Profile) {
	var role string
	var policies []string
	switch s := p.Source; {
	case s.Role != nil:
		role, policies = s.Role.ARN, s.Role.PolicyARNs
	case s.WebIdentity != nil:
		role, policies = s.WebIdentity.ARN, s.WebIdentity.PolicyARNs
	case s.Stored != nil && s.Stored.Federation != nil:
		role, policies = "arn:"+profiles.Partition(p.Region)+":", s.Stored.Federation.PolicyARNs
	}
	for i, arn := range policies {
		if rest, ok := strings.CutPrefix(arn, "arn:aws:iam::aws:"); ok {
			policies[i] = "arn:" + strings.SplitN(role, ":", 3)[1] + ":iam::aws:" + rest
		}
	}
}

// applyDurations fills in the duration of GetSessionToken or GetFederationToken, which no file
// gives, from the variables that AWS Vault has for it.
func applyDurations(e Environment, p *profiles.Profile) (err error) {
	variable, source := "AWS_SESSION_TOKEN_TTL", p.Source
	if s := source.Stored; s != nil && s.Federation != nil {
		variable = "AWS_FEDERATION_TOKEN_TTL"
	}
	for source.Role != nil {
		variable, source = "AWS_CHAINED_SESSION_TOKEN_TTL", source.Role.Source
	}
	if s := source.Stored; s != nil && s.Duration == 0 {
		usual := &s.Duration
		if s.MFASerial != "" && s.Federation == nil {
			usual = &s.SharedDuration
		}
		*usual, err = e.Duration(variable)
	}
	return err
}
