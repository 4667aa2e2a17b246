package cmd

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/d44b7504/vault/env"
	"github.com/d44b7504/vault/internal/host"
	"github.com/d44b7504/vault/shells"
)

type demoOptions struct{ shell string }

func newDemo(r *run) *cobra.Command {
	var o demoOptions
	c := &cobra.Command{
		Use:   "demo",
		Short: "try everything here, without an AWS account",
		Long: `Starts a small AWS on loopback, a throw-away home and keyring, and your own shell
with the hook loaded. Sessions last a minute, so that you see one renew. Nothing of
yours is read or written, and nothing is left when you leave. Without a terminal it
plays the same story as a transcript.`,
		Args: args(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error { return runDemo(c.Context(), r, o) },
	}
	c.Flags().StringVar(&o.shell, "shell", "", "shell to start instead of your own")
	_ = c.RegisterFlagCompletionFunc("shell", completeShells)
	return c
}

func runDemo(ctx context.Context, r *run, o demoOptions) error {
	path, sh, err := r.demoShell(o.shell)
	if err != nil {
		return err
	}
	life := 70 * time.Second
	interactive := r.StdinIsTerm && r.StdoutIsTerm
	if !interactive {
		life = 8 * time.Second
	}
	s, err := openStage(ctx, r, life)
	if err != nil {
		return err
	}
	defer s.tearDown()
	cmd, err := s.prepareShell(path, sh, r.task.Env.List)
	if err != nil {
		return err
	}
	if interactive {
		fmt.Fprintf(r.Stderr, tour, sh.PrintVariable(env.Expiration))
		return s.visit(ctx, cmd)
	}
	return s.tellStory(ctx, r.Stdout, cmd, sh)
}

const tour = `
  A small AWS runs on loopback for this shell. It knows nothing of your account,
  and nothing of yours is touched. Sessions last a minute. Try:

    vault use dev                      become a profile; look at the prompt
    vault status                       who you are, and until when
    vault use prod                     switch again, in place
    %-34s now, and again in a minute: it renews by itself
    vault use prdo                     a typo changes nothing
    vault exec dev -- env              one command as someone else
    vault off                          and the shell is as it was
    exit                               leaves nothing behind

`

// demoShell finds the shell to play in and the path of its program: the one asked for,
// the user's own, or the first that is installed.
func (r *run) demoShell(want string) (string, *shells.Shell, error) {
	programs := []string{want}
	if want == "" {
		programs = []string{r.getenv("SHELL")}
		for _, sh := range shells.All() {
			programs = append(programs, sh.Programs()...)
		}
	}
	for _, program := range programs {
		sh, err := shells.For(strings.TrimSuffix(filepath.Base(program), ".exe"))
		if err != nil {
			if want != "" {
				return "", nil, err
			}
			continue
		}
		if path, err := exec.LookPath(program); err == nil {
			return path, sh, nil
		}
	}
	if want != "" {
		return "", nil, fmt.Errorf("the shell %q is not installed here", want)
	}
	return "", nil, fmt.Errorf("none of %s is installed here", strings.Join(shells.Names(), ", "))
}

// visit hands the terminal to the shell until it ends. Ctrl-C belongs to the shell.
func (s *stage) visit(ctx context.Context, cmd *exec.Cmd) error {
	// Typed at the shell's prompt, Ctrl-C reaches this process too. It is not ignored: then the
	// shell, and what is started there, would ignore it too.
	defer host.YieldSignals(func(s os.Signal) bool { return s == os.Interrupt })()
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	if err := cmd.Start(); err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	select {
	case <-ended: // the status of the last command that was typed does not make the demo fail
		return nil
	case <-ctx.Done():
		_ = cmd.Process.Kill()
		<-ended
		return ctx.Err()
	}
}
