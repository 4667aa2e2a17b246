package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/d44b7504/vault/env"
	"github.com/d44b7504/vault/internal/creds"
	"github.com/d44b7504/vault/internal/display"
	"github.com/d44b7504/vault/internal/profiles"
	"github.com/d44b7504/vault/internal/sessions"
	"github.com/d44b7504/vault/refresh"
)

// This file makes the address that opens the console. AWS takes the session of a role, or one of
// GetFederationToken for a key; how long the console may last depends on where the session comes
// from.

// ConsoleRequest is what the console is opened with.
type ConsoleRequest struct {
	Session  env.Request   // whose console
	Given    Given         // credentials of the environment in place of a profile; "" for none
	Duration time.Duration // of the console; 0: as long as a session of the profile
	Path     string        // of the page; "" for the first one
	SignOut  bool          // leave what the browser is signed in to
}

// Console is an address that opens the console, and what is known of it.
type Console struct {
	URL                            creds.Secret
	Profile, Account, Role, Region string
	Settings                       map[string]string // the profile's vault_* settings
	Until                          time.Time         // when the console ends; zero: unknown
}

// Name is what the console is called in a sentence.
func (c Console) Name() string {
	switch {
	case c.Profile == "" && c.Account == "":
		return "the credentials in the environment"
	case c.Profile == "":
		return "account " + c.Account
	case c.Account == "":
		return c.Profile
	}
	return fmt.Sprintf("%s (%s)", c.Profile, c.Account)
}

// AWS's limits on how long a console lasts.
const (
	minConsole     = 15 * time.Minute
	maxConsole     = 12 * time.Hour
	maxFederated   = 36 * time.Hour
	maxChained     = time.Hour
	consoleAtLeast = 30 * time.Minute // is left of a session that the console ends with
)

// doorway is how credentials get into the console.
type doorway int

const (
	byRole      doorway = iota // a role's session; the console has a length of its own
	byChain                    // a role's that was made with a session; the console ends with it
	byUser                     // a session of GetFederationToken, with which the console ends
	byWhatever                 // of another program, which may be anything
	byGivenUser                // byUser, with a key that the environment has
)

func doorwayOf(p profiles.Profile) doorway {
	plan := sessions.NewPlan(p)
	switch {
	case plan.Console != nil:
		return byUser
	case len(plan.Roles) > 1, len(plan.Roles) == 1 && (plan.Base != nil || plan.First.Stored == nil):
		return byChain
	case len(plan.Roles) == 1, plan.First.SSO != nil, plan.First.WebIdentity != nil:
		return byRole
	}
	return byWhatever
}

// Console makes the address. It may ask what a session of the profile needs.
func (t *Task) Console(ctx context.Context, r ConsoleRequest) (Console, error) {
	if r.Given != "" {
		return t.consoleGiven(ctx, r)
	}
	q := r.Session
	q.Console = true
	p, q, err := t.Permitted(ctx, q)
	if err != nil {
		return Console{}, err
	}
	if most := p.Guard.Max; most != 0 && r.Duration > most {
		t.say("vault_max_duration of %q: the console lasts %s, and not %s", p.Name, display.Span(most), display.Span(r.Duration))
		r.Duration = most
	}
	door := doorwayOf(p)
	if door == byChain && r.Duration > maxChained && directly(p) {
		q.NoSession, door = true, byRole // without the shared session under it
	}
	if err := checkConsole(door, r.Duration); err != nil {
		return Console{}, err
	}
	w := refresh.Want{IgnoreCache: door == byUser}
	if door == byUser || door == byChain && r.Duration > 0 {
		q.Seconds, w.IgnoreCache = seconds(r.Duration), true
	}
	if key := p.Source.Stored; door == byUser && key.MFASerial != "" {
		t.say("the console will not count as signed in with MFA: AWS has no way to open it for a user's key with a code; a role over the key can have one")
	}
	p, l, err := t.Session(ctx, q, w)
	if err != nil {
		return Console{}, err
	}
	return t.consoleURL(ctx, p, l.Session, door, r)
}

// directly reports whether a chain is one role over a stored key, which can sign for it itself.
func directly(p profiles.Profile) bool {
	plan := sessions.NewPlan(p)
	return plan.First.Stored != nil && len(plan.Roles) == 1
}

