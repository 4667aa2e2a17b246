package cmd

import (
	"bufio"
	"context"

	"github.com/spf13/cobra"

	"github.com/d44b7504/vault/internal/app"
	"github.com/d44b7504/vault/internal/host"
)

// Main runs the program and returns its exit status. Nothing below it exits.
func Main(ctx context.Context, w *app.World) int {
	r := newRun(w)
	r.task.ShowSignIn = showSignIn(r)
	out := bufio.NewWriter(w.Stdout) // one write(2) for ten thousand candidates
	real := w.Stdout
	r.Stdout = out
	defer func() { w.Stdout = real }()

	root := newRoot(r)
	root.SetArgs(w.Args)
	err := root.ExecuteContext(ctx)
	if flushErr := out.Flush(); err == nil && flushErr != nil {
		err = flushErr
	}
	return r.report(err)
}

func newRoot(r *run) *cobra.Command {
	root := &cobra.Command{
		Use:   r.name,
		Short: "AWS credentials in the shell you are in, kept fresh",
		Long: `vault puts short-lived AWS credentials into the shell you are in, keeps them
fresh, and leaves the keys that do not expire in your keyring.

Begin with one line in your shell's rc file, then switch in place:

  ` + hookLine + `        or another shell: vault hook --help
  vault use prod

Exit status: 0 done, 1 failed, 2 usage, 3 a person must sign in, 130 interrupted.`,
		SilenceErrors: true, SilenceUsage: true,
		Args: func(c *cobra.Command, a []string) error {
			if len(a) > 0 {
				return unknownCommand(c, a, r.profileNames(c))
			}
			return nil
		},
		PersistentPreRun: func(c *cobra.Command, _ []string) {
			r.command = c.CommandPath()
			if r.debug {
				host.TraceOnQuit()
			}
		},
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	root.CompletionOptions.DisableDefaultCmd = true
	root.SetOut(r.Stdout)
	root.SetErr(r.Stderr)
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error { return flagError(r, c, err) })
	bindGlobals(root, r)
	root.AddCommand(
		newUse(r), newOff(r), newStatus(r), newRefresh(r), newExec(r), newExport(r),
		newAdd(r), newImport(r), newMigrate(r), newRotate(r), newRemove(r), newClear(r), newList(r), newStore(r),
		newShow(r), newDoctor(r), newSSO(r), newWhoami(r), newHook(r), newCompletion(r), newDemo(r), newVersion(r), newProxy(r),
		newWords(root, r),
	)
	root.SetHelpCommand(newHelp(root, r))
	r.root = root
	helpNamed(r, root)
	return root
}
