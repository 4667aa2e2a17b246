package cmd

import (
	"slices"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/d44b7504/vault/internal/app"
	"github.com/d44b7504/vault/internal/host"
)

// Only one command is built for a line that names it. What is then missing must not be
// missed.
func TestACommandThatIsBuiltAloneIsTheOneOfTheWholeTree(t *testing.T) {
	tree := func(args ...string) (*run, *cobra.Command) {
		r := newRun(&app.World{World: &host.World{Args: args}})
		return r, newRoot(r)
	}
	flags := func(c *cobra.Command) (names []string) {
		c.InheritedFlags() // joins those of the root
		c.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name+f.Shorthand+f.DefValue) })
		return names
	}
	_, whole := tree()
	for _, want := range commands() {
		full, _, err := whole.Find([]string{want.name})
		if err != nil || full.Name() != want.name || full.HasSubCommands() != want.group {
			t.Errorf("%s: the table does not say what it is: %v", want.name, err)
		}
		r, root := tree(want.name, "x")
		if n := len(root.Commands()); want.group != (n == len(whole.Commands())) || !want.group && n != 1 {
			t.Errorf("%s: %d commands are built", want.name, n)
		}
		found, _, err := root.Find(r.Args)
		if err != nil || found.Use != full.Use || !slices.Equal(flags(found), flags(full)) {
			t.Errorf("%s is another command when it is built alone: %v", want.name, err)
		}
		if !r.isCommand(" use") || !r.isCommand(" sso") || r.isCommand(" nosuch") {
			t.Errorf("%s does not know the names of the other commands", want.name)
		}
	}
}
