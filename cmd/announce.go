package cmd

import (
	"github.com/d44b7504/vault/env"
	"github.com/d44b7504/vault/internal/app"
	"github.com/d44b7504/vault/internal/display"
	"github.com/d44b7504/vault/internal/profiles"
	"github.com/d44b7504/vault/internal/sessions"
	"github.com/d44b7504/vault/refresh"
)

// announce says which profile became active, until when, and what happens then.
func announce(r *run, p profiles.Profile, q env.Request, l refresh.Lease) {
	plan, name := sessions.NewPlan(p), p.Name
	if words := q.Qualifier(); words != "" {
		name += " " + words
	}
	announceLimits(r, plan)
	until := display.Clock(l.Session.Expires, r.Now())
	temporary := p.Source.Origin().Temporary
	switch {
	case l.Session.Expires.IsZero() && temporary != nil:
		r.say("%s, with the temporary key in %s, which does not say when it expires%s", name, temporary.At, reach(r))
	case l.Session.Expires.IsZero():
		r.say("%s, with a key that does not expire%s", name, reach(r))
	case reach(r) != "": // the rest is for a shell that shows prompts
		r.say("%s until %s%s", name, until, reach(r))
	case l.Warning != nil && !l.RefreshAt.IsZero() && l.Note != "":
		r.say("%s until %s, with the session it had", name, until)
	case temporary != nil && plan.Silent():
		r.say("%s until %s (renews by itself as long as there is a valid key in %s)", name, until, temporary.At.File)
	case app.RenewalOf(p, r.task.Unlocked) == app.RenewsItself:
		r.say("%s until %s (renews by itself)", name, until)
	default:
		r.say("%s until %s (then %s)", name, until, asks(app.RenewalOf(p, r.task.Unlocked)))
	}
}

// reach says how far a switch reaches, "" for the shell that a person is in.
func reach(r *run) string {
	if r.getenv(env.Subshell) == "" {
		return ""
	}
	return ", in this sub-shell only"
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
