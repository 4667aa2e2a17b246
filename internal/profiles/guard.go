package profiles

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/d44b7504/vault/internal/creds"
)

// Guard is what a profile's own settings say about how carefully its sessions are given out. The
// zero value holds nothing back.
type Guard struct {
	Protected bool          // vault_protected: a person confirms by typing the profile's name
	ReadOnly  bool          // vault_read_only: every session is narrowed to reading
	Max       time.Duration // vault_max_duration: no session lasts longer; 0: no limit
	Lapses    bool          // vault_auto_renew = false: a session ends, and only a person makes another
	Agents    string        // vault_agents: what a coding agent is given; "": as the environment says
	AgentsAt  string        // where that is set, for messages
}

// The values of vault_agents.
const (
	AgentsReadOnly = "read-only"
	AgentsDeny     = "deny"
	AgentsAsk      = "ask"
	AgentsAllow    = "allow"
)

// AgentRules lists the values of vault_agents.
func AgentRules() []string { return []string{AgentsReadOnly, AgentsDeny, AgentsAsk, AgentsAllow} }

// minDuration is the shortest session that AWS makes.
const minDuration = 15 * time.Minute

// guard reads the settings of one profile. A value that cannot be read is an error: what was meant
// to hold something back must not be passed over.
func (v *view) guard() Guard {
	g := Guard{Protected: v.flag("vault_protected", false), ReadOnly: v.flag("vault_read_only", false), Lapses: !v.flag("vault_auto_renew", true)}
	if text := v.str("vault_max_duration"); text != "" {
		d, err := time.ParseDuration(text)
		if seconds, plain := strconv.Atoi(text); plain == nil {
			d, err = time.Duration(seconds)*time.Second, nil
		}
		if g.Max = d; err != nil || d < minDuration {
			v.rejectKey("vault_max_duration", "write it like 1h or 45m; AWS makes no session shorter than 15 minutes")
		}
	}
	if g.Agents = strings.ToLower(v.str("vault_agents")); g.Agents != "" {
		if g.AgentsAt = v.placeOf("vault_agents"); !slices.Contains(AgentRules(), g.Agents) {
			v.rejectKey("vault_agents", "it must be one of "+strings.Join(AgentRules(), ", "))
		}
	}
	return g
}

// GuardOf reads the guard of a profile without finding out where its credentials come from. What
// cannot be read is left out.
func (s *Set) GuardOf(name string) Guard {
	var g Guard
	if !s.guards() {
		return g
	}
	if o, ok := s.outline(name); ok && !o.guarded {
		return g
	}
	for known := map[string]bool{}; name != "" && s.Has(name) && !known[name]; {
		v := &view{set: s, name: name}
		if v.collect() != nil {
			break
		}
		known[name], g = true, g.with(v.guard())
		if name = ""; !v.has("role_arn") {
			name = v.str("source_profile")
		}
	}
	return g
}

// guards reports whether a file has anything that may be a setting of a guard. Most have none,
// and then no profile has to be looked at.
func (s *Set) guards() bool {
	return s.ours() || s.credentials != nil && s.credentials.ours()
}

// mentionsOurs is called by Set.ours: it finds "vault_", in which all our settings begin.
func (s *Set) mentionsOurs() bool {
	const word = "vault"
	for rest := s.text; ; {
		at := strings.IndexByte(rest, '_')
		if at < 0 {
			return false
		}
		if at >= len(word) && strings.EqualFold(rest[at-len(word):at], word) {
			return true
		}
		rest = rest[at+1:]
	}
}

// flag reads a setting that is true or false.
func (v *view) flag(key string, otherwise bool) bool {
	text := v.str(key)
	if text == "" {
		return otherwise
	}
	on, readable := isOn(text)
	if !readable {
		v.rejectKey(key, "it must be true or false")
		return otherwise
	}
	return on
}

// isOn reads a setting that is on or off.
func isOn(text string) (on, readable bool) {
	switch strings.ToLower(text) {
	case "true", "yes", "on", "1":
		return true, true
	case "false", "no", "off", "0":
		return false, true
	}
	return false, false
}

// with is the guard of a profile that gives the same credentials as another one: the stricter
// setting of both counts.
func (g Guard) with(source Guard) Guard {
	if source.Max != 0 && (g.Max == 0 || source.Max < g.Max) {
		g.Max = source.Max
	}
	if g.Agents == "" {
		g.Agents, g.AgentsAt = source.Agents, source.AgentsAt
	}
	g.Protected, g.ReadOnly, g.Lapses = g.Protected || source.Protected, g.ReadOnly || source.ReadOnly, g.Lapses || source.Lapses
	return g
}

// narrow makes the policies of o the one that only allows to read. AWS adds session policies up, so
// another one beside it would give back what this one takes away.
func (o Overrides) narrow(profile string) (Overrides, error) {
	others := slices.ContainsFunc(o.PolicyARNs, func(arn string) bool { return arn != creds.ReadOnlyPolicy })
	if o.Policy != "" || others {
		return o, &PolicyError{Profile: profile}
	}
	o.PolicyARNs = []string{creds.ReadOnlyPolicy}
	return o, nil
}

// PolicyError: a profile that is always narrowed to reading was asked for with another policy.
type PolicyError struct{ Profile string }

func (e *PolicyError) Error() string {
	return "profile " + strconv.Quote(e.Profile) + " is narrowed to reading by vault_read_only, and AWS would add another policy to that"
}

// limit is the duration of a call that would last otherwise as long as said, in a guard.
func (g Guard) limit(d, otherwise time.Duration) time.Duration {
	if g.Max != 0 && or(d, otherwise) > g.Max {
		return g.Max
	}
	return d
}

// Limit shortens the last call of p to the guard's maximum. It reports whether that was possible:
// other sources decide by themselves how long their credentials last. sessionDefault and roleDefault
// are how long a session and a role last without a setting.
func (p *Profile) Limit(sessionDefault, roleDefault time.Duration) bool {
	switch s := p.Source; {
	case p.Guard.Max == 0:
	case s.Role != nil:
		s.Role.Duration = p.Guard.limit(s.Role.Duration, roleDefault)
	case s.WebIdentity != nil:
		s.WebIdentity.Duration = p.Guard.limit(s.WebIdentity.Duration, roleDefault)
	case s.Stored != nil:
		s.Stored.Duration = p.Guard.limit(s.Stored.Duration, or(s.Stored.SharedDuration, sessionDefault))
	default:
		return false
	}
	return true
}
