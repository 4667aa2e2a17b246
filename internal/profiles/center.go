package profiles

import (
	"runtime"
	"slices"
	"strings"
)

// This file reads the profiles that Granted and aws-sso-cli write. Their credential_process is
// a program that signs in to Identity Center, and which role it is for is in the line, or in
// settings beside it. Such a profile is that role of Identity Center, without the program.

// The settings of Granted that name a role. Its own names keep the AWS tools from signing in
// themselves.
const (
	grantedURL     = "granted_sso_start_url"
	grantedRegion  = "granted_sso_region"
	grantedAccount = "granted_sso_account_id"
	grantedRole    = "granted_sso_role_name"
	grantedScopes  = "granted_sso_registration_scopes"
)

// grantedText is what Granted's list shows of a profile beside its name.
const grantedText = "granted_description"

// grantedLooks are the settings of this program for which Granted has names of its own.
var grantedLooks = [...][2]string{{"vault_description", grantedText}, {"vault_color", "granted_color"}}

// accessScope is the scope for which AWS gives a sign-in that can be renewed.
const accessScope = "sso:account:access"

// grantedCall returns the profile that Granted is asked for by a command line; false for one that is
// something else. What else its flags say is about the browser and Granted's cache.
func grantedCall(words []string) (profile string, ok bool) {
	if name := programName(words[0]); name != "granted" && name != "dgranted" {
		return "", false
	}
	asked := false
	for i := 1; i < len(words); i++ {
		name, value, joined := strings.Cut(words[i], "=")
		name = "-" + strings.TrimLeft(name, "-")
		switch {
		case words[i] == "credential-process":
			asked = true
		case !strings.HasPrefix(words[i], "-"):
			return "", false
		case slices.Contains([]string{"-profile", "-url", "-window", "-aws-config-file"}, name):
			if !joined && i+1 < len(words) {
				i++
				value = words[i]
			}
			if name == "-profile" {
				profile = value
			}
			if name == "-aws-config-file" {
				return "", false // the profile may be another one there
			}
		}
	}
	return profile, asked && profile != ""
}

// processWords are the words of a profile's credential_process, nil when it has none.
func (v *view) processWords() []string {
	e, ok := v.find("credential_process")
	if !ok {
		return nil
	}
	words, _ := commandWords(e.Value, runtime.GOOS == "windows")
	return words
}

// grantedFor returns the other profile that Granted is asked for in a profile's credential_process, if
// the files have it; "" otherwise.
func (c *chain) grantedFor(v *view) string {
	words := v.processWords()
	if len(words) == 0 || c.ownKey(v) != "credential_process" {
		return ""
	}
	name, ok := grantedCall(words)
	if !ok || name == v.name || !c.set.Has(name) {
		return ""
	}
	return name
}

// center returns the role of Identity Center for which a profile's credential_process is a
// program; false when that program has to be run.
func (c *chain) center(v *view) (Source, bool, error) {
	words := v.processWords()
	if len(words) == 0 {
		return Source{}, false, v.err
	}
	if name, ok := grantedCall(words); ok && name == v.name && v.has(grantedAccount) && v.has(grantedRole) {
		source, err := c.granted(v)
		return source, true, err
	}
	call, ok := awsSSOCommand(words)
	if !ok || c.over.AWSSSO == nil {
		return Source{}, false, nil
	}
	source, ok := call.source(v.name, c.over.AWSSSO(call.config))
	if ok {
		v.str("credential_process") // for the explanation
		c.shareSession(source.Origin().SSO)
	}
	return source, ok, v.err
}

// granted reads the role that Granted's settings name. As Granted does, it takes an sso-session
// for what they leave out.
func (c *chain) granted(v *view) (Source, error) {
	w, err := c.session(v)
	if err != nil {
		return Source{}, err
	}
	s := &SSO{
		Session: v.str("sso_session"), Account: v.str(grantedAccount), Role: v.str(grantedRole), Scopes: v.list(grantedScopes),
	}
	if s.StartURL = v.str(grantedURL); s.StartURL == "" {
		s.StartURL = w.str("sso_start_url")
	}
	if s.Region = v.label(grantedRegion); s.Region == "" {
		s.Region = w.label("sso_region")
	}
	switch missing := s.missing(); {
	case missing != "":
		v.rejectKey(or(v.firstOf(grantedAccount, grantedRole, grantedURL), grantedRegion), strings.ReplaceAll(missing, "sso_", "granted_sso_"))
	case !isURL(s.StartURL):
		v.rejectKey(grantedURL, notURL)
	case !isAccount(s.Account):
		v.rejectKey(grantedAccount, "an account id has 12 digits")
	}
	if v.err != nil {
		return Source{}, v.err
	}
	c.shareSession(s)
	return Source{SSO: s}, nil
}

// firstOf returns the first of some keys that is set, "" for none.
func (v *view) firstOf(keys ...string) string {
	for _, key := range keys {
		if v.has(key) {
			return key
		}
	}
	return ""
}

// shareSession makes a role of a directory for which there is an sso-session one of that, so
// that a person signs in once. A directory without one is asked for a sign-in that can be renewed.
func (c *chain) shareSession(s *SSO) {
	for _, name := range c.set.SSOSessions() {
		known, _, err := c.set.SSOSession(name)
		if err == nil && s.Session == "" && known.Directory() == s.Directory() && known.Region == s.Region {
			s.Session, s.StartURL, s.Scopes = name, known.StartURL, known.Scopes
			return
		}
	}
	if s.Session == "" && len(s.Scopes) == 0 {
		s.Scopes = []string{accessScope}
	}
}
