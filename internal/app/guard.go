package app

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/d44b7504/vault/env"
	"github.com/d44b7504/vault/internal/creds"
	"github.com/d44b7504/vault/internal/display"
	"github.com/d44b7504/vault/internal/profiles"
	"github.com/d44b7504/vault/internal/server"
	"github.com/d44b7504/vault/internal/sessions"
	"github.com/d44b7504/vault/refresh"
)

// This file holds a session back as the profile's own settings say; see profiles.Guard. What
// narrows and shortens it counts whenever a profile is resolved. What a person has to confirm is
// asked for when a session is given out, and not when it is renewed.

// Permitted resolves a request for a session that a command will give out, after the person has
// confirmed it where the profile demands that. It returns the request as it is to be remembered.
func (t *Task) Permitted(ctx context.Context, q env.Request) (profiles.Profile, env.Request, error) {
	p, err := t.Resolve(ctx, q)
	if err != nil {
		return p, q, err
	}
	held, agent, err := t.heldForAgent(p, guarded(q, p))
	if err == nil && (held.Agent != q.Agent || len(held.PolicyARNs) != len(q.PolicyARNs)) {
		p, err = t.Resolve(ctx, held)
	}
	if q = held; err != nil {
		return p, q, notNarrowed(agent, err)
	}
	if q.NoSession && (p.Guard.Max != 0 || p.Guard.Lapses) {
		return p, q, WithHint(fmt.Errorf("profile %q has %s, and the key itself does not expire", p.Name, guardWords(p.Guard)), "leave out --no-session")
	}
	if agent.Name != "" && (agent.Rule == profiles.AgentsAsk || p.Guard.Protected && !slices.Contains(t.YesReally, p.Name)) {
		return p, q, t.allowAgent(ctx, p, q, agent)
	}
	return p, q, t.confirm(ctx, p, q)
}

// Given is Session for a command that gives the session out; see Permitted.
func (t *Task) Given(ctx context.Context, q env.Request, w refresh.Want) (profiles.Profile, env.Request, refresh.Lease, error) {
	p, q, err := t.Permitted(ctx, q)
	if err != nil {
		return p, q, refresh.Lease{}, err
	}
	l, err := t.sessionOf(ctx, p, q, w)
	return p, q, l, err
}

// guarded is a request with what the settings of its profile make of it, so that the prompt and
// other terminals know.
func guarded(q env.Request, p profiles.Profile) env.Request {
	q.Protected = p.Guard.Protected
	if p.Guard.ReadOnly && len(q.PolicyARNs) == 0 {
		q.PolicyARNs = []string{env.ReadOnlyPolicy}
	}
	return q
}

// GuardFacts is a Guard for a program to read.
type GuardFacts struct {
	Protected bool   `json:"protected,omitempty"`
	ReadOnly  bool   `json:"read_only,omitempty"`
	Max       int    `json:"max_duration_seconds,omitempty"`
	Lapses    bool   `json:"not_renewed,omitempty"`
	Agents    string `json:"agents,omitempty"`
	Words     string `json:"-"`
}

// guardFacts returns nil for a guard that holds nothing back.
func guardFacts(g profiles.Guard) *GuardFacts {
	if g == (profiles.Guard{}) {
		return nil
	}
	return &GuardFacts{g.Protected, g.ReadOnly, seconds(g.Max), g.Lapses, g.Agents, guardWords(g)}
}

// guardWords names the settings that hold something back, "" if there are none.
func guardWords(g profiles.Guard) string {
	var words []string
	add := func(holds bool, word string) {
		if holds {
			words = append(words, word)
		}
	}
	add(g.Protected, "vault_protected")
	add(g.ReadOnly, "vault_read_only")
	add(g.Max != 0, "vault_max_duration ("+display.Span(g.Max)+")")
	add(g.Lapses, "vault_auto_renew = false")
	add(g.Agents != "", "vault_agents = "+g.Agents)
	return strings.Join(words, ", ")
}

// ProtectedError says that a person has to confirm a protected profile, and that nobody can be
// asked here. It matches sessions.ErrNeedsUser.
type ProtectedError struct{ Profile string }

func (e *ProtectedError) Error() string {
	return fmt.Sprintf("profile %q is protected: its name has to be typed on a terminal, and there is none to ask on", e.Profile)
}

// Is makes the exit status that of a missing person.
func (*ProtectedError) Is(target error) bool { return target == sessions.ErrNeedsUser }

