package env

import (
	"maps"
	"slices"
)

// This file is about the session of a project directory: the one that its file names, which a
// shell has while it is in that directory.

// Visit says that a session is that of a project directory, and what a shell gets back when it
// leaves the directory.
type Visit struct {
	Dir      string   `json:"d"`           // its real path
	Before   *Request `json:"b,omitempty"` // the session before it; nil: none
	Previous *Request `json:"l,omitempty"` // the one before that, for "use -"
}

// VisitOf is what a session in the project directory dir has to remember: what was active
// before this project and the others that the shell came through.
func VisitOf(current map[string]string, dir string) *Visit {
	v := Visit{Dir: dir}
	switch st, active := StateOf(current); {
	case !active:
	case st.Request.Visit != nil:
		v.Before, v.Previous = st.Request.Visit.Before, st.Request.Visit.Previous
	default:
		v.Before, v.Previous = st.again(), st.Previous
	}
	return &v
}

// Returned makes an activation of the session before a project one in which "use -" goes where
// it went then.
func (v Visit) Returned(a Activation) Activation {
	a.Changes = amend(a.Changes, func(st *State) { st.Previous = v.Previous })
	return a
}

// DirectoryTool returns the name of a tool such as direnv that says in this directory who one
// is, and the variables by which it does, sorted; "" if none does. Regions do not say that.
func DirectoryTool(current map[string]string) (tool string, names []string) {
	for _, p := range projects(current) {
		for _, n := range slices.Sorted(maps.Keys(p.New)) {
			if n == ActiveProfile || isBearer(n) || slices.Contains(Secrets, n) || slices.Contains(Identity, n) && !slices.Contains(neutral, n) {
				names = append(names, n)
			}
		}
		if len(names) > 0 {
			return p.tool, names
		}
	}
	return "", nil
}
