package cmd

import (
	"bytes"
	"os"
	"slices"
	"strings"

	"github.com/d44b7504/vault/env"
	"github.com/d44b7504/vault/internal/app"
	"github.com/d44b7504/vault/internal/display"
	"github.com/d44b7504/vault/internal/profiles"
	"github.com/d44b7504/vault/internal/sessions"
	"github.com/d44b7504/vault/refresh"
	"github.com/d44b7504/vault/shells"
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
	defer announceLabel(r)
	switch {
	case l.Session.Expires.IsZero() && temporary != nil:
		r.say("%s, with the temporary key in %s, which does not say when it expires%s", name, temporary.At, reach(r))
	case l.Session.Expires.IsZero():
		r.say("%s, with a key that does not expire%s", name, reach(r))
	case reach(r) != "": // the rest is for a shell that shows prompts
		r.say("%s until %s%s", name, until, reach(r))
	case l.Warning != nil && !l.RefreshAt.IsZero() && l.Note != "":
		r.say("%s until %s, with the session it had", name, until)
	case app.RenewalOf(p, r.task.Unlocked) == app.RenewsItself && !promptRuns(r):
		r.say("%s until %s%s", name, until, unrenewed(r))
	case p.Guard.Lapses:
		r.say("%s until %s (not renewed: vault_auto_renew = false)", name, until)
	case app.RenewalOf(p, r.task.Unlocked) == app.RenewsFromFile:
		r.say("%s until %s (renews once there is a new key in %s)", name, until, temporary.At.File)
	case app.RenewalOf(p, r.task.Unlocked) == app.RenewsItself:
		r.say("%s until %s (renews by itself)", name, until)
	case app.RenewalOf(p, r.task.Unlocked) == app.RenewsByProgram:
		r.say("%s until %s (then %s)", name, until, r.ours("vault refresh "+asks(app.RenewsByProgram, app.RenewProgram(app.Chain(p)))))
	default:
		r.say("%s until %s (then %s)", name, until, asks(app.RenewalOf(p, r.task.Unlocked), ""))
	}
}

// reach says how far a switch reaches, "" for the shell that a person is in.
func reach(r *run) string {
	if r.getenv(env.Subshell) == "" {
		return ""
	}
	return ", in this sub-shell only"
}

// lacks are what the hook says does not work in the shell. Which shell it is the hook says
// only to a command that changes it.
func lacks(r *run) []shells.Lack {
	sh, err := shells.For(r.getenv(env.Shell))
	if err != nil {
		sh = &shells.Shell{}
	}
	return sh.Lacks(r.getenv(env.Lacks))
}

// promptRuns reports whether a prompt follows at which the hook can renew the session, or
// say that a person is needed.
func promptRuns(r *run) bool { return r.Code != nil && !lacksRenewal(r) }

// lacksRenewal reports whether the hook says that it does not run at a prompt of this shell.
func lacksRenewal(r *run) bool {
	return slices.ContainsFunc(lacks(r), func(l shells.Lack) bool { return l.Renewal })
}

// unrenewed tells a person at a prompt that the session will not be renewed there. A script
// expects nothing else.
func unrenewed(r *run) string {
	for _, l := range lacks(r) {
		if l.Renewal && l.Cure != "" {
			return " (not renewed: the hook does not run at this prompt, and vault doctor says why)"
		}
	}
	return ""
}

// announceLabel tells, once in each shell, that its prompt does not show the session.
func announceLabel(r *run) {
	if slices.Contains(strings.Fields(r.getenv(env.Lacks)), shells.Told) {
		return
	}
	for _, l := range lacks(r) {
		if l.Label && !themed(r) {
			r.say("%s", l.What)
			r.hint("%s", l.Cure)
		}
	}
}

// themed reports whether the theme of oh-my-posh, a file that POSH_THEME names, has a segment that
// shows the session.
func themed(r *run) bool {
	text, err := os.ReadFile(r.getenv("POSH_THEME"))
	return err == nil && bytes.Contains(text, []byte("vault prompt"))
}

// announceLimits tells when AWS's limit on role chaining made a role's session shorter than
// was asked for.
func announceLimits(r *run, plan sessions.Plan) {
	for _, c := range plan.Roles {
		if c.Wanted > 0 {
			r.say("%s is limited to %s, because it is assumed with a session and not with the key", c.ARN, display.Span(c.Duration))
		}
	}
}

// announceRegion tells that the user's own region is exported, and not that of the profile.
func announceRegion(r *run, q env.Request) {
	set, err := r.task.Profiles()
	if err != nil || q.Region != "" {
		return
	}
	for _, variable := range []string{"AWS_REGION", "AWS_DEFAULT_REGION"} {
		yours, its := r.task.Env.User[variable], set.OwnRegion(q.Profile)
		if yours != "" && its != "" {
			if yours != its {
				r.say("the region is %s, as %s of this shell says, and not %s of the profile", yours, variable, its)
			}
			return
		}
	}
}
