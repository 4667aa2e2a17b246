package env

import (
	"cmp"
	"slices"
	"sort"
	"strings"

	"github.com/d44b7504/vault/internal/creds"
)

// Blocked is a variable that would have to change and cannot.
type Blocked struct {
	Name      string
	Universal bool // of fish: it can be hidden by another value, and not removed
	Local     bool // to a function: it hides the shell's own, which would come back with what it has
}

// possible sorts changes by name and takes out those of variables that the shell cannot
// change. Where the variable is as it should be already, nothing is lost by that.
func possible(current map[string]string, changes []Change) ([]Change, []Blocked) {
	fixedNames, localNames, _ := strings.Cut(current[ReadOnly], "+")
	readOnly, local, universal := strings.Fields(fixedNames), strings.Fields(localNames), strings.Fields(current[Universal])
	var list []Change
	var blocked []Blocked
	for _, c := range changes {
		fixed, cannotGo := slices.Contains(readOnly, c.Name), slices.Contains(universal, c.Name) && c.Unset
		switch value, is := current[c.Name]; {
		case !fixed && slices.Contains(local, c.Name):
			blocked = append(blocked, Blocked{Name: c.Name, Local: true})
		case !fixed && !cannotGo:
			list = append(list, c)
		case is == c.Unset || is && value != c.Value.Reveal():
			blocked = append(blocked, Blocked{Name: c.Name, Universal: !fixed})
		}
	}
	sort.SliceStable(list, func(i, j int) bool { return list[i].Name < list[j].Name })
	return list, blocked
}

// Prevents returns the variables that keep a shell from taking any session of a request.
// It can be asked before the session is made; the region of the session may add one.
func Prevents(current map[string]string, r Request) []Blocked {
	user := User(current)
	dummy := creds.Session{AccessKeyID: "-", SecretKey: creds.New("-"), Token: creds.New("-"), Region: cmp.Or(r.Region, user[region], user[defaultRegion])}
	if r.Mode == ModeServer {
		return ActivateServed(current, r, Endpoint{"-", creds.New("-")}, Lease{ID: "-"}, dummy, "-").Blocked
	}
	return Activate(current, r, dummy, "-").Blocked
}
