package cmd

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/d44b7504/vault/hooks"
	"github.com/d44b7504/vault/shells"
)

// This file is about the name by which this program was called: a program of another name,
// or the function that the hook has defined with --name. Whatever tells a person what to
// type has that name.

// usualName is the name of this program in the texts of the code.
const usualName = "vault"

// calledAs takes the name that a hook's function has put in front of the arguments.
func calledAs(args []string, program string) (name string, rest []string) {
	if len(args) > 0 {
		if name, is := strings.CutPrefix(args[0], hooks.CalledAs); is && hooks.Word(name) {
			return name, args[1:]
		}
	}
	return hooks.NameOf(program), args
}

// named is a text with a command of this program in it, such as "vault use prod", with the
// name by which it was called. What is not followed by a command may be the name of a profile.
func (r *run) named(text string) string { return rename(text, r.name, r.isCommand) }

// ours is named for a text that has nothing in it but our own words.
func (r *run) ours(text string) string {
	return rename(text, r.name, func(string) bool { return true })
}

// isCommand reports whether what follows this program's name is a command or a flag.
func (r *run) isCommand(rest string) bool {
	if r.verbs == nil {
		r.verbs = map[string]bool{}
		r.addCommands(func(command) bool { return true })
		collect(r.verbs, r.root)
	}
	word, is := strings.CutPrefix(rest, " ")
	if end := strings.IndexFunc(word, func(c rune) bool { return (c < 'a' || c > 'z') && c != '-' && c != '_' }); end >= 0 {
		word = word[:end]
	}
	return is && (strings.HasPrefix(word, "--") || r.verbs[word])
}

// rename replaces the usual name of this program where it is a word of its own, and where is
// says so of what follows. Parts of paths and of longer names stay, and so does the program
// in a line that loads the hook, where no function can be meant yet.
func rename(text, name string, is func(rest string) bool) string {
	if name == usualName {
		return text
	}
	var b strings.Builder
	for from := 0; ; {
		at := strings.Index(text[from:], usualName)
		if at < 0 {
			b.WriteString(text[from:])
			return b.String()
		}
		at += from
		end := at + len(usualName)
		b.WriteString(text[from:at])
		if (at == 0 || strings.IndexByte(" \t\n\"'`($|;", text[at-1]) >= 0) && endsWord(text[end:]) && !loadsHook(text[end:]) && is(text[end:]) {
			b.WriteString(name)
		} else {
			b.WriteString(usualName)
		}
		from = end
	}
}

func endsWord(rest string) bool {
	return rest == "" || strings.IndexByte(" \t\n\"'`),:;.", rest[0]) >= 0
}

// loadsHook reports whether what follows the program's name makes a line that loads the hook.
func loadsHook(rest string) bool {
	shell, is := strings.CutPrefix(rest, " hook ")
	return is && slices.ContainsFunc(shells.Names(), func(name string) bool { return strings.HasPrefix(shell, name) })
}

// hookLines marks the place in a help text of the lines that load the hook, and hookLine for one.
const hookLines, hookLine = "@HOOKLINES@", "@HOOKLINE@"

// helpNamed shows help with the name by which the program was called. The texts are made
// only when they are read: this runs for no other command.
func helpNamed(r *run, root *cobra.Command) {
	show := root.HelpFunc()
	root.SetUsageFunc(writeUsage)
	root.SetHelpFunc(func(c *cobra.Command, args []string) {
		if !c.HasParent() { // one that was built alone has not the others
			r.addCommands(func(command) bool { return true })
		}
		r.nameCommands(root)
		c.Long = r.withHookLines(c.Long)
		show(c, args)
	})
}

// withHookLines is a help text with the lines of the shells' start files in it.
func (r *run) withHookLines(text string) string {
	return reflowed(strings.NewReplacer(hookLines, rcLines(r), hookLine, rcLine(r, shells.All()[0])).Replace(text))
}

// nameCommands puts the name into the texts of a command and of those below it.
func (r *run) nameCommands(c *cobra.Command) {
	if r.name == usualName {
		return
	}
	c.Short, c.Long, c.Example = r.ours(c.Short), r.ours(c.Long), r.ours(c.Example)
	c.LocalFlags().VisitAll(func(f *pflag.Flag) { f.Usage = r.ours(f.Usage) })
	for _, sub := range c.Commands() {
		r.nameCommands(sub)
	}
}

// collect puts the names of the commands below c into a set.
func collect(verbs map[string]bool, c *cobra.Command) {
	for _, sub := range c.Commands() {
		for _, name := range append(sub.Aliases, sub.Name()) {
			verbs[name] = true
		}
		collect(verbs, sub)
	}
}
