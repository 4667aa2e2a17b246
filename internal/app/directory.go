package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/d44b7504/vault/env"
	"github.com/d44b7504/vault/internal/profiles"
	"github.com/d44b7504/vault/internal/sessions"
)

// This file is about Identity Center: which one is meant, and the profiles that are written
// for what it gives.

// Directory is an Identity Center, and the profile that says how it is reached.
type Directory struct {
	Profile profiles.Profile
	*profiles.SSO

	task *Task
}

// Name is how a person knows it.
func (d Directory) Name() string { return cmp.Or(d.Session, d.SSO.Directory()) }

// Directory finds the Identity Center that is meant: that of a profile, of an sso-session, or
// with "" that of the active profile, or the only one there is.
func (t *Task) Directory(ctx context.Context, name string) (Directory, error) {
	set, err := t.Profiles()
	if err != nil {
		return Directory{}, err
	}
	if name == "" {
		if d, found := activeDirectory(t); found {
			return d, nil
		}
		if name, err = onlySession(set); err != nil {
			return Directory{}, err
		}
	}
	if !set.Has(name) {
		d, err := t.sessionDirectory(name)
		var missing *profiles.NotFoundError
		if !errors.As(err, &missing) {
			return d, err
		}
	}
	p, err := t.Resolve(ctx, env.Request{Profile: name})
	if err != nil {
		return Directory{}, err
	}
	s := Origin(p).SSO
	if s == nil {
		return Directory{}, WithHint(fmt.Errorf("%q does not come from Identity Center", name), "vault show %s says where it comes from", Word(name))
	}
	return Directory{p, s, t}, nil
}

// sessionDirectory is the Identity Center of an sso-session.
func (t *Task) sessionDirectory(name string) (Directory, error) {
	set, err := t.Profiles()
	if err != nil {
		return Directory{}, err
	}
	s, extra, err := set.SSOSession(name)
	if err != nil {
		return Directory{}, err
	}
	p, err := t.ResolveEmpty(name)
	p.Extra, p.Source = extra, profiles.Source{SSO: &s}
	return Directory{p, &s, t}, err
}

// NewDirectory is the Identity Center at a start URL. Where the config file has it already,
// it is that sso-session. Otherwise Save writes one, with the given name or one that is made
// of the URL.
func (t *Task) NewDirectory(name, startURL, region string) (d Directory, saved bool, err error) {
	set, err := t.Profiles()
	if err != nil {
		return Directory{}, false, err
	}
	s, err := profiles.NewSSO(name, startURL, region)
	if err != nil {
		return Directory{}, false, err
	}
	for _, known := range set.SSOSessions() {
		switch old, _, err := set.SSOSession(known); {
		case err != nil:
		case old.Directory() == s.Directory() && old.Region == s.Region && (name == "" || name == known):
			d, err := t.sessionDirectory(known)
			return d, true, err
		case known == s.Session:
			return Directory{}, false, WithHint(fmt.Errorf("the sso-session %q is %s in %s", known, old.Directory(), old.Region),
				"give the new one another name: vault sso login NAME --start-url %s --region %s", s.StartURL, s.Region)
		}
	}
	p, err := t.ResolveEmpty(s.Session)
	p.Source = profiles.Source{SSO: &s}
	return Directory{p, &s, t}, false, err
}

// Save writes the sso-session into the config file, and returns that file.
func (d Directory) Save(ctx context.Context) (file string, err error) {
	file = d.task.Env.ConfigFile()
	unlock, err := d.task.LockFiles(ctx, file)
	if err != nil {
		return file, err
	}
	defer unlock()
	d.task.TellOtherNames(file)
	return file, profiles.AppendSSOSession(file, *d.SSO)
}

// RoleDirectory is the Identity Center whose roles are meant: that of an sso-session, or with
// "" as Directory has it.
func (t *Task) RoleDirectory(ctx context.Context, session string) (Directory, error) {
	if session != "" {
		d, err := t.sessionDirectory(session)
		return d, noSession(session, err)
	}
	d, err := t.Directory(ctx, "")
	if err == nil && d.Session == "" {
		err = WithHint(fmt.Errorf("%s has no sso-session", d.Name()), "--sso names another one")
	}
	return d, err
}

// noSession says of a name that is not found that an sso-session was meant, and how one is
// written.
func noSession(name string, err error) error {
	var missing *profiles.NotFoundError
	if !errors.As(err, &missing) {
		return err
	}
	hint := "vault sso login " + Word(name) + " --start-url URL --region REGION writes it, and signs you in"
	if len(missing.Nearest) > 0 {
		hint = DidYouMean(missing.Nearest)
	}
	return WithHint(fmt.Errorf("there is no sso-session named %q", name), "%s", hint)
}

// activeDirectory is that of the active profile, if it comes from one.
func activeDirectory(t *Task) (d Directory, found bool) {
	st, active := t.Env.Active()
	if !active {
		return Directory{}, false
	}
	p, err := t.ResolveUnopened(st.Request)
	if err != nil || Origin(p).SSO == nil {
		return Directory{}, false
	}
	return Directory{p, Origin(p).SSO, t}, true
}

// ErrNoDirectory says that the config file has no sso-session.
var ErrNoDirectory = errors.New("there is no sso-session in the config file")

func onlySession(set *profiles.Set) (string, error) {
	names := set.SSOSessions()
	switch len(names) {
	case 0:
		return "", WithHint(ErrNoDirectory, "vault sso login --start-url URL --region REGION writes one, and signs you in")
	case 1:
		return names[0], nil
	}
	return "", WithHint(errors.New("there are several sso-sessions, so name one"), "%s", strings.Join(names, ", "))
}

