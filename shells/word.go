package shells

import "strings"

// Word is one word of an unfinished command line. Reading it runs nothing and looks
// nothing up.
type Word struct {
	Text string // what the shell would pass on, as far as it was typed
	Open byte   // the quote still open at its end: 0, ' or "
	// Unknown is set when only the shell can know the text: the word expands a variable
	// or the output of a command.
	Unknown bool
}

// wordReader reads one word. POSIX shells and fish differ in three places.
type wordReader struct {
	Word
	fish bool
	text []byte
}

func readWord(typed string, fish bool) Word {
	r := wordReader{fish: fish, text: make([]byte, 0, len(typed))}
	for i := 0; i < len(typed); i++ {
		i += r.next(typed[i], typed[i+1:])
	}
	r.Text = string(r.text)
	return r.Word
}

// next takes one byte and returns how many of the following bytes it took as well.
func (r *wordReader) next(c byte, rest string) int {
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

func (r *wordReader) escapes(c byte) bool {
	return c == '\\' && (r.fish || r.Open != '\'')
}

// escape takes the byte after a backslash. Inside quotes most backslashes stand for
// themselves; one at the very end says nothing yet.
func (r *wordReader) escape(rest string) int {
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

func (r *wordReader) expands(c byte, rest string) bool {
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
