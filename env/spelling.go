package env

import (
	"slices"
	"strings"
)

// Spelled returns an environment in which the names that this program reads are spelled as it does. It is for a
// system on which the case of letters makes no difference to a name, as Windows, which spells PATH as Path. Other
// names stay as they are: a program of another kind may tell them apart. Of two entries that become the
// same the first one stays.
func Spelled(environ []string) []string {
	var out []string
	seen := map[string]bool{}
	for _, entry := range environ {
		name, value, _ := strings.Cut(entry, "=")
		if upper := strings.ToUpper(name); upper != name && isRead(upper) {
			name, entry = upper, upper+"="+value
		}
		if name == "" || !seen[name] {
			out = append(out, entry)
		}
		seen[name] = true
	}
	return out
}

// isRead reports whether this program reads a variable, whose name is in capitals. It reads the proxies in
// capitals and in small letters.
func isRead(name string) bool {
	return slices.ContainsFunc(readPrefixes, func(p string) bool { return strings.HasPrefix(name, p) }) || slices.Contains(readNames, name)
}

var (
	readPrefixes = []string{"AWS", "AMAZON_", "__VAULT_", "XDG_", "FZF_", "PASSWORD_STORE_", "YKMAN_"}
	readNames    = strings.Fields(`ACCESSIBLE APPDATA BROWSER COLORTERM COMSPEC DISABLE_KWALLET DOCKER_CONFIG HOME LOCALAPPDATA NO_COLOR
		PATH SHELL TERM USERPROFILE ZDOTDIR`)
)
