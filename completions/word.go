package completions

import "strings"

// Word is one word of an unfinished command line. Reading it runs nothing and looks
// nothing up.
type Word struct {
	Text string // what the shell would pass on, as far as it was typed
	Open byte   // the quote still open at its end: 0, ' or "
	// Unknown is a word whose text only the shell can know: it expands a variable or
	// the output of a command.
	Unknown bool
}

// reader reads one word. POSIX shells and fish differ in three places.
type reader struct {
	Word
	fish bool
	text []byte
}

func readWord(shell, raw string) Word {
	r := reader{fish: shell == "fish", text: make([]byte, 0, len(raw))}
	for i := 0; i < len(raw); i++ {
		i += r.next(raw[i], raw[i+1:])
	}
	r.Text = string(r.text)
	return r.Word
}

// next takes one byte and says how many of the following it took as well.
func (r *reader) next(c byte, rest string) int {
	switch {
	case r.escapes(c):
		return r.escape(rest)
	case c == r.Open:
		r.Open = 0
	case r.Open == 0 && (c == '\'' || c == '"'):
		r.Open = c
	case r.Open != '\'' && r.expands(c, rest):
		r.Unknown = true
		r.text = append(r.text, c)
	default:
		r.text = append(r.text, c)
	}
	return 0
}

func (r *reader) escapes(c byte) bool {
	return c == '\\' && (r.fish || r.Open != '\'')
}

// escape takes the byte after a backslash. Inside quotes most backslashes are plain;
// one at the very end says nothing yet.
func (r *reader) escape(rest string) int {
	special := map[byte]string{'"': "\"\\$`", '\'': `'\`}[r.Open]
	switch {
	case rest == "":
		return 0
	case r.Open != 0 && strings.IndexByte(special, rest[0]) < 0:
		r.text = append(r.text, '\\')
		return 0
	case r.Open == 0 && r.fish && strings.IndexByte("abefnrtvxXuUc01234567", rest[0]) >= 0:
		r.Unknown = true // a character by name or number; no candidate needs one
	}
	r.text = append(r.text, rest[0])
	return 1
}

func (r *reader) expands(c byte, rest string) bool {
	switch c {
	case '$':
		return true
	case '`':
		return !r.fish
	case '(':
		return r.fish && r.Open == 0
	case '<', '>', '=':
		return !r.fish && r.Open == 0 && strings.HasPrefix(rest, "(")
	}
	return false
}

// bashSafe are the ASCII characters that bash takes as they are, anywhere in a word.
const bashSafe = "-_./:@%+=,ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

// insertBash spells text so that it can follow what is typed, in a quote that is open
// or in none. Readline closes the quote, unless the text ends like a closed one.
func insertBash(text string, open byte) string {
	switch open {
	case '\'':
		text = strings.ReplaceAll(text, "'", `'\''`)
	case '"':
		text = inDoubleQuotes.Replace(text)
	default:
		return backslashed(text)
	}
	if end := len(text) - 1; end >= 0 && text[end] == open {
		return text + string(open)
	}
	return text
}

func backslashed(text string) string {
	var b strings.Builder
	for i := range len(text) {
		if c := text[i]; c < 0x80 && strings.IndexByte(bashSafe, c) < 0 {
			b.WriteByte('\\')
		}
		b.WriteByte(text[i])
	}
	return b.String()
}

// An interactive bash would look for ! in its history even in double quotes.
var inDoubleQuotes = strings.NewReplacer(`\`, `\\`, `$`, `\$`, "`", "\\`", `"`, `\"`, `!`, `"'!'"`)
