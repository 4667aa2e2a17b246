package profiles

import "strings"

// This file tells what kind of line a line is. The rules are those of the AWS CLI: a line
// whose first character is # or ; is a comment, and a # further right is part of the value;
// a line that is indented more than the setting above it continues that setting; a header
// goes from [ to the last ] of its line; a key ends at the first = or :.

type kind uint8

const (
	blank        kind = iota // white space only
	header                   // [text]
	option                   // key = text
	continuation             // text that belongs to the option above
	bad                      // none of these; why says what is missing
)

// lineReader reads a text line by line, without its comments. After next, the fields
// describe the line. The texts in them are parts of src: nothing is copied.
type lineReader struct {
	src   string // the rest of the text, with \n as the only line end
	whole string // the same, from the current line on
	line  int    // number of the current line, from 1

	kind kind
	text string // trimmed; of a header, what is between the brackets
	cut  int    // of an option: where in text the = or : is
	why  string // of a bad line

	indent    int  // of the last line that was not a continuation
	inSection bool // there was a header
	open      bool // there is an option that the next line can continue
}

func readLines(s string) lineReader { return lineReader{src: unixLines(s)} }

// unixLines turns \r\n, and \r alone, into \n, as Python does when it opens a text file.
func unixLines(s string) string {
	if strings.IndexByte(s, '\r') < 0 {
		return s
	}
	return strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(s)
}

// next reads the next line that is not a comment. It returns false at the end.
func (r *lineReader) next() bool {
	for {
		if r.src == "" {
			return false
		}
		raw, rest := r.src, ""
		if i := strings.IndexByte(raw, '\n'); i >= 0 {
			raw, rest = raw[:i], raw[i+1:]
		}
		r.line++
		r.whole = r.src
		r.src = rest
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
}

// nextHeader reads on to the next header, and returns false if there is none. It looks at
// nothing but the lines with a [ in them, of a file that may have 100,000, and does not count
// lines. A line that begins with [ and is a header continues nothing; whether an indented one
// does depends on the lines before it, which are then read one by one.
func (r *lineReader) nextHeader() bool {
	src := r.src
	for from := 0; ; {
		at := strings.IndexByte(src[from:], '[')
		if at < 0 {
			return false
		}
		at += from
		start, end := at, len(src)
		if at > 0 && src[at-1] != '\n' {
			start = strings.LastIndexByte(src[:at], '\n') + 1
		}
		from = end
		if i := strings.IndexByte(src[at:], '\n'); i >= 0 {
			end, from = at+i, at+i+1
		}
		if !plain(src[start]) {
			return r.headerAmongLines()
		}
		if inside := headerText(trimRight(src[start:end])); inside != "" {
			r.whole, r.src = src[start:], src[from:]
			r.kind, r.text, r.indent, r.inSection, r.open = header, inside, 0, true, false
			return true
		}
	}
}

// headerAmongLines is nextHeader that looks at each line.
func (r *lineReader) headerAmongLines() bool {
	for r.next() {
		if r.kind == header {
			return true
		}
	}
	return false
}

// classify sets the kind of a line that is neither blank nor a comment.
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

// headerText returns what a header has between its brackets, "" for any other line.
func headerText(text string) string {
	if text[0] != '[' {
		return ""
	}
	end := strings.LastIndexByte(text, ']')
	return text[1:max(end, 1)]
}

// option reads a line that must be key = value.
func (r *lineReader) option(text string) {
	if !r.inSection {
		r.kind, r.why = bad, "there is no [section] above it"
		return
	}
	at := delimiter(text)
	if at < 0 {
		r.kind, r.why = bad, "it is neither a [section] nor key = value"
		return
	}
	if at == 0 {
		r.kind, r.why, r.open = bad, "there is no key before the =", false
		return
	}
	r.kind, r.cut, r.open = option, at, true
}

// key is the key of an option, as written.
func (r *lineReader) key() string { return trimRight(r.text[:r.cut]) }

// value is the value of an option, as far as it is on this line.
func (r *lineReader) value() string { return trimSpace(r.text[r.cut+1:]) }

func delimiter(s string) int {
	for i := range len(s) {
		if s[i] == '=' || s[i] == ':' {
			return i
		}
	}
	return -1
}
