package app

import (
	"cmp"
	"strings"
	"time"

	"github.com/d44b7504/vault/env"
	"github.com/d44b7504/vault/internal/creds"
	"github.com/d44b7504/vault/refresh"
)

// This file is about a shell that the program aws-vault has given a session to.

// Foreign returns the session of aws-vault that is active in the caller's shell. False if there is
// none, or if vault use has put another in its place.
func (e Environment) Foreign() (env.Foreign, bool) {
	if _, active := e.Active(); active {
		return env.Foreign{}, false
	}
	return env.ForeignIn(e.Current)
}

// around is what the caller's shell is inside of, the innermost last.
func around(current map[string]string) []string {
	list := env.Outer(current)
	if _, active := env.StateOf(current); active {
		if f, is := env.ForeignIn(current); is {
			list = append(list, f.String())
		}
	}
	return list
}

// StatusOfForeign is what is known of a session of aws-vault.
func StatusOfForeign(t *Task, f env.Foreign) Status {
	s := Status{
		Profile: f.Profile, Foreign: true, Mode: env.ModeEnv, Agent: "none",
		Region: cmp.Or(t.Env.Get("AWS_REGION"), t.Env.Get("AWS_DEFAULT_REGION")),
		Inside: around(t.Env.Current), Depth: env.Depth(t.Env.Current), Account: creds.AccountOf(t.Env.Get("AWS_ACCESS_KEY_ID")),
	}
	switch {
	case t.Env.Get("AWS_CONTAINER_CREDENTIALS_FULL_URI") != "":
		s.Mode = env.ModeServer
	case t.Env.Get("AWS_ACCESS_KEY_ID") == "":
		s.Mode = env.ModeEC2
	}
	if !f.Expires.IsZero() && s.Mode == env.ModeEnv {
		s.Expires, s.Expired, s.Renews = &f.Expires, !t.Now().Before(f.Expires), NotRenewed
		s.Left = max(0, int(f.Expires.Sub(t.Now())/time.Second))
	}
	return s
}

// ForeignLease makes a generation file for a session of aws-vault, by which the prompt shows it
// until it expires. It is not renewed.
func ForeignLease(t *Task, f env.Foreign) refresh.Lease {
	s := creds.Session{Profile: f.Profile, Expires: f.Expires}
	file, _ := t.Env.Runtime().Set(strings.Join([]string{"aws-vault", f.Profile, f.Expires.String()}, "\x00"), s, "")
	return refresh.Lease{Session: s, File: file}
}
