package shells

import (
	"errors"
	"fmt"
	"strings"

	"github.com/d44b7504/vault/env"
)

// ErrNUL is the one thing that cannot be quoted.
var ErrNUL = errors.New("a value has a NUL byte, which no shell can hold")

// Language turns values, changes of variables and calls into text. Its functions may be
// called by several goroutines at once.
type Language struct {
	quote  func(s string) string            // one word that is read back unchanged; s has no NUL
	assign func(name, quoted string) string // a statement that exports a variable
	unset  func(name string) string         // a statement that removes a variable
	call   func(function string, quoted []string) string
	// guard puts statements after a look whether the variables can be changed at all: it
	// changes nothing, says why and fails if one cannot. Nil: every variable can.
	guard func(names []string, statements string) string

	// ReadWord reads a word of a line that is being typed. Nil: the shell's completion
	// script passes words without quotes.
	ReadWord func(typed string) Word
}

// Quote returns s as one word that is read back unchanged. It fails for NUL.
func (l Language) Quote(s string) (string, error) {
	if strings.IndexByte(s, 0) >= 0 {
		return "", ErrNUL
	}
	return l.quote(s), nil
}

// Render returns statements that make the changes, one a line, in the order given. It
// fails, and returns no text, when a name is not one of a variable or a value has a NUL;
// the error names the variable and not the value.
func (l Language) Render(changes []env.Change) (string, error) {
	var b strings.Builder
	for _, c := range changes {
		if !variableName(c.Name) {
			return "", fmt.Errorf("%q cannot be the name of a variable", c.Name)
		}
		if c.Unset {
			b.WriteString(l.unset(c.Name) + "\n")
			continue
		}
		q, err := l.Quote(c.Value.Reveal())
		if err != nil {
			return "", fmt.Errorf("%s: %w", c.Name, err)
		}
		b.WriteString(l.assign(c.Name, q) + "\n")
	}
	return b.String(), nil
}

// Script returns statements that make all the changes or, where the shell keeps a variable
// from being changed, none. It fails as Render does.
func (l Language) Script(changes []env.Change) (string, error) {
	text, err := l.Render(changes)
	if err != nil || l.guard == nil || len(changes) == 0 {
		return text, err
	}
	names := make([]string, len(changes))
	for i, c := range changes {
		names[i] = c.Name
	}
	return l.guard(names, text), nil
}

// Call returns a statement that calls one of the hook's functions with the given words.
func (l Language) Call(function string, words ...string) (string, error) {
	quoted := make([]string, len(words))
	for i, w := range words {
		q, err := l.Quote(w)
		if err != nil {
			return "", err
		}
		quoted[i] = q
	}
	return l.call(function, quoted) + "\n", nil
}

// callWithSpaces is a call in most languages: the function and its words.
func callWithSpaces(function string, quoted []string) string {
	return strings.Join(append([]string{function}, quoted...), " ")
}

// variableName accepts what every shell accepts as the name of a variable.
func variableName(s string) bool {
	for i, r := range s {
		letter := r == '_' || 'A' <= r && r <= 'Z' || 'a' <= r && r <= 'z'
		if !letter && (i == 0 || r < '0' || r > '9') {
			return false
		}
	}
	return s != ""
}
