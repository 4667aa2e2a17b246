package profiles

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// This file says what white space, lower case and a line are for the AWS tools that are
// written in Python, which decide how a config file is read. It differs a little from what
// they are in Go.

// isSpace is unicode.IsSpace, and true for the four information separators as well.
func isSpace(r rune) bool {
	return unicode.IsSpace(r) || r >= 0x1c && r <= 0x1f
}

// plain reports whether a byte is neither white space nor part of a longer rune.
func plain(b byte) bool { return b > ' ' && b < utf8.RuneSelf }

// trim removes white space from both ends, and returns how many characters, not bytes, it
// removed on the left.
func trim(line string) (text string, indent int) {
	for indent < len(line) && (line[indent] == ' ' || line[indent] == '\t') {
		indent++
	}
	text = line[indent:]
	for text != "" && !plain(text[0]) {
		r, size := utf8.DecodeRuneInString(text)
		if !isSpace(r) {
			break
		}
		text, indent = text[size:], indent+1
	}
	return trimRight(text), indent
}

func trimRight(s string) string {
	for s != "" {
		switch c := s[len(s)-1]; {
		case c == ' ' || c == '\t':
			s = s[:len(s)-1]
		case plain(c):
			return s
		default:
			return strings.TrimRightFunc(s, isSpace)
		}
	}
	return s
}

func trimSpace(s string) string {
	s, _ = trim(s)
	return s
}

// lower turns a key into lower case. Nearly all keys are lower-case ASCII, and not copied.
func lower(s string) string {
	for i := range len(s) {
		if c := s[i]; c >= utf8.RuneSelf || 'A' <= c && c <= 'Z' {
			return strings.ToLower(strings.ReplaceAll(s, "\u0130", "i\u0307"))
		}
	}
	return s
}

// nextLine splits s after its first line, as Python's splitlines does: form feeds, the
// separators and Unicode's line ends end a line too. It is for the lines of a value.
func nextLine(s string) (line, rest string) {
	for i, r := range s {
		switch r {
		case '\n', '\v', '\f', 0x1c, 0x1d, 0x1e, 0x85, 0x2028, 0x2029:
			return s[:i], s[i+utf8.RuneLen(r):]
		}
	}
	return s, ""
}
