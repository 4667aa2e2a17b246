// Package completions completes the program's words with TAB. The scripts, in comp.bash,
// comp.zsh, comp.fish and comp.ps1, pass on what was typed without evaluating any of it;
// the program reads the quotes (ReadRequest), finds out what may come, and answers in
// the spelling the script's shell wants (Request.Text).
package completions

import (
	"embed"
	"fmt"
	"strings"

	"github.com/d44b7504/vault/hooks"
	"github.com/d44b7504/vault/shells"
)

//go:embed comp.bash comp.zsh comp.fish comp.ps1
var files embed.FS

// Options are the blanks in a script.
type Options struct {
	Binary string // the program: a name to be found on PATH, or a path
	Name   string // the command to complete; "" is vault
}

// Script returns the completion for one shell. It fails when the path cannot be quoted,
// or when Name is no plain word.
func Script(sh shells.Shell, o Options) (string, error) {
	if o.Name == "" {
		o.Name = "vault"
	}
	if !hooks.Word(o.Name) {
		return "", fmt.Errorf("%q cannot be the name of a command", o.Name)
	}
	extension := sh.Name()
	if extension == "pwsh" {
		extension = "ps1"
	}
	text, err := files.ReadFile("comp." + extension)
	if err != nil {
		return "", err
	}
	binary, err := sh.Quote(o.Binary)
	if err != nil {
		return "", fmt.Errorf("the program's path: %w", err)
	}
	return strings.NewReplacer("@BINARY@", binary, "@NAME@", o.Name).Replace(string(text)), nil
}
