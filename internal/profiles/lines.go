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
// fields describe the line. What it gives out are parts of src: reading copies nothing.
type lineReader struct {
	src  string // what is left, with \n as the only line end
	line int    // number of the current line, from 1

	kind kind
	text string // trimmed; of a header, what is between the brackets
	cut  int    // of an option: where in text the = or : is
	why  string // of a bad line

	headersOnly bool   // options that begin a line are not wanted: skip them fast
	skipped     string // src from the first of them on, as far as it was not looked at

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
		raw, rest := r.src, ""
		if i := strings.IndexByte(raw, '\n'); i >= 0 {
			raw, rest = raw[:i], raw[i+1:]
		}
		r.line++
		if r.headersOnly && raw != "" && plain(raw[0]) && raw[0] != '[' {
			if r.skipped == "" {
				r.skipped = r.src
			}
			r.src = rest
			continue
		}
		here := r.src
		r.src = rest
		text, indent := trim(raw)
		if text == "" {
			r.kind, r.text = blank, ""
			return true
		}
		if text[0] == '#' || text[0] == ';' {
			continue
		}
		if r.skipped != "" {
			r.settle(r.skipped[:len(r.skipped)-len(here)], text, indent)
		}
		r.classify(text, indent)
		return true
	}
	return false
}

// settle looks at the lines that were skipped, for what follows may continue one of
// them. They all begin at the edge. Below a header they no longer matter.
func (r *lineReader) settle(skipped, next string, indent int) {
	r.skipped = ""
	if indent == 0 && headerText(next) != "" {
		return
	}
	for line := range strings.SplitSeq(skipped, "\n") {
		if text, _ := trim(line); text != "" && text[0] != '#' && text[0] != ';' {
			r.indent = 0
			r.option(text)
		}
	}
}

func (r *lineReader) classify(text string, indent int) {
	r.text = text
	if r.open && indent > r.indent {
		r.kind = continuation
		return
	}
	r.indent = indent
	if inside := headerText(text); inside != "" {
		r.kind, r.text = header, inside
		r.inSection, r.open = true, false
		return
	}
	r.option(text)
}

// headerText is what a header has between its brackets, "" for any other line.
func headerText(text string) string {
	if text[0] != '[' {
		return ""
	}
	end := strings.LastIndexByte(text, ']')
	return text[1:max(end, 1)]
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
	if at == 0 {
		r.kind, r.why, r.open = bad, "no key before the =", false
		return
	}
	r.kind, r.cut, r.open = option, at, true
}

// key is the key of an option, as written.
func (r *lineReader) key() string { return trimRight(r.text[:r.cut]) }

// value is the value of an option, as far as it stands on this line.
func (r *lineReader) value() string { return trimSpace(r.text[r.cut+1:]) }

func delimiter(s string) int {
	for i := range len(s) {
		if s[i] == '=' || s[i] == ':' {
			return i
		}
	}
	return -1
}
