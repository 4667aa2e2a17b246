package profiles

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// This file writes a block of profiles into a config file, between two comments. What is
// outside of the block stays as it is, byte for byte, and a profile that is there is not
// written into the block.

// Stanza is a profile that is to be written.
type Stanza struct {
	Name     string
	Settings []Setting
}

// Sync is a change of a block that was planned. Write makes it.
type Sync struct {
	Path                    string
	Added, Changed, Removed []string // names, in the order of the block
	Foreign                 []string // not written, because they are outside of the block

	old, text  []byte
	from, into map[string]string // the block's sections by name, as text
}

// PlanSync plans the block of this name with the wanted profiles in it. Profiles in the
// block that are not wanted are removed if prune is set, and stay otherwise.
func PlanSync(path, name string, want []Stanza, prune bool) (*Sync, error) {
	old, err := ReadFile(path)
	if err != nil {
		return nil, err
	}
	if why := notText(string(old)); why != "" {
		return nil, fmt.Errorf("change %s: %s", path, why)
	}
	if why := unusableName(name); why != "" {
		return nil, fmt.Errorf("a block cannot have the name %q: %s", name, why)
	}
	around, err := cutBlock(path, string(old), name)
	if err != nil {
		return nil, err
	}
	s := &Sync{Path: path, old: old, into: map[string]string{}}
	order, err := s.merge(around, path, want, prune)
	if err != nil {
		return nil, err
	}
	s.text = around.with(name, order, s.into)
	return s, s.check(around)
}

// around is a file that is split at the block.
type around struct {
	before, block, after string
	end                  string // how lines end
	found                bool
}

func begins(name string) string { return "# begin: profiles written by vault sso sync for " + name }
func endsWith(name string) string {
	return "# end: profiles written by vault sso sync for " + name
}

// cutBlock finds the block. It is an error if only one of its two comments is there.
func cutBlock(path, text, name string) (around, error) {
	a := around{before: text, end: "\n"}
	if i := strings.IndexByte(text, '\n'); i > 0 && text[i-1] == '\r' {
		a.end = "\r\n"
	}
	from, inside := -1, -1
	at := 0
	for line := range strings.Lines(text) {
		switch strings.TrimRight(line, "\r\n") {
		case begins(name):
			if from >= 0 {
				return a, fmt.Errorf("%s has two blocks of vault sso sync for %q; delete one of them", path, name)
			}
			from, inside = at, at+len(line)
		case endsWith(name):
			if from < 0 || a.found {
				return a, fmt.Errorf("%s: the block of vault sso sync for %q ends before it begins; put its first and last line in order, or delete both", path, name)
			}
			a.found = true
			a.before, a.block, a.after = text[:from], text[inside:at], text[at+len(line):]
		}
		at += len(line)
	}
	if from >= 0 && !a.found {
		return a, fmt.Errorf("%s: the block of vault sso sync for %q has no end; write its last line again: %s", path, name, strings.TrimSpace(endsWith(name)))
	}
	return a, nil
}

// merge decides which profiles the block will have, and records what that changes.
func (s *Sync) merge(a around, path string, want []Stanza, prune bool) (order []string, err error) {
	outside := Parse(path, []byte(a.before+a.after))
	var old []string
	s.from, old = sectionsOf(path, a.block)
	wanted := map[string]bool{}
	for _, x := range want {
		if outside.Has(x.Name) {
			s.Foreign = append(s.Foreign, x.Name)
			continue
		}
		if wanted[x.Name] {
			return nil, fmt.Errorf("two profiles would have the name %q", x.Name)
		}
		wanted[x.Name] = true
		text, err := renderSection(x.Name, x.Settings)
		if err != nil {
			return nil, err
		}
		order, s.into[x.Name] = append(order, x.Name), text
	}
	for _, n := range old {
		if wanted[n] {
			continue
		}
		if prune {
			s.Removed = append(s.Removed, n)
		} else {
			order, s.into[n] = append(order, n), s.from[n]
		}
	}
	slices.Sort(order)
	s.compare(order)
	return order, nil
}

// compare records which of the block's profiles are new, and which have other settings now.
func (s *Sync) compare(order []string) {
	for _, n := range order {
		switch before, had := s.from[n]; {
		case !had:
			s.Added = append(s.Added, n)
		case before != s.into[n]:
			s.Changed = append(s.Changed, n)
		}
	}
}

// sectionsOf splits the block into the texts of its profiles, without blank lines.
func sectionsOf(path, block string) (map[string]string, []string) {
	set := Parse(path, []byte(block))
	lines := strings.Split(unixLines(block), "\n")
	starts := map[int]string{}
	for _, n := range set.Names() {
		at, _ := set.find(profileSection, n)
		starts[set.line(&set.sections[at])] = n
	}
	texts, name := map[string]string{}, ""
	for i, line := range lines {
		if n, is := starts[i+1]; is {
			name = n
		}
		if name != "" && strings.TrimSpace(line) != "" {
			texts[name] += line + "\n"
		}
	}
	return texts, set.Names()
}

// with returns the text of the whole file. Without profiles there is no block.
func (a around) with(name string, order []string, texts map[string]string) []byte {
	if len(order) == 0 {
		return []byte(a.before + a.after)
	}
	var b strings.Builder
	b.WriteString(begins(name) + "\n")
	for i, n := range order {
		if i > 0 {
			b.WriteString("\n")
		}
		b.WriteString(texts[n])
	}
	b.WriteString(endsWith(name) + "\n")
	if a.found {
		return []byte(a.before + strings.ReplaceAll(b.String(), "\n", a.end) + a.after)
	}
	return join([]byte(a.before), b.String())
}

