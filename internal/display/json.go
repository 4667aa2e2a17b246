package display

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"runtime"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// asciiOnly: PowerShell reads what programs print in the code page of the console, and few are UTF-8.
const asciiOnly = runtime.GOOS == "windows"

// JSON writes a value for a program, indented so that a person can read it too. What a
// terminal would act on or hide is escaped, and on Windows all that is not ASCII.
func JSON(w io.Writer, v any) error {
	text, err := encode(v, "  ")
	if err != nil {
		return err
	}
	_, err = w.Write(text)
	return err
}

func encode(v any, indent string) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetIndent("", indent)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return escapeUnprintable(b.Bytes(), asciiOnly), err
}

// escapeUnprintable writes the characters of a text in JSON that Clean would replace as
// \u and digits, or all that are not ASCII. They can occur only in strings.
func escapeUnprintable(text []byte, all bool) []byte {
	unprintable := func(r rune) bool { return r > '~' && (all || !unicode.IsPrint(r)) }
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

// AppendJSON appends a value in one line. It is for one that can always be written: a string, or a
// struct of strings and numbers.
func AppendJSON(b []byte, v any) []byte {
	text, _ := encode(v, "")
	return append(b, bytes.TrimSuffix(text, []byte("\n"))...)
}

// AppendJSONString appends a string in JSON. For thousands of strings the library takes
// longer than all the rest of a command.
func AppendJSONString(b []byte, s string) []byte {
	if !isPlainASCII(s) || strings.ContainsAny(s, `"\`) {
		return AppendJSON(b, s)
	}
	return append(append(append(b, '"'), s...), '"')
}
