package completions

import (
	"errors"
	"strings"

	"github.com/d44b7504/vault/shells"
)

// Variable is the environment variable in which a shell that cannot pass every word to a
// program unchanged passes the words: without quotes, parted by separator.
const Variable = "__VAULT_WORDS"

const separator = "\x1f"

// Request is what a script asks: what can the last word become?
type Request struct {
	Shell *shells.Shell
	Words []string    // the finished words after the program's name, without quotes
	Word  shells.Word // the one being typed, up to the cursor

	keep string // the part of Word that readline will not replace, and
	open byte   // the quote that is open after it; only where readline inserts
}

// ReadRequest reads the arguments of a script's call, the shell's name and the words in
// the style of its entry, and the value of Variable. Where readline inserts candidates
// the first word is the text it will replace, as typed. It fails for a shell that is not
// in the table and for a call without words, which no script makes.
func ReadRequest(args []string, variable string) (Request, error) {
	if len(args) == 0 {
		return Request{}, errors.New("the name of a shell is missing")
	}
	sh, err := shells.For(args[0])
	if err != nil {
		return Request{}, err
	}
	q, words, replaced := Request{Shell: sh}, args[1:], ""
	if sh.Complete.Candidates == shells.CandidateInsert && len(words) > 0 {
		replaced, words = words[0], words[1:]
	}
	if sh.Complete.Variable {
		words = strings.Split(variable, separator)
	}
	if len(words) == 0 {
		return Request{}, errors.New("the words of a line are missing")
	}
	q.read(words, replaced)
	return q, nil
}

func (q *Request) read(words []string, replaced string) {
	style, last := q.Shell.Complete, len(words)-1
	for _, w := range words[:last] {
		if style.Words == shells.WordsAsTyped {
			w = q.Shell.ReadWord(w).Text
		}
		q.Words = append(q.Words, w)
	}
	if style.Words == shells.WordsUnquoted {
		q.Word = shells.Word{Text: words[last]}
		return
	}
	q.Word = q.Shell.ReadWord(words[last])
	if before, ok := strings.CutSuffix(words[last], replaced); ok && style.Candidates == shells.CandidateInsert {
		head := q.Shell.ReadWord(before)
		q.keep, q.open = head.Text, head.Open
	}
}
