// Package completions completes the program's words with TAB. Each shell has a script,
// comp.EXTENSION, which passes on what was typed without evaluating any of it. The
// program reads the quotes (ReadRequest), works out the candidates, and answers in the
// style of that shell (Request.Text).
package completions

import (
	"embed"
	"fmt"

	"github.com/d44b7504/vault/hooks"
	"github.com/d44b7504/vault/shells"
)

//go:embed comp.*
var files embed.FS

// Options fill the placeholders in a script.
type Options struct {
	Binary string // the program: a name to be found on PATH, or a path
	Name   string // the command to complete; "" is the program's own name
}

// Script returns the completion script for one shell. It fails when Binary cannot be
// quoted, when Name would need quotes, or when the shell has no script.
func Script(sh *shells.Shell, o Options) (string, error) {
	if o.Name == "" {
		o.Name = hooks.NameOf(o.Binary)
	}
	if !hooks.Word(o.Name) {
		return "", fmt.Errorf("%q cannot be the name of a command", o.Name)
	}
	text, err := files.ReadFile("comp." + sh.Extension)
	if err != nil {
		return "", err
	}
	binary, err := sh.Quote(o.Binary)
	if err != nil {
		return "", fmt.Errorf("the program's path: %w", err)
	}
	return shells.Fill(string(text), map[string]string{"BINARY": binary, "NAME": o.Name}), nil
}
