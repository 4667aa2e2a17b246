package profiles

import "strings"

// This file knows what kind of line a line is. The rules are those of the parser the
// AWS CLI uses: a line whose first character is # or ; is a comment, wherever it
// stands, and a # further right belongs to the value; a line indented deeper than the
// setting above it continues that setting; a header runs from [ to the last ] of
// its line; a key ends at the first = or :.

type kind uint8

const (
	blank        kind = iota // nothing but white space
	header                   // [text]
	option                   // key = text
	continuation             // text, more of the option above
	bad                      // none of these; why says what is missing
)

// lineReader walks over a text, line by line. Comments are skipped. After next, the
// fields describe the line; text and key are parts of src, so reading copies nothing.
type lineReader struct {
	src  string // what is left, with \n as the only line end
	line int    // number of the current line, from 1

	kind kind
	key  string // of an option, as written
	text string // trimmed
	why  string // of a bad line

	indent    int  // of the last line that was no continuation
	inSection bool // a header was seen
	open      bool // an option is there that can be continued
}

func readLines(s string) lineReader { return lineReader{src: unixLines(s)} }

// unixLines turns \r\n and a lone \r into \n, as a text file is opened by Python.
func unixLines(s string) string {
	if strings.IndexByte(s, '\r') < 0 {
		return s
	}
	return strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(s)
}

// next moves to the next line that is no comment; false at the end.
func (r *lineReader) next() bool {
	for r.src != "" {
		raw := r.src
		if i := strings.IndexByte(raw, '\n'); i >= 0 {
			raw, r.src = raw[:i], raw[i+1:]
		} else {
			r.src = ""
		}
		r.line++
		text, indent := trim(raw)
		if text == "" {
			r.kind, r.text = blank, ""
			return true
		}
		if text[0] == '#' || text[0] == ';' {
			continue
		}
		r.classify(text, indent)
		return true
	}
	return false
}

func (r *lineReader) classify(text string, indent int) {
	r.text = text
	if r.open && indent > r.indent {
		r.kind = continuation
		return
	}
	r.indent = indent
	if text[0] == '[' {
		if end := strings.LastIndexByte(text, ']'); end > 1 {
			r.kind, r.text = header, text[1:end]
			r.inSection, r.open = true, false
			return
		}
	}
	r.option(text)
}

func (r *lineReader) option(text string) {
	if !r.inSection {
		r.kind, r.why = bad, "no [section] above it"
		return
	}
	at := delimiter(text)
	if at < 0 {
		r.kind, r.why = bad, "neither a [section] nor key = value"
		return
	}
	r.key = trimRight(text[:at])
	if r.key == "" {
		r.kind, r.why, r.open = bad, "no key before the =", false
		return
	}
	r.kind, r.text, r.open = option, trimSpace(text[at+1:]), true
}

func delimiter(s string) int {
	for i := range len(s) {
		if s[i] == '=' || s[i] == ':' {
			return i
		}
	}
	return -1
}
