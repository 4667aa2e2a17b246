package host

import (
	"strings"
	"unicode"
)

// Sayable makes what a program said fit for the end of an error's line: one line, not
// long, nothing that a terminal would obey, and nothing of the secret that the program
// was given.
func Sayable(words, secret []byte) string {
	words = redact(words[:min(len(words), 4<<10)], secret)
	line := strings.Join(strings.Fields(strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case !unicode.IsPrint(r):
			return -1
		}
		return r
	}, strings.ToValidUTF8(string(words), "?"))), " ")
	if runes := []rune(line); len(runes) > 200 {
		line = string(runes[:199]) + "…"
	}
	return line
}

// tellTale is how many bytes in a row of a secret are too many to show.
const tellTale = 8

// redact replaces whatever words have in common with the secret.
func redact(words, secret []byte) []byte {
	if len(secret) == 0 {
		return words
	}
	n := min(tellTale, len(secret))
	known := map[string]bool{}
	for i := 0; i+n <= len(secret); i++ {
		known[string(secret[i:i+n])] = true
	}
	hidden := make([]bool, len(words))
	for i := 0; i+n <= len(words); i++ {
		for j := i; known[string(words[i:i+n])] && j < i+n; j++ {
			hidden[j] = true
		}
	}
	var shown []byte
	for i, b := range words {
		switch {
		case !hidden[i]:
			shown = append(shown, b)
		case i == 0 || !hidden[i-1]:
			shown = append(shown, "[redacted]"...)
		}
	}
	return shown
}
