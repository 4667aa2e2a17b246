package cmd

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/d44b7504/vault/store"
)

// This file lays out the help of every command: how it is written, examples, the commands below
// it in groups, its flags. It is 80 columns wide whatever the terminal, and without colour, so
// that it reads the same in a pager, a file and aloud.

const helpWidth = 80

// helpGroups are the commands as a person looks for them. A command that is in none of them is
// shown with the last.
func helpGroups() []struct{ title, commands string } {
	return []struct{ title, commands string }{
		{"Switch", "use off status refresh exec export login serve proxy project"},
		{"Keys", "add import list rotate remove clear migrate store agent lock"},
		{"Identity Center", "sso"},
		{"Set up and find out", "init hook completion prompt doctor show whoami demo version help"},
	}
}

// writeUsage writes what follows the description in the help of a command.
func writeUsage(c *cobra.Command) error {
	var b bytes.Buffer
	line := c.UseLine()
	if !c.HasParent() {
		line = c.Name() + " COMMAND"
	}
	b.WriteString("Usage:\n  " + line + "\n")
	if len(c.Aliases) > 0 {
		b.WriteString("\nAlso: " + strings.Join(c.Aliases, ", ") + "\n")
	}
	if text := examplesOf(c); text != "" {
		b.WriteString("\nExamples:\n" + text)
	}
	if c.HasParent() {
		writeCommands(&b, "Commands", c.Commands())
	} else {
		writeGroups(&b, c)
	}
	writeFlags(&b, c)
	return printCleanLines(c.OutOrStdout(), b.String())
}

// writeGroups writes the commands of the root.
func writeGroups(b *bytes.Buffer, root *cobra.Command) {
	rest := root.Commands()
	groups := helpGroups()
	for i, group := range groups {
		names := strings.Fields(group.commands)
		var members []*cobra.Command
		for _, name := range names {
			members = append(members, take(&rest, name)...)
		}
		if i == len(groups)-1 {
			members = append(members, rest...)
		}
		writeCommands(b, group.title, members)
	}
	b.WriteString("\nMore:\n  help backends   the keyrings, and the flags and variables that choose one\n  help settings   every variable and every key of the AWS config file\n")
}

// take takes the command of a name out of a list.
func take(list *[]*cobra.Command, name string) []*cobra.Command {
	at := slices.IndexFunc(*list, func(c *cobra.Command) bool { return c.Name() == name })
	if at < 0 {
		return nil
	}
	found := (*list)[at]
	*list = slices.Delete(slices.Clone(*list), at, at+1)
	return []*cobra.Command{found}
}

func writeCommands(b *bytes.Buffer, title string, list []*cobra.Command) {
	list = slices.DeleteFunc(slices.Clone(list), func(c *cobra.Command) bool { return !c.IsAvailableCommand() && c.Name() != "help" })
	if len(list) == 0 {
		return
	}
	width := 0
	for _, c := range list {
		width = max(width, len(c.Name()), 10)
	}
	fmt.Fprintf(b, "\n%s:\n", title)
	for _, c := range list {
		fmt.Fprintf(b, "  %-*s  %s\n", width, c.Name(), c.Short)
	}
}

// writeFlags writes the flags of a command. Those of the keyrings are shown where the keyring is
// what a command is about.
func writeFlags(b *bytes.Buffer, c *cobra.Command) {
	own, common := pflag.NewFlagSet("", pflag.ContinueOnError), pflag.NewFlagSet("", pflag.ContinueOnError)
	backends := false
	ofStore := storeFlags()
	c.Flags().VisitAll(func(f *pflag.Flag) {
		switch inherited := c.Root().PersistentFlags().Lookup(f.Name) == f; {
		case inherited && slices.Contains(ofStore, f.Name) && !aboutStores(c):
			backends = true
		case inherited:
			common.AddFlag(f)
		default:
			own.AddFlag(f)
		}
	})
	for _, part := range []struct {
		title string
		flags *pflag.FlagSet
	}{{"Flags", own}, {"Flags of every command", common}} {
		if part.flags.HasAvailableFlags() {
			fmt.Fprintf(b, "\n%s:\n%s\n", part.title, flagUsages(part.flags))
		}
	}
	if backends {
		fmt.Fprintf(b, "\nThe flags that choose a keyring: %s help backends\n", c.Root().Name())
	}
}

// flagUsages are the lines of some flags. The library's word for a flag that may be repeated is
// one of programmers.
func flagUsages(flags *pflag.FlagSet) string {
	text := strings.TrimRight(flags.FlagUsagesWrapped(helpWidth), "\n")
	return strings.ReplaceAll(text, " stringArray", " string     ")
}

// aboutStores reports whether the keyring is what a command is about.
func aboutStores(c *cobra.Command) bool {
	_, line, _ := strings.Cut(c.CommandPath(), " ")
	first, _, _ := strings.Cut(line, " ")
	return first == "store" || first == "migrate"
}

// storeFlags are the flags that choose a keyring.
func storeFlags() []string {
	names := []string{"backend"}
	for _, s := range store.Settings() {
		names = append(names, s.Flag)
	}
	return names
}

// helpTopic explains a topic that is not a command.
func helpTopic(r *run, words []string) (explain func() error, is bool) {
	switch {
	case len(words) == 1 && words[0] == "backends":
		return func() error { return helpBackends(r) }, true
	case len(words) > 0 && words[0] == "settings":
		return func() error { return helpSettings(r, words[1:]) }, true
	}
	return nil, false
}

// helpBackends lists the keyrings and what chooses one.
func helpBackends(r *run) error {
	var b bytes.Buffer
	b.WriteString(reflowed(`Keys and sessions are kept in a keyring. Without a setting it is the first of these
that works on this machine:

  ` + strings.Join(store.Backends(), " ") + `

"vault store list" says which one is in use and what is in it, "vault doctor" why
another one cannot be used, and "vault migrate" moves the keys to another one.

`))
	flags := pflag.NewFlagSet("", pflag.ContinueOnError)
	for _, name := range storeFlags() {
		if f := r.root.PersistentFlags().Lookup(name); f != nil && flags.Lookup(name) == nil {
			flags.AddFlag(f)
		}
	}
	b.WriteString("Flags, which every command takes, and their variables:\n" + flags.FlagUsagesWrapped(helpWidth))
	return printCleanLines(r.Stdout, r.ours(b.String()))
}

// reflowed breaks the paragraphs of a text that are too wide again. A line that begins with a
// blank stays as it is.
func reflowed(text string) string {
	var lines, paragraph []string
	end := func() {
		wide := slices.ContainsFunc(paragraph, func(line string) bool { return cells(line) > helpWidth })
		if wide {
			paragraph = wrapped(strings.Join(paragraph, " "), helpWidth)
		}
		lines, paragraph = append(lines, paragraph...), nil
	}
	for line := range strings.SplitSeq(text, "\n") {
		if line == "" || line[0] == ' ' {
			end()
			lines = append(lines, line)
		} else {
			paragraph = append(paragraph, line)
		}
	}
	end()
	return strings.Join(lines, "\n")
}
