package hooks

import (
	"strings"
	"unicode"
)

// labelWidth is how much of a name a prompt shows.
const labelWidth = 32

// Label is the form of a profile's name that a prompt may show: Clean, and short.
func Label(name string) string {
	runes := []rune(Clean(name))
	if len(runes) > labelWidth {
		runes = append(runes[:labelWidth-1], '…')
	}
	return string(runes)
}

// Clean replaces what a terminal would act on or hide: control characters, escape
// sequences, line and paragraph separators, bidirectional and zero-width marks, and
// bytes that are no UTF-8. Everything else stays.
func Clean(s string) string {
	if plain(s) {
		return s
	}
	return strings.Map(func(r rune) rune {
		if r == unicode.ReplacementChar || !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, s)
}

// plain recognises a text of nothing but ASCII that can be seen, as nearly all are.
func plain(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}
