package profiles

import (
	"hash/maphash"
	"strings"
	"unsafe"
)

// This file answers TAB. It reads the same lines as Parse but keeps only names, so
// that 20,000 profiles cost a few milliseconds.

// ScanNames lists the profiles of a config file in file order, each once. It is
// Names without the cost of a Set. The names are parts of data, which must not be
// changed afterwards.
func ScanNames(data []byte) []string {
	seen := newNames(len(data))
	scan(data, func(name string) { seen.add(name) }, nil)
	return seen.list
}

// textOf is data as a string, without a copy.
func textOf(data []byte) string { return unsafe.String(unsafe.SliceData(data), len(data)) }

// names is a list of names in which each is there once. A map would cost as much as
// all the rest of a scan.
type names struct {
	list  []string
	seed  maphash.Seed
	slots []uint32 // 1 + the place in list, 0 for a free slot; a power of two, at most half used
}

// nameSpan is how much of a file there is to one name, most often.
const nameSpan = 120

// newNames guesses from the length of a file how many there will be.
func newNames(length int) *names {
	n := &names{list: make([]string, 0, length/nameSpan+8), seed: maphash.MakeSeed()}
	size := 16
	for size < 2*cap(n.list) {
		size *= 2
	}
	n.slots = make([]uint32, size)
	return n
}

// add returns the place of a name and whether it is new.
func (n *names) add(name string) (at int, isNew bool) {
	slot := n.slot(name)
	if used := n.slots[slot]; used != 0 {
		return int(used - 1), false
	}
	n.list = append(n.list, name)
	n.slots[slot] = uint32(len(n.list))
	if 2*len(n.list) > len(n.slots) {
		n.grow()
	}
	return len(n.list) - 1, true
}

// find returns the place of a name, false when it is not there.
func (n *names) find(name string) (at int, ok bool) {
	if len(n.slots) == 0 {
		return 0, false
	}
	at = int(n.slots[n.slot(name)]) - 1
	return max(at, 0), at >= 0
}

// slot finds where a name is or belongs.
func (n *names) slot(name string) int {
	mask := len(n.slots) - 1
	slot := int(maphash.String(n.seed, name)) & mask
	for n.slots[slot] != 0 && n.list[n.slots[slot]-1] != name {
		slot = (slot + 1) & mask
	}
	return slot
}

func (n *names) grow() {
	n.slots = make([]uint32, 2*len(n.slots))
	for i, name := range n.list {
		n.slots[n.slot(name)] = uint32(i + 1)
	}
}

// Summary is a profile as a completion shows it.
type Summary struct {
	Name        string
	Description string // ACCOUNT/ROLE for a role, else the kind of source
}

// StoredKey describes a profile whose section names no source: its key is in the keyring.
const StoredKey = "stored key"

// ScanSummaries lists the profiles with a few words about each, in one pass. It
// follows no references: a description comes from the profile's own section. The
// texts are parts of data, which must not be changed afterwards.
func ScanSummaries(data []byte) []Summary {
	seen := newNames(len(data))
	list := make([]Summary, 0, cap(seen.list))
	var cur clues
	open := -1
	flush := func() {
		if open >= 0 {
			list[open].Description = cur.describe()
		}
	}
	scan(data, func(name string) {
		flush()
		at, isNew := seen.add(name)
		if isNew {
			list = append(list, Summary{Name: name})
		}
		open, cur = at, clues{}
	}, func(key, value string) { cur.note(key, value) })
	flush()
	return list
}

// scan calls name for each profile and, when it is not nil, setting for each setting
// of a profile.
func scan(data []byte, name func(string), setting func(key, value string)) {
	r := readLines(strings.TrimPrefix(textOf(data), "\ufeff"))
	r.headersOnly = setting == nil
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
				setting(r.key(), r.value())
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
	return StoredKey
}

// roleLabel shortens arn:aws:iam::111122223333:role/path/admin to
// 111122223333/path/admin. What is no role ARN is shown as it is.
func roleLabel(arn string) string {
	if account, role, ok := cutRole(arn); ok {
		return account + "/" + role
	}
	return arn
}
