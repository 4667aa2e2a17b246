package display

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// JSON writes a value for a program, indented so that a person can read it too. What a
// terminal would act on or hide is escaped.
func JSON(w io.Writer, v any) error {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return err
	}
	_, err := w.Write(escapeUnprintable(b.Bytes()))
	return err
}

// escapeUnprintable writes the characters of a text in JSON that Clean would replace as
// \u and digits. They can occur only in strings.
func escapeUnprintable(text []byte) []byte {
	unprintable := func(r rune) bool { return r > '~' && !unicode.IsPrint(r) }
	if bytes.IndexFunc(text, unprintable) < 0 {
		return text
	}
	var b []byte
	for _, r := range string(text) {
		switch {
		case !unprintable(r):
			b = utf8.AppendRune(b, r)
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			b = fmt.Appendf(b, `\u%04x\u%04x`, high, low)
		default:
			b = fmt.Appendf(b, `\u%04x`, r)
		}
	}
	return b
}

// AppendJSONString appends a string in JSON. For thousands of strings the library takes
// longer than all the rest of a command.
func AppendJSONString(b []byte, s string) []byte {
	if !isPlainASCII(s) || strings.ContainsAny(s, `"\`) {
		var text bytes.Buffer
		_ = JSON(&text, s) // a string can always be written
		return append(b, bytes.TrimSuffix(text.Bytes(), []byte("\n"))...)
	}
	return append(append(append(b, '"'), s...), '"')
}
