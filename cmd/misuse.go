package cmd

import (
	"cmp"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/d44b7504/vault/internal/app"
	"github.com/d44b7504/vault/internal/display"
	"github.com/d44b7504/vault/internal/profiles"
)

// This file has the words for a command line that cannot be understood. The library's own
// name no command and are not sentences. Each error says what is wrong; the hint is the line that
// was probably meant.

// args makes of a check of the library's one whose error says what the command takes.
func args(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(c *cobra.Command, a []string) error {
		switch err := check(c, a); {
		case err == nil:
			return nil
		case c.HasSubCommands():
			return unknownCommand(c, a, nil)
		default:
			return wrongArguments(c, a, len(a) > 0 && check(c, a[:1]) == nil)
		}
	}
}

// unknownCommand is the error for a command that does not exist. names are the profiles, for
// the root.
func unknownCommand(c *cobra.Command, a, names []string) error {
	_, group, _ := strings.Cut(c.CommandPath()+" ", " ")
	err := usage(c, fmt.Errorf("there is no command %q", group+a[0]))
	if line := meantLine(c, a, names); line != "" {
		return app.WithHint(err, `did you mean "%s"?`, line)
	}
	return app.WithHint(err, "%s --help lists the commands", c.CommandPath())
}

// meantLine guesses the line that was meant by the words after c, "" if nothing is near.
func meantLine(c *cobra.Command, a, names []string) string {
	word, rest := a[0], words(a[1:])
	command := func(path string) string { return c.Root().CommandPath() + " " + path + rest }
	near, begun := profiles.Near(word, commandNames(c)), begunBy(word, commandNames(c))
	switch {
	case slices.Contains(names, word):
		return profileLine(c, a)
	case !c.HasParent() && otherWords[word] != "":
		return command(otherWords[word])
	case elsewhere(c.Root(), word) != nil:
		return elsewhere(c.Root(), word).CommandPath() + rest
	case len(begun) == 1:
		return c.CommandPath() + " " + begun[0] + rest
	case len(near) > 0:
		return c.CommandPath() + " " + near[0] + rest
	}
	if near := profiles.Near(word, names); len(near) > 0 {
		return profileLine(c, append([]string{near[0]}, a[1:]...))
	}
	return ""
}

// begunBy are the names of which a word is the beginning, if it is more than a letter or two.
func begunBy(word string, names []string) (found []string) {
	for _, name := range names {
		if len(word) > 2 && strings.HasPrefix(name, word) {
			found = append(found, name)
		}
	}
	return found
}

// profileLine is the line for a profile that is where a command is expected.
func profileLine(c *cobra.Command, a []string) string {
	if len(a) > 1 {
		return c.CommandPath() + " exec " + app.Word(a[0]) + " --" + words(a[1:])
	}
	return c.CommandPath() + " use " + app.Word(a[0])
}

// words are arguments as they follow on a line, "" if one of them would need quotes.
func words(a []string) string {
	var b strings.Builder
	for _, w := range a {
		if w == "" || app.Word(w) != w {
			return ""
		}
		b.WriteString(" " + w)
	}
	return b.String()
}

// otherWords are words that other programs have for what a command here does.
var otherWords = map[string]string{
	"signin": "sso login", "sign-in": "sso login", "logout": "sso logout", "signout": "sso logout",
	"switch": "use", "select": "use", "activate": "use", "assume": "use", "become": "use", "set": "use",
	"unset": "off", "leave": "off", "exit": "off", "quit": "off", "deactivate": "off", "renew": "refresh",
	"run": "exec", "shell": "exec", "env": "export", "print": "export", "credentials": "export",
	"configure": "add", "config": "add", "save": "add", "new": "add", "delete": "remove", "init": "hook", "setup": "hook",
	"check": "doctor", "diagnose": "doctor", "profiles": "list", "id": "whoami", "identity": "whoami", "current": "status", "info": "status",
	"explain": "show", "describe": "show", "move": "migrate", "mv": "migrate",
}

// commandNames are the names of the commands below c that help shows.
func commandNames(c *cobra.Command) (names []string) {
	for _, sub := range c.Commands() {
		if sub.IsAvailableCommand() {
			names = append(append(names, sub.Name()), sub.Aliases...)
		}
	}
	return names
}

