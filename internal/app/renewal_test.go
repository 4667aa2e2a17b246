package app

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/d44b7504/vault/env"
	"github.com/d44b7504/vault/internal/creds"
	"github.com/d44b7504/vault/internal/profiles"
	"github.com/d44b7504/vault/internal/sessions"
	"github.com/d44b7504/vault/refresh"
)

// What vault status says of a renewal is what the prompt shows and what happens there.
func TestStatusAndPromptAgreeInEveryState(t *testing.T) {
	m := newMachine(t, true)
	m.check(profiles.AppendProfile(strings.TrimPrefix(m.list[1], "AWS_CONFIG_FILE="), "wrong", []profiles.Setting{{Key: "include_profile", Value: "wrong"}}))
	session := m.hand()
	p := m.profile()
	dir := m.task(m.list).Env.Runtime()
	set := func(note refresh.Note) string {
		file, err := dir.Set(refresh.Key(p), session, note)
		m.check(err)
		return file
	}
	due := refresh.Default.When(session)
	for _, c := range []struct {
		name    string
		at      time.Time // by the clock of the machine
		request env.Request
		note    refresh.Note
		stale   bool // another terminal has renewed the session
		want    Renewal
		expired bool
	}{
		{name: "fresh", want: RenewsItself},
		{name: "due", at: due.Add(time.Second), want: RenewsAtPrompt},
		{name: "expired", at: session.Expires.Add(time.Second), want: RenewsAtPrompt, expired: true},
		{name: "renewed elsewhere", stale: true, want: RenewsAtPrompt},
		{name: "mfa!", note: refresh.NeedsCode, want: NotRenewed},
		{name: "login!", note: refresh.NeedsSignIn, want: NotRenewed},
		{name: "denied!", at: due.Add(time.Second), note: refresh.Denied, want: NotRenewed},
		{name: "denied! and expired", at: session.Expires.Add(time.Second), note: refresh.Denied, want: NotRenewed, expired: true},
		{name: "locked!", note: refresh.Locked, want: NotRenewed},
		{name: "nokey!", note: refresh.NoKey, want: NotRenewed},
		{name: "a passphrase was typed", request: env.Request{Passphrase: true}, want: RenewsByPassphrase},
		{name: "the hook is not running", request: env.Request{Unhooked: true}, want: NotRenewedHere},
		{name: "served by exec", request: env.Request{Mode: env.ModeServer}, want: RenewsForTheCommand},
		{name: "the profile is wrong now", request: env.Request{Profile: "wrong"}, want: NotRenewedUnknown},
	} {
		if c.at.IsZero() {
			c.at = m.start
		}
		m.move(c.at.Sub(m.start), 0)
		if c.request.Profile == "" {
			c.request.Profile = request.Profile
		}
		file := set(c.note)
		if c.stale {
			file += "0"
		}
		status := StatusOf(m.task(env.Child(m.list, c.request, session, file)), stateOf(t, m, c.request, session, file))
		if status.Renews != c.want || status.Expired != c.expired || status.Note != c.note && c.want != NotRenewedUnknown {
			t.Errorf("%s: renews %q, expired %v, note %q", c.name, status.Renews, status.Expired, status.Note)
		}
		if (status.RenewsAt != nil) != (c.want == RenewsItself || c.want == RetriesLater || c.want == RenewsByPassphrase) {
			t.Errorf("%s: renews at %v", c.name, status.RenewsAt)
		}
	}
}

func stateOf(t *testing.T, m *machine, q env.Request, s creds.Session, file string) env.State {
	t.Helper()
	st, active := m.task(env.Child(m.list, q, s, file)).Env.Active()
	if !active {
		t.Fatal("no session is active")
	}
	return st
}

// After a failure that may pass the next attempt is told, and then the next prompt makes it.
func TestStatusTellsWhenAFailedRenewalIsTriedAgain(t *testing.T) {
	for _, note := range []refresh.Note{refresh.Offline, refresh.Failed, refresh.NotSaved} {
		m := newMachine(t, true)
		session := m.hand()
		task := m.task(m.list)
		s, err := task.Keyring(context.Background())
		m.check(err)
		k := &refresh.Keeper{
			Store: s, Dir: task.Env.Runtime(), Policy: refresh.Default, Now: m.machine, Note: func(error) refresh.Note { return note },
			Make: func(context.Context, profiles.Profile) (creds.Session, error) {
				return creds.Session{}, errors.New("no")
			},
		}
		due := refresh.Default.When(session).Sub(m.start) + time.Second
		for after, want := range map[time.Duration]Renewal{time.Second: RetriesLater, refresh.Default.BackoffMin + time.Second: RenewsAtPrompt} {
			m.move(due, 0)
			m.check(k.IfDue(context.Background(), m.profile()))
			m.move(due+after, 0)
			mark, _ := task.Env.Runtime().Mark(refresh.Key(m.profile()))
			status := StatusOf(m.task(env.Child(m.list, request, session, mark.File)), stateOf(t, m, request, session, mark.File))
			if status.Renews != want || status.Note != note || (status.RenewsAt != nil) != (want == RetriesLater) {
				t.Errorf("%s, after %v: renews %q at %v, note %q", note, after, status.Renews, status.RenewsAt, status.Note)
			}
		}
	}
}

// A profile whose renewals ask for a code says so when it begins and later.
func TestAProfileWithAnMFADeviceIsNotPromisedARenewal(t *testing.T) {
	key := profiles.Stored{Profile: "base", MFASerial: "arn:aws:iam::111122223333:mfa/alice"}
	p := profiles.Profile{Name: "base", Source: profiles.Source{Stored: &key}}
	if got := RenewalOf(p, false); got != RenewsByCode {
		t.Errorf("renews %q", got)
	}
}

// The agent renews what it serves, but for a key in a file: the program that writes it is run by a prompt.
func TestAServedKeyOfAFileIsRenewedAtAPrompt(t *testing.T) {
	silent := profiles.Renewer{Command: "saml2aws", Silent: true}
	for _, c := range []struct {
		source profiles.Source
		want   Renewal
	}{
		{profiles.Source{Process: &profiles.Process{Command: "get"}}, RenewsForTheCommand},
		{profiles.Source{Temporary: &profiles.Temporary{}}, RenewsFromFile},
		{profiles.Source{Temporary: &profiles.Temporary{Renewer: profiles.Renewer{Command: "saml2aws"}}}, RenewsByProgram},
		{profiles.Source{Temporary: &profiles.Temporary{Renewer: silent}}, RenewsAtPrompt},
	} {
		if got := servedRenewal(profiles.Profile{Name: "saml", Source: c.source}); got != c.want {
			t.Errorf("%+v: %s, want %s", c.source, got, c.want)
		}
	}
}

func TestAKeyThatTheAgentHasNoMoreIsToldAsOneToWriteAgain(t *testing.T) {
	for _, err := range []error{&OutsideError{"saml"}, &sessions.ExpiredKeyError{Profile: "saml"}} {
		if note := NoteFor(err); note != refresh.NeedsKey {
			t.Errorf("%v: %q", err, note)
		}
	}
}
