package completions

import "strings"

// This file spells text that readline inserts after what is typed at a bash prompt.

// bashSafe are the ASCII characters that bash takes as they are, anywhere in a word.
const bashSafe = "-_./:@%+=,ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

// insertBash spells text so that it can follow what is typed, inside the quote that is
// open, or outside quotes for 0. Readline closes the quote, unless the text ends like a
// closed one.
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