// confirm has the person type the name of a protected profile, unless this shell has its session
// already.
func (t *Task) confirm(ctx context.Context, p profiles.Profile, q env.Request) error {
	switch {
	case !p.Guard.Protected, slices.Contains(t.YesReally, p.Name), t.confirmed(p, q):
		return nil
	case len(t.YesReally) > 0:
		return &UsageError{Command: "vault", Err: fmt.Errorf("--yes-really names %q, and the protected profile is %q", t.YesReally[0], p.Name)}
	case t.Ask == nil, t.Quiet, t.SignIn.Never:
		return WithHint(&ProtectedError{p.Name}, "if it is really meant: --yes-really=%s", Word(p.Name))
	}
	answer, err := t.Ask(ctx, fmt.Sprintf("%s is protected%s. Type its name to go on: ", p.Name, whose(p)), false)
	if err != nil {
		return err
	}
	if !answer.Equal(creds.New(p.Name)) {
		return fmt.Errorf("that is not %q: nothing was changed and nothing was run", p.Name)
	}
	return nil
}

// whose says in parentheses which role a profile gives, "" if that is not known.
func whose(p profiles.Profile) string {
	switch s := p.Source; {
	case s.Role != nil:
		return " (" + s.Role.ARN + ")"
	case s.SSO != nil:
		return " (" + s.SSO.Role + " in " + s.SSO.Account + ")"
	}
	return ""
}

// confirmed reports whether the caller's shell has a session of the same profile that a person has
// confirmed, and that may do as much as the one that is asked for.
func (t *Task) confirmed(p profiles.Profile, q env.Request) bool {
	st, active := t.Env.Active()
	had := st.Request
	return active && had.Protected && had.Profile == p.Name && len(st.Changed(t.Env.Current)) == 0 && had.NoSession == q.NoSession &&
		had.RoleARN == q.RoleARN && (!had.Special() || had.Policy == q.Policy && slices.Equal(had.PolicyARNs, q.PolicyARNs))
}

// limited shortens a profile's session to vault_max_duration. asked is what the caller wants, 0 for
// nothing in particular.
func limited(p *profiles.Profile, asked time.Duration) {
	why := ""
	switch possible := p.Limit(sessions.SessionDefault, sessions.RoleDefault); {
	case !possible:
		why = "it has no effect, because the source of these credentials decides how long they last"
	case p.Guard.Max != 0 && asked > p.Guard.Max:
		why = "this session lasts " + display.Span(p.Guard.Max) + ", and not " + display.Span(asked)
	default:
		return
	}
	p.Warnings = append(p.Warnings, profiles.Warning{Profile: p.Name, Key: "vault_max_duration", Why: why})
}

// LapsedError says that a session of a profile with vault_auto_renew = false has ended, or that
// there is none, where only a program waits for another. It matches sessions.ErrNeedsUser.
type LapsedError struct{ Profile string }

func (e *LapsedError) Error() string {
	return fmt.Sprintf("there is no session of %q that a person has begun, and none is made for a program, because of vault_auto_renew = false", e.Profile)
}

// Is makes the exit status that of a missing person.
func (*LapsedError) Is(target error) bool { return target == sessions.ErrNeedsUser }

// lapsing returns what is cached of a session that only a person may renew.
func (t *Task) lapsing(ctx context.Context, p profiles.Profile) (refresh.Lease, error) {
	l, err := storedLease(ctx, t, p)
	if errors.Is(err, refresh.ErrNoSession) || err == nil && l.Session.Expired(t.Now()) {
		err = WithHint(&LapsedError{p.Name}, "vault use %s", Word(p.Name))
	}
	return l, err
}

// asLapsing makes a lease one that nothing renews. Its generation file is of this very session, so
// that a new one, which a person has begun in another terminal, does not take its place.
func (t *Task) asLapsing(p profiles.Profile, l refresh.Lease) refresh.Lease {
	l.RefreshAt = time.Time{}
	if file, err := t.Env.Runtime().Set(refresh.Key(p)+"\x00"+l.Session.AccessKeyID, l.Session, ""); err == nil {
		l.File = file
	}
	return l
}

// once is a source of an endpoint for a session that lapses: after the first one there is no other.
func once(q env.Request, source server.Source, has bool) server.Source {
	return func(ctx context.Context) (creds.Session, error) {
		if has {
			return creds.Session{}, &server.Error{
				Code:    "SessionEnded",
				Message: q.Profile + ": the session is not renewed, because of vault_auto_renew = false; start the command again",
			}
		}
		s, err := source(ctx)
		has = err == nil
		return s, err
	}
}
