// Package hooks holds the code a shell evaluates once, from its rc file: the function
// that stands for the program, the precmd that keeps the session true, and the prompt
// segment. The code is in hook.bash, hook.zsh, hook.fish and hook.ps1, which have the
// same parts in the same order.
package hooks

import (
	"embed"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/d44b7504/vault/shells"
)

//go:embed hook.bash hook.zsh hook.fish hook.ps1
var files embed.FS

// Options are the blanks in a hook.
type Options struct {
	Binary string    // the program: a name to be found on PATH, or a path
	Name   string    // the function to define; "" is vault
	Prompt bool      // show the segment in the prompt
	Now    time.Time // the clock of a bash that has none (3.2)

	// ValueFlags are the flags that take the next word as their value. The function
	// skips them when it looks for the command's name.
	ValueFlags []string
}

// Script returns the hook for one shell. It fails when a value cannot be quoted, or
// when Name is no plain word.
func Script(sh shells.Shell, o Options) (string, error) {
	if o.Name == "" {
		o.Name = "vault"
	}
	if !Word(o.Name) {
		return "", fmt.Errorf("%q cannot be the name of a function", o.Name)
	}
	text, err := files.ReadFile("hook." + extension(sh.Name()))
	if err != nil {
		return "", err
	}
	binary, err := sh.Quote(o.Binary)
	if err != nil {
		return "", err
	}
	prompt := "0"
	if o.Prompt {
		prompt = "1"
	}
	return strings.NewReplacer(
		"@BINARY@", binary,
		"@NAME@", o.Name,
		"@PROMPT@", prompt,
		"@EPOCH@", strconv.FormatInt(o.Now.Unix(), 10),
		"@VALUE_FLAGS@", strings.Join(o.ValueFlags, " "),
	).Replace(compact(string(text))), nil
}

// compact leaves out what only a reader of the source needs: indentation, empty lines
// and whole-line comments, but for the headings of the parts and those that speak to a
// checker. No hook has a string over several lines in which they would count.
func compact(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		line = strings.TrimLeft(line, " \t")
		comment := strings.HasPrefix(line, "#")
		kept := strings.HasPrefix(line, "# ---") || strings.HasPrefix(line, "# shellcheck")
		if line != "\n" && (!comment || kept) {
			b.WriteString(line)
		}
	}
	return b.String()
}

// Word reports whether s can be a command's name in every shell without quoting.
func Word(s string) bool {
	for i, r := range s {
		letter := r == '_' || 'A' <= r && r <= 'Z' || 'a' <= r && r <= 'z'
		if !letter && (i == 0 || (r != '-' && (r < '0' || r > '9'))) {
			return false
		}
	}
	return s != ""
}

func extension(shell string) string {
	if shell == "pwsh" {
		return "ps1"
	}
	return shell
}
