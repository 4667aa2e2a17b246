package profiles

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// This file is about what Identity Center gives without a profile that was written for it:
// the names of its roles, and the sso-session section that says where it is.

// RoleName is the name of any role of an Identity Center as a profile: SESSION:ACCOUNT:ROLE.
// Resolve knows it, if there is an sso-session of that name and no profile.
func RoleName(session, account, role string) string { return session + ":" + account + ":" + role }

// CheckRole returns an error if this is not an account's id or not the name of a role.
func CheckRole(account, role string) error {
	switch {
	case !isAccount(account):
		return fmt.Errorf("%q is not an account's id, which has 12 digits", account)
	case !isRoleName(role):
		return fmt.Errorf("%q cannot be the name of a role", role)
	}
	return nil
}

// directoryRole returns the settings that the name of a role stands for, nil if it is none.
func (s *Set) directoryRole(name string) []found {
	rest, role, ok := cutLast(name, ":")
	session, account, also := cutLast(rest, ":")
	if !ok || !also || !isAccount(account) || !isRoleName(role) {
		return nil
	}
	if _, known := s.find(ssoSection, session); !known {
		return nil
	}
	return []found{
		{Setting: Setting{Key: "sso_session", Value: session}},
		{Setting: Setting{Key: "sso_account_id", Value: account}},
		{Setting: Setting{Key: "sso_role_name", Value: role}},
	}
}

func cutLast(s, sep string) (before, after string, ok bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}

func isAccount(id string) bool { return len(id) == 12 && strings.Trim(id, "0123456789") == "" }

// isRoleName reports whether IAM allows a name for a role.
func isRoleName(s string) bool {
	const allowed = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+=,.@-"
	return s != "" && len(s) <= 64 && strings.Trim(s, allowed) == ""
}

// NewSSO returns a directory that is not in the config file, as a person writes it, with
// the scope for which AWS gives a sign-in that can be renewed. The error says what is wrong.
func NewSSO(name, startURL, region string) (SSO, error) {
	startURL = strings.TrimRight(strings.TrimSpace(startURL), "/#")
	if startURL != "" && !strings.Contains(startURL, "://") {
		startURL = "https://" + startURL
	}
	s := SSO{Session: name, StartURL: startURL, Region: strings.TrimSpace(region), Scopes: []string{accessScope}}
	if s.Session == "" {
		s.Session = sessionNameOf(startURL)
	}
	switch {
	case !isURL(startURL) || !strings.Contains(hostOf(startURL), "."):
		return s, fmt.Errorf("%q is not a start URL: that is like https://corp.awsapps.com/start", startURL)
	case s.Region == "":
		return s, errors.New("the region of Identity Center is missing")
	case !isLabel(s.Region):
		return s, fmt.Errorf("%q is not the name of a region", s.Region)
	case strings.Trim(s.Session, sessionChars) != "":
		return s, fmt.Errorf("%q cannot be the name of an sso-session: it may have letters, digits, dots, - and _", s.Session)
	}
	return s, nil
}

const sessionChars = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-"

// sessionNameOf is the first label of the host: corp for https://corp.awsapps.com/start.
func sessionNameOf(startURL string) string {
	label, _, _ := strings.Cut(hostOf(startURL), ".")
	return or(strings.Trim(strings.Map(func(r rune) rune {
		if strings.ContainsRune(sessionChars, r) {
			return r
		}
		return '-'
	}, label), "-"), "sso")
}

func hostOf(address string) string {
	_, rest, _ := strings.Cut(address, "://")
	host, _, _ := strings.Cut(rest, "/")
	return host
}

// AppendSSOSession adds an sso-session section to a config file, as AppendProfile adds a
// profile.
func AppendSSOSession(path string, s SSO) error {
	old, err := ReadFile(path)
	if err != nil {
		return fmt.Errorf("add sso-session %q: %w", s.Session, err)
	}
	before := Parse(path, old)
	if at, ok := before.find(ssoSection, s.Session); ok {
		return fmt.Errorf("sso-session %q is already in %s", s.Session, place(path, before.line(&before.sections[at])))
	}
	if why := notText(string(old)); why != "" {
		return fmt.Errorf("add sso-session %q to %s: %s", s.Session, path, why)
	}
	text := join(old, "[sso-session "+s.Session+"]\nsso_start_url = "+s.StartURL+"\nsso_region = "+s.Region+
		"\nsso_registration_scopes = "+strings.Join(s.Scopes, ",")+"\n")
	after := Parse(path, text)
	got, _, err := after.SSOSession(s.Session)
	if err != nil || got.StartURL != s.StartURL || got.Region != s.Region || len(after.damaged()) != len(before.damaged()) ||
		!slices.Equal(after.Names(), before.Names()) || !slices.Equal(after.SSOSessions(), append(before.SSOSessions(), s.Session)) {
		return fmt.Errorf("add sso-session %q to %s: the file would have another meaning after that", s.Session, path)
	}
	if err := rewrite(path, old, text); err != nil {
		return fmt.Errorf("add sso-session %q: %w", s.Session, err)
	}
	return nil
}
