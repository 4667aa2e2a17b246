// Package shells is the table of the shells this program supports. An entry says
// everything that differs from one shell to the next: its names, its files, its version,
// how it is started, and its language. It is pure: it builds text and paths and reads
// nothing.
//
// A new shell is one more file with one more entry; see docs/adding-a-shell.md.
package shells

import (
	"fmt"
	"slices"
	"strings"
)

// Shell is one entry of the table. Entries are shared and must not be changed.
type Shell struct {
	Name    string   // what "vault hook NAME" takes, and the program to start
	Title   string   // how its makers write it, for people to read
	Aliases []string // other names of its program

	// Extension is that of a file in its language, without the dot: the hook is
	// hooks/hook.EXTENSION and the completion script completions/comp.EXTENSION.
	Extension string

	Language               // what a script of this shell evaluates
	Hook     Language      // what its hook is told: its own language, or data
	Channel  Channel       // where the program writes it
	Complete CompleteStyle // how its completion script and the program talk

	// StartFiles are the files an interactive shell may read at its start. The first
	// is the one that should load the hook. StartDirs are folders of which it reads
	// every file with its extension.
	StartFiles func(Places) []string
	StartDirs  func(Places) []string
	StartFile  string // how people write the first of StartFiles
	// HookFiles are the start files that should load the hook, given what the files say; it
	// is told "" and false for a file that does not exist. Where is what the shell itself is
	// asked about places of its files: it prints a line for each, WhereMark NAME=PATH, that
	// goes before a variable of Places. nil: the environment tells.
	HookFiles func(p Places, text func(path string) (string, bool)) []HookFile
	Where     []string
	// HistoryFiles are where it may keep the lines that were typed.
	HistoryFiles func(Places) []string

	// Load is the statement that evaluates what a command prints; @ stands for the
	// command. See Evaluate and RCLine.
	Load string
	// HookList is a variable that the hook adds itself to. A start file that assigns
	// to it afterwards takes the hook out. "" if there is none.
	HookList string

	Least       Version  // the oldest version in which the hook works
	VersionArgs []string // make the program print its version and end
	// BeforeCommand says when the hook can act before a command that is typed.
	BeforeCommand BeforeCommand

	// Print is a statement that prints a variable; @ stands for its name.
	Print string
	// Interactive are the arguments that start it for a person, with file as its only
	// start file where it takes one by argument.
	Interactive func(file string) []string
	// DemoStart is what the demo's start file says before it loads the hook: it makes
	// the prompt "demo> ".
	DemoStart string
}

// HookFile is a start file that should load the hook.
type HookFile struct {
	Path string
	// Guard is a statement of which @ is the one that loads the hook, where another shell reads
	// the file too, or this one for a script; "" for none.
	Guard string
	Early bool // it may be read where the PATH is not set as the person wants it
	// CRLF says that the shell takes lines that end as Windows has them.
	CRLF bool
}

// WhereMark begins the lines in which a shell says where its files are.
const WhereMark = "vault-init:"

// Channel is where the program writes what the hook reads.
type Channel int

// The channels.
const (
	Descriptor3    Channel = iota + 1 // the standard streams stay the user's
	CapturedOutput                    // standard output; what is for people goes to standard error
)

// BeforeCommand says whether a hook can act when a command was typed and has not begun.
type BeforeCommand struct {
	Since   Version  // by the shell itself from this version on; the zero value: in none
	Helpers []string // by one of these scripts, loaded from a start file, in any version
}

// CompleteStyle is how a completion script passes the words of a line and takes the
// candidates.
type CompleteStyle struct {
	Words      WordStyle
	Variable   bool // the words are in an environment variable and not arguments
	Candidates CandidateStyle
}

// WordStyle is how the words of a line reach the program.
type WordStyle int

// The styles of words.
const (
	WordsAsTyped    WordStyle = iota + 1 // with their quotes: ReadWord reads them
	LastWordAsTyped                      // only the one being typed has its quotes
	WordsUnquoted                        // the shell has read the quotes
)

// CandidateStyle is how a candidate is spelled for the script.
type CandidateStyle int

// The styles of candidates.
const (
	CandidateTab    CandidateStyle = iota + 1 // value TAB description
	CandidateColon                            // value:description, as zsh's _describe takes it
	CandidateInsert                           // the text to insert after what is typed, as readline takes it
)

// table lists the shells in the order they are documented.
var table = []*Shell{&bash, &zsh, &fish, &pwsh}

// All returns the entries in the order they are documented.
func All() []*Shell { return slices.Clone(table) }

// Names returns the names of all entries.
func Names() []string {
	names := make([]string, len(table))
	for i, sh := range table {
		names[i] = sh.Name
	}
	return names
}

// For returns the entry with that name or alias, or an *UnknownError.
func For(name string) (*Shell, error) {
	for _, sh := range table {
		if name == sh.Name || slices.Contains(sh.Aliases, name) {
			return sh, nil
		}
	}
	return nil, &UnknownError{Name: name}
}

// ProgramName is the name of a program, which is that of its shell, in the file's path or
// the argument by which it was started.
func ProgramName(path string) string {
	name := path[strings.LastIndexAny(path, `/\`)+1:]
	return strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(name), "-"), ".exe")
}

// Running returns the entry of the shell that a running program is, by its file or name;
// nil if it is none of the table. What follows the shell's name does not count, because a
// system may have added a version or a word: zsh-5.9, zsh5, pwsh-preview, pwsh.dll, bash.real,
// .fish-wrapped.
func Running(program string) *Shell {
	name := strings.ToLower(strings.TrimPrefix(ProgramName(program), "."))
	if end := strings.IndexFunc(name, func(r rune) bool { return r < 'a' || r > 'z' }); end >= 0 {
		name = name[:end]
	}
	sh, err := For(name)
	if err != nil {
		return nil
	}
	return sh
}

// UnknownError names a shell that is not in the table.
type UnknownError struct{ Name string }

func (e *UnknownError) Error() string {
	return fmt.Sprintf("the shell %q is not supported; these are: %s", e.Name, strings.Join(Names(), ", "))
}

// Programs returns the names under which the shell's program may be installed.
func (s *Shell) Programs() []string { return append([]string{s.Name}, s.Aliases...) }

// RCLine returns the line for a start file that loads the hook. program is this program
// as it is to be called there, and flags follow "hook NAME". It fails when a word
// cannot be quoted.
func (s *Shell) RCLine(program string, flags ...string) (string, error) {
	var words []string
	for _, w := range append([]string{program, "hook", s.Name}, flags...) {
		if !bareWord(w) {
			q, err := s.Quote(w)
			if err != nil {
				return "", err
			}
			w = q
		}
		words = append(words, w)
	}
	return s.Evaluate(strings.Join(words, " ")), nil
}

// Evaluate returns a statement that evaluates what a command prints.
func (s *Shell) Evaluate(command string) string { return strings.Replace(s.Load, "@", command, 1) }

// bareWord reports whether every shell takes s as one word and as it stands.
func bareWord(s string) bool {
	return s != "" && strings.Trim(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_./-") == ""
}

// PrintVariable returns a statement that prints a variable.
func (s *Shell) PrintVariable(name string) string { return strings.Replace(s.Print, "@", name, 1) }
