// Package hooks has the code that a shell evaluates once, from its start file: the
// function that is called instead of the program, the check before each prompt, and the
// prompt segment. Each shell has its own file, hook.EXTENSION; all have the same parts in
// the same order. What is not needed before the function is called may be in
// call.EXTENSION.
package hooks

import (
	"embed"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/d44b7504/vault/shells"
)

//go:embed hook.* call.* draw.* project.*
var files embed.FS

// Options fill the placeholders in a hook.
type Options struct {
	Binary string    // the program: a name to be found on PATH, or a path
	Name   string    // the function to define; "" is the program's own name
	Prompt bool      // show the segment in the prompt
	Draw   Draw      // how
	Now    time.Time // from which bash 3.2, which has no clock, counts
	Call   bool      // not the hook, but what it loads when its function is first called
	Flags  []string  // more flags of "vault hook" for RCLine

	// Project is what the hook tells the program to do in project directories: one word. "": the
	// hook does not look for them, and has no code that does.
	Project string

	// ValueFlags are the flags that take the next word as their value. The function
	// skips them when it looks for the command's name.
	ValueFlags []string

	// Verbs are the names of the commands. With AWS_VAULT_SHORT another first word may be a profile.
	Verbs []string
}

// Script returns the hook for one shell. It fails when Binary cannot be quoted, when
// Name would need quotes, or when the shell has no hook, or with Call nothing to load.
func Script(sh *shells.Shell, o Options) (string, error) {
	if o.Name == "" {
		o.Name = NameOf(o.Binary)
	}
	if !Word(o.Name) {
		return "", fmt.Errorf("%q cannot be the name of a function", o.Name)
	}
	file := "hook."
	if o.Call {
		file = "call."
	}
	text, err := files.ReadFile(file + sh.Extension)
	if err != nil {
		return "", err
	}
	fill, err := o.placeholders(sh)
	if err != nil {
		return "", err
	}
	if err := o.addProject(sh, fill); err != nil {
		return "", err
	}
	return shells.Fill(compact(string(text)), fill), nil
}

// placeholders is what a hook leaves open.
func (o Options) placeholders(sh *shells.Shell) (map[string]string, error) {
	binary, err := sh.Quote(o.Binary)
	if err != nil {
		return nil, err
	}
	rc, err := o.RCLine(sh)
	if err != nil {
		return nil, err
	}
	draw := ""
	if o.Prompt {
		draw = o.Draw.words()
	}
	return map[string]string{
		"BINARY":      binary,
		"NAME":        o.Name,
		"CALL_FLAGS":  strings.Join(o.callFlags(), " "),
		"CALLED_AS":   Called(o.Binary, o.Name),
		"PROMPT":      bit(o.Prompt),
		"DRAW":        draw,
		"TITLE":       bit(o.Draw.Title),
		"EPOCH":       strconv.FormatInt(o.Now.Unix(), 10),
		"VALUE_FLAGS": strings.Join(o.ValueFlags, " "),
		"VERBS":       strings.Join(o.Verbs, " "),
		"RCLINE":      sh.StartFile + ", as the last line:  " + rc,
	}, nil
}

// nameFlag is how "hook" is told the name of the function, nothing for the program's own.
func (o Options) nameFlag() []string {
	if o.Name == "" || o.Name == NameOf(o.Binary) {
		return nil
	}
	return []string{"--name", o.Name}
}

// callFlags are the flags with which the hook asks for what it loads later.
func (o Options) callFlags() []string {
	flags := o.nameFlag()
	if o.Draw.Title {
		flags = append(flags, "--title")
	}
	return flags
}

// RCLine is the line that loads this hook from a start file. It is also written into a
// comment, so it has no line break, whatever the path of the program is.
func (o Options) RCLine(sh *shells.Shell) (string, error) {
	flags := o.nameFlag()
	if !o.Prompt {
		flags = append(flags, "--no-prompt")
	}
	flags = append(flags, o.Flags...)
	program := o.Binary
	if strings.ContainsAny(program, "\r\n") {
		program = "vault"
	}
	return sh.RCLine(program, flags...)
}

// compact removes what only a reader of the source needs: indentation, empty lines and
// comments on a line of their own, except the headings of the parts and the directives
// of shellcheck. No hook has a string over several lines, where these would matter.
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

// CalledAs begins the first argument of a call by a function that has another name than the
// program. Its name follows, and is used in messages.
const CalledAs = "--called-as="

// Called is that argument with a blank before it, "" where the function has the program's
// name.
func Called(binary, name string) string {
	if name == NameOf(binary) {
		return ""
	}
	return " " + CalledAs + name
}

// NameOf is the name of a program that is called by this name or path, "vault" where that
// would need quotes.
func NameOf(binary string) string {
	name := binary[strings.LastIndexAny(binary, `/\`)+1:]
	if name = strings.TrimSuffix(name, ".exe"); Word(name) {
		return name
	}
	return "vault"
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
