package completions

import (
	"strconv"
	"strings"

	"github.com/d44b7504/vault/internal/display"
	"github.com/d44b7504/vault/shells"
)

// Kind says what the last word can become.
type Kind int

// The kinds of answer.
const (
	Words   Kind = iota // one of the candidates
	Files               // a file, which the shell completes itself
	Dirs                // a directory
	Command             // part of another command's line
)

// Answer is what a script is told.
type Answer struct {
	Kind Kind
	Skip int // Command: how many words come before the other command

	// Assign says that the last word is --flag=value and this is about the value.
	Assign bool

	// Candidates for Words: "value" or "value\tdescription". Text leaves out those
	// that do not fit what was typed.
	Candidates []string
}

// Text returns the answer in the style of the request's shell: a first line
//
//	words [=] | files [=] | dirs [=] | command SKIP
//
// and for words one candidate a line. "=" says that it is about what follows the first
// = of the word. A candidate is spelled as the entry of the shell says:
//
//	CandidateTab     value TAB description
//	CandidateColon   value:description with the value's colons escaped, or TAB value
//	                 where _describe would misread a backslash
//	CandidateInsert  the text to insert
func (q Request) Text(a Answer) []byte {
	head := [...]string{"words", "files", "dirs", "command"}[a.Kind]
	switch {
	case a.Kind == Command:
		return []byte(head + " " + strconv.Itoa(a.Skip) + "\n")
	case q.Word.Unknown:
		return nil
	case a.Kind != Words:
		return []byte(head + equals(a.Assign) + "\n")
	}
	before, typed := "", q.Word.Text
	if a.Assign {
		name, value, _ := strings.Cut(typed, "=")
		before, typed = name+"=", value
	}
	if q.Shell.Complete.Candidates == shells.CandidateColon {
		head, before = head+equals(a.Assign), "" // zsh keeps the flag's name itself
	}
	return q.list(head+"\n", before, q.matching(a.Candidates, typed))
}

func equals(assign bool) string {
	if assign {
		return " ="
	}
	return ""
}

func (q Request) list(head, before string, candidates []string) []byte {
	size := len(head)
	for _, c := range candidates {
		size += len(c) + len(before) + 2
	}
	out := append(make([]byte, 0, size), head...)
	for _, c := range candidates {
		value, description, _ := strings.Cut(c, "\t")
		if showable(value) {
			out = q.candidate(out, before+value, display.Clean(description))
		}
	}
	return out
}

func (q Request) candidate(out []byte, value, description string) []byte {
	switch q.Shell.Complete.Candidates {
	case shells.CandidateInsert:
		rest, ok := strings.CutPrefix(value, q.keep)
		if !ok {
			return out
		}
		return append(append(out, insertBash(rest, q.open)...), '\n')
	case shells.CandidateColon:
		if strings.Contains(value, `\`) {
			return append(append(append(out, '\t'), value...), '\n')
		}
		out = append(out, strings.ReplaceAll(value, ":", `\:`)...)
		if description != "" {
			out = append(append(out, ':'), description...)
		}
	case shells.CandidateTab:
		out = append(out, value...)
		if description != "" {
			out = append(append(out, '\t'), description...)
		}
	}
	return append(out, '\n')
}

// matching keeps the candidates that begin with what was typed. Where none does, a shell
// that replaces the whole word gets those that differ in case, and then those that hold
// it somewhere; zsh decides by the user's own rules which to show.
func (q Request) matching(list []string, typed string) []string {
	if typed == "" {
		return list
	}
	fit := filter(list, func(v string) bool { return strings.HasPrefix(v, typed) })
	if len(fit) > 0 || q.Shell.Complete.Candidates == shells.CandidateInsert {
		return fit
	}
	low := strings.ToLower(typed)
	fit = filter(list, func(v string) bool { return strings.HasPrefix(strings.ToLower(v), low) })
	if len(fit) > 0 {
		return fit
	}
	return filter(list, func(v string) bool { return strings.Contains(strings.ToLower(v), low) })
}

func filter(list []string, fits func(value string) bool) []string {
	var fit []string
	for _, c := range list {
		if value, _, _ := strings.Cut(c, "\t"); fits(value) {
			fit = append(fit, c)
		}
	}
	return fit
}

// showable reports whether a terminal shows s as it is and a line can hold it. A name
// with an escape sequence or a hidden character is not offered: it could be mistaken for
// another.
func showable(s string) bool { return s != "" && display.Clean(s) == s }
