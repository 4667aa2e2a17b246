package profiles

import (
	"iter"
	"slices"
	"strconv"
	"strings"
	"time"
)

// view reads the settings of one profile: first those of its own section, then those that
// include_profile adds. It keeps the first error, so that a caller can read all that it
// needs and check once.
type view struct {
	set    *Set
	name   string
	given  []found // from the environment, which goes before all sections
	layers []layer // none for a profile that is a stored key without a section
	trace  *Step   // records what is read; nil for Resolve
	url    string  // the last that was found to be one: all services may have the same
	err    error
}

// found is a setting, and where it was found.
type found struct {
	Setting
	from     part   // none when it does not come from a file
	variable string // of the environment
}

// collect opens the sections of a profile and those that it includes.
func (v *view) collect() error {
	s := v.set
	for next, path := v.name, []string(nil); next != ""; {
		if slices.Contains(path, next) {
			return &LoopError{Kind: "include_profile", Path: append(path[slices.Index(path, next):], next)}
		}
		l := s.layer(next)
		if len(l) == 0 {
			return s.notFound(next, path)
		}
		if err := l.damage(); err != nil {
			return err
		}
		path = append(path, next)
		v.layers = append(v.layers, l)
		next = v.including(l)
	}
	return v.err
}

// including returns the profile that a layer includes, "" for none.
func (v *view) including(l layer) string {
	one := view{set: v.set, name: v.name, layers: []layer{l}, trace: v.trace}
	name := one.str("include_profile")
	v.err = one.err
	return name
}

func (s *Set) notFound(name string, path []string) error {
	e := s.NotFound(name)
	if len(path) > 0 {
		e.Profile, e.Key = path[len(path)-1], "include_profile"
	}
	return e
}

// find returns a setting: the first that is not empty. As for the AWS CLI, an empty value
// goes before that of [DEFAULT]; it does not go before one that is included.
func (v *view) find(key string) (found, bool) {
	for _, e := range v.given {
		if e.Key == key {
			return e, true
		}
	}
	for _, l := range v.layers {
		if e, ok := l.lookup(key); ok && e.Value != "" {
			return e, true
		}
	}
	return found{}, false
}

// has reports whether a setting is there and not empty.
func (v *view) has(key string) bool {
	_, ok := v.find(key)
	return ok
}

// str reads a setting of one line; "" when it is not set.
func (v *view) str(key string) string {
	e, ok := v.find(key)
	if !ok {
		return ""
	}
	if strings.Contains(e.Value, "\n") {
		e.Value, _, _ = strings.Cut(e.Value, "\n")
		why := "it must be one line, but the lines below it are indented, and so belong to it"
		if e.variable != "" {
			why = "it must be one line"
		}
		v.reject(e, why)
		return ""
	}
	v.note(key, e)
	return e.Value
}

// seconds reads the duration of a role; 0 when it is not set. AWS accepts 15 minutes to 12
// hours. A variable has a duration as Go writes it.
func (v *view) seconds(key string) time.Duration {
	text := v.str(key)
	if text == "" {
		return 0
	}
	if e, _ := v.find(key); e.variable != "" {
		return v.duration(e)
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 900 || n > 43200 {
		v.rejectKey(key, "it must be a whole number of seconds from 900 to 43200")
		return 0
	}
	return time.Duration(n) * time.Second
}

// duration reads a variable that holds a duration.
func (v *view) duration(e found) time.Duration {
	d, err := time.ParseDuration(e.Value)
	if err != nil || d < time.Second {
		v.reject(e, "write it like 1h or 45m")
		return 0
	}
	return d
}

// givenDuration is the duration that the environment gives to every role, 0 for none.
func (v *view) givenDuration() time.Duration {
	for _, e := range v.given {
		if e.Key == "duration_seconds" {
			return v.seconds(e.Key)
		}
	}
	return 0
}

// tags reads tags that are written k=v,k=v.
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

// list reads items that are written a,b,c. It leaves out empty ones.
func (v *view) list(key string) []string {
	var items []string
	for item := range strings.SplitSeq(v.str(key), ",") {
		if item = trimSpace(item); item != "" {
			items = append(items, item)
		}
	}
	return items
}

// place says where a setting is, for messages: a variable, or a key with file and line.
func (v *view) place(e found, key string) string {
	if e.variable != "" {
		return e.variable
	}
	return key + " in " + place(e.from.file.path, e.Line)
}

// placeOf is place for the setting of this key.
func (v *view) placeOf(key string) string {
	e, _ := v.find(key)
	return v.place(e, key)
}

// rejectKey is reject for the setting of this key.
func (v *view) rejectKey(key, why string) {
	e, _ := v.find(key)
	v.reject(e, why)
}

// reject records an error in a setting. It does not keep a value that may be secret.
func (v *view) reject(e found, why string) {
	if v.err != nil {
		return
	}
	bad := &ValueError{Line: e.Line, Profile: v.name, Key: e.Key, Why: why}
	if bad.Value, _ = Show(e.Key, e.Value); e.from.section != nil {
		bad.File = e.from.file.path
	}
	if e.variable != "" {
		bad.Key = e.variable
	}
	v.err = bad
}

// all goes through the settings of every section, in the order in which they count.
func (v *view) all() iter.Seq2[Setting, part] {
	return func(yield func(Setting, part) bool) {
		for _, l := range v.layers {
			for _, p := range l {
				for _, list := range [...][]Setting{p.own(), p.file.defaults.settings} {
					for _, e := range list {
						if !yield(e, p) {
							return
						}
					}
				}
			}
		}
	}
}

// extra returns the settings of this program, which begin with vault_, and those of Granted that
// mean the same.
func (v *view) extra() map[string]string {
	var found map[string]string
	for e := range v.all() {
		if _, set := found[e.Key]; set || !strings.HasPrefix(e.Key, "vault_") {
			continue
		}
		if found == nil {
			found = map[string]string{}
		}
		found[e.Key] = e.Value
	}
	for _, look := range grantedLooks {
		if e, ok := v.find(look[1]); ok && found[look[0]] == "" {
			if found == nil {
				found = map[string]string{}
			}
			found[look[0]] = e.Value
		}
	}
	return found
}

// warnings lists settings that are known and have no effect.
func (v *view) warnings() []Warning {
	e, ok := v.find("parent_profile")
	if !ok {
		return nil
	}
	return []Warning{{
		File: e.from.file.path, Line: e.Line, Profile: v.name, Key: e.Key,
		Why: "it is obsolete and has no effect; use include_profile",
	}}
}
