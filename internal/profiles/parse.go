package profiles

import (
	"strings"
	"sync"
	"sync/atomic"
)

// Set is a config file that was read, with the credentials file beside it. What it says never
// changes, so goroutines can share it. Of a file with thousands of profiles most commands
// need three or four: only the headers are found when a Set is made, and what is below one is
// read when it is asked for.
type Set struct {
	path     string
	bare     bool   // it is a credentials file: a header is the profile's name alone
	text     string // of the whole file, with \n as the only line end
	quotes   bool   // there is a quotation mark or a backslash in it
	preamble string
	sections []section
	bodies   []atomic.Pointer[body] // what the text of each section says; nil until it is read
	shared   section                // [DEFAULT], which may be there several times
	defaults body                   // what these say

	notText *SyntaxError         // why no line can be read; nil if that is not so
	notUTF8 map[int]*SyntaxError // the lines that are not UTF-8; nil when all are

	names    func(header string) (sectionKind, string) // reads a header
	reading  sync.Mutex                                // for the bodies of sections
	reader   bodyReader
	asked    atomic.Int32          // how many names were looked up one by one
	index    func() *index         // made once
	counted  atomic.Int32          // how many headers had their line counted
	lines    func() []int          // the line of each header; made once
	outlines func() []outline      // of each section; made once
	ours     func() bool           // whether there may be a setting of this program's own; found once
	damaged  func() []*SyntaxError // every line that cannot be read, in order; found once
	ignored  func() []Ignored      // the sections of this file that are ignored; found once

	credentials *Set   // the credentials file; nil when there is none
	keysAt      string // where the credentials file is, or would be; "" when none was named
	unread      error  // why it could not be read
}

// section is where a section is in the text. A file may have thousands, of which hardly any
// is asked for, so the rest is found out by the methods of Set.
type section struct {
	at         int32 // its place among the sections; less than 0 for [DEFAULT], which is not among them
	open, shut int32 // the header is what is between these
	below, end int32 // and this is what is below it
	tail       tail  // of the header
}

// tail has the last four bytes of a text, the very last one in its lowest bits. To go through
// those of 5,000 headers is much faster than to look at each header.
type tail uint32

func tailOf(text string) (t tail) {
	for i := range min(4, len(text)) {
		t |= tail(text[len(text)-1-i]) << (8 * i)
	}
	return t
}

// tailMask has the bits of a tail that count for a text of n bytes.
func tailMask(n int) tail { return ^tail(0) >> (8 * (4 - min(4, n))) }

// header is the text between the brackets.
func (s *Set) header(sec *section) string { return s.text[sec.open:sec.shut] }

// below is the text below the header.
func (s *Set) below(sec *section) string { return s.text[sec.below:sec.end] }

// line is the number of the header's line; that of [DEFAULT], which may be in several, is 0.
func (s *Set) line(sec *section) int {
	if sec == &s.shared {
		return 0
	}
	if sec.at >= 0 && s.counted.Add(1) > fewLines {
		return s.lines()[sec.at]
	}
	return strings.Count(s.text[:sec.open], "\n") + 1
}

// fewLines is how many headers have their line counted from the beginning of the file.
const fewLines = 8

// countLines is called by Set.lines.
func (s *Set) countLines() []int {
	list := make([]int, len(s.sections))
	line, from := 1, 0
	for i := range s.sections {
		open := int(s.sections[i].open)
		line += strings.Count(s.text[from:open], "\n")
		list[i], from = line, open
	}
	return list
}

// meaning is what the header says.
func (s *Set) meaning(sec *section) (sectionKind, string) {
	if sec == &s.shared {
		return sharedSection, ""
	}
	return s.names(s.header(sec))
}

// Load reads a config file, following symlinks. A file that does not exist is an empty Set.
// Lines that cannot be read are not an error here; see Problems.
func Load(path string) (*Set, error) {
	data, err := ReadFile(path)
	if err != nil {
		return nil, err
	}
	return Parse(path, data), nil
}

