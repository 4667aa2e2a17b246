package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/d44b7504/vault/env"
	"github.com/d44b7504/vault/internal/creds"
	"github.com/d44b7504/vault/internal/profiles"
	"github.com/d44b7504/vault/internal/server"
	"github.com/d44b7504/vault/refresh"
	"github.com/d44b7504/vault/store"
)

// This file gives a session to an endpoint, which asks for it again and again while a
// program runs. Nobody is asked for anything by then.

// Trouble is why a session that is served is not renewed, when a person has to do
// something about it.
type Trouble struct {
	Profile string
	Note    refresh.Note
	Ends    time.Time // when the current session ends; zero if there is no session
	Command string    // what the person can run in another terminal
}

// Source is what an endpoint asks for the session of a request. It renews 16 minutes
// before the session ends and asks no questions. It also uses a new session that another
// process has made, such as a command in another terminal. tell is called once for each trouble.
func (t *Task) Source(p profiles.Profile, q env.Request, tell func(Trouble)) server.Source {
	u := unattended(t)
	told := refresh.Note("") // the trouble that was told last
	s := &source{profile: p, again: again(q)}
	s.lease = func(ctx context.Context) (refresh.Lease, error) {
		k, err := u.Keeper(ctx, p)
		if err != nil {
			return refresh.Lease{}, err
		}
		return k.Unattended(ctx, p)
	}
	s.seen = func(note refresh.Note, ends time.Time) {
		if note != "" && note.Meaning().Retries {
			return
		}
		if note != "" && note != told {
			tell(Trouble{Profile: p.Name, Note: note, Ends: ends, Command: s.again})
		}
		told = note
	}
	return s.session
}

// SourceAfter is Source for an endpoint that has its first session already, unless that is zero.
func (t *Task) SourceAfter(first creds.Session, p profiles.Profile, q env.Request, tell func(Trouble)) server.Source {
	source := t.Source(p, q, tell)
	if p.Guard.Lapses {
		return once(q, source, first.AccessKeyID != "")
	}
	return source
}

// unattended returns a task of the same caller that never asks. It opens the store with the
// passphrase that was typed for t.
func unattended(t *Task) *Task {
	core := *t.Core
	core.Policy = servedPolicy(core.Policy)
	u := core.Task(t.Caller)
	u.Quiet, u.Ask, u.Say, u.MFACode = true, nil, nil, creds.Secret{}
	u.typed, u.set = t.typed, t.set
	return u
}

// servedPolicy is the timing of renewals for an endpoint.
func servedPolicy(p refresh.Policy) refresh.Policy {
	p.EarlyMin, p.EarlyMax = server.Early, server.Early
	p.BackoffMin, p.BackoffMax = time.Second, time.Minute
	return p
}

// source gives the session of a profile to an endpoint.
type source struct {
	profile profiles.Profile
	again   string // a command line that makes its session
	lease   func(context.Context) (refresh.Lease, error)
	seen    func(note refresh.Note, ends time.Time) // is called after each attempt
}

func (s *source) session(ctx context.Context) (creds.Session, error) {
	l, err := s.lease(ctx)
	note := l.Note
	if err != nil {
		note = noteOf(err)
	}
	s.seen(note, l.Session.Expires)
	if err != nil {
		return creds.Session{}, s.failure(note, err)
	}
	l.Session.Region = s.profile.Region
	return l.Session, nil
}

// noteOf is NoteFor, where an earlier failure may be all that is known.
func noteOf(err error) refresh.Note {
	var earlier *refresh.NoteError
	if errors.As(err, &earlier) {
		return cmp.Or(earlier.Note, refresh.Failed)
	}
	return NoteFor(err)
}

// failure is what the program that asked is told.
func (s *source) failure(note refresh.Note, err error) error {
	m := note.Meaning()
	e := &server.Error{Code: "RenewalFailed", Message: fmt.Sprintf("%s: %s", s.profile.Name, m.Sentence), Retry: m.Retries}
	var earlier *refresh.NoteError
	switch {
	case m.SignIn:
		e.Code = "SignInRequired"
	case errors.Is(err, store.ErrLocked):
		e.Code = "KeyringLocked"
	case note == refresh.Denied:
		e.Code = "AccessDenied"
	case note == refresh.Busy:
		e.Code = "Throttled"
	case note == refresh.Offline:
		e.Code = "Unreachable"
	}
	if !m.Retries {
		e.Message += "; run in another terminal: " + s.again
	} else if !errors.As(err, &earlier) {
		e.Message = OneLine(err)
	}
	return e
}

// again is a command line that makes the session of a request, whoever may be asked for it.
func again(q env.Request) string {
	words := []string{"vault use", Word(q.Profile)}
	add := func(flag, value string) {
		if value != "" {
			words = append(words, flag, value)
		}
	}
	if q.Seconds > 0 {
		add("-d", (time.Duration(q.Seconds) * time.Second).String())
	}
	add("--role-arn", q.RoleARN)
	for _, arn := range q.PolicyARNs {
		add("--policy-arn", arn)
	}
	if q.Policy != "" {
		add("--policy", "FILE")
	}
	return strings.Join(words, " ")
}

// AllowedRoles are the roles that a profile's vault_allow_roles lets an endpoint assume.
func (t *Task) AllowedRoles(profile string) []string {
	set, err := t.Profiles()
	if err != nil {
		return nil
	}
	for _, s := range set.Settings(profile) {
		if s.Key == "vault_allow_roles" {
			return strings.FieldsFunc(s.Value, func(c rune) bool { return c == ',' || c == ' ' })
		}
	}
	return nil
}

// identitySettings are the settings with which the AWS tools can get credentials.
var identitySettings = []string{
	"aws_access_key_id", "role_arn", "credential_process", "sso_session", "sso_start_url", "web_identity_token_file", "login_session",
}

// DefaultIdentity returns the file in which [default] has credentials, "" if it has none.
// The AWS tools use those before they ask an endpoint.
func (t *Task) DefaultIdentity() (file string) {
	keys, err := profiles.LoadCredentials(t.Env.CredentialsFile())
	if err == nil {
		defer keys.Wipe()
		if slices.ContainsFunc(keys.Keys(), func(k profiles.Plain) bool { return k.Profile == "default" || k.Profile == "DEFAULT" }) {
			return keys.Path
		}
	}
	set, err := t.Profiles()
	if err != nil {
		return ""
	}
	for _, s := range set.Settings("default") {
		switch {
		case s.Key == "credential_source" && s.Value != "Environment": // the profile itself asks one
			return ""
		case file == "" && slices.Contains(identitySettings, s.Key):
			at, _ := set.Where("default", s.Key)
			file = cmp.Or(at.File, set.Path())
		}
	}
	return file
}
