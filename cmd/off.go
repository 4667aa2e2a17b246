package cmd

import (
	"github.com/spf13/cobra"

	"github.com/d44b7504/vault/env"
	"github.com/d44b7504/vault/refresh"
)

func newOff(r *run) *cobra.Command {
	var shell string
	c := &cobra.Command{
		Use:   "off",
		Short: "give this shell back as it was",
		Long: `Removes the session from this shell and restores every variable that "vault use"
changed. The session itself stays cached for other terminals.`,
		Args: args(cobra.NoArgs),
		RunE: func(*cobra.Command, []string) error { return runOff(r, shell) },
	}
	c.Flags().StringVar(&shell, "shell", "", "without the hook: print code for this shell")
	_ = c.RegisterFlagCompletionFunc("shell", completeShells)
	return c
}

func runOff(r *run, shell string) error {
	e, err := evaluatorOf(r, shell)
	if err != nil {
		return err
	}
	st, active := r.task.Env.Active()
	if err := e.emit(env.Deactivate(r.task.Env.Current), refresh.Lease{}, env.Request{}); err != nil {
		return err
	}
	if !active {
		r.say("no profile was active")
		return nil
	}
	r.say("left %s%s", st.Request.Profile, reach(r))
	return nil
}
