package app

// This file has the program that writes a temporary key into the credentials file run again.

import (
	"context"
	"time"

	"github.com/d44b7504/vault/internal/creds"
	"github.com/d44b7504/vault/internal/display"
	"github.com/d44b7504/vault/internal/host"
	"github.com/d44b7504/vault/internal/profiles"
	"github.com/d44b7504/vault/internal/sessions"
)

const renewSetting = "vault_renew_command"

// How long such a program may take: with a person, who may have to answer a telephone, and
// without one.
const (
	renewWithPerson = 5 * time.Minute
	renewAlone      = time.Minute
)

// keyRenewal returns what a Maker renews the temporary keys of files with. always says that the
// person wants a new key, whether the old one is good or not.
func (h helpers) keyRenewal(always bool) func(context.Context, profiles.Temporary) (creds.Session, error) {
	return func(ctx context.Context, t profiles.Temporary) (creds.Session, error) {
		if t.Renewer.Command == "" || !h.mayRenew(t.Renewer) || !always && h.keyIsGood(t, t.Session) {
			return t.Session, nil
		}
		unlock, err := h.Env.Runtime().Lock(ctx, "renew key\x00"+t.Profile, waiting(h.Task))
		if err != nil {
			return creds.Session{}, err
		}
		defer unlock()
		// Another process may have renewed it since the file was read.
		if s, err := h.keyNow(t.Profile); err == nil && s.AccessKeyID != t.Session.AccessKeyID && h.keyIsGood(t, s) {
			return s, nil
		}
		return h.renewKey(ctx, t)
	}
}

// mayRenew reports whether the program may be run for this caller: a person sees what it asks, or
// its profile says that it asks nothing.
func (h helpers) mayRenew(r profiles.Renewer) bool {
	return r.Silent || h.Ask != nil && !h.Quiet && !h.SignIn.Never
}

// keyIsGood reports whether a key need not be renewed. A program that asks nothing is run as early
// as any renewal in the background, one that asks is run when the key is of no use to a command.
func (h helpers) keyIsGood(t profiles.Temporary, s creds.Session) bool {
	switch now := h.Now(); {
	case s.AccessKeyID == "":
		return false
	case t.Renewer.Silent:
		return h.Policy.Good(s, now.Add(time.Second), 0)
	default:
		return s.Expires.IsZero() || s.Expires.Sub(now) >= h.Policy.MinTTL
	}
}

// keyNow reads the key that the files have now for a profile; a zero one where they have none.
func (h helpers) keyNow(profile string) (creds.Session, error) {
	file, err := known(h.Env.ConfigFile())
	if err != nil {
		return creds.Session{}, err
	}
	set, err := h.LoadProfiles(file, h.Env.CredentialsFile())
	if err != nil {
		return creds.Session{}, err
	}
	p, err := set.Resolve(profile, profiles.Overrides{HasKey: anyKey, Env: h.Env.User, Path: h.Env.settingPath, AWSSSO: h.awsSSO})
	if t := p.Source.Origin().Temporary; err == nil && t != nil {
		return t.Session, nil
	}
	return creds.Session{}, err
}

// renewKey runs the program and returns the key that it has written.
func (h helpers) renewKey(ctx context.Context, t profiles.Temporary) (creds.Session, error) {
	failed := func(why string, err error) (creds.Session, error) {
		return creds.Session{}, &sessions.ProcessError{Profile: t.Profile, Setting: renewSetting, Why: why, ForShell: t.Renewer.ForShell(), Err: err}
	}
	child, err := h.sourceOf(t.Profile, renewSetting, t.Renewer.Command, t.Renewer.Words())
	if err != nil {
		return creds.Session{}, err
	}
	patience := renewWithPerson
	if child.Talks = true; h.contact() != host.Terminal {
		patience = renewAlone
	}
	if !h.Quiet {
		h.say("running %s, which renews the key of %q", child.Name, t.Profile)
	}
	limited, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	switch _, err = h.Run(limited, child); {
	case ctx.Err() != nil:
		return creds.Session{}, ctx.Err()
	case limited.Err() != nil:
		return failed("did not end within "+display.Span(patience), nil)
	case err != nil:
		return failed("failed", err)
	}
	s, err := h.keyNow(t.Profile)
	switch {
	case err != nil:
		return creds.Session{}, err
	case s.AccessKeyID == "":
		return failed("ended well, and no file has a temporary key for that profile", nil)
	case s.AccessKeyID == t.Session.AccessKeyID && s.Expires.Equal(t.Session.Expires):
		return failed("ended well, and left the key as it was", nil)
	}
	s.Issued = h.Now()
	return s, nil
}
