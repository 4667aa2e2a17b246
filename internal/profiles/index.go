package profiles

import (
	"fmt"
	"slices"
)

// This file finds sections by name. Most commands look up a few names, for which the headers
// are gone through one by one: to make an index of 5,000 takes longer. A command that asks
// for many gets the index.

// fewNames is how many names are looked up one by one.
const fewNames = 24

// index has the sections of a file by name, and those whose header is there twice.
type index struct {
	profiles, sso, services, others placed // the others by their header

	twice    map[int]*SyntaxError // the first such error of a section
	problems []*SyntaxError       // all of them
}

// placed finds sections by name. Of two sections with the same name it has the later one, at
// the place of the first.
type placed struct {
	names
	sections []int // of each name
}

// put adds a section, and reports whether its name is new.
func (x *placed) put(name string, section int) (isNew bool) {
	if x.places == nil {
		x.names = *newNames(0)
	}
	at, isNew := x.add(name)
	if isNew {
		x.sections = append(x.sections, section)
	}
	x.sections[at] = section
	return isNew
}

// of returns the sections of a kind.
func (x *index) of(kind sectionKind) *placed {
	switch kind {
	case profileSection:
		return &x.profiles
	case ssoSection:
		return &x.sso
	case servicesSection:
		return &x.services
	}
	return &x.others
}

// makeIndex is called by Set.index.
func (s *Set) makeIndex() *index {
	x := &index{}
	x.profiles = placed{*newNames(len(s.sections) * nameSpan), make([]int, 0, len(s.sections))}
	var first map[string]int // header → its first section; nil until a name is there twice
	for at := range s.sections {
		sec := &s.sections[at]
		kind, name := s.meaning(sec)
		if kind == otherSection {
			name = s.header(sec)
		}
		isNew := x.of(kind).put(name, at)
		if isNew && first == nil {
			continue // no header can be there twice as long as no name is
		}
		if first == nil {
			first = map[string]int{}
			for i := at - 1; i >= 0; i-- {
				first[s.header(&s.sections[i])] = i
			}
		}
		if i, twice := first[s.header(sec)]; twice {
			x.isTwice(s, i, at)
		} else {
			first[s.header(sec)] = at
		}
	}
	return x
}

// isTwice makes an error of a header that is there twice, as the AWS CLI does.
func (x *index) isTwice(s *Set, first, second int) {
	e := &SyntaxError{
		File: s.path, Line: s.line(&s.sections[second]), Why: fmt.Sprintf("the same section is in line %d", s.line(&s.sections[first])),
	}
	x.problems = append(x.problems, e)
	if x.twice == nil {
		x.twice = map[int]*SyntaxError{}
	}
	for _, at := range [...]int{first, second} {
		if x.twice[at] == nil {
			x.twice[at] = e
		}
	}
}

// find returns the section of a name, and false when there is none.
func (s *Set) find(kind sectionKind, name string) (at int, ok bool) {
	if s.asked.Add(1) > fewNames {
		x := s.index().of(kind)
		if at, ok = x.places[name]; ok {
			at = x.sections[at]
		}
		return at, ok
	}
	// Without quotation marks the name is the end of the header.
	want, mask := tailOf(trimBreaks(name)), tailMask(len(trimBreaks(name)))
	if s.quotes {
		mask = 0
	}
	for at := len(s.sections) - 1; at >= 0; at-- {
		if sec := &s.sections[at]; (sec.tail^want)&mask == 0 {
			if k, n := s.meaning(sec); k == kind && n == name {
				return at, true
			}
		}
	}
	return 0, false
}

// last returns the section that counts of those with the same name.
func (s *Set) last(sec *section) int {
	at, _ := s.find(s.meaning(sec))
	return at
}

// namesOf lists the sections of a kind in the order of the file, each name once.
func (s *Set) namesOf(kind sectionKind) []string {
	s.asked.Store(fewNames) // what follows is about many of them
	return s.index().of(kind).list
}

// twice returns the error for a section whose header is there twice, nil for any other.
func (s *Set) twice(sec *section) *SyntaxError {
	if s.asked.Load() < fewNames && !s.isTwice(sec) {
		return nil
	}
	if x := s.index(); len(x.twice) > 0 {
		return x.twice[int(sec.at)]
	}
	return nil
}

// isTwice goes through the headers one by one.
func (s *Set) isTwice(sec *section) bool {
	n, header := 0, s.header(sec)
	for i := range s.sections {
		if other := &s.sections[i]; other.tail == sec.tail && s.header(other) == header {
			n++
		}
	}
	return n > 1
}

// damage returns the first error in a section, nil when there is none.
func (s *Set) damage(sec *section) *SyntaxError {
	if sec == &s.shared {
		return s.defaults.bad
	}
	var first *SyntaxError
	for _, e := range [...]*SyntaxError{s.twice(sec), s.notUTF8At(sec), s.read(sec).bad} {
		if e != nil && (first == nil || e.Line < first.Line) {
			first = e
		}
	}
	return first
}

// findDamage is called by Set.damaged.
func (s *Set) findDamage() []*SyntaxError {
	if s.notText != nil {
		return []*SyntaxError{s.notText}
	}
	var list []*SyntaxError
	for _, e := range s.notUTF8 {
		list = append(list, e)
	}
	list = slices.Concat(list, s.index().problems, s.readPreamble().problems, s.defaults.problems)
	for i, o := range s.outlines() {
		if !o.sound {
			list = append(list, s.read(&s.sections[i]).problems...)
		}
	}
	slices.SortStableFunc(list, func(a, b *SyntaxError) int { return a.Line - b.Line })
	return list
}
