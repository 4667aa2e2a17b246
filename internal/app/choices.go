package app

import (
	"slices"
	"time"

	"github.com/d44b7504/vault/env"
	"github.com/d44b7504/vault/internal/profiles"
	"github.com/d44b7504/vault/refresh"
)

// Choice is a profile in a list to choose from.
type Choice struct {
	profiles.Detail
	AccountName string // as Identity Center has it; "" where it is not known

	Expires time.Time // of the session that is cached; zero: none, or it is not known
	Active  bool      // in the caller's shell
	used    bool      // lately
}

// HasKey reports whether a key may be stored under the profile's own name, as far as its section
// tells.
func (c Choice) HasKey() bool { return c.Source == profiles.OwnKey }

// looked is how many profiles of a list are resolved, for what their own sections do not say. Of a
// longer list they are those that were used lately: another one has hardly a session.
const looked = 300

// Choices lists the profiles of the AWS files, those first that are used often and lately, and the
// others in the order of the files, and the roles of Identity Center without a profile after them.
// It opens no keyring and makes no call.
func (t *Task) Choices() ([]Choice, error) {
	set, err := t.Profiles()
	if err != nil {
		return nil, err
	}
	details := set.Details()
	known := t.knownDirectories()
	if len(known) > 0 {
		details = append(details, otherRoles(set, known, details)...)
	}
	list := inOrder(details, t.recent())
	st, active := t.Env.Active()
	for i := range list {
		list[i].Active = active && list[i].Name == st.Request.Profile
	}
	t.addExpiries(list)
	names := accountNames(known)
	for i := range list {
		list[i].AccountName = names[list[i].Account]
	}
	return nextFirst(list), nil
}

// inOrder puts the profiles that were used before the others, and a [default] that is hardly one
// last.
func inOrder(all []profiles.Detail, used []visit) []Choice {
	place := make(map[string]int, len(used))
	for i, v := range used {
		place[v.name] = i + 1
	}
	list := make([]Choice, len(used), len(used)+len(all))
	for _, d := range all {
		if at := place[d.Name]; at > 0 {
			list[at-1] = Choice{Detail: d, used: true}
		} else {
			list = append(list, Choice{Detail: d})
		}
	}
	if at := slices.IndexFunc(list, func(c Choice) bool { return c.Text == profiles.SharedSettings }); at >= len(used) {
		shared := list[at]
		list = append(slices.Delete(list, at, at+1), shared)
	}
	head := slices.DeleteFunc(list[:len(used)], func(c Choice) bool { return c.Name == "" }) // is not there any more
	return append(head, list[len(used):]...)
}

// nextFirst puts the active profile second where it is the first: who opens the list is going
// to another one.
func nextFirst(list []Choice) []Choice {
	if len(list) > 1 && list[0].Active {
		list[0], list[1] = list[1], list[0]
	}
	return list
}

// addExpiries fills in until when the sessions of profiles last, and what a profile is whose own
// section does not say.
func (t *Task) addExpiries(list []Choice) {
	marks := t.Env.Runtime().Marks()
	all := len(list) <= looked
	for i := range list[:min(len(list), looked)] {
		c := &list[i]
		if wanted := len(marks) > 0 && (all || c.used || c.Active); c.Account != "" && !wanted {
			continue
		}
		p, err := t.ResolveUnopened(env.Request{Profile: c.Name})
		if err != nil {
			continue // it is told when it is used
		}
		if m, ok := marks.Of(refresh.Key(p)); ok && m.Expires.After(t.Now()) {
			c.Expires = m.Expires
		}
		if account, role := accountAndRole(p); c.Account == "" {
			c.Account, c.Role = account, role
		}
		if c.HasKey() && p.Source.Stored == nil {
			c.Source = "included"
		}
	}
}