// SignIn makes sure of a sign-in that works, and returns when it ends. again: the person signs in,
// whether there is one or not.
func (d Directory) SignIn(ctx context.Context, again bool) (expires time.Time, err error) {
	if !again {
		reply, err := d.do(ctx, OpSignIn)
		return reply.Lease.Session.Expires, err
	}
	k, err := agentKeeperOf(ctx, d.task, d.Profile, false)
	if err != nil {
		return expires, err
	}
	if k != nil {
		if reply, err := k.signIn(ctx, d); !errors.Is(err, ErrNotHeld) {
			return reply.Lease.Session.Expires, err
		}
	}
	m, err := d.task.Maker(ctx)
	if err != nil {
		return expires, err
	}
	return m.SignInAgain(ctx, d.Profile, d.SSO)
}

// Share writes the sign-in where the AWS tools look for it, and returns the file.
func (d Directory) Share(ctx context.Context) (file string, err error) {
	reply, err := d.do(ctx, OpShare)
	return reply.File, err
}

// SignOut ends the sign-in and deletes it, and reports whether there was one.
func (d Directory) SignOut(ctx context.Context) (was bool, err error) {
	reply, err := d.do(ctx, OpSignOut)
	return reply.WasIn, err
}

// Accounts lists what the directory gives. The person may be sent to the browser first.
func (d Directory) Accounts(ctx context.Context) ([]sessions.Account, error) {
	reply, err := d.do(ctx, OpAccounts)
	if err == nil {
		d.remember(reply.Accounts)
	}
	return reply.Accounts, err
}

// do carries out a request about the sign-in, by the agent that holds the store or in this process.
func (d Directory) do(ctx context.Context, op SessionOp) (SessionReply, error) {
	k, err := agentKeeperOf(ctx, d.task, d.Profile, false)
	if err != nil {
		return SessionReply{}, err
	}
	if k != nil {
		if reply, err := k.carryOut(ctx, SessionRequest{Op: op, Profile: d.Profile}); !errors.Is(err, ErrNotHeld) {
			return reply, err
		}
	}
	m, err := d.task.Maker(ctx)
	if err != nil {
		return SessionReply{}, err
	}
	return atCenter(ctx, m, op, d.Profile, d.SSO)
}

// SyncOptions say how profiles are written for the roles that a directory gives.
type SyncOptions struct {
	Name, Prefix string // {account}, {id}, {role} and {session} are filled in in Name
	Region       string // of every profile; "": the directory's
	Program      string // how other programs run this one
	Native       bool   // with the settings of the AWS tools, which then do not run this program
	Prune        bool   // profiles whose role is not given any more are removed
}

// PlanSync works out the change of the config file. It writes nothing.
func (d Directory) PlanSync(list []sessions.Account, o SyncOptions) (*profiles.Sync, error) {
	if d.Session == "" {
		return nil, WithHint(errors.New("profiles are written for an sso-session, and this profile has none"), "vault sso login --start-url %s --region %s writes one", d.SSO.Directory(), d.SSO.Region)
	}
	return profiles.PlanSync(d.task.Env.ConfigFile(), d.Session, o.stanzas(*d.SSO, list), o.Prune)
}

// WriteSync makes the change that was shown. plan works it out again under the lock: another
// program may have changed another part of the file since.
func (d Directory) WriteSync(ctx context.Context, shown *profiles.Sync, plan func() (*profiles.Sync, error)) error {
	unlock, err := d.task.LockFiles(ctx, shown.Path)
	if err != nil {
		return err
	}
	defer unlock()
	now, err := plan()
	switch {
	case err != nil:
		return err
	case now.Diff() != shown.Diff():
		return &profiles.ChangedError{File: shown.Path}
	}
	d.task.TellOtherNames(shown.Path)
	return now.Write()
}

// stanzas are the profiles for what the directory gives. Where two would have one name, the
// account's number is added.
func (o SyncOptions) stanzas(s profiles.SSO, list []sessions.Account) []profiles.Stanza {
	type choice struct{ id, role, name string }
	var choices []choice
	times := map[string]int{}
	for _, a := range list {
		for _, role := range a.Roles {
			name := profileName(o.Prefix + strings.NewReplacer(
				"{account}", cmp.Or(a.Name, a.ID), "{id}", a.ID, "{role}", role, "{session}", s.Session,
			).Replace(o.Name))
			choices = append(choices, choice{a.ID, role, name})
			times[name]++
		}
	}
	all := make([]profiles.Stanza, 0, len(choices))
	for _, c := range choices {
		if times[c.name] > 1 {
			c.name += "-" + c.id
		}
		s.Account, s.Role = c.id, c.role
		settings := profiles.NativeSettings(s, cmp.Or(o.Region, s.Region))
		if !o.Native {
			settings = profiles.SyncedSettings(s, cmp.Or(o.Region, s.Region), o.Program+" export "+c.name+" --format json")
		}
		all = append(all, profiles.Stanza{Name: c.name, Settings: settings})
	}
	return all
}

// profileName keeps the characters that no shell and no AWS tool has to quote.
func profileName(s string) string {
	s = strings.Map(func(c rune) rune {
		if strings.ContainsRune("-_./@+=:", c) || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' {
			return c
		}
		return '-'
	}, s)
	return strings.TrimLeft(s, "-")
}
