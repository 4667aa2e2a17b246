// Package display says how things are shown to a person and to a program: counts, lists,
// durations, moments, tables and JSON. It is pure: values in, text out.
package display

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// Clean replaces what a terminal would act on or hide: control characters, escape
// sequences, line and paragraph separators, bidirectional and zero-width marks, and
// bytes that are not UTF-8. Everything else stays.
func Clean(s string) string {
	if isPlainASCII(s) {
		return s
	}
	return strings.Map(func(r rune) rune {
		if r == unicode.ReplacementChar || !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, s)
}

// isPlainASCII reports whether a text has printable ASCII only, as nearly all have.
func isPlainASCII(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// Count is a number with its noun: "1 key", "2 keys".
func Count(n int, noun string) string { return CountOf(n, noun, noun+"s") }

// CountOf is Count for a noun whose plural is not its singular with an s.
func CountOf(n int, one, many string) string { return fmt.Sprintf("%d %s", n, Plural(n, one, many)) }

// Plural chooses between a word for one thing and a word for any other number.
func Plural(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}

// List is a list as it is spoken: "a, b and c".
func List(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " and " + words[last]
}

// ShortList is a List that does not fill the screen: "a, b, c, d, e and 12 more".
func ShortList(words []string) string {
	const most = 5
	if len(words) > most+1 {
		words = append(slices.Clone(words[:most]), fmt.Sprintf("%d more", len(words)-most))
	}
	return List(words)
}