// Parse reads the text of a config file. It never fails: a line that cannot be read becomes
// one of Problems, and only the profiles that depend on it cannot be resolved. The path is
// for messages. The Set keeps data, which must not be changed afterwards.
func Parse(path string, data []byte) *Set { return newSet(path, readHeader).parse(data) }

func (s *Set) parse(data []byte) *Set {
	text := textOf(data)
	if why := notText(text); why != "" {
		s.notText = &SyntaxError{File: s.path, Line: 1, Why: why}
		return s
	}
	s.text = unixLines(strings.TrimPrefix(text, "\ufeff"))
	s.quotes = strings.IndexByte(s.text, '"') >= 0 || strings.IndexByte(s.text, '\'') >= 0 || strings.IndexByte(s.text, '\\') >= 0
	s.checkUTF8(s.text)
	s.split()
	return s
}

// notText says why no line of a file can be read, "" if that is not so.
func notText(s string) string {
	if strings.HasPrefix(s, "\xff\xfe") || strings.HasPrefix(s, "\xfe\xff") {
		return "the file is UTF-16; save it as UTF-8"
	}
	return ""
}

// Path is the path that was given to Load or Parse.
func (s *Set) Path() string { return s.path }

// Setting is one line of a profile.
type Setting struct {
	Key, Value string // a Value that begins with a line break is a block, see Nested
	Line       int    // 0 for a setting that is not in a file yet
}

// Settings lists the settings of a profile's own sections, in the order of the files, and
// those that [DEFAULT] adds. It is nil when the profile has no section.
func (s *Set) Settings(name string) []Setting { return s.layer(name).settings() }

// Nested reads the indented block below a key. It is nil when the value is one line. Of two
// lines with the same key it has the later one.
func (x Setting) Nested() map[string]string {
	if !strings.HasPrefix(x.Value, "\n") {
		return nil
	}
	block := map[string]string{}
	for line, rest := nextLine(x.Value); line != "" || rest != ""; line, rest = nextLine(rest) {
		if key, value, ok := strings.Cut(trimSpace(line), "="); ok {
			block[trimSpace(key)] = trimSpace(value)
		}
	}
	return block
}

// newSet makes a Set without any text, for a file whose headers are read by names.
func newSet(path string, names func(header string) (sectionKind, string)) *Set {
	s := &Set{path: path, names: names}
	s.index = sync.OnceValue(s.makeIndex)
	s.lines = sync.OnceValue(s.countLines)
	s.outlines = sync.OnceValue(s.makeOutlines)
	s.ours = sync.OnceValue(s.mentionsOurs)
	s.damaged = sync.OnceValue(s.findDamage)
	s.ignored = sync.OnceValue(s.findIgnored)
	return s
}

// sectionSpan is how many bytes of a config file there are to one section, most often.
const sectionSpan = 100

// split finds the headers, and with them where each section begins and ends.
func (s *Set) split() {
	text := s.text
	s.sections = make([]section, 0, len(text)/sectionSpan+8)
	r := lineReader{src: text}
	var shared []section
	var last *section
	end := func(at int) {
		if last == nil {
			s.preamble = text[:at]
		} else {
			last.end = int32(at)
		}
	}
	for r.nextHeader() {
		end(len(text) - len(r.whole))
		below := len(text) - len(r.src)
		// What is between the brackets ends with the last ] of the line.
		open := strings.IndexByte(r.whole, '[') + 1 + len(text) - len(r.whole)
		sec := section{at: int32(len(s.sections)), open: int32(open), shut: int32(open + len(r.text)), below: int32(below), tail: tailOf(trimBreaks(r.text))}
		list := &s.sections
		if r.text == "DEFAULT" {
			list, sec.at = &shared, -1
		}
		*list = append(*list, sec)
		last = &(*list)[len(*list)-1]
	}
	end(len(text))
	s.bodies = make([]atomic.Pointer[body], len(s.sections))
	s.readShared(shared)
}
