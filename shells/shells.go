// Package shells knows each shell's language: quoting, assignment and removal of a
// variable, and a call of one of the hook's functions. It renders text that means the
// same everywhere. It is pure.
package shells

import (
	"errors"
	"fmt"
	"strings"

	"github.com/d44b7504/vault/env"
)

// Shell is one dialect. The values For returns are stateless and may be shared.
type Shell interface {
	// Name is how the shell is called on the command line.
	Name() string
	// Quote returns s as one word that the shell reads back unchanged. It fails for
	// NUL, which no shell can hold.
	Quote(s string) (string, error)
	// Render returns statements that make the changes, one a line, in the order given.
	Render(changes []env.Change) (string, error)
	// Call returns a statement that calls a function with the given words.
	Call(function string, words ...string) (string, error)
}

// ErrNUL is the one thing that cannot be quoted.
var ErrNUL = errors.New("a value holds a NUL byte, which no shell can carry")

// UnknownError names a shell we do not speak.
type UnknownError struct{ Name string }

func (e *UnknownError) Error() string {
	return fmt.Sprintf("no support for the shell %q", e.Name)
}

// Names lists the shells in the order they are documented.
func Names() []string { return []string{"bash", "zsh", "fish", "pwsh"} }

// For returns the dialect called name; powershell is another name of pwsh.
func For(name string) (Shell, error) {
	switch name {
	case "bash", "zsh":
		return posix{name}, nil
	case "fish":
		return fish{}, nil
	case "pwsh", "powershell":
		return pwsh{}, nil
	}
	return nil, &UnknownError{Name: name}
}

// render joins what one shell says of each change.
func render(changes []env.Change, set func(name, quoted string) string, unset func(name string) string, quote func(string) (string, error)) (string, error) {
	var b strings.Builder
	for _, c := range changes {
		if !identifier(c.Name) {
			return "", fmt.Errorf("%q is no name of a variable", c.Name)
		}
		if c.Unset {
			b.WriteString(unset(c.Name))
			continue
		}
		q, err := quote(c.Value.Reveal())
		if err != nil {
			return "", fmt.Errorf("%s: %w", c.Name, err)
		}
		b.WriteString(set(c.Name, q))
	}
	return b.String(), nil
}

func call(function string, words []string, quote func(string) (string, error)) (string, error) {
	out := function
	for _, w := range words {
		q, err := quote(w)
		if err != nil {
			return "", err
		}
		out += " " + q
	}
	return out + "\n", nil
}

func quoteWith(s, escaped string) (string, error) {
	if strings.IndexByte(s, 0) >= 0 {
		return "", ErrNUL
	}
	return "'" + escaped + "'", nil
}

// identifier accepts what all four shells accept as the name of a variable.
func identifier(s string) bool {
	for i, r := range s {
		letter := r == '_' || 'A' <= r && r <= 'Z' || 'a' <= r && r <= 'z'
		if !letter && (i == 0 || r < '0' || r > '9') {
			return false
		}
	}
	return s != ""
}
