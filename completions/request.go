package completions

import "strings"

// Variable is where PowerShell, which cannot pass every word to a program faithfully,
// leaves the words: without quotes, each ended by separator.
const Variable = "__VAULT_WORDS"

const separator = "\x1f"

// Request is what a script asks: what may the last word become?
type Request struct {
	Shell string
	Words []string // the finished words after the program's name
	Word  Word     // the one being typed, up to the cursor

	keep string // the part of Word that the shell will not replace, and
	open byte   // the quote that is open after it; bash only
}

// ReadRequest understands the arguments of a script's call: the shell's name and the
// words, spelled as its script spells them. It reports false for what no script sends.
//
//	bash  READLINE'S-WORD WORD…   as typed, quotes and all
//	zsh   WORD…                   as typed
//	fish  WORD…                   the last as typed, the others without quotes
//	pwsh                          all without quotes, in Variable
func ReadRequest(args []string, variable string) (Request, bool) {
	if len(args) == 0 {
		return Request{}, false
	}
	q := Request{Shell: args[0]}
	words := args[1:]
	var readline string
	switch q.Shell {
	case "bash":
		if len(words) == 0 {
			return q, false
		}
		readline, words = words[0], words[1:]
	case "pwsh":
		words = strings.Split(variable, separator)
	case "zsh", "fish":
	default:
		return q, false
	}
	if len(words) == 0 {
		return q, false
	}
	q.read(words, readline)
	return q, true
}

func (q *Request) read(words []string, readline string) {
	last := len(words) - 1
	for _, w := range words[:last] {
		if q.Shell == "bash" || q.Shell == "zsh" {
			w = readWord(q.Shell, w).Text
		}
		q.Words = append(q.Words, w)
	}
	if q.Shell == "pwsh" {
		q.Word = Word{Text: words[last]}
		return
	}
	q.Word = readWord(q.Shell, words[last])
	if before, ok := strings.CutSuffix(words[last], readline); ok && q.Shell == "bash" {
		head := readWord(q.Shell, before)
		q.keep, q.open = head.Text, head.Open
	}
}
