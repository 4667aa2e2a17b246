package profiles

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// This file holds what "white space", "lower case" and "line" mean to the AWS tools
// written in Python, which are the reference for how a config file is read. They
// differ from Go's notions in small ways, and only here.

// isSpace also takes the four information separators, which Go does not call space.
func isSpace(r rune) bool {
	return unicode.IsSpace(r) || r >= 0x1c && r <= 0x1f
}

// plain reports a byte that is neither white space nor part of a longer rune.
func plain(b byte) bool { return b > ' ' && b < utf8.RuneSelf }

// trim cuts white space from both ends and says how many characters it cut from the
// left: indentation is counted in characters, not bytes.
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

// lower folds a key. Keys are nearly always lower-case ASCII, which costs no copy.
func lower(s string) string {
	for i := range len(s) {
		if c := s[i]; c >= utf8.RuneSelf || 'A' <= c && c <= 'Z' {
			return strings.ToLower(strings.ReplaceAll(s, "\u0130", "i\u0307"))
		}
	}
	return s
}

// nextLine cuts s after its first line, where form feeds, the separators and the
// Unicode line ends count too. It is used inside a value only.
func nextLine(s string) (line, rest string) {
	for i, r := range s {
		switch r {
		case '\n', '\v', '\f', 0x1c, 0x1d, 0x1e, 0x85, 0x2028, 0x2029:
			return s[:i], s[i+utf8.RuneLen(r):]
		}
	}
	return s, ""
}
