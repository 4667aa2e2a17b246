package cmd

import (
	"github.com/d44b7504/vault/internal/display"
	"github.com/d44b7504/vault/internal/profiles"
	"github.com/d44b7504/vault/internal/sessions"
	"github.com/d44b7504/vault/refresh"
)

// announce says which profile became active, until when, and what happens then.
func announce(r *run, p profiles.Profile, l refresh.Lease) {
	plan := sessions.NewPlan(p)
	announceLimits(r, plan)
	clock := display.Clock(l.Session.Expires, r.Now())
	switch {
	case l.Session.Expires.IsZero():
		r.say("%s, with a key that does not expire", p.Name)
	case l.Warning != nil && !l.RefreshAt.IsZero() && l.Note != "":
		r.say("%s until %s, with the session it had", p.Name, clock)
	case plan.Silent() && r.task.Unlocked:
		r.say("%s until %s (then asks for the passphrase)", p.Name, clock)
	case plan.Silent():
		r.say("%s until %s (renews by itself)", p.Name, clock)
	default:
		r.say("%s until %s (then asks for an MFA code)", p.Name, clock)
	}
}

// announceLimits tells when AWS's limit on role chaining made a role's session shorter than
// was asked for.
func announceLimits(r *run, plan sessions.Plan) {
	for _, c := range plan.Roles {
		if c.Wanted > 0 {
			r.say("%s is limited to %s, because it is assumed with a session and not with the key", c.ARN, display.Duration(c.Duration))
		}
	}
}
