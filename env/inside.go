package env

import (
	"net/url"
	"slices"
	"strings"
	"time"
)

// This file knows what a shell is inside of: the commands of vault exec around it, and a session
// of AWS Vault's own program.

// around returns what was active in the shells around this one, one entry for each vault exec, the
// outermost first; "" where nothing was. It holds on after "vault off", as long as the shell does.
func around(current map[string]string) []string {
	var names []string
	for entry := range strings.SplitSeq(strings.TrimSuffix(current[Inside], ";"), ";") {
		if name, err := url.QueryUnescape(entry); err == nil && current[Inside] != "" {
			names = append(names, name)
		}
	}
	return names
}

// Depth is how many commands of vault exec a shell is inside of.
func Depth(current map[string]string) int { return len(around(current)) }

// Outer returns the entries of around that name something.
func Outer(current map[string]string) []string {
	return slices.DeleteFunc(around(current), func(name string) bool { return name == "" })
}

// inside is the value of Inside for a child of a shell with this environment.
func inside(current map[string]string) string {
	name := ""
	if st, active := StateOf(current); active {
		name = st.Request.Profile
	} else if f, is := ForeignIn(current); is {
		name = f.String()
	}
	return current[Inside] + url.QueryEscape(name) + ";"
}

// Foreign is a session that the program aws-vault has given to a shell.
type Foreign struct {
	Profile string
	Expires time.Time // zero: it is not known
}

func (f Foreign) String() string { return f.Profile + " (aws-vault)" }

// ForeignIn returns the session of aws-vault in an environment, or the one that ours has taken the
// place of, which comes back with "vault off". False if there is none.
func ForeignIn(current map[string]string) (Foreign, bool) {
	user := User(current)
	f := Foreign{Profile: user[ActiveProfile]}
	for _, name := range []string{Expiration, olderExpiration} {
		if when, err := time.Parse(time.RFC3339, user[name]); err == nil {
			f.Expires = when
			break
		}
	}
	return f, f.Profile != ""
}
