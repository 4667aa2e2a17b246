package env

import (
	"maps"
	"slices"
	"time"

	"github.com/d44b7504/vault/internal/creds"
)

// Activation is what a switch does to a shell, in this order: the hook puts the secrets
// named by Stash aside and forgets those it had put aside before; the variables change; if
// Ends, the hook puts back what it had put aside, as soon as none of these variables is set.
// While a tool has set one for the directory it waits, and looks again at each prompt. If
// Unstash is empty, it forgets them.
type Activation struct {
	Stash   []string
	Changes []Change // sorted by name
	Ends    bool
	Unstash []string

	// Blocked are variables that would have to change and cannot. If there are any, the
	// switch must not be made.
	Blocked []Blocked
}

// Activate returns what makes s the identity of the shell whose environment is current:
// everything in Secrets and Identity is unset, then the session set, then the state. Of the
// session's Settings those are set that the user has not set.
// generation is the path of the generation file. A Request that is Served is for
// ChildServed and ActivateServed.
func Activate(current map[string]string, r Request, s creds.Session, generation string) Activation {
	return activate(current, r, variables(r, s), s, generation)
}

// ActivateServed is Activate for a shell whose programs ask e, an endpoint that an agent
// serves under l. There are no keys in it.
func ActivateServed(current map[string]string, r Request, e Endpoint, l Lease, s creds.Session, generation string) Activation {
	a := activate(current, r, endpointVariables(r, e), s, generation)
	a.Changes = amend(a.Changes, func(st *State) { st.Lease = &l })
	return a
}

// activate exports values, and the region of s.
func activate(current map[string]string, r Request, values map[string]creds.Secret, s creds.Session, generation string) Activation {
	old, active := StateOf(current)
	st := State{Request: r, Withheld: old.Withheld, Previous: old.Previous, ARN: s.ARN, Salt: old.Salt, Exported: map[string]string{}}
	if !s.Issued.IsZero() {
		st.Issued = s.Issued.Unix()
		st.setClock(s.Clock)
	}
	if active && old.Request.Profile != r.Profile {
		st.Previous = old.again()
	}
	if st.Salt == "" {
		st.Salt = fingerprint(generation, r.Profile, s.AccessKeyID)
	}
	st.remember(current, old)
	// New ones replace all that the hook kept: half of one identity and half of another would
	// make none. Those of a tool are in its note.
	a := Activation{Stash: old.ownSecrets(current)}

	chosen := regions(values, User(current), r, s)
	addSettings(values, User(current), r, s)
	for n, v := range values {
		st.Exported[n] = fingerprint(st.Salt, n, v.Reveal())
	}
	for n, v := range chosen {
		values[n] = v
		if was, ok := old.Exported[n]; ok { // a tool that has set it for a directory may put it back
			st.Exported[n] = was
		}
	}
	values[GenerationFile] = creds.New(generation)
	values[StateVar] = creds.New(st.encode())
	list := append(replaceAll(current, old, values), old.reproject(current, old.besides(values))...)
	a.Changes, a.Blocked = possible(current, list)
	return a
}

// again is how to ask for the session later. An endpoint of a command ends with it.
func (s State) again() *Request {
	r := s.Request
	if r.Served() && s.Lease == nil {
		r.Mode = ""
	}
	r.Visit = nil
	return &r
}

// remember notes the values before the session, and which of them a tool had set for the
// directory.
func (s *State) remember(current map[string]string, old State) {
	user := User(current)
	s.Prior, s.Under = map[string]string{}, map[string]*string{}
	for _, n := range restored() {
		v, had := user[n]
		if !had {
			continue
		}
		s.Prior[n] = v
		if p := projectOf(current, n, v); p != nil {
			s.Under[n] = old.under(*p, n)
		}
	}
}

// variables are the values that a session sets in one mode, but for the region.
func variables(r Request, s creds.Session) map[string]creds.Secret {
	v := map[string]creds.Secret{ActiveProfile: creds.New(r.Profile)}
	if r.Mode == ModeProfile {
		v[awsProfile] = creds.New(r.Profile)
	} else {
		v[keyID], v[secretKey] = creds.New(s.AccessKeyID), s.SecretKey
		if !s.Token.IsZero() {
			v[sessionToken] = s.Token
		}
	}
	if !s.Expires.IsZero() {
		v[Expiration] = creds.New(s.Expires.UTC().Format(time.RFC3339))
	}
	return v
}

// endpointVariables are the values that a session sets for programs which ask e.
func endpointVariables(r Request, e Endpoint) map[string]creds.Secret {
	v := map[string]creds.Secret{ActiveProfile: creds.New(r.Profile)}
	if e.URL != "" {
		v[endpointURL], v[endpointToken] = creds.New(e.URL), e.Token
	}
	return v
}

