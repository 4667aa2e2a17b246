package shells

import (
	"strings"

	"github.com/d44b7504/vault/env"
)

// fish reads two escapes inside single quotes: a backslash and the quote.
type fish struct{}

var fishQuotes = strings.NewReplacer(`\`, `\\`, `'`, `\'`)

func (fish) Name() string { return "fish" }

func (fish) Quote(s string) (string, error) { return quoteWith(s, fishQuotes.Replace(s)) }

// Render sets globals only: a universal variable would reach every other session and
// outlive us. Removing is global too; the second set -e, of whatever scope remains, is
// left out on purpose, because a universal value is the user's.
func (f fish) Render(changes []env.Change) (string, error) {
	return render(changes,
		func(n, q string) string { return "set -gx " + n + " " + q + "\n" },
		func(n string) string { return "set -eg " + n + "\n" }, f.Quote)
}

func (f fish) Call(function string, words ...string) (string, error) {
	return call(function, words, f.Quote)
}
