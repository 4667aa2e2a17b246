package profiles

import (
	"regexp"
	"runtime"
	"strings"
	"sync"
)

// This file splits a credential_process into words, as the AWS CLI does, which runs it
// without a shell.

// Words are the program of a credential_process and its arguments.
func (p Process) Words() []string {
	words, _ := commandWords(p.Command, runtime.GOOS == "windows") // Resolve has refused what cannot be split
	return words
}

// ForShell reports whether the command looks as if it were written for a shell, for which
// some of its words would have another meaning.
func (p Process) ForShell() bool { return shellSyntax().MatchString(p.Command) }

var shellSyntax = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile("^\\w+=|[|;<>`]|&&|\\$[\\w{(]|(^|\\s)~|%\\w+%")
})

// Words splits a command line as the AWS CLI splits a credential_process on this system;
// false if it cannot be split, or has no word.
func Words(command string) ([]string, bool) { return commandWords(command, runtime.GOOS == "windows") }

const unclosed = "a quotation mark in it is not closed, or it ends with a backslash"

// commandWords splits a command line by the rules of the system; false if it cannot be
// split, or has no word.
func commandWords(command string, windows bool) ([]string, bool) {
	split := splitWords
	if windows {
		split = windowsWords
	}
	words, ok := split(command)
	return words, ok && len(words) > 0
}

// windowsWords splits a command line as programs for Windows do: only double quotes quote,
// and a backslash is itself unless a double quote follows. It is false if a quote is not
// closed.
func windowsWords(s string) (words []string, ok bool) {
	var word strings.Builder
	started, quoted := false, false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\':
			end := i + len(s[i:]) - len(strings.TrimLeft(s[i:], `\`))
			count := end - i
			if end < len(s) && s[end] == '"' { // half of them, and one more escapes the quote
				word.WriteString(strings.Repeat(`\`, count/2))
				if count%2 == 1 {
					word.WriteByte('"')
					end++
				}
			} else {
				word.WriteString(strings.Repeat(`\`, count))
			}
			i, started = end-1, true
		case c == '"':
			quoted, started = !quoted, true
		case (c == ' ' || c == '\t') && !quoted:
			if started {
				words, started = append(words, word.String()), false
				word.Reset()
			}
		default:
			word.WriteByte(c)
			started = true
		}
	}
	if started {
		words = append(words, word.String())
	}
	return words, !quoted
}
