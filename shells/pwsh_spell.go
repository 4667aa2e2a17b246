package shells

import (
	"fmt"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// spell writes s as a sum of quoted ASCII runs and [char]0x… code units.
func spell(s string) string {
	parts := []string{"''"} // the sum is a string even when it begins with a char
	run := func(ascii string) {
		if ascii != "" {
			parts = append(parts, "'"+pwshQuotes.Replace(ascii)+"'")
		}
	}
	start := 0
	for i, r := range s {
		if r < utf8.RuneSelf {
			continue
		}
		run(s[start:i])
		for _, u := range utf16.Encode([]rune{r}) {
			parts = append(parts, fmt.Sprintf("[char]0x%04x", u))
		}
		_, size := utf8.DecodeRuneInString(s[i:])
		start = i + size
	}
	run(s[start:])
	return strings.Join(parts, "+")
}
