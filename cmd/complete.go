package cmd

// This file answers TAB. It walks the commands itself, because cobra's own scripts
// evaluate what was typed. It opens no keyring, makes no call, and prints no complaint
// about the line: a person is in the middle of it. A call that no script makes is an
// error in words.

import (
	"runtime/debug"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/d44b7504/vault/completions"
)

// wordsCommand is the command that the completion scripts call.
const wordsCommand = "__words"

// newWords is that command.
func newWords(root *cobra.Command, r *run) *cobra.Command {
	return &cobra.Command{
		Use: wordsCommand + " SHELL WORD…", Hidden: true, DisableFlagParsing: true, ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(c *cobra.Command, a []string) error {
			endsSoon()
			q, err := completions.ReadRequest(a, r.getenv(completions.Variable))
			if err != nil {
				return usage(c, err)
			}
			_, err = r.Stdout.Write(q.Text(r.completeLine(root, q)))
			return err
		},
	}
}

// endsSoon has this process collect no garbage, because it ends before it is worth it.
func endsSoon() {
	debug.SetGCPercent(-1)
	debug.SetMemoryLimit(256 << 20) // which no config file reaches
}

// typed is what the finished words of a line mean.
type typed struct {
	command *cobra.Command
	args    []string
	used    []*pflag.Flag
	value   *pflag.Flag // the next word is the value of this flag
	ended   bool        // by --
	other   int         // where another program's line begins, if > 0
	wrong   bool        // a word we cannot place
}

// completeLine is the function of this name, where a profile may stand for a command too.
func (r *run) completeLine(root *cobra.Command, q completions.Request) completions.Answer {
	if len(q.Words) > 0 && r.isProfileWord(q.Words[0]) {
		q.Words = append([]string{"use"}, q.Words...)
	}
	a := completeLine(root, q)
	if len(q.Words) == 0 && r.isOn(shortForms) && !strings.HasPrefix(q.Word.Text, "-") {
		taken := verbs()
		a.Candidates = append(a.Candidates, withoutNames(profileCandidates(r, q.Word.Text), taken)...)
	}
	return a
}

// completeLine says what the last word of a line may become.
func completeLine(root *cobra.Command, q completions.Request) completions.Answer {
	t := readLine(root, q.Words, q.Word.Text)
	word := q.Word.Text
	name, value, assign := strings.Cut(word, "=")
	switch {
	case t.wrong:
		return completions.Answer{}
	case t.other > 0:
		return completions.Answer{Kind: completions.Command, Skip: t.other}
	case t.value != nil:
		return t.valuesOf(t.value, word)
	case !t.ended && assign && strings.HasPrefix(name, "--"):
		f := t.command.Flags().Lookup(name[2:])
		if f == nil {
			return completions.Answer{}
		}
		a := t.valuesOf(f, value)
		a.Assign = true
		return a
	case !t.ended && strings.HasPrefix(word, "-"):
		return completions.Answer{Candidates: t.flagCandidates(word)}
	}
	return t.positional(word)
}

// readLine walks the finished words. next is the unfinished one: whether it begins with a
// dash decides where exec's command starts.
func readLine(root *cobra.Command, words []string, next string) typed {
	t := typed{}
	t.enter(root)
	for i, w := range words {
		if t.take(w); t.wrong {
			return t
		}
		if t.wraps() && (t.ended || len(t.args) > t.named()) {
			t.other = i + 1 // after --
			if !t.ended {
				t.other = i
			}
			return t
		}
	}
	if t.wraps() && t.value == nil && len(t.args) == t.named() && !strings.HasPrefix(next, "-") {
		t.other = len(words)
	}
	return t
}

// wraps: after its own arguments, exec's line is another program's.
func (t *typed) wraps() bool { return t.command.Name() == "exec" }

// named is how many arguments exec itself has: a profile, unless flags stand for it.
func (t *typed) named() int {
	if slices.ContainsFunc(t.used, func(f *pflag.Flag) bool { return f.Name == "sso" || f.Name == "account" || f.Name == "role" }) {
		return 0
	}
	return 1
}

func (t *typed) enter(c *cobra.Command) {
	t.command = c
	c.InitDefaultHelpFlag()
	_ = c.InheritedFlags() // makes Flags hold the parents' too
}

