package cmd

import (
	"github.com/d44b7504/vault/internal/profiles"
	"github.com/d44b7504/vault/internal/sessions"
	"github.com/d44b7504/vault/refresh"
)

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
	case sessions.NewPlan(p).Silent() && r.task.Unlocked:
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
