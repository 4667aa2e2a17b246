package shells

import (
	"encoding/base64"
	"strings"
)

// data is what a hook is told that does not evaluate text: one step a line, words in
// base64. The hook sets the variables itself, so no value is ever part of a program.
//
//	set NAME VALUE
//	unset NAME
//	call FUNCTION WORD…
var data = Language{
	quote:  func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) },
	assign: func(name, quoted string) string { return "set " + name + " " + quoted },
	unset:  func(name string) string { return "unset " + name },
	call: func(function string, quoted []string) string {
		return strings.Join(append([]string{"call", function}, quoted...), " ")
	},
}
