package display

import (
	"encoding/json"
	"io"
	"strings"
)

// JSON writes a value for a program, indented so that a person can read it too.
func JSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// AppendJSONString appends a string in JSON. For thousands of strings the library takes
// longer than all the rest of a command.
func AppendJSONString(b []byte, s string) []byte {
	if !isPlainASCII(s) || strings.ContainsAny(s, `"\<>&`) {
		text, _ := json.Marshal(s) // a string can always be written
		return append(b, text...)
	}
	return append(append(append(b, '"'), s...), '"')
}
