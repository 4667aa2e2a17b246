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
	bare     bool // it is a credentials file: a header is the profile's name alone
	preamble string
	sections []section
	bodies   []atomic.Pointer[body] // what the text of each section says; nil until it is read
	shared   section                // [DEFAULT], which may be there several times
	defaults body                   // what these say

	notText *SyntaxError         // why no line can be read; nil if that is not so
	notUTF8 map[int]*SyntaxError // the lines that are not UTF-8; nil when all are

	reading sync.Mutex // for the bodies of sections
	reader  bodyReader
	asked   atomic.Int32          // how many names were looked up one by one
	index   func() *index         // made once
	damaged func() []*SyntaxError // every line that cannot be read, in order; found once
	ignored func() []Ignored      // the sections of this file that are ignored; found once

	credentials *Set  // the credentials file; nil when there is none
	unread      error // why it could not be read
}

type section struct {
	kind   sectionKind
	at     int32 // its place among the sections
	name   string
	header string // the text between the brackets
	line   int
	text   string // what is below the header
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
func Parse(path string, data []byte) *Set { return newParser(path).parse(data) }

func (p *parser) parse(data []byte) *Set {
	s := p.set
	text := textOf(data)
	if why := notText(text); why != "" {
		s.notText = &SyntaxError{File: s.path, Line: 1, Why: why}
		return s
	}
	text = unixLines(strings.TrimPrefix(text, "\ufeff"))
	s.checkUTF8(text)
	p.split(text)
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

// parser makes a Set.
type parser struct {
	set   *Set
	names func(header string) (sectionKind, string) // reads a header
}

func newParser(path string) *parser {
	s := &Set{path: path, shared: section{kind: sharedSection}}
	s.index = sync.OnceValue(s.makeIndex)
	s.damaged = sync.OnceValue(s.findDamage)
	s.ignored = sync.OnceValue(s.findIgnored)
	return &parser{s, readHeader}
}

// split finds the headers of a text, and with them where each section begins and ends.
func (p *parser) split(text string) {
	s := p.set
	s.sections = make([]section, 0, min(strings.Count(text, "["), len(text)/10))
	r := lineReader{src: text, headersOnly: true}
	var shared []section
	below, from := &s.preamble, 0 // whose text begins there
	for r.next() {
		if r.kind != header {
			continue
		}
		*below = text[from : len(text)-len(r.whole)]
		from = len(text) - len(r.src)
		sec := section{header: r.text, line: r.line, at: int32(len(s.sections))}
		list := &s.sections
		if sec.kind, sec.name = p.names(r.text); sec.kind == sharedSection {
			list = &shared
		}
		*list = append(*list, sec)
		below = &(*list)[len(*list)-1].text
	}
	*below = text[from:]
	s.bodies = make([]atomic.Pointer[body], len(s.sections))
	s.readShared(shared)
}
