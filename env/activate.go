package env

import (
	"slices"
	"strings"
	"time"

	"github.com/d44b7504/vault/internal/creds"
)

// Activation is what a switch does to a shell: first the hook puts the user's own
// secrets aside if Stash, then the variables change, then, if Unstash, the hook puts
// them back.
type Activation struct {
	Stash, Unstash bool
	Changes        []Change // sorted by name
}

// Wishes returns the environment as the user made it: what we exported ourselves is
// taken out and what it replaced is put back. Only this may be read as a setting;
// our own AWS_REGION of the last profile is nobody's wish. Secrets that the hook put
// aside are not in it.
func Wishes(current map[string]string) map[string]string {
	st, active := StateOf(current)
	wish := make(map[string]string, len(current))
	for n, v := range current {
		if n != Token && n != StateVar && n != Shell && !(active && st.ours(current, n)) {
			wish[n] = v
		}
	}
	if !active {
		return wish
	}
	for n, v := range st.Prior {
		if _, changed := current[n]; !changed || st.ours(current, n) {
			wish[n] = v
		}
	}
	return wish
}

// PinnedRegion is the region the user's own environment asks for, "" for none. AWS's
// newer tools read AWS_REGION first; boto3 reads only the other.
func PinnedRegion(wishes map[string]string) string {
	if r := wishes[region]; r != "" {
		return r
	}
	return wishes[defRegion]
}

// Activate returns what makes s the identity of the shell whose environment is
// current: the whole family is unset, then the session set, then our own state.
// tokenFile is the path of the generation file. A Request that is Served is for Child alone.
func Activate(current map[string]string, r Request, s creds.Session, tokenFile string) Activation {
	return activate(current, r, variables(r, s), s, tokenFile)
}

// activate exports values, and the region of s.
func activate(current map[string]string, r Request, values map[string]creds.Secret, s creds.Session, tokenFile string) Activation {
	old, active := StateOf(current)
	st := State{Request: r, Prior: prior(Wishes(current)), Outer: old.Outer, Previous: old.Previous, ARN: s.ARN}
	if !s.Issued.IsZero() {
		st.Issued = s.Issued.Unix()
		st.setClock(s.Clock)
	}
	if active && old.Request.Profile != r.Profile {
		st.Previous = &old.Request
	}
	a := Activation{Stash: foreignSecrets(current, old, active)}
	st.Stash = a.Stash || active && old.Stash

	pinned := regions(values, Wishes(current), r, s)
	st.Ours = make(map[string]string, len(values))
	for n, v := range values {
		if n != secretKey && n != token && n != authToken {
			st.Ours[n] = fingerprint(v.Reveal())
		}
	}
	values[Token] = creds.New(tokenFile)
	values[StateVar] = creds.New(st.encode())
	for n, v := range pinned {
		values[n] = creds.New(v)
	}
	a.Changes = changes(values, region, defRegion)
	return a
}

// variables are the values a session means in one mode, but for the region.
func variables(r Request, s creds.Session) map[string]creds.Secret {
	v := map[string]creds.Secret{Profile: creds.New(r.Profile)}
	if r.Mode == ModeProfile {
		v[profile] = creds.New(r.Profile)
	} else {
		v[keyID], v[secretKey] = creds.New(s.AccessKeyID), s.SecretKey
		if !s.Token.IsZero() {
			v[token] = s.Token
		}
	}
	if !s.Expires.IsZero() {
		v[Expiration] = creds.New(s.Expires.UTC().Format(time.RFC3339))
	}
	return v
}

// regions adds the session's region to values under both names, except where the user
// pinned one: that value is returned instead, to be set but not called ours.
func regions(values map[string]creds.Secret, wish map[string]string, r Request, s creds.Session) map[string]string {
	pinned := map[string]string{}
	for _, n := range []string{region, defRegion} {
		if own := wish[n]; own != "" && r.Region == "" {
			pinned[n] = own
		} else if s.Region != "" {
			values[n] = creds.New(s.Region)
		}
	}
	return pinned
}

