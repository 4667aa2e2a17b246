package profiles

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// Set is a config file that was read, with the credentials file beside it. It never changes,
// so goroutines can share it.
type Set struct {
	path     string
	bare     bool // it is a credentials file: a header is the profile's name alone
	sections []section
	entries  []Setting // of all sections; those of one section are together
	shared   section   // [DEFAULT]
	defaults []Setting // the settings of [DEFAULT], which every section has

	profiles index
	sso      index
	services index
	others   index // all other sections, by their header

	problems []*SyntaxError

	ignored     []Ignored
	credentials *Set  // the credentials file; nil when there is none
	unread      error // why it could not be read
}

type section struct {
	kind     sectionKind
	name     string
	header   string // the text between the brackets
	line     int
	from, to int          // its entries
	bad      *SyntaxError // the first error in it
}

// index finds sections by name. Of two sections with the same name it has the later one, at
// the place of the first.
type index struct {
	names
	sections []int // of each name
}

// put adds a section, and reports whether its name is new.
func (x *index) put(name string, section int) (isNew bool) {
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

// section returns the section of a name, which must be in the index.
func (x *index) section(name string) int { return x.sections[x.places[name]] }

// find returns the section of a name, and false when there is none.
func (x *index) find(name string) (section int, ok bool) {
	at, ok := x.places[name]
	if ok {
		section = x.sections[at]
	}
	return section, ok
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
	text := textOf(data)
	if why := notText(text); why != "" {
		p.problem(1, why)
		return p.set
	}
	p.checkUTF8(text)
	p.run(strings.TrimPrefix(text, "\ufeff"))
	p.set.findIgnored()
	return p.set
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

func (s *Set) settings(x *index, name string) []Setting {
	at, ok := x.find(name)
	if !ok {
		return nil
	}
	return s.only(at).settings()
}

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

// parser builds a Set from lines.
type parser struct {
	set    *Set
	names  func(header string) (sectionKind, string) // reads a header
	seen   map[string]int                            // header → its first section; nil until a name is there twice
	cur    *section                                  // nil before the first header
	keys   keySet                                    // of the current section
	shared keySet                                    // of [DEFAULT], which may come back

	notUTF8 map[int]*SyntaxError // the lines that are not UTF-8; nil when all are

	// The setting that is being read: its further lines, and empty lines, which belong to
	// it only if another line of it follows.
	last   *Setting
	parts  []string
	lines  []int
	blanks int
}

func newParser(path string) *parser {
	return &parser{
		names: readHeader,
		set:   &Set{path: path, shared: section{kind: sharedSection}},
	}
}

func (p *parser) run(text string) {
	p.reserve(text)
	r := readLines(text)
	for r.next() {
		switch r.kind {
		case blank:
			p.blanks++
		case continuation:
			p.more(r.text, r.line)
		case header:
			p.open(r.text, r.line)
		case option:
			p.add(r.key(), r.value(), r.line)
		case bad:
			p.damage(p.cur, p.problem(r.line, r.why))
		}
		if e := p.notUTF8[r.line]; e != nil {
			p.damage(p.cur, e)
		}
	}
	p.finish()
	slices.SortStableFunc(p.set.problems, func(a, b *SyntaxError) int { return a.Line - b.Line })
}

// reserve allocates the tables for a large file, so that they are not copied as they grow.
// A short setting has 24 bytes.
func (p *parser) reserve(text string) {
	headers := min(strings.Count(text, "["), len(text)/10) + 1
	p.set.sections = make([]section, 0, headers)
	p.set.entries = make([]Setting, 0, min(len(text)/24, strings.Count(text, "\n"))+1)
	p.set.profiles = index{*newNames(headers * nameSpan), make([]int, 0, headers)}
}

func (p *parser) problem(line int, why string) *SyntaxError {
	e := &SyntaxError{File: p.set.path, Line: line, Why: why}
	p.set.problems = append(p.set.problems, e)
	return e
}

func (p *parser) damage(s *section, e *SyntaxError) {
	if s != nil && s.bad == nil {
		s.bad = e
	}
}

// open begins a section.
func (p *parser) open(text string, line int) {
	p.finish()
	kind, name := p.names(text)
	if kind == sharedSection {
		p.cur = &p.set.shared
		return
	}
	p.set.sections = append(p.set.sections, section{
		kind: kind, name: name, header: text, line: line, from: len(p.set.entries), to: len(p.set.entries),
	})
	at := len(p.set.sections) - 1
	p.cur = &p.set.sections[at]
	p.keys.reset()
	p.checkTwice(at, p.set.index(at))
}

// checkTwice makes an error of a header that is there twice, as the AWS CLI does. It is not
// called for often: no header can be there twice as long as no name is.
func (p *parser) checkTwice(at int, isNew bool) {
	if p.seen == nil {
		if isNew {
			return
		}
		p.seen = map[string]int{}
		for i := at - 1; i >= 0; i-- {
			p.seen[p.set.sections[i].header] = i
		}
	}
	this := &p.set.sections[at]
	i, twice := p.seen[this.header]
	if !twice {
		p.seen[this.header] = at
		return
	}
	e := p.problem(this.line, fmt.Sprintf("the same section is in line %d", p.set.sections[i].line))
	p.damage(&p.set.sections[i], e)
	p.damage(this, e)
}

// index adds a section to the index of its kind, and reports whether its name is new
// there.
func (s *Set) index(at int) (isNew bool) {
	sec := &s.sections[at]
	switch sec.kind {
	case profileSection:
		return s.profiles.put(sec.name, at)
	case ssoSection:
		return s.sso.put(sec.name, at)
	case servicesSection:
		return s.services.put(sec.name, at)
	}
	return s.others.put(sec.header, at)
}

func (p *parser) add(key, value string, line int) {
	p.finish()
	key = lower(key)
	keys, list := &p.keys, &p.set.entries
	if p.cur == &p.set.shared {
		keys, list = &p.shared, &p.set.defaults
	}
	if first := keys.add(key, line); first != 0 {
		p.damage(p.cur, p.problem(line, fmt.Sprintf("the same key is in line %d", first)))
	}
	*list = append(*list, Setting{Key: key, Value: value, Line: line})
	p.last = &(*list)[len(*list)-1]
	p.cur.to = len(p.set.entries)
}

func (p *parser) more(text string, line int) {
	for ; p.blanks > 0; p.blanks-- {
		p.parts, p.lines = append(p.parts, ""), append(p.lines, line)
	}
	p.parts, p.lines = append(p.parts, text), append(p.lines, line)
}

// finish ends the setting that is being read.
func (p *parser) finish() {
	if p.last != nil && len(p.parts) > 0 {
		if p.last.Value == "" {
			p.checkNested()
		}
		p.last.Value += "\n" + strings.Join(p.parts, "\n")
	}
	p.last, p.blanks = nil, 0
	p.parts, p.lines = p.parts[:0], p.lines[:0]
}

// checkNested checks that each line of a block below a key is key = value.
func (p *parser) checkNested() {
	for i, part := range p.parts {
		for line, rest := nextLine(part); line != "" || rest != ""; line, rest = nextLine(rest) {
			line = trimSpace(line)
			if line != "" && !strings.Contains(line, "=") {
				p.damage(p.cur, p.problem(p.lines[i], "it must be key = value, because it is in the block of "+p.last.Key))
			}
		}
	}
}

// checkUTF8 records the lines that are not UTF-8. Those that are comments do no harm to
// their section; run knows which are.
func (p *parser) checkUTF8(text string) {
	if utf8.ValidString(text) {
		return
	}
	p.notUTF8 = map[int]*SyntaxError{}
	for number, line := range strings.Split(unixLines(text), "\n") {
		if !utf8.ValidString(line) {
			p.notUTF8[number+1] = p.problem(number+1, "not UTF-8")
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
