package profiles

import (
	"slices"
	"strings"
	"unsafe"
)

// This file is for completion. It reads the same lines as Parse, but keeps only names, so
// that 20,000 profiles take a few milliseconds.

// ScanNames lists the profiles of a config file in the order of the file, each once. It is
// Names without the cost of a Set. The names are parts of data, which must not be changed
// afterwards.
func ScanNames(data []byte) []string {
	seen := newNames(len(data))
	scan(data, readHeader, func(name string) { seen.add(name) }, nil)
	return seen.list
}

// textOf returns data as a string, without copying it.
func textOf(data []byte) string { return unsafe.String(unsafe.SliceData(data), len(data)) }

// names is a list of names, each once.
type names struct {
	list   []string
	places map[string]int // of each name in the list
}

// nameSpan is how many bytes of a config file there are to one name, most often.
const nameSpan = 120

// newNames makes room for the names in a file of some length.
func newNames(length int) *names {
	n := length/nameSpan + 8
	return &names{make([]string, 0, n), make(map[string]int, n)}
}

// add returns the place of a name and whether it is new.
func (n *names) add(name string) (at int, isNew bool) {
	if at, there := n.places[name]; there {
		return at, false
	}
	at = len(n.list)
	n.list, n.places[name] = append(n.list, name), at
	return at, true
}

// Summary is a profile as a completion shows it.
type Summary struct {
	Name        string
	Description string // ACCOUNT/ROLE for a role, else the kind of source
}

// StoredKey describes a profile whose section names no source: its key is in the keyring.
const StoredKey = "stored key"

// SharedSettings describes a [default] that names no source. Its region is that of every
// profile; only the keyring knows whether a key is stored for it too.
const SharedSettings = "settings of all profiles"

// ScanSummaries lists the profiles with a few words about each, in one pass. The words come
// from the profile's own section; references are not followed. The texts are parts of data,
// which must not be changed afterwards.
func ScanSummaries(data []byte) []Summary { return summaries(data, readHeader) }

// ScanCredentials is ScanSummaries for a credentials file.
func ScanCredentials(data []byte) []Summary {
	return slices.DeleteFunc(summaries(data, credentialsHeader), func(s Summary) bool { return meantOtherwise(s.Name) })
}

func summaries(data []byte, names func(header string) (sectionKind, string)) []Summary {
	return gather(data, names, func(name string, c *clues) Summary {
		s := Summary{Name: name, Description: c.describe()}
		if name == "default" && s.Description == StoredKey {
			s.Description = SharedSettings
		}
		return s
	})
}

// gather makes one value of each profile, of what its section says. Of two sections with the
// same name the later one counts.
func gather[T any](data []byte, names func(header string) (sectionKind, string), of func(name string, c *clues) T) []T {
	seen := newNames(len(data))
	list := make([]T, 0, cap(seen.list))
	var cur clues
	open := -1
	flush := func() {
		if open >= 0 {
			list[open] = of(seen.list[open], &cur)
		}
	}
	scan(data, names, func(name string) {
		flush()
		at, isNew := seen.add(name)
		if isNew {
			list = append(list, *new(T))
		}
		open, cur = at, clues{}
	}, func(key, value string) { cur.note(lower(key), value) })
	flush()
	return list
}

// JoinSummaries adds to the profiles of the config file those of the credentials file. Of a
// profile that is in both, what says more is kept.
func JoinSummaries(config, credentials []Summary) []Summary {
	if len(credentials) == 0 {
		return config
	}
	places := make(map[string]int, len(config))
	for i, s := range config {
		places[s.Name] = i
	}
	for _, s := range credentials {
		switch at, both := places[s.Name]; {
		case !both:
			config = append(config, s)
		case config[at].Description == StoredKey, config[at].Description == SharedSettings:
			config[at].Description = s.Description
		}
	}
	return config
}

// scan calls name for each profile and setting, unless it is nil, for each setting of a
// profile.
func scan(data []byte, names func(string) (sectionKind, string), name func(string), setting func(key, value string)) {
	r := readLines(strings.TrimPrefix(textOf(data), "\ufeff"))
	if setting == nil {
		for r.nextHeader() {
			if kind, n := names(r.text); kind == profileSection {
				name(n)
			}
		}
		return
	}
	inProfile := false
	for r.next() {
		switch r.kind {
		case header:
			kind, n := names(r.text)
			if inProfile = kind == profileSection; inProfile {
				name(n)
			}
		case option:
			if inProfile {
				setting(r.key(), r.value())
			}
		}
	}
}

// clues has the settings that say where credentials come from.
type clues struct {
	role, account, permission, source, kind, key string
	session, text, protected                     string // sso_session, vault_description, vault_protected
	region, include                              string
	guarded                                      bool // there may be a Guard
}

// note takes a setting, whose key is in lower case.
func (c *clues) note(key, value string) {
	if value == "" {
		return
	}
	switch key {
	case "region":
		c.region = value
	case "include_profile":
		c.include = value
	case "role_arn":
		c.role = value
	case "sso_account_id", "vault_sso_account_id", grantedAccount:
		c.account = value
	case "sso_role_name", "vault_sso_role_name", grantedRole:
		c.permission = value
	case "source_profile":
		c.source = value
	case "vault_description":
		c.text = value
	case grantedText:
		c.text = or(c.text, value)
	case "vault_protected":
		c.protected, c.guarded = value, true
	case "vault_read_only", "vault_max_duration", "vault_auto_renew", "vault_agents":
		c.guarded = true
	case "sso_session", "vault_sso_session":
		c.kind, c.session = "sso", value
	case "sso_start_url", grantedURL:
		c.kind = "sso"
	case "credential_process":
		c.process(value)
	case "web_identity_token_file", "web_identity_token_process":
		c.kind = "web identity"
	case "credential_source":
		c.kind = "instance or container"
	case "login_session":
		c.kind = "console login"
	case settingID:
		c.key = or(c.key, "key in plain text")
	case settingToken, oldToken:
		c.key = "temporary key"
	}
}

// process notes what a credential_process is. That of aws-sso-cli names the role.
func (c *clues) process(command string) {
	if strings.Contains(command, "aws-sso") {
		if words, ok := Words(command); ok {
			if call, is := awsSSOCommand(words); is && call.account != "" {
				c.kind, c.account, c.permission = "sso", call.account, call.role
				return
			}
		}
	}
	c.kind = or(c.kind, "credential process")
}

func (c *clues) describe() string {
	switch {
	case c.role != "":
		return roleLabel(c.role)
	case c.account != "" && c.permission != "":
		return c.account + "/" + c.permission
	case c.kind != "":
		return c.kind
	case c.key != "":
		return c.key
	case c.source != "":
		return "as " + c.source
	}
	return StoredKey
}

// roleLabel shortens arn:aws:iam::111122223333:role/path/admin to
// 111122223333/path/admin. Any other text is shown as it is.
func roleLabel(text string) string {
	if account, role, ok := roleOf(text); ok {
		return account + "/" + role
	}
	return text
}