// elsewhere finds the command of that name in a group below c, nil for none.
func elsewhere(c *cobra.Command, name string) *cobra.Command {
	for _, group := range c.Commands() {
		for _, sub := range group.Commands() {
			if sub.Name() == name || sub.HasAlias(name) {
				return sub
			}
		}
		if found := elsewhere(group, name); found != nil {
			return found
		}
	}
	return nil
}

// nouns are what the parameters stand for.
var nouns = map[string]string{"PROFILE": "the name of a profile", "SHELL": "the name of a shell", "RECIPIENT": "a recipient"}

// wrongArguments is the error for too few or too many arguments; one says that one is taken.
func wrongArguments(c *cobra.Command, a []string, one bool) error {
	path := c.CommandPath()
	_, takes, _ := strings.Cut(c.Use, " ")
	if len(a) == 0 {
		what, _, _ := strings.Cut(strings.TrimRight(takes, ".…"), " ")
		return app.WithHint(usage(c, fmt.Errorf("%s needs %s", path, cmp.Or(nouns[what], what))), "%s %s", path, takes)
	}
	var quoted []string
	for _, w := range a {
		quoted = append(quoted, strconv.Quote(w))
	}
	what := "no argument"
	if one {
		what = "one argument"
	}
	err := usage(c, fmt.Errorf("%s takes %s, but was given %s", path, what, display.List(quoted)))
	if hint := insteadHint(c, a); hint != "" {
		return app.WithHint(err, "%s", hint)
	}
	return err
}

// insteads say what to do with a profile where the command that was typed takes none.
var insteads = map[string]string{
	"status": "vault show PROFILE explains a profile", "list": "vault show PROFILE explains a profile",
	"refresh": "vault use PROFILE --refresh makes a new session", "off": "vault off leaves the active profile, whichever it is",
}

// insteadHint guesses what was meant by a line with too many arguments, "" for nothing.
func insteadHint(c *cobra.Command, a []string) string {
	switch {
	case c.Parent() == c.Root() && insteads[c.Name()] != "" && len(a) == 1:
		return strings.ReplaceAll(insteads[c.Name()], "PROFILE", app.Word(a[0]))
	case len(a) == 2 && c.Flags().Lookup("region") != nil && isRegion(a[1]):
		return fmt.Sprintf(`did you mean "%s %s --region %s"?`, c.CommandPath(), app.Word(a[0]), a[1])
	case c.Name() == "use" && isProgram(a[1]):
		return fmt.Sprintf(`did you mean "%s exec %s --%s"?`, c.Root().CommandPath(), app.Word(a[0]), words(a[1:]))
	}
	return ""
}

func isProgram(word string) bool {
	_, err := exec.LookPath(word)
	return err == nil
}

func isRegion(word string) bool {
	word = profiles.RegionNamed(word)
	return slices.ContainsFunc(profiles.Regions(), func(r profiles.Region) bool { return r.Name == word })
}

// flagError says in words what is wrong with a flag. Where no command was recognised, that is
// the error: the flag may be right.
func flagError(r *run, c *cobra.Command, err error) error {
	if c.HasSubCommands() {
		if a := wordsAfter(c, r.Args); len(a) > 0 {
			return unknownCommand(c, a[:1], r.profileNames(c)) // the flags may have values
		}
	}
	var unknown *pflag.NotExistError
	var missing *pflag.ValueRequiredError
	var invalid *pflag.InvalidValueError
	var syntax *pflag.InvalidSyntaxError
	switch {
	case errors.As(err, &unknown):
		return unknownFlag(c, unknown)
	case errors.As(err, &missing):
		err = fmt.Errorf("%s --%s needs a value", c.CommandPath(), missing.GetFlag().Name)
	case errors.As(err, &invalid):
		err = fmt.Errorf("%s --%s is %q: %w", c.CommandPath(), invalid.GetFlag().Name, invalid.GetValue(), flagCause(invalid))
	case errors.As(err, &syntax):
		err = fmt.Errorf("%s: %q is not a flag", c.CommandPath(), syntax.GetSpecifiedFlag())
	}
	return usage(c, err)
}

