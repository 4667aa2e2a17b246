package shells

import (
	"strings"
	"unicode/utf8"

	"github.com/d44b7504/vault/env"
)

// pwsh is PowerShell 5.1 and 7. A single-quoted string ends at any of five
// characters; doubling keeps each one.
type pwsh struct{}

var pwshQuotes = strings.NewReplacer("'", "''",
	"\u2018", "\u2018\u2018", "\u2019", "\u2019\u2019", "\u201a", "\u201a\u201a", "\u201b", "\u201b\u201b")

func (pwsh) Name() string { return "pwsh" }

// Quote gives pure ASCII, because Windows PowerShell reads a program's output in the
// console's code page: whatever is not ASCII is spelled as a UTF-16 code unit. Bytes
// that are no UTF-8 become U+FFFD; PowerShell's strings could not hold them either.
func (pwsh) Quote(s string) (string, error) {
	if ascii(s) {
		return quoteWith(s, pwshQuotes.Replace(s))
	}
	if strings.IndexByte(s, 0) >= 0 {
		return "", ErrNUL
	}
	return "(" + spell(s) + ")", nil
}

func ascii(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// Render removes a variable by assigning $null: since PowerShell 7.5 an empty string
// would leave an empty variable behind.
func (p pwsh) Render(changes []env.Change) (string, error) {
	return render(changes,
		func(n, q string) string { return "$env:" + n + " = " + q + "\n" },
		func(n string) string { return "$env:" + n + " = $null\n" }, p.Quote)
}

func (p pwsh) Call(function string, words ...string) (string, error) {
	return call(function, words, p.Quote)
}
