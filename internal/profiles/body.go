package profiles

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// This file reads what is below a header.

// body is what a section says.
type body struct {
	settings []Setting
	bad      *SyntaxError   // the first error in it
	problems []*SyntaxError // the lines that cannot be read, without those that are not UTF-8
}

// read returns what is below the header of a section.
func (s *Set) read(sec *section) *body {
	if sec == &s.shared {
		return &s.defaults
	}
	if b := s.bodies[sec.at].Load(); b != nil {
		return b
	}
	s.reading.Lock()
	defer s.reading.Unlock()
	b := s.bodies[sec.at].Load()
	if b == nil {
		s.reader.begin(s)
		s.reader.read(s.below(sec), s.line(sec), true)
		b = s.reader.body
		s.bodies[sec.at].Store(b)
	}
	return b
}

// readShared reads the sections [DEFAULT], which are one.
func (s *Set) readShared(all []section) {
	x := bodyReader{file: s, body: &s.defaults}
	for i := range all {
		x.damage(s.notUTF8At(&all[i]))
		x.read(s.below(&all[i]), s.line(&all[i]), true)
	}
}

// readPreamble reads what is before the first header, where no line has a meaning.
func (s *Set) readPreamble() *body {
	x := bodyReader{file: s, body: &body{}}
	x.read(s.preamble, 0, false)
	return x.body
}

// checkUTF8 finds the lines that are not UTF-8. Those that are comments do no harm to their
// section.
func (s *Set) checkUTF8(text string) {
	if utf8.ValidString(text) {
		return
	}
	s.notUTF8 = map[int]*SyntaxError{}
	for number, line := range strings.Split(text, "\n") {
		if !utf8.ValidString(line) {
			s.notUTF8[number+1] = &SyntaxError{File: s.path, Line: number + 1, Why: "not UTF-8"}
		}
	}
}

// notUTF8At returns the error of a header's line, nil if it is UTF-8.
func (s *Set) notUTF8At(sec *section) *SyntaxError {
	if len(s.notUTF8) == 0 {
		return nil
	}
	return s.notUTF8[s.line(sec)]
}

// bodyReader builds bodies from lines.
type bodyReader struct {
	file *Set
	body *body
	keys keySet

	// Room for the next bodies and their settings: a file may have thousands.
	bodies   []body
	settings []Setting
	room     int // how many there was room for at last

	// The setting that is being read: its further lines, and empty lines, which belong to
	// it only if another line of it follows.
	last   *Setting
	parts  []string
	lines  []int
	blanks int
}

// fewSettings is what there is room for at first, and manySettings at most.
const fewSettings, manySettings = 32, 4096

// begin begins a body.
func (x *bodyReader) begin(file *Set) {
	if len(x.bodies) == 0 {
		x.bodies = make([]body, max(x.room, fewSettings)/8)
	}
	x.file, x.body, x.bodies = file, &x.bodies[0], x.bodies[1:]
	x.keys.reset()
}

// read reads the text that follows a line.
func (x *bodyReader) read(text string, line int, inSection bool) {
	x.reserve(strings.Count(text, "\n") + 1)
	r := lineReader{src: text, line: line, inSection: inSection}
	for r.next() {
		switch r.kind {
		case blank:
			x.blanks++
		case continuation:
			x.more(r.text, r.line)
		case option:
			x.add(r.key(), r.value(), r.line)
		case bad:
			x.problem(r.line, r.why)
		}
		x.damage(x.file.notUTF8[r.line])
	}
	x.finish()
	n := len(x.body.settings)
	x.settings, x.body.settings = x.settings[min(n, len(x.settings)):], x.body.settings[:n:n]
}

// reserve makes room for at most n more settings, so that they are not copied as their list
// grows.
func (x *bodyReader) reserve(n int) {
	if x.body.settings != nil {
		return // another [DEFAULT]
	}
	if len(x.settings) < n {
		x.room = max(n, fewSettings, min(2*x.room, manySettings))
		x.settings = make([]Setting, x.room)
	}
	x.body.settings = x.settings[:0:n]
}

func (x *bodyReader) problem(line int, why string) {
	e := &SyntaxError{File: x.file.path, Line: line, Why: why}
	x.body.problems = append(x.body.problems, e)
	x.damage(e)
}

func (x *bodyReader) damage(e *SyntaxError) {
	if e != nil && x.body.bad == nil {
		x.body.bad = e
	}
}

func (x *bodyReader) add(key, value string, line int) {
	x.finish()
	key = lower(key)
	if first := x.keys.add(key, line); first != 0 {
		x.problem(line, fmt.Sprintf("the same key is in line %d", first))
	}
	x.body.settings = append(x.body.settings, Setting{Key: key, Value: value, Line: line})
	x.last = &x.body.settings[len(x.body.settings)-1]
}

func (x *bodyReader) more(text string, line int) {
	for ; x.blanks > 0; x.blanks-- {
		x.parts, x.lines = append(x.parts, ""), append(x.lines, line)
	}
	x.parts, x.lines = append(x.parts, text), append(x.lines, line)
}

// finish ends the setting that is being read.
func (x *bodyReader) finish() {
	if x.last != nil && len(x.parts) > 0 {
		if x.last.Value == "" {
			x.checkNested()
		}
		x.last.Value += "\n" + strings.Join(x.parts, "\n")
	}
	x.last, x.blanks = nil, 0
	x.parts, x.lines = x.parts[:0], x.lines[:0]
}

// checkNested checks that each line of a block below a key is key = value.
func (x *bodyReader) checkNested() {
	for i, part := range x.parts {
		for line, rest := nextLine(part); line != "" || rest != ""; line, rest = nextLine(rest) {
			line = trimSpace(line)
			if line != "" && !strings.Contains(line, "=") {
				x.problem(x.lines[i], "it must be key = value, because it is in the block of "+x.last.Key)
			}
		}
	}
}

// keySet finds keys that are in a section twice. It is a list, because most sections are
// short, and becomes a map when it grows long.
type keySet struct {
	list []keyLine
	long map[string]int
}

type keyLine struct {
	key  string
	line int
}

func (k *keySet) reset() { k.list, k.long = k.list[:0], nil }

// add adds a key. It returns the line in which the key was before, 0 when it was not.
func (k *keySet) add(key string, line int) int {
	if k.long != nil {
		if first := k.long[key]; first != 0 {
			return first
		}
		k.long[key] = line
		return 0
	}
	for _, x := range k.list {
		if x.key == key {
			return x.line
		}
	}
	k.list = append(k.list, keyLine{key, line})
	if len(k.list) > 24 {
		k.spill()
	}
	return 0
}

// spill makes the map.
func (k *keySet) spill() {
	k.long = make(map[string]int, 2*len(k.list))
	for _, x := range k.list {
		k.long[x.key] = x.line
	}
}
