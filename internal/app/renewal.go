package app

import (
	"time"

	"github.com/d44b7504/vault/env"
	"github.com/d44b7504/vault/internal/profiles"
	"github.com/d44b7504/vault/internal/sessions"
	"github.com/d44b7504/vault/refresh"
)

// Renewal says how a session is kept from expiring.
type Renewal string

// The ways in which a session is renewed. vault use says the first ones when a session
// begins, vault status all of them.
const (
	RenewsItself        Renewal = "by_itself"          // from a moment on, at a prompt
	RenewsAtPrompt      Renewal = "at_the_next_prompt" // it is due, or another terminal has renewed it
	RetriesLater        Renewal = "retried"            // the last attempt failed; the next one is at a moment
	RenewsByCode        Renewal = "asks_for_mfa_code"
	RenewsByPassphrase  Renewal = "asks_for_passphrase"
	RenewsFromFile      Renewal = "from_file"         // once another program has written a new key there
	RenewsByProgram     Renewal = "runs_a_program"    // which writes a new key into the file, and may ask
	NotRenewed          Renewal = "not_by_itself"     // the note says why
	NotRenewedHere      Renewal = "not_in_this_shell" // whose prompt does not run the hook
	NotRenewedUnknown   Renewal = "not_resolved"      // the profile is not in the config file any more, or is wrong
	RenewsForTheCommand Renewal = "served"            // vault exec does it for its command, or the agent for a shell
	Lapses              Renewal = "lapses"            // because of vault_auto_renew = false
)

// RenewalOf is how a session of a profile will be renewed that was just made. passphrase says
// that a person has unlocked the store for it.
func RenewalOf(p profiles.Profile, passphrase bool) Renewal {
	switch {
	case p.Guard.Lapses:
		return Lapses
	case !sessions.NewPlan(p).Silent():
		return RenewsByCode
	case Origin(p).Temporary != nil:
		return renewalOfKey(Origin(p).Temporary.Renewer)
	case passphrase:
		return RenewsByPassphrase
	}
	return RenewsItself
}

// renewalOfKey is how a temporary key in a file is renewed.
func renewalOfKey(r profiles.Renewer) Renewal {
	switch {
	case r.Command == "":
		return RenewsFromFile
	case r.Silent:
		return RenewsItself
	}
	return RenewsByProgram
}

// servedRenewal is how a session is renewed that the agent serves. The agent runs no program that
// writes a key into a file: a prompt does, when the key has ended.
func servedRenewal(p profiles.Profile) Renewal {
	switch how := RenewalOf(p, false); {
	case how != RenewsItself:
		return how
	case Origin(p).Temporary != nil:
		return RenewsAtPrompt
	}
	return RenewsForTheCommand
}

// renewal is how the session of the caller's shell is renewed, and from when on, where a
// moment is known.
func renewal(t *Task, q env.Request, p profiles.Profile, s Status) (Renewal, *time.Time) {
	m, marked := t.Env.Runtime().Mark(refresh.Key(p))
	_, next := t.Env.Runtime().Retry(refresh.Key(p))
	made := RenewalOf(p, q.Passphrase)
	switch {
	case made == Lapses:
		return Lapses, nil
	case q.Served():
		return RenewsForTheCommand, nil
	case q.Unhooked:
		return NotRenewedHere, nil
	case s.Note != "" && !s.Note.Meaning().Retries:
		return NotRenewed, nil
	case marked && s.Note == "" && m.File != t.Env.Get(env.GenerationFile):
		return RenewsAtPrompt, nil // another terminal has renewed it
	case made != RenewsItself:
		return made, s.RenewsAt
	case s.Note != "" && next.After(t.Now()):
		return RetriesLater, &next
	case s.RenewsAt.After(t.Now()):
		return RenewsItself, s.RenewsAt
	}
	return RenewsAtPrompt, nil
}