// checkConsole refuses a length of the console that AWS does not allow.
func checkConsole(door doorway, d time.Duration) error {
	limit, why := maxConsole, ""
	switch door {
	case byChain:
		limit, why = maxChained, " for a role that is assumed with another session"
	case byUser, byGivenUser:
		limit = maxFederated
	}
	if d != 0 && (d < minConsole || d > limit) {
		err := fmt.Errorf("--duration is %s: AWS lets the console last from %s to %s%s", display.Span(d), display.Span(minConsole), display.Span(limit), why)
		return Usage("vault login", err)
	}
	return nil
}

// consoleGiven is Console for credentials that the environment has.
func (t *Task) consoleGiven(ctx context.Context, r ConsoleRequest) (Console, error) {
	p, s, err := t.given(ctx, r.Given)
	if err != nil {
		return Console{}, err
	}
	p.Region = cmp.Or(r.Session.Region, p.Region)
	door := doorwayOf(p)
	if s.Token.IsZero() {
		door = byGivenUser
	}
	if err := checkConsole(door, r.Duration); err != nil {
		return Console{}, err
	}
	if door == byGivenUser {
		f := sessions.FederationCall{Duration: r.Duration, Federation: profiles.Federation{Policy: r.Session.Policy, PolicyARNs: r.Session.PolicyARNs}}
		if s, err = t.unstored().Federate(ctx, p, s, f); err != nil {
			return Console{}, givenError(r.Given, err)
		}
	}
	return t.consoleURL(ctx, p, s, door, r)
}

// consoleURL exchanges a session for the address.
func (t *Task) consoleURL(ctx context.Context, p profiles.Profile, s creds.Session, door doorway, r ConsoleRequest) (Console, error) {
	c := Console{Profile: p.Name, Region: cmp.Or(profiles.RegionFor(s.ARN), p.Region), Settings: p.Extra, Until: s.Expires}
	if profiles.Partition(p.Region) == profiles.Partition(c.Region) {
		c.Region = p.Region
	}
	if r.Given != "" {
		c.Profile = ""
	}
	if c.Account, c.Role = roleOf(s.ARN); c.Account == "" {
		c.Account = creds.AccountOf(s.AccessKeyID)
	}
	if sso := p.Source.SSO; sso != nil {
		c.Account, c.Role = sso.Account, sso.Role
	}
	page, err := sessions.ConsoleAddress(c.Region, r.Path)
	if err != nil {
		return c, fmt.Errorf("--path is %q: %w", r.Path, err)
	}
	call := sessions.ConsoleCall{Region: c.Region, Destination: page, SignOut: r.SignOut, Duration: consoleLength(door, r.Duration, p.Guard.Max, s)}
	if call.Duration > 0 {
		c.Until = t.Now().Add(call.Duration)
	}
	m := t.unstored()
	m.Say = t.sayAndTell
	c.URL, err = m.ConsoleURL(ctx, p, s, call)
	return c, sessions.NameGiver(p, refusedHint(p, r.Duration, err))
}

// consoleLength is the length that AWS is asked for: for a role's session that of a whole one
// though the cached one may be near its end. 0 leaves it to AWS, whose rule is that the console
// ends with the session.
func consoleLength(door doorway, asked, most time.Duration, s creds.Session) time.Duration {
	switch {
	case door == byWhatever:
		return asked
	case door != byRole:
		return 0
	case asked > 0:
		return asked
	case s.Issued.IsZero() || s.Expires.IsZero():
		return 0
	}
	if most == 0 {
		most = maxConsole
	}
	return min(max(s.Expires.Sub(s.Issued).Round(time.Minute), minConsole), maxConsole, most)
}

// refusedHint says what to do where AWS does not let credentials into the console.
func refusedHint(p profiles.Profile, asked time.Duration, err error) error {
	var call *sessions.CallError
	if !errors.As(err, &call) || call.Kind != sessions.Refused {
		return err
	}
	switch from := p.Source.Origin(); {
	case p.Source.Login != nil:
		return WithHint(err, "the browser in which you ran aws login is signed in to the console already")
	case asked > 0:
		return WithHint(err, "try it without --duration: AWS takes that for a role only, and not for one that was assumed with another session")
	case from.Role == nil && p.Source.Role == nil && p.Source.SSO == nil:
		return WithHint(err, "AWS opens the console for a role, or for a key that vault has stored, and not for a session of GetSessionToken")
	}
	return err
}
