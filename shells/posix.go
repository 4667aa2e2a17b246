package shells

import (
	"strings"

	"github.com/d44b7504/vault/env"
)

// posix is bash and zsh: between single quotes everything is literal, and only the
// quote itself needs care. Statements end in a newline and need nothing from the
// user's options.
type posix struct{ name string }

func (p posix) Name() string { return p.name }

func (posix) Quote(s string) (string, error) {
	return quoteWith(s, strings.ReplaceAll(s, "'", `'\''`))
}

func (p posix) Render(changes []env.Change) (string, error) {
	return render(changes,
		func(n, q string) string { return "export " + n + "=" + q + "\n" },
		func(n string) string { return "unset -v " + n + "\n" }, p.Quote)
}

func (p posix) Call(function string, words ...string) (string, error) {
	return call(function, words, p.Quote)
}