// changes sets what values names and unsets the rest of the family.
func changes(values map[string]creds.Secret, more ...string) []Change {
	var list []Change
	for n, v := range values {
		list = append(list, Change{Name: n, Value: v})
	}
	for _, names := range [][]string{Stashed, Family, more} {
		for _, n := range names {
			if _, isSet := values[n]; !isSet {
				list = append(list, unset(n))
			}
		}
	}
	return sorted(list)
}

// prior keeps what the user had of the names we touch and that hold no secret.
func prior(wish map[string]string) map[string]string {
	p := map[string]string{}
	for _, n := range append([]string{Profile, region, defRegion}, Family...) {
		if v, ok := wish[n]; ok {
			p[n] = v
		}
	}
	return p
}

// foreignSecrets reports whether the shell exports a secret that is not ours.
func foreignSecrets(current map[string]string, old State, active bool) bool {
	return slices.ContainsFunc(Stashed, func(n string) bool {
		_, set := current[n]
		return set && !(active && old.ours(current, n))
	})
}

// Deactivate returns what gives the shell back as it was. What someone else has
// changed since is theirs and stays. Without a session of ours nothing changes.
func Deactivate(current map[string]string) Activation {
	st, active := StateOf(current)
	if !active {
		return Activation{}
	}
	touched := append([]string{Profile, region, defRegion}, Family...)
	touched = append(touched, keyID, secretKey, token, authToken)
	list := []Change{unset(Token), unset(StateVar)}
	for _, n := range touched {
		_, is := current[n]
		if is && !st.ours(current, n) {
			continue
		}
		if v, had := st.Prior[n]; had {
			list = append(list, set(n, v))
		} else if is {
			list = append(list, unset(n))
		}
	}
	theirs := foreignSecrets(current, st, true)
	return Activation{Unstash: st.Stash && !theirs, Changes: sorted(list)}
}

// Child returns the environment of a program that runs as s. It starts from what the
// user made of environ, so a session around us leaves no trace but its name.
func Child(environ []string, r Request, s creds.Session, tokenFile string) []string {
	return child(environ, r, variables(r, s), s, tokenFile)
}

// Endpoint is where a program asks for credentials. The zero value is the instance
// metadata service, which every program finds by itself.
type Endpoint struct {
	URL   string
	Token creds.Secret
}

// ChildServed is Child for a program that asks e: it gets no keys. Of s it gets the
// region.
func ChildServed(environ []string, r Request, e Endpoint, s creds.Session, tokenFile string) []string {
	values := map[string]creds.Secret{Profile: creds.New(r.Profile)}
	if e.URL != "" {
		values[fullURI], values[authToken] = creds.New(e.URL), e.Token
	} else {
		environ = slices.DeleteFunc(slices.Clone(environ), func(entry string) bool { // they lead elsewhere, or nowhere
			return strings.HasPrefix(entry, "AWS_EC2_METADATA_")
		})
	}
	return child(environ, r, values, s, tokenFile)
}

func child(environ []string, r Request, values map[string]creds.Secret, s creds.Session, tokenFile string) []string {
	current := Parse(environ)
	base := Parse(Strip(environ))
	for _, n := range []string{region, defRegion} {
		delete(base, n)
		if v, ok := Wishes(current)[n]; ok {
			base[n] = v
		}
	}
	a := activate(base, r, values, s, tokenFile)
	if outer, active := StateOf(current); active {
		a.Changes = within(a.Changes, append(slices.Clone(outer.Outer), outer.Request.Profile))
	}
	return Apply(list(base), a.Changes)
}

// within notes in the state among changes which sessions are around it.
func within(changes []Change, outer []string) []Change {
	for i, c := range changes {
		if c.Name == StateVar {
			st, _ := StateOf(map[string]string{StateVar: c.Value.Reveal()})
			st.Outer = outer
			changes[i].Value = creds.New(st.encode())
		}
	}
	return changes
}

func list(m map[string]string) []string {
	out := make([]string, 0, len(m))
	for n, v := range m {
		out = append(out, n+"="+v)
	}
	return out
}

func sorted(list []Change) []Change {
	slices.SortFunc(list, func(a, b Change) int {
		if a.Name < b.Name {
			return -1
		}
		return 1
	})
	return list
}
