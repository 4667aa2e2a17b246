package app

import (
	"cmp"
	"encoding/json"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/d44b7504/vault/internal/atomicfile"
	"github.com/d44b7504/vault/internal/profiles"
	"github.com/d44b7504/vault/internal/sessions"
)

// This file remembers which accounts and roles a directory gave when it was last asked, so that
// the list to choose from has them at once, and accounts have their names wherever they are shown.
// The file has no secrets and can be deleted at any time; one that was cut off is none.

// accountsSize is more bytes than a large company's list has.
const accountsSize = 16 << 20

// knownDirectory is what one directory gave.
type knownDirectory struct {
	Asked    time.Time          `json:"asked"`
	Accounts []sessions.Account `json:"accounts"`
}

// accountsFile is the file, "" where there is no home directory.
func (t *Task) accountsFile() string {
	dir, err := t.Env.StateDir()
	if err != nil {
		return ""
	}
	return filepath.Join(dir, "accounts.json")
}

// knownDirectories are the directories that were asked, by the name of their sso-session, or by
// their start URL where they have none.
func (t *Task) knownDirectories() map[string]knownDirectory {
	file := t.accountsFile()
	if file == "" {
		return nil
	}
	text, err := atomicfile.Read(file, accountsSize)
	if err != nil {
		return nil
	}
	var known map[string]knownDirectory
	if json.Unmarshal(text, &known) != nil {
		return nil
	}
	return known
}

// remember notes what a directory gives. Nothing depends on it: where it cannot be written
// down, it is not.
func (d Directory) remember(list []sessions.Account) {
	file := d.task.accountsFile()
	if file == "" {
		return
	}
	known := d.task.knownDirectories()
	if known == nil {
		known = map[string]knownDirectory{}
	}
	known[d.Name()] = knownDirectory{d.task.Now().UTC().Truncate(time.Second), list}
	if text, err := json.Marshal(known); err == nil && len(text) < accountsSize {
		_ = atomicfile.WriteCache(file, text)
	}
}

// AccountName is the name of an account, "" where no directory was asked that has it.
func (t *Task) AccountName(id string) string {
	if id == "" {
		return ""
	}
	return accountNames(t.knownDirectories())[id]
}

// accountNames are the names of the accounts by their ids. Directories are gone through in the
// order of their names, so that of two names for an account it is always the same one.
func accountNames(known map[string]knownDirectory) map[string]string {
	names := map[string]string{}
	for _, session := range sortedKeys(known) {
		for _, a := range known[session].Accounts {
			names[a.ID] = cmp.Or(names[a.ID], a.Name)
		}
	}
	return names
}

// otherRoles are the roles that the directories gave for which there is no profile. Each is
// used by its name, SESSION:ACCOUNT:ROLE.
func otherRoles(set *profiles.Set, known map[string]knownDirectory, list []profiles.Detail) (more []profiles.Detail) {
	type role struct{ account, name string }
	there := make(map[role]bool, len(list))
	for _, d := range list {
		there[role{d.Account, d.Role}] = true
	}
	sessions := set.SSOSessions()
	for _, session := range sortedKeys(known) {
		if !slices.Contains(sessions, session) {
			continue // it was removed from the config file
		}
		for _, a := range known[session].Accounts {
			for _, name := range a.Roles {
				if there[role{a.ID, name}] || profiles.CheckRole(a.ID, name) != nil {
					continue
				}
				more = append(more, profiles.Detail{
					Name: profiles.RoleName(session, a.ID, name), Account: a.ID, Role: name, Source: session, Text: strings.TrimSpace(a.Email),
				})
			}
		}
	}
	return more
}

func sortedKeys(known map[string]knownDirectory) (names []string) {
	for name := range known {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
