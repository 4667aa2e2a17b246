// Package sessions turns a resolved profile into a session: it plans the calls, asks
// for the MFA code, and makes the calls. It is the only importer of the AWS SDK.
package sessions

import (
	"slices"
	"time"

	"github.com/d44b7504/vault/internal/profiles"
)

// Plan is the list of calls that make a profile's session. It follows from the profile
// alone, so that it can be shown and tested without a network.
type Plan struct {
	First   profiles.Source   // what the chain begins with; never a role
	Key     string            // the profile whose stored key the chain begins with, "" if it begins with none
	Session *SessionCall      // GetSessionToken for the profile itself; nil if Roles is not empty
	Base    *profiles.Profile // whose session is made first, and shared by all that use this key; or nil
	Console *FederationCall   // GetFederationToken for the profile itself, which has no roles; or nil
	Roles   []RoleCall        // the first one is assumed first; without any, the session of Base is the profile's
}

// SessionCall is a GetSessionToken.
type SessionCall struct {
	MFASerial, MFAProcess string
	Duration              time.Duration
}

// FederationCall is a GetFederationToken.
type FederationCall struct {
	profiles.Federation
	Duration time.Duration
}

// RoleCall is an AssumeRole. MFASerial is empty if the credentials that sign it were made
// with MFA already. Wanted is the duration in the profile if AWS's limit on chains of
// roles made Duration shorter; otherwise it is zero.
type RoleCall struct {
	profiles.Role
	Duration time.Duration
	Wanted   time.Duration
}

// AWS's limits, and the durations used where the profile has none.
const (
	SessionDefault    = time.Hour     // GetSessionToken for a profile itself
	baseDefault       = 8 * time.Hour // GetSessionToken under roles: one MFA question a day
	federationDefault = time.Hour     // GetFederationToken
	RoleDefault       = time.Hour     // also the longest a role assumed from temporary credentials may last
)

// NewPlan applies these rules. A profile of a stored key gets a session, unless NoSession.
// A role is assumed with the key itself, except if the key's profile and a role name the
// same MFA device: then a session with MFA is made first. It is the session of the key's
// own profile, too, and shared by that, by other names of it and by all roles over the key,
// so that one code lasts for hours; only a duration that was asked for gets another one. That
// session limits each role to an hour; a single role with a longer duration is therefore
// assumed directly. A chain that begins with anything but a stored key begins with
// temporary credentials, and AWS limits a role assumed with those to an hour.
func NewPlan(p profiles.Profile) Plan {
	first, roles := chain(p.Source)
	plan := Plan{First: first}
	if first.Stored == nil {
		plan.Roles = calls(roles, true, "")
		return plan
	}
	stored := *first.Stored
	plan.Key = stored.Profile
	if len(roles) == 0 {
		switch shared := SharedBy(p); {
		case stored.Federation != nil:
			plan.Console = &FederationCall{*stored.Federation, or(stored.Duration, federationDefault)}
		case stored.NoSession:
		case stored.Duration == 0 && shared != nil && shared.Name != p.Name:
			plan.Base = shared
		default:
			plan.Session = &SessionCall{stored.MFASerial, stored.MFAProcess, or(stored.Duration, or(stored.SharedDuration, SessionDefault))}
		}
		return plan
	}
	if sharesSession(stored, roles) {
		stored.SharedDuration = or(stored.SharedDuration, baseDefault)
		plan.Base = base(p, stored)
		plan.Roles = calls(roles, true, stored.MFASerial)
	} else {
		plan.Roles = calls(roles, false, "")
	}
	return plan
}

// calls gives each role its duration. temporary says that the first one is assumed with
// temporary credentials; carried is the MFA device that these were made with.
func calls(roles []profiles.Role, temporary bool, carried string) []RoleCall {
	var list []RoleCall
	for i, r := range roles {
		c := RoleCall{Role: r, Duration: or(r.Duration, RoleDefault)}
		if (temporary || i > 0) && c.Duration > RoleDefault {
			c.Wanted, c.Duration = c.Duration, RoleDefault
		}
		if carried != "" && r.MFASerial == carried {
			c.MFASerial = ""
		}
		list = append(list, c)
	}
	return list
}

// Chained reports whether AWS limits the last role to RoleDefault, because it is assumed with a session.
func (p Plan) Chained() bool {
	return len(p.Roles) > 1 || len(p.Roles) == 1 && (p.Base != nil || p.First.Stored == nil)
}

// Silent reports whether the session can be renewed without a person while the shared
// session or the sign-in that it begins with lasts.
func (p Plan) Silent() bool {
	needs := func(serial, process string) bool { return serial != "" && process == "" }
	if p.Session != nil && needs(p.Session.MFASerial, p.Session.MFAProcess) {
		return false
	}
	if p.Base != nil && len(p.Roles) == 0 { // the session ends with the shared one
		if s := p.Base.Source.Stored; needs(s.MFASerial, s.MFAProcess) {
			return false
		}
	}
	return !slices.ContainsFunc(p.Roles, func(r RoleCall) bool { return needs(r.MFASerial, r.MFAProcess) })
}

// sharesSession reports whether the chain begins with a session that carries MFA.
func sharesSession(stored profiles.Stored, roles []profiles.Role) bool {
	same := func(r profiles.Role) bool { return r.MFASerial == stored.MFASerial }
	switch {
	case stored.NoSession || stored.MFASerial == "" || !slices.ContainsFunc(roles, same):
		return false
	case len(roles) > 1:
		return true
	}
	return roles[0].Profile != stored.Profile && roles[0].Duration <= RoleDefault
}

// SharedBy returns the profile whose session all users of a stored key with MFA share, nil if
// p is not a key of that kind. It is p itself, or p with another name or duration.
func SharedBy(p profiles.Profile) *profiles.Profile {
	if s := p.Source.Stored; s != nil && s.MFASerial != "" && !s.NoSession && s.Federation == nil {
		return base(p, *s)
	}
	return nil
}

func base(p profiles.Profile, stored profiles.Stored) *profiles.Profile {
	stored.Duration = 0
	return &profiles.Profile{
		Name: stored.Profile, Region: p.Region, Endpoint: p.Endpoint, Network: p.Network, Source: profiles.Source{Stored: &stored},
	}
}

// chain returns what a source begins with, and its roles in the order they are assumed.
func chain(s profiles.Source) (profiles.Source, []profiles.Role) {
	var roles []profiles.Role
	for s.Role != nil {
		roles = append(roles, *s.Role)
		s = s.Role.Source
	}
	slices.Reverse(roles)
	return s, roles
}

func or(d, otherwise time.Duration) time.Duration {
	if d > 0 {
		return d
	}
	return otherwise
}
