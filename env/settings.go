package env

import (
	"maps"
	"slices"
	"strings"

	"github.com/d44b7504/vault/internal/creds"
)

// This file is about the variables that say where AWS is and whether to trust it. A tool
// that is given keys reads no profile, so the profile's own settings reach it this way. A variable that the
// user has set goes before the profile, for the AWS tools and here, and is never touched.

// settings are the variables of Session.Settings; those of single services, with names of their own,
// begin with endpointPrefix.
var settings = []string{
	endpointAll, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "AWS_CA_BUNDLE", "AWS_USE_FIPS_ENDPOINT", "AWS_USE_DUALSTACK_ENDPOINT",
	"AWS_STS_REGIONAL_ENDPOINTS",
}

const (
	endpointAll    = "AWS_ENDPOINT_URL"
	endpointPrefix = endpointAll + "_"
)

// isSetting reports whether a variable is one of them.
func isSetting(name string) bool {
	return slices.Contains(settings, name) || strings.HasPrefix(name, endpointPrefix)
}

// Settings returns those of a session's settings that the user has not set. The user's
// AWS_ENDPOINT_URL is for all services.
func Settings(user map[string]string, s creds.Session) map[string]string {
	wanted := map[string]string{}
	_, all := user[endpointAll]
	for n, v := range s.Settings {
		_, own := user[n]
		if isSetting(n) && !own && !(all && strings.HasPrefix(n, endpointPrefix)) {
			wanted[n] = v
		}
	}
	return wanted
}

// addSettings adds the settings of a session to the values that it sets. A tool that is
// told the name of the profile reads them itself.
func addSettings(values map[string]creds.Secret, user map[string]string, r Request, s creds.Session) {
	if r.Mode == ModeProfile {
		return
	}
	for n, v := range Settings(user, s) {
		values[n] = creds.New(v)
	}
}

// leftSettings are the settings that vault has exported to a shell, as far as they are
// still in it, sorted.
func (s State) leftSettings(current map[string]string) []string {
	var names []string
	for n := range s.Exported {
		if isSetting(n) && s.exported(current, n) {
			names = append(names, n)
		}
	}
	slices.Sort(names)
	return names
}

// settingsIn are the settings among the names of a map, sorted.
func settingsIn[V any](m map[string]V) []string {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(m)), func(n string) bool { return !isSetting(n) })
}
