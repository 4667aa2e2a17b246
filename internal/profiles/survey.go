package profiles

import (
	"runtime"
	"sync"
)

// This file reads what is below all headers, for lists of thousands of profiles. Nothing of it is
// kept but what a list shows, and every core there is has a part of the file.

// outline is what a list tells of a section without following it.
type outline struct {
	owner    Owner
	complete bool // nothing else has to be looked at to know the owner
	sound    bool // each line can be read, has a value, and continues no other
	guarded  bool // there may be a Guard in it, or in what it names
	key      bool // there is an access key in plain text
	silent   bool // there is nothing else that a list tells
}

// makeOutlines is called by Set.outlines.
func (s *Set) makeOutlines() []outline { return survey(s, outlineOf) }

// outlineOf is the outline of a section that is sound, or is not.
func outlineOf(_ *section, c *clues, sound bool) outline {
	o := outline{sound: sound, key: c.key != "", silent: *c == clues{key: c.key}}
	o.guarded = c.guarded || c.include != "" || c.role == "" && c.source != ""
	o.owner, o.complete = c.owner()
	return o
}

// survey returns what a function makes of each section, with what [DEFAULT] adds to it. The
// function is called from several goroutines.
func survey[T any](s *Set, of func(sec *section, c *clues, sound bool) T) []T {
	list := make([]T, len(s.sections))
	size := max(len(list)/runtime.GOMAXPROCS(0)+1, manySections)
	var wg sync.WaitGroup
	for from := 0; from < len(list); from += size {
		wg.Go(func() {
			var keys keySet
			for at := from; at < min(from+size, len(list)); at++ {
				sec := &s.sections[at]
				c, sound := s.skim(sec, &keys)
				list[at] = of(sec, &c, sound)
			}
		})
	}
	wg.Wait()
	return list
}

// manySections are worth a goroutine of their own.
const manySections = 256

// skim reads a section as bodyReader does, and keeps what is told of it. sound is false where
// bodyReader may have an error to tell, or a setting has more than one line.
func (s *Set) skim(sec *section, keys *keySet) (c clues, sound bool) {
	keys.reset()
	sound = true
	r := lineReader{src: s.below(sec), inSection: true}
	for r.next() {
		switch r.kind {
		case option:
			key, value := lower(r.key()), r.value()
			sound = keys.add(key, 1) == 0 && value != "" && sound
			c.note(key, value)
		case continuation, bad:
			sound = false
		}
	}
	for _, e := range s.defaults.settings {
		if keys.add(e.Key, 1) == 0 {
			c.note(e.Key, e.Value)
		}
	}
	return c, sound && len(s.notUTF8) == 0
}

// outline returns what the files tell of a profile without following it. ok is false where its
// sections have to be read for that: one is not sound, or both files tell something.
func (s *Set) outline(name string) (o outline, ok bool) {
	for _, file := range [...]*Set{s.credentials, s} {
		if file == nil {
			continue
		}
		at, there := file.find(profileSection, name)
		if !there {
			continue
		}
		x := file.outlines()[at]
		if !x.sound || file.defaults.bad != nil || len(file.index().twice) > 0 || ok && !o.silent && !x.silent {
			return outline{}, false
		}
		if !ok || o.silent {
			o, ok = x, true
		}
	}
	return o, ok
}

// Details lists the profiles of the files, each once: first those of the config file.
func (s *Set) Details() []Detail {
	list := s.details()
	if s.credentials == nil {
		return list
	}
	places := s.index().profiles.places
	for _, d := range s.credentials.details() {
		switch at, both := places[d.Name]; {
		case meantOtherwise(d.Name):
		case !both:
			list = append(list, d)
		case list[at].Source == OwnKey:
			list[at].Source = d.Source
		}
	}
	return list
}

// details are those of the profiles in this file.
func (s *Set) details() []Detail {
	all := survey(s, func(sec *section, c *clues, _ bool) (d Detail) {
		if kind, name := s.meaning(sec); kind == profileSection {
			d = detailOf(name, c)
		}
		return d
	})
	sections := s.index().profiles.sections
	list := make([]Detail, len(sections))
	for i, at := range sections {
		list[i] = all[at]
	}
	return list
}
