package hooks

import (
	"strings"
	"unicode"
)

// labelWidth is how many characters of a name a prompt shows.
const labelWidth = 32

// Label returns a profile's name as a prompt shows it: cleaned and shortened.
func Label(name string) string {
	runes := []rune(Clean(name))
	if len(runes) > labelWidth {
		runes = append(runes[:labelWidth-1], '…')
	}
	return string(runes)
}

// Clean replaces by ? what a terminal would act on or hide: control characters, escape
// sequences, line and paragraph separators, bidirectional and zero-width marks, and
// bytes that are not UTF-8. Everything else stays.
func Clean(s string) string {
	if printableASCII(s) {
		return s
	}
	return strings.Map(func(r rune) rune {
		if r == unicode.ReplacementChar || !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, s)
}

// printableASCII is true of nearly all names, and quick to find out.
func printableASCII(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}