// flagCause is why a value is refused.
func flagCause(e *pflag.InvalidValueError) error {
	var number *strconv.NumError
	switch cause := errors.Unwrap(e); {
	case !errors.As(cause, &number):
		return cause
	case number.Func == "ParseBool":
		return errors.New("write true or false")
	default:
		return errors.New("write a number")
	}
}

// unknownFlag is the error for a flag that the command does not have.
func unknownFlag(c *cobra.Command, e *pflag.NotExistError) error {
	flag, name := "-"+e.GetSpecifiedName(), e.GetSpecifiedName()
	if e.GetSpecifiedShortnames() == "" {
		flag = "-" + flag
	}
	err := usage(c, fmt.Errorf("%s has no flag %s", c.CommandPath(), flag))
	var names []string
	c.Flags().VisitAll(func(f *pflag.Flag) {
		if !f.Hidden {
			names = append(names, f.Name)
		}
	})
	switch near := profiles.Near(name, names); {
	case name == "profile" && strings.Contains(c.Use, "PROFILE"):
		return app.WithHint(err, "name the profile without a flag: %s PROFILE", c.CommandPath())
	case name == "version":
		return app.WithHint(err, "%s version prints it", c.Root().CommandPath())
	case e.GetSpecifiedShortnames() == "" && len(near) > 0:
		return app.WithHint(err, "did you mean --%s?", near[0])
	}
	return app.WithHint(err, "%s --help lists its flags", c.CommandPath())
}

// wordsAfter are the words of a line, without flags, that follow those of a command.
func wordsAfter(c *cobra.Command, line []string) (a []string) {
	values := valueFlags(c.Root())
	for i := 0; i < len(line) && line[i] != "--"; i++ {
		switch {
		case slices.Contains(values, line[i]):
			i++
		case !strings.HasPrefix(line[i], "-"):
			a = append(a, line[i])
		}
	}
	depth := len(strings.Fields(c.CommandPath())) - 1
	return a[min(depth, len(a)):]
}

// profileNames are the names of the profiles if c is the root, where a person may have typed
// one in the place of a command.
func (r *run) profileNames(c *cobra.Command) []string {
	if c.HasParent() {
		return nil
	}
	set, err := r.task.Profiles()
	if err != nil {
		return nil // what is wrong with the file is not what was asked
	}
	return set.Names()
}

// newHelp is "vault help COMMAND".
func newHelp(root *cobra.Command, r *run) *cobra.Command {
	return &cobra.Command{
		Use:   "help [COMMAND | backends | settings [NAME]]",
		Short: "explain a command",
		ValidArgsFunction: func(_ *cobra.Command, a []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
			if firstArg(a) == "settings" {
				return settingNames(), cobra.ShellCompDirectiveNoFileComp
			}
			c, rest, _ := root.Find(a)
			if c == nil || len(rest) > 0 {
				c = &cobra.Command{}
			}
			names := commandNames(c)
			if len(a) == 0 {
				names = append(names, "backends", "settings")
			}
			return names, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(_ *cobra.Command, a []string) error {
			if explain, is := helpTopic(r, a); is {
				return explain()
			}
			c, rest, err := root.Find(a)
			switch {
			case err != nil:
				return err
			case c.HasSubCommands() && len(rest) > 0:
				return unknownCommand(c, rest, r.profileNames(c))
			}
			c.InitDefaultHelpFlag()
			return c.Help()
		},
	}
}

// unquotedHint is for a profile whose name has blanks and was typed without quotes: the words
// of the line make it together. It is "" for any other error.
func (r *run) unquotedHint(err error) string {
	var misuse *app.UsageError
	var missing *profiles.NotFoundError
	var start startError
	if !errors.As(err, &misuse) && !errors.As(err, &missing) && !errors.As(err, &start) {
		return ""
	}
	c, _, found := r.root.Find(r.Args)
	set, unread := r.task.Profiles()
	if found != nil || unread != nil {
		return ""
	}
	a := wordsAfter(c, r.Args)
	for n := len(a); n > 1; n-- {
		if name := strings.Join(a[:n], " "); set.Has(name) {
			line := fmt.Sprintf("%s %q%s", c.CommandPath(), name, words(a[n:]))
			if at := slices.Index(r.Args, "--"); at >= 0 {
				line += " --" + words(r.Args[at+1:])
			}
			return "put quotes around a name with blanks: " + line
		}
	}
	return ""
}
