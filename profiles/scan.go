package profiles

import "strings"

// This file answers TAB. It reads the same lines as Parse but keeps only names, so
// that 20,000 profiles cost a few milliseconds.

// ScanNames lists the profiles of a config file in file order, each once. It is
// Names without the cost of a Set.
func ScanNames(data []byte) []string {
	var names []string
	seen := map[string]struct{}{}
	scan(data, func(name string) {
		if names == nil {
			names, seen = sized(len(data))
		}
		if _, twice := seen[name]; !twice {
			seen[name] = struct{}{}
			names = append(names, name)
		}
	}, nil)
	return names
}

// sized guesses from the length of a file how many profiles it holds.
func sized(length int) ([]string, map[string]struct{}) {
	n := length/120 + 8
	return make([]string, 0, n), make(map[string]struct{}, n)
}

// Summary is a profile as a completion shows it.
type Summary struct {
	Name        string
	Description string // ACCOUNT/ROLE for a role, else the kind of source
}

// ScanSummaries lists the profiles with a few words about each, in one pass. It
// follows no references: a description comes from the profile's own section.
func ScanSummaries(data []byte) []Summary {
	n := len(data)/120 + 8
	list, at := make([]Summary, 0, n), make(map[string]int, n)
	var cur clues
	open := -1
	flush := func() {
		if open >= 0 {
			list[open].Description = cur.describe()
		}
	}
	scan(data, func(name string) {
		flush()
		i, twice := at[name]
		if !twice {
			i = len(list)
			at[name] = i
			list = append(list, Summary{Name: name})
		}
		open, cur = i, clues{}
	}, func(key, value string) { cur.note(key, value) })
	flush()
	return list
}

// scan calls name for each profile and, when it is not nil, setting for each setting
// of a profile.
func scan(data []byte, name func(string), setting func(key, value string)) {
	r := readLines(strings.TrimPrefix(string(data), "\ufeff"))
	inProfile := false
	for r.next() {
		switch r.kind {
		case header:
			kind, n := readHeader(r.text)
			if inProfile = kind == profileSection; inProfile {
				name(n)
			}
		case option:
			if inProfile && setting != nil {
				setting(r.key, r.text)
			}
		}
	}
}

// clues are the settings that say where credentials come from.
type clues struct {
	role, account, permission, source, kind string
}

func (c *clues) note(key, value string) {
	if value == "" {
		return
	}
	switch lower(key) {
	case "role_arn":
		c.role = value
	case "sso_account_id":
		c.account = value
	case "sso_role_name":
		c.permission = value
	case "source_profile":
		c.source = value
	case "sso_session", "sso_start_url":
		c.kind = "sso"
	case "credential_process":
		c.kind = "credential process"
	case "web_identity_token_file", "web_identity_token_process":
		c.kind = "web identity"
	case "credential_source":
		c.kind = "instance or container"
	case "login_session":
		c.kind = "console login"
	}
}

func (c *clues) describe() string {
	switch {
	case c.role != "":
		return roleLabel(c.role)
	case c.account != "" && c.permission != "":
		return c.account + "/" + c.permission
	case c.kind != "":
		return c.kind
	case c.source != "":
		return "as " + c.source
	}
	return "stored key"
}

// roleLabel shortens arn:aws:iam::111122223333:role/path/admin to
// 111122223333/path/admin. What is no role ARN is shown as it is.
func roleLabel(arn string) string {
	if account, role, ok := cutRole(arn); ok {
		return account + "/" + role
	}
	return arn
}
