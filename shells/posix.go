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
	guard:    posixGuard,
	ReadWord: func(typed string) Word { return readWord(typed, false) },
}

// posixGuard unsets the variables in a sub-shell first. The assignment to a read-only
// variable fails in bash alone, and ends the whole text in zsh.
func posixGuard(names []string, statements string) string {
	all := strings.Join(names, " ")
	return "if (unset -v " + all + ") 2>/dev/null; then\n" + statements +
		"else\nfor __vault in " + all + "; do (unset -v $__vault) 2>/dev/null ||" +
		" echo \"$__vault is read-only in this shell; nothing was changed\" >&2; done\nunset -v __vault\nfalse\nfi\n"
}
