package app

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
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

// accountsAge is for how long a list is shown without asking again.
const accountsAge = 24 * time.Hour

// knownDirectory is what one directory gave.
type knownDirectory struct {
	Asked    time.Time          `json:"asked"`
	Start    string             `json:"start,omitempty"` // where the directory was
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
	d.task.addKnown(d.Name(), knownDirectory{d.task.Now().UTC().Truncate(time.Second), d.SSO.Directory(), list})
}

// addKnown writes down what a directory gave, in place of what it gave before.
func (t *Task) addKnown(name string, k knownDirectory) {
	file := t.accountsFile()
	if file == "" {
		return
	}
	known := t.knownDirectories()
	if known == nil {
		known = map[string]knownDirectory{}
	}
	known[name] = k
	if text, err := json.Marshal(known); err == nil && len(text) < accountsSize {
		_ = atomicfile.WriteCache(file, text)
	}
}

// AccountList is what a directory gives, or gave when it was asked last.
type AccountList struct {
	Accounts []sessions.Account
	Asked    time.Time // when that was; zero: just now
	Failed   error     // why it could not be asked again; nil: it did not have to be
}

// Known lists the accounts as Accounts does, or as the directory gave them within a day, at once and
// without a call. An older list is used where AWS cannot be reached, or where a person would have to
// sign in who is not there.
func (d Directory) Known(ctx context.Context) (AccountList, error) {
	known, found := d.task.knownDirectories()[d.Name()]
	found = found && (known.Start == "" || known.Start == d.SSO.Directory())
	if age := d.task.Now().Sub(known.Asked); found && age < accountsAge && age > -time.Minute {
		return AccountList{Accounts: known.Accounts, Asked: known.Asked}, nil
	}
	list, err := d.Accounts(ctx)
	var call *sessions.CallError
	if err != nil && found && ctx.Err() == nil && (errors.Is(err, sessions.ErrNeedsUser) || errors.As(err, &call) && call.Kind == sessions.Unreachable) {
		return AccountList{known.Accounts, known.Asked, err}, nil
	}
	return AccountList{Accounts: list}, err
}

// KnownAccounts are the accounts that the directory of an sso-session gave last, of all of them with
// "". It makes no call.
func (t *Task) KnownAccounts(session string) (list []sessions.Account) {
	known := t.knownDirectories()
	for _, name := range sortedKeys(known) {
		if session == "" || session == name {
			list = append(list, known[name].Accounts...)
		}
	}
	return list
}

// aliases is the name under which accounts stand whose alias IAM has told.
const aliases = ""

// learnAlias asks IAM for the alias of an account, once, and returns the account's name: that of
// Identity Center, or the alias; "" where it has neither, or where the caller may not ask.
func (t *Task) learnAlias(ctx context.Context, account string, c sessions.IAM) string {
	known := t.knownDirectories()
	name := accountNames(known)[account]
	of := known[aliases]
	if slices.ContainsFunc(of.Accounts, func(a sessions.Account) bool { return a.ID == account }) {
		return name
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	alias, err := c.AccountAlias(ctx)
	var call *sessions.CallError
	if err != nil && !(errors.As(err, &call) && call.Kind == sessions.Denied) {
		return name
	}
	of.Accounts = append(of.Accounts, sessions.Account{ID: account, Name: alias})
	t.addKnown(aliases, of)
	return cmp.Or(name, alias)
}

// IsAccount reports whether a person means the account by its id, its name or its alias.
func (t *Task) IsAccount(a sessions.Account, text string) bool {
	if text == a.ID || strings.EqualFold(text, strings.TrimSpace(a.Name)) {
		return true
	}
	for _, other := range t.knownDirectories()[aliases].Accounts {
		if other.ID == a.ID && other.Name != "" && strings.EqualFold(text, other.Name) {
			return true
		}
	}
	return false
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
	for _, session := range append(sortedKeys(known), aliases) {
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
		if !slices.Contains(sessions, session) || !known[session].isOf(set, session) {
			continue // it was removed from the config file, or is another directory now
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

// isOf reports whether the sso-session still is the directory that was asked.
func (k knownDirectory) isOf(set *profiles.Set, session string) bool {
	s, _, err := set.SSOSession(session)
	return k.Start == "" || err == nil && s.Directory() == k.Start
}

// sortedKeys are the names of the directories.
func sortedKeys(known map[string]knownDirectory) (names []string) {
	for name := range known {
		if name != aliases {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}
