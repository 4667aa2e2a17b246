package profiles

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// view is one profile's settings: its own section first, then what include_profile
// adds to it. The first setting that cannot be used is kept in err, so that a caller
// asks for everything it wants and checks once.
type view struct {
	set      *Set
	name     string
	given    []found    // what the environment says, which comes before all sections
	sections []*section // none for a profile that is only a stored key
	trace    *Step      // notes what is read, nil when nobody asks
	err      error
}

// found is a setting and where it was found.
type found struct {
	Setting
	section  *section // nil when it does not come from the file
	variable string   // of the environment
}

// collect opens the sections a profile is made of.
func (v *view) collect() error {
	s := v.set
	for next, path := v.name, []string(nil); next != ""; {
		if slices.Contains(path, next) {
			return &LoopError{Kind: "include_profile", Path: append(path[slices.Index(path, next):], next)}
		}
		at, ok := s.profiles.find(next)
		if !ok {
			return s.notFound(next, path)
		}
		sec := &s.sections[at]
		if err := s.damage(sec); err != nil {
			return err
		}
		path = append(path, next)
		v.sections = append(v.sections, sec)
		next = v.including(sec)
	}
	return v.err
}

// including names the profile that one section asks to include.
func (v *view) including(sec *section) string {
	one := view{set: v.set, name: v.name, sections: []*section{sec}, trace: v.trace}
	name := one.str("include_profile")
	v.err = one.err
	return name
}

func (s *Set) notFound(name string, path []string) error {
	e := &NotFoundError{Name: name, Nearest: near(name, s.profiles.list)}
	if len(path) > 0 {
		e.Profile, e.Key = path[len(path)-1], "include_profile"
	}
	return e
}

// damage says why a section is not to be trusted, nil when it is.
func (s *Set) damage(sec *section) error {
	if sec.bad != nil {
		return sec.bad
	}
	if s.shared.bad != nil {
		return s.shared.bad
	}
	return nil
}

// find returns a setting, the first that is not empty. An empty value hides the
// one of [DEFAULT], as it does for the AWS CLI, but not one that is included.
func (v *view) find(key string) (found, bool) {
	for _, e := range v.given {
		if e.Key == key {
			return e, true
		}
	}
	for _, sec := range v.sections {
		if e, ok := v.set.lookup(sec, key); ok && e.Value != "" {
			return e, true
		}
	}
	return found{}, false
}

func (s *Set) lookup(sec *section, key string) (found, bool) {
	for _, e := range s.entries[sec.from:sec.to] {
		if e.Key == key {
			return found{Setting: e, section: sec}, true
		}
	}
	for _, e := range s.defaults {
		if e.Key == key {
			return found{Setting: e, section: &s.shared}, true
		}
	}
	return found{}, false
}

// has reports whether a setting is there at all.
func (v *view) has(key string) bool {
	_, ok := v.find(key)
	return ok
}

// str reads a setting that is one line; "" when it is not there.
func (v *view) str(key string) string {
	e, ok := v.find(key)
	if !ok {
		return ""
	}
	if strings.Contains(e.Value, "\n") {
		e.Value, _, _ = strings.Cut(e.Value, "\n")
		v.reject(e, "one line is expected here, and the lines below it are indented")
		return ""
	}
	v.note(key, e)
	return e.Value
}

// seconds reads a role's duration; 0 when it is not there. AWS takes nothing outside
// 15 minutes and 12 hours.
func (v *view) seconds(key string) time.Duration {
	text := v.str(key)
	if text == "" {
		return 0
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 900 || n > 43200 {
		v.rejectKey(key, "it must be a whole number of seconds from 900 to 43200")
		return 0
	}
	return time.Duration(n) * time.Second
}

// tags reads k=v,k=v.
func (v *view) tags(key string) []Tag {
	var tags []Tag
	for _, item := range v.list(key) {
		k, value, ok := strings.Cut(item, "=")
		tag := Tag{Key: trimSpace(k), Value: trimSpace(value)}
		if !ok || tag.Key == "" {
			v.rejectKey(key, "tags are written key=value,key=value")
			return nil
		}
		if slices.ContainsFunc(tags, func(t Tag) bool { return t.Key == tag.Key }) {
			v.rejectKey(key, "a tag is there twice")
			return nil
		}
		tags = append(tags, tag)
	}
	return tags
}

// list reads a,b,c. Empty items are dropped.
func (v *view) list(key string) []string {
	var items []string
	for item := range strings.SplitSeq(v.str(key), ",") {
		if item = trimSpace(item); item != "" {
			items = append(items, item)
		}
	}
	return items
}

func (v *view) rejectKey(key, why string) {
	e, _ := v.find(key)
	v.reject(e, why)
}

// reject says what is wrong with a setting. Of one that may hold a secret it does not
// keep the value.
func (v *view) reject(e found, why string) {
	if v.err != nil {
		return
	}
	bad := &ValueError{Line: e.Line, Profile: v.name, Key: e.Key, Why: why}
	if bad.Value, _ = Show(e.Key, e.Value); e.section != nil {
		bad.File = v.set.path
	}
	if e.variable != "" {
		bad.Key = e.variable
	}
	v.err = bad
}

// extra collects the settings that are ours.
func (v *view) extra() map[string]string {
	var found map[string]string
	for _, sec := range v.sections {
		for _, list := range [...][]Setting{v.set.entries[sec.from:sec.to], v.set.defaults} {
			for _, e := range list {
				if !strings.HasPrefix(e.Key, "vault_") {
					continue
				}
				if _, set := found[e.Key]; set {
					continue
				}
				if found == nil {
					found = map[string]string{}
				}
				found[e.Key] = e.Value
			}
		}
	}
	return found
}

// warnings lists settings that are recognised and do nothing.
func (v *view) warnings() []Warning {
	e, ok := v.find("parent_profile")
	if !ok {
		return nil
	}
	return []Warning{{
		File: v.set.path, Line: e.Line, Profile: v.name, Key: e.Key,
		Why: "it is obsolete and has no effect, include_profile took its place",
	}}
}
