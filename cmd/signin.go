package cmd

import (
	"strings"

	"github.com/d44b7504/vault/internal/sessions"
)

// showSignIn returns the function that tells a person where to sign in and which code to
// compare.
func showSignIn(r *run) func(sessions.Invitation) {
	return func(i sessions.Invitation) {
		switch s := r.task.SignIn; {
		case s.PrintOnly:
			_ = r.print("%s", i.URL)
			_ = r.flush() // the program that reads it is waited for
		case s.NoBrowser:
			r.tell("open this address in a browser to sign in:")
			r.tell("  %s", i.URL)
		default:
			r.tell("sign in in the browser, here if none opens:")
			r.tell("  %s", i.URL)
		}
		if i.Code != "" {
			r.tell("the page must show this code, or another person has sent you there:")
			r.tell("  %s   %s", i.Code, spelled(i.Code))
		}
	}
}

// alphabet is how a letter is said so that no other is heard.
const alphabet = `alfa bravo charlie delta echo foxtrot golf hotel india juliett kilo lima mike
	november oscar papa quebec romeo sierra tango uniform victor whiskey xray yankee zulu`

const digits = "zero one two three four five six seven eight nine"

// spelled is a code in words.
func spelled(code string) string {
	letters, numbers := strings.Fields(alphabet), strings.Fields(digits)
	var words []string
	for _, c := range strings.ToLower(code) {
		switch {
		case 'a' <= c && c <= 'z':
			words = append(words, letters[c-'a'])
		case '0' <= c && c <= '9':
			words = append(words, numbers[c-'0'])
		default:
			words = append(words, "-")
		}
	}
	return strings.Join(words, " ")
}
