package app

import (
	"fmt"
	"time"

	"github.com/d44b7504/vault/env"
	"github.com/d44b7504/vault/internal/creds"
	"github.com/d44b7504/vault/internal/display"
	"github.com/d44b7504/vault/internal/profiles"
	"github.com/d44b7504/vault/internal/sessions"
	"github.com/d44b7504/vault/refresh"
)

// This file is about how much must be left of a session that is handed out.

// wanted adds to w what must be left of a session for q: by --min-ttl, which is strict, by the
// variable, or by the policy.
func (t *Task) wanted(p profiles.Profile, q env.Request, w refresh.Want) (refresh.Want, error) {
	if q.MinTTL > 0 {
		w.MinTTL, w.Strict = time.Duration(q.MinTTL)*time.Second, true
		return w, possible(p, w.MinTTL)
	}
	d, err := t.Env.Duration("AWS_MIN_TTL")
	if d == 0 {
		d = t.Policy.MinTTL
	}
	if q.Console && doorwayOf(p) == byChain {
		d = max(d, consoleAtLeast)
	}
	w.MinTTL = d
	return w, err
}

// possible refuses, before any call is made, what no session of a profile can have left.
func possible(p profiles.Profile, want time.Duration) error {
	plan, longer := sessions.NewPlan(p), "--duration asks for a longer session, if AWS allows it"
	lasts := time.Duration(0) // the source decides
	switch n := len(plan.Roles); {
	case n > 0:
		last := plan.Roles[n-1]
		if lasts = last.Duration; plan.Chained() {
			longer = "a role that is assumed with a session, and not with a key, never lasts longer at AWS"
		}
	case plan.Session != nil:
		lasts = plan.Session.Duration
	case plan.Base != nil:
		lasts = sessions.NewPlan(*plan.Base).Session.Duration
	case plan.First.WebIdentity != nil:
		if lasts = plan.First.WebIdentity.Duration; lasts == 0 {
			lasts = sessions.RoleDefault
		}
	}
	if lasts == 0 || lasts >= want {
		return nil
	}
	return WithHint(fmt.Errorf("a session of %s lasts %s, so that %s are never left of it, as --min-ttl wants", p.Name, display.Span(lasts), display.Span(want)),
		"%s", longer)
}

// ttlTolerance is what a new session may lack: AWS counts whole seconds, and by a clock of its own.
const ttlTolerance = time.Minute

// enough refuses a session of which less is left than q demands.
func (t *Task) enough(p profiles.Profile, q env.Request, s creds.Session) error {
	want, left := time.Duration(q.MinTTL)*time.Second, s.Expires.Sub(t.Now())
	if q.MinTTL == 0 || s.Expires.IsZero() || left+ttlTolerance >= want {
		return nil
	}
	return WithHint(fmt.Errorf("the new session of %s lasts only %s, and --min-ttl wants %s", p.Name, display.Span(left), display.Span(want)),
		"where it comes from decides how long it lasts: %s", SourceText(p))
}