// regions adds the session's region to values under both names, except where the user has
// set one: that one is returned instead. It is exported, and stays the user's.
func regions(values map[string]creds.Secret, user map[string]string, r Request, s creds.Session) map[string]creds.Secret {
	chosen := map[string]creds.Secret{}
	for _, n := range []string{region, defaultRegion} {
		if own := user[n]; own != "" && r.Region == "" {
			chosen[n] = creds.New(own)
		} else if s.Region != "" {
			values[n] = creds.New(s.Region)
		}
	}
	return chosen
}

// replaceAll sets values and unsets everything else that a switch touches.
func replaceAll(current map[string]string, old State, values map[string]creds.Secret) []Change {
	var list []Change
	touched := slices.Concat(touchedIn(current), old.leftSettings(current), settingsIn(values))
	slices.Sort(touched)
	for _, n := range slices.Compact(touched) {
		if v, isSet := values[n]; isSet {
			list = append(list, Change{Name: n, Value: v})
		} else {
			list = append(list, unset(n))
		}
	}
	return list
}

// Deactivate returns what gives the shell back as it was. What another program or person
// has changed since stays. Without a session nothing changes.
func Deactivate(current map[string]string) Activation {
	st, active := StateOf(current)
	if !active {
		return Activation{}
	}
	list := []Change{unset(GenerationFile), unset(StateVar)}
	for _, n := range slices.Concat(restored(), secretsAround(current), st.leftSettings(current)) {
		_, is := current[n]
		if is && !st.exported(current, n) {
			continue
		}
		if v, had := st.before(current, n); had {
			list = append(list, set(n, v))
		} else if v, sets := st.projectSecret(current, n); sets {
			list = append(list, set(n, v))
		} else if is {
			list = append(list, unset(n))
		}
	}
	list = append(list, st.reproject(current, func(p project, n string) *string {
		if slices.Contains(Secrets, n) {
			return nil
		}
		return st.under(p, n)
	})...)
	a := Activation{Ends: true}
	if len(st.ownSecrets(current)) == 0 { // or half of what the user has set since would be of another identity
		a.Unstash = Secrets
	}
	a.Changes, a.Blocked = possible(current, list)
	return a
}

// projectSecret is the secret that a tool sets in this directory, and that the session has
// taken the place of.
func (s State) projectSecret(current map[string]string, name string) (value string, sets bool) {
	p := projectNaming(current, name)
	if p == nil || !(isBearer(name) || slices.Contains(Secrets, name)) || len(s.ownSecrets(current)) > 0 {
		return "", false
	}
	return p.New[name], true
}

// Follow returns what brings a shell up to date that has the keys of its session already:
// the path of the generation file, and both regions, of which the user or a tool may have
// changed one. profileRegion is the one that the session has here. expires is when the session
// ends by the machine's clock, which may have been set; zero where no expiry is exported.
func Follow(current map[string]string, profileRegion, generation string, expires time.Time) Activation {
	old, active := StateOf(current)
	if !active {
		return Activation{}
	}
	st, values := old, map[string]creds.Secret{}
	chosen := regions(values, User(current), old.Request, creds.Session{Region: profileRegion})
	st.remember(current, old)
	st.Exported = map[string]string{} // and not a copy of nil: a state without any export is a state
	maps.Copy(st.Exported, old.Exported)
	var list []Change
	for _, n := range []string{region, defaultRegion} {
		switch v, isSession := values[n]; {
		case isSession:
			st.Exported[n] = fingerprint(st.Salt, n, v.Reveal())
			list = append(list, Change{Name: n, Value: v})
		case chosen[n].IsZero():
			list = append(list, unset(n))
		}
	}
	if c, differs := st.expiring(current, expires); differs {
		list = append(list, c)
	}
	list = append(list, set(GenerationFile, generation), set(StateVar, st.encode()))
	var a Activation
	a.Changes, a.Blocked = possible(current, list)
	return a
}

// expiring returns the change after which the exported expiry is another one, and notes in s which one
// the session has by the clock by which it was made.
func (s *State) expiring(current map[string]string, expires time.Time) (c Change, differs bool) {
	was, text := current[Expiration], expires.UTC().Format(time.RFC3339)
	if was == "" || was == text || expires.IsZero() || !s.exported(current, Expiration) {
		return c, false
	}
	s.Until = s.Expires(current).Unix()
	s.Exported[Expiration] = fingerprint(s.Salt, Expiration, text)
	return set(Expiration, text), true
}