// check parses the new text to make sure that the profiles outside of the block are as they
// were, and those in it as they should be.
func (s *Sync) check(a around) error {
	was, is := Parse(s.Path, []byte(a.before+a.after)), Parse(s.Path, s.text)
	names := append(was.Names(), slices.Collect(maps.Keys(s.into))...)
	now := is.Names()
	slices.Sort(names)
	slices.Sort(now)
	same := slices.Equal(names, now) && len(was.damaged()) == len(is.damaged())
	for _, n := range was.Names() {
		same = same && slices.EqualFunc(was.Settings(n), is.Settings(n), func(a, b Setting) bool {
			return a.Key == b.Key && a.Value == b.Value
		})
	}
	if !same {
		return fmt.Errorf("change %s: the file would have another meaning after that", s.Path)
	}
	return nil
}

// Empty reports that there is nothing to write.
func (s *Sync) Empty() bool { return bytes.Equal(s.old, s.text) }

// Diff returns the change as text, profile by profile: removed lines with "-", added ones
// with "+".
func (s *Sync) Diff() string {
	var b strings.Builder
	show := func(sign, text string) {
		for line := range strings.Lines(text) {
			b.WriteString(sign + line)
		}
	}
	for _, n := range s.Removed {
		show("-", s.from[n])
	}
	for _, n := range s.Changed {
		show("-", s.from[n])
		show("+", s.into[n])
	}
	for _, n := range s.Added {
		show("+", s.into[n])
	}
	return b.String()
}

// Write makes the change; see atomicfile.Write. If another program has changed the file
// since it was read, nothing is written and the error is a *ChangedError.
func (s *Sync) Write() error { return rewrite(s.Path, s.old, s.text) }

// syncedKey is the first setting of a profile that vault sso sync has written. It does not
// have the name of AWS's own setting, because that would go before the credential_process
// with which the AWS tools use the same sign-in.
const syncedKey = "vault_sso_session"

// SyncedSettings returns the settings of a profile for a role of Identity Center. The AWS
// tools use the command in them, and this program the rest.
func SyncedSettings(s SSO, region, command string) []Setting {
	list := []Setting{
		{Key: syncedKey, Value: s.Session}, {Key: "vault_sso_account_id", Value: s.Account}, {Key: "vault_sso_role_name", Value: s.Role},
		{Key: "credential_process", Value: command},
	}
	if region != "" {
		list = append(list, Setting{Key: "region", Value: region})
	}
	return list
}

// NativeSettings returns the same as the AWS tools know it, so that they use it by
// themselves, with a sign-in of their own or one that is shared with them.
func NativeSettings(s SSO, region string) []Setting {
	list := []Setting{{Key: "sso_session", Value: s.Session}, {Key: "sso_account_id", Value: s.Account}, {Key: "sso_role_name", Value: s.Role}}
	if region != "" {
		list = append(list, Setting{Key: "region", Value: region})
	}
	return list
}

// synced reads such a profile.
func (c *chain) synced(v *view) (Source, error) {
	name, _ := v.find(syncedKey)
	at, known := c.set.find(ssoSection, name.Value)
	if !known {
		v.reject(name, c.set.noSection("sso-session", name.Value, c.set.namesOf(ssoSection)))
		return Source{}, v.err
	}
	l := c.set.only(at)
	if err := l.damage(); err != nil {
		return Source{}, err
	}
	c.misspelt = append(c.misspelt, l.misspelt()...)
	w := &view{set: c.set, name: v.name, layers: []layer{l}, trace: v.trace}
	s := &SSO{
		Session: v.str(syncedKey), StartURL: w.str("sso_start_url"), Region: w.label("sso_region"),
		Account: v.str("vault_sso_account_id"), Role: v.str("vault_sso_role_name"), Scopes: w.list("sso_registration_scopes"),
	}
	w.checkSSO(s)
	if missing := s.missing(); missing != "" && w.err == nil {
		v.rejectKey(syncedKey, missing)
	}
	if w.err != nil {
		return Source{}, w.err
	}
	return Source{SSO: s}, v.err
}

// SSOSessions lists the names of the sso-session sections.
func (s *Set) SSOSessions() []string { return slices.Clone(s.namesOf(ssoSection)) }

// missing is the error for a setting that an sso-session lacks.
func (l layer) missing(session, key string) error {
	text := fmt.Sprintf("sso-session %q: %s is missing", session, key)
	for _, w := range l.misspelt() {
		text += "; " + w.String()
	}
	return errors.New(text)
}

// SSOSession reads an sso-session section as a source without account and role. extra
// are its vault_* settings.
func (s *Set) SSOSession(name string) (sso SSO, extra map[string]string, err error) {
	at, ok := s.find(ssoSection, name)
	if !ok {
		return SSO{}, nil, &NotFoundError{Name: name, Nearest: near(name, s.namesOf(ssoSection)), Ignored: s.ignoredFor("sso-session", name)}
	}
	l := s.only(at)
	if err := l.damage(); err != nil {
		return SSO{}, nil, err
	}
	v := &view{set: s, name: name, layers: []layer{l}}
	sso = SSO{
		Session: name, StartURL: v.str("sso_start_url"), Region: v.label("sso_region"), Scopes: v.list("sso_registration_scopes"),
	}
	v.checkSSO(&sso)
	switch {
	case v.err != nil:
	case sso.StartURL == "":
		err = l.missing(name, "sso_start_url")
	case sso.Region == "":
		err = l.missing(name, "sso_region")
	}
	return sso, v.extra(), errors.Join(v.err, err)
}