func (t *typed) take(w string) {
	switch {
	case t.value != nil:
		_ = t.value.Value.Set(w) // other flags are completed by it; a wrong one is told when it is used
		t.value = nil
	case t.ended:
		t.args = append(t.args, w)
	case w == "--":
		t.ended = true
	case strings.HasPrefix(w, "--"):
		t.takeLong(w[2:])
	case len(w) > 1 && w[0] == '-':
		t.takeShort(w[1:])
	case len(t.args) == 0 && t.command.HasSubCommands():
		t.takeCommand(w)
	default:
		t.args = append(t.args, w)
	}
}

func (t *typed) takeCommand(name string) {
	for _, c := range t.command.Commands() {
		if c.Name() == name || c.HasAlias(name) {
			t.enter(c)
			return
		}
	}
	t.wrong = true
}

func (t *typed) takeLong(word string) {
	name, value, assigned := strings.Cut(word, "=")
	f := t.command.Flags().Lookup(name)
	if f != nil && assigned {
		_ = f.Value.Set(value)
	}
	t.takeFlag(f, assigned)
}

// takeShort reads a cluster: -nd 1h, -nd1h.
func (t *typed) takeShort(letters string) {
	for i := range len(letters) {
		f := t.command.Flags().ShorthandLookup(letters[i : i+1])
		t.takeFlag(f, i+1 < len(letters))
		if t.wrong || f.NoOptDefVal == "" {
			return
		}
	}
}

func (t *typed) takeFlag(f *pflag.Flag, assigned bool) {
	if f == nil {
		t.wrong = true
		return
	}
	t.used = append(t.used, f)
	if f.NoOptDefVal == "" && !assigned {
		t.value = f
	}
}

// flagCandidates lists those that may still be given: both spellings after one dash, the long
// ones after two.
func (t *typed) flagCandidates(word string) []string {
	var list []string
	t.command.Flags().VisitAll(func(f *pflag.Flag) {
		if f.Hidden || f.Deprecated != "" || slices.Contains(t.used, f) && !repeatable(f) {
			return
		}
		list = append(list, cobra.CompletionWithDesc("--"+f.Name, f.Usage))
		if f.Shorthand != "" && !strings.HasPrefix(word, "--") {
			list = append(list, cobra.CompletionWithDesc("-"+f.Shorthand, f.Usage))
		}
	})
	return list
}

func repeatable(f *pflag.Flag) bool {
	_, many := f.Value.(pflag.SliceValue)
	return many
}

func (t *typed) valuesOf(f *pflag.Flag, word string) completions.Answer {
	if complete, ok := t.command.GetFlagCompletionFunc(f.Name); ok {
		return answerOf(complete(t.command, t.args, word))
	}
	if f.Value.Type() == "bool" {
		return completions.Answer{Candidates: []string{"true", "false"}}
	}
	return completions.Answer{}
}

// positional offers commands where one is due, and arguments elsewhere.
func (t *typed) positional(word string) completions.Answer {
	if len(t.args) == 0 && t.command.HasAvailableSubCommands() {
		var list []string
		for _, c := range t.command.Commands() {
			if c.IsAvailableCommand() {
				list = append(list, cobra.CompletionWithDesc(c.Name(), c.Short))
			}
		}
		return completions.Answer{Candidates: list}
	}
	if t.command.ValidArgsFunction == nil {
		return completions.Answer{Candidates: t.command.ValidArgs}
	}
	return answerOf(t.command.ValidArgsFunction(t.command, t.args, word))
}

// answerOf is an answer of cobra as package completions has it.
func answerOf(list []cobra.Completion, d cobra.ShellCompDirective) completions.Answer {
	switch {
	case d&cobra.ShellCompDirectiveError != 0:
		return completions.Answer{}
	case d&cobra.ShellCompDirectiveFilterDirs != 0:
		return completions.Answer{Kind: completions.Dirs}
	case len(list) == 0 && d&cobra.ShellCompDirectiveNoFileComp == 0:
		return completions.Answer{Kind: completions.Files}
	}
	return completions.Answer{Candidates: list}
}
