package shells

import "strings"

// posix is the language of bash and zsh. Between single quotes everything is literal,
// and only the quote itself needs care. Statements end in a newline and need nothing
// from the user's options.
var posix = Language{
	quote:    func(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" },
	assign:   func(name, quoted string) string { return "export " + name + "=" + quoted },
	unset:    func(name string) string { return "unset -v " + name },
	call:     callWithSpaces,
	ReadWord: func(typed string) Word { return readWord(typed, false) },
}
