package cmd

import (
	"bufio"
	"context"
	"slices"

	"github.com/spf13/cobra"

	"github.com/d44b7504/vault/internal/app"
	"github.com/d44b7504/vault/internal/host"
	"github.com/d44b7504/vault/internal/progress"
)

// Main runs the program and returns its exit status. Nothing below it exits.
func Main(ctx context.Context, w *app.World) (status int) {
	r := newRun(w)
	defer func() {
		if recover() != nil {
			status = stopped(w.Stderr, r.name)
		}
	}()
	r.task.ShowSignIn = showSignIn(r)
	realOut, realErr := w.Stdout, w.Stderr
	defer func() { w.Stdout, w.Stderr = realOut, realErr }()
	r.showProgress()
	defer r.line.Clear()
	out := bufio.NewWriter(w.Stdout) // one write(2) for ten thousand candidates
	r.Stdout = out

	r.expandShort()
	root := newRoot(r)
	root.SetArgs(r.Args)
	err := root.ExecuteContext(progress.With(ctx, r.line.Step))
	if flushErr := out.Flush(); err == nil && flushErr != nil {
		err = flushErr
	}
	defer r.task.Finish()
	return r.report(err)
}

func newRoot(r *run) *cobra.Command {
	root := &cobra.Command{
		Use:   r.name,
		Short: "AWS credentials in the shell you are in, kept fresh",
		Long: `vault puts short-lived AWS credentials into the shell you are in, keeps them
fresh, and leaves the keys that do not expire in your keyring.

Begin with one line in your shell's start file, which vault init adds, then switch
in place:

  ` + hookLine + `        or another shell: vault hook --help
  vault use prod

Exit status: ` + exitStatuses() + `.`,
		SilenceErrors: true, SilenceUsage: true,
		Args: func(c *cobra.Command, a []string) error {
			if len(a) > 0 {
				return unknownCommand(c, a, r.profileNames(c))
			}
			return nil
		},
		PersistentPreRun: func(c *cobra.Command, _ []string) { r.beforeCommand(c) },
		RunE:             func(c *cobra.Command, _ []string) error { return runBare(r, c) },
	}
	root.Flags().BoolP("version", "v", false, "print the version")
	bindAWSVault(root)
	root.CompletionOptions.DisableDefaultCmd = true
	root.SetOut(r.Stdout)
	root.SetErr(r.Stderr)
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error { return flagError(r, c, err) })
	bindGlobals(root, r)
	r.root = root
	r.fillRoot()
	root.SetHelpCommand(newHelp(root, r))
	helpNamed(r, root)
	return root
}

// beforeCommand prepares for c, whose line has been understood.
func (r *run) beforeCommand(c *cobra.Command) {
	r.command = c.CommandPath()
	if !isBrief(c) {
		host.CatchSignals()
	}
	if r.debug {
		host.TraceOnQuit()
	}
}

// runBare answers a line without a command.
func runBare(r *run, c *cobra.Command) error {
	if asked, _ := c.Flags().GetBool("version"); asked {
		return r.print("vault %s", version())
	}
	if shell := completionAsked(c); shell != "" {
		return printCompletion(r, c, shell, "")
	}
	if err := c.Help(); err != nil || r.hookLoaded() {
		return err
	}
	if err := r.print(""); err != nil {
		return err
	}
	return r.print("This shell has not loaded the hook. To begin: vault init")
}

// fillRoot adds the one command that the line names, or all of them.
func (r *run) fillRoot() {
	if name := r.alone(); name != "" {
		r.addCommands(func(c command) bool { return c.name == name })
		return
	}
	r.addCommands(func(command) bool { return true })
	r.root.AddCommand(newWords(r.root, r))
	completeGlobals(r.root)
}

// command is one word after this program's name.
type command struct {
	name  string
	build func(*run) *cobra.Command
	group bool // has commands of its own
	also  []string
	brief bool // it catches signals only when it has a reason to; see host.CatchSignals
}

func commands() []command {
	return []command{
		{name: "use", build: newUse, brief: true}, {name: "off", build: newOff, brief: true}, {name: "status", build: newStatus, brief: true},
		{name: "refresh", build: newRefresh, brief: true}, {name: "exec", build: newExec, brief: true}, {name: "export", build: newExport, brief: true},
		{name: "add", build: newAdd}, {name: "import", build: newImport}, {name: "migrate", build: newMigrate, also: []string{"migrate-backend"}},
		{name: "rotate", build: newRotate}, {name: "remove", build: newRemove, also: []string{"rm"}}, {name: "clear", build: newClear},
		{name: "list", build: newList, also: []string{"ls"}, brief: true}, {name: "store", build: newStore, group: true}, {name: "show", build: newShow, brief: true},
		{name: "doctor", build: newDoctor}, {name: "sso", build: newSSO, group: true}, {name: "login", build: newLogin, also: []string{"console"}}, {name: "whoami", build: newWhoami},
		{name: "hook", build: newHook, brief: true}, {name: "init", build: newInit}, {name: "prompt", build: newPrompt, brief: true}, {name: "completion", build: newCompletion, brief: true},
		{name: "demo", build: newDemo}, {name: "version", build: newVersion, brief: true}, {name: "proxy", build: newProxy, also: []string{"server"}},
		{name: "agent", build: newAgent, group: true}, {name: "lock", build: newLock}, {name: "serve", build: newServe}, {name: "project", build: newProject, group: true},
		{name: previewCommand, build: newPreview, brief: true},
	}
}

// verbs are the words that a line can begin with, with those that mean the same.
func verbs() []string {
	list := []string{"help", wordsCommand}
	for _, c := range commands() {
		list = append(append(list, c.name), c.also...)
	}
	return list
}

// isBrief reports whether a command, or what completes one, catches signals only when it has a
// reason to.
func isBrief(c *cobra.Command) bool {
	return c.Parent() == c.Root() && (c.Name() == wordsCommand ||
		slices.ContainsFunc(commands(), func(x command) bool { return x.brief && x.name == c.Name() }))
}

// alone is the command that is built without the others, because the arguments begin with
// its name; "" for all of them. To build them all takes a tenth of the time of a start.
func (r *run) alone() string {
	for _, c := range commands() {
		if c.name == firstArg(r.Args) && !c.group {
			return c.name
		}
	}
	return ""
}

// addCommands builds the commands that are wanted and not there yet.
func (r *run) addCommands(wanted func(command) bool) {
	there := map[string]bool{}
	for _, c := range r.root.Commands() {
		there[c.Name()] = true
	}
	for _, c := range commands() {
		if wanted(c) && !there[c.name] {
			r.root.AddCommand(c.build(r))
		}
	}
}
