package startfile

import (
	"errors"
	"fmt"
	"strings"
)

// The comments around our line. The first says how to undo it, and what else belongs to it.
const (
	beginMark = "# begin: written by vault init; vault init --undo removes it"
	breakMark = " and the line break before it" // the file's last line had none
	madeMark  = " and this file"                // there was no file
	endMark   = "# end: written by vault init"
)

// block is what we have written into a file, and what is around it.
type block struct {
	found              bool
	line               int    // of the first comment, from 1
	before, begin      string // begin is the first comment with its line break
	inside, end, after string
	made               bool // the file was made for it
}

// cut takes the block out of a text. outside is the text as it would be without it. It is an
// error if a comment of the two is missing, or there are two blocks.
func cut(text string) (outside string, b block, err error) {
	at, from, inside, number := 0, -1, -1, 0
	for line := range strings.Lines(text) {
		number++
		switch bare := strings.TrimRight(line, "\r\n"); {
		case strings.HasPrefix(bare, beginMark):
			if from >= 0 {
				return text, b, fmt.Errorf("line %d: vault init has written there before; remove one of the two places by hand", number)
			}
			from, inside, b.line = at, at+len(line), number
			b.made = strings.HasSuffix(bare, madeMark)
			b.before, b.begin = text[:from], line
		case bare == endMark && from >= 0 && !b.found:
			b.found = true
			b.inside, b.end, b.after = text[inside:at], line, text[at+len(line):]
		}
		at += len(line)
	}
	if from >= 0 && !b.found {
		return text, b, fmt.Errorf("line %d: %w", b.line, errNoEnd)
	}
	if !b.found {
		return text, b, nil
	}
	before := b.before
	if b.after == "" && strings.HasSuffix(strings.TrimRight(b.begin, "\r\n"), breakMark) {
		before = strings.TrimSuffix(strings.TrimSuffix(before, "\n"), "\r")
	}
	return before + b.after, b, nil
}

var errNoEnd = errors.New("what vault init has written there has no end; remove the lines by hand")

// appended is a text with a block after it.
func appended(text string, exists bool, line, end string) string {
	begin := beginMark
	switch {
	case !exists:
		begin += madeMark
	case text != "" && !strings.HasSuffix(text, "\n"):
		begin += breakMark
		text += end
	}
	return text + begin + end + line + end + endMark + end
}
