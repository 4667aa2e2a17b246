package env

import (
	"slices"
	"strings"

	"github.com/d44b7504/vault/internal/creds"
)

// ServedBy is the endpoint that programs of a shell ask; its URL is "" where there is none.
func ServedBy(current map[string]string) Endpoint {
	return Endpoint{current[endpointURL], creds.New(current[endpointToken])}
}

// WithToken returns environ with the token of the endpoint that it names, if had has that. For leaves
// it out; and while a session is in a shell, its hook keeps what the user has set.
func WithToken(environ []string, had map[string]string) []string {
	has := Parse(environ)
	if had[endpointToken] == "" || has[endpointToken] != "" || had[endpointURL] != has[endpointURL] {
		return environ
	}
	return append(slices.Clone(environ), endpointToken+"="+had[endpointToken])
}

// Child returns the environment of a program that runs as s. It starts from what the user
// made of environ, so a session around it leaves no trace but its name.
func Child(environ []string, r Request, s creds.Session, generation string) []string {
	return child(environ, r, variables(r, s), s, generation)
}

// Endpoint is where a program asks for credentials. The zero value is the instance
// metadata service, which every program finds by itself.
type Endpoint struct {
	URL   string
	Token creds.Secret
}

// ChildServed is Child for a program that asks e: it gets no keys. Of s it gets the
// region.
func ChildServed(environ []string, r Request, e Endpoint, s creds.Session, generation string) []string {
	if e.URL == "" {
		environ = slices.DeleteFunc(slices.Clone(environ), func(entry string) bool { // they lead elsewhere, or nowhere
			return strings.HasPrefix(entry, "AWS_EC2_METADATA_")
		})
	}
	return child(environ, r, endpointVariables(r, e), s, generation)
}

func child(environ []string, r Request, values map[string]creds.Secret, s creds.Session, generation string) []string {
	current := Parse(environ)
	base, user := Parse(Strip(environ)), User(current)
	for _, n := range slices.Concat([]string{region, defaultRegion}, settingsIn(current)) {
		delete(base, n)
		if v, ok := user[n]; ok {
			base[n] = v
		}
	}
	for _, t := range projectTools { // a shell would load the directory again, over the session
		if note, has := current[t.variable]; has {
			base[t.variable] = note
		}
	}
	a := activate(base, r, values, s, generation)
	outer, active := StateOf(current)
	a.Changes = amend(a.Changes, func(st *State) {
		st.Withheld = outer.Withheld
		for _, n := range Passphrases {
			if _, set := current[n]; set && !slices.Contains(st.Withheld, n) {
				st.Withheld = append(slices.Clone(st.Withheld), n)
			}
		}
	})
	a.Changes = append(a.Changes, set(Inside, inside(current)))
	if active {
		a.Changes = append(a.Changes, outer.reproject(current, outer.besides(values))...)
	}
	return apply(list(base), a.Changes)
}

// amend changes the state among changes.
func amend(changes []Change, do func(*State)) []Change {
	for i, c := range changes {
		if c.Name == StateVar {
			st, _ := StateOf(map[string]string{StateVar: c.Value.Reveal()})
			do(&st)
			changes[i].Value = creds.New(st.encode())
		}
	}
	return changes
}
