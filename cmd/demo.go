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
	"github.com/d44b7504/vault/internal/display"
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
with the hook loaded. Sessions last 100 seconds, so that you see one renew. Nothing of
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
	life := visitLife
	interactive := r.StdinIsTerm && r.StdoutIsTerm
	if !interactive {
		life = 8 * time.Second
	}
	ctx, release := endingByItself(ctx, interactive)
	defer release()
	s, err := openStage(ctx, r, life)
	if err != nil {
		return err
	}
	defer s.tearDown()
	cmd, err := s.prepareShell(path, sh, r.task.Env.List)
	if err != nil {
		return err
	}
	if !interactive {
		return s.tellStory(ctx, r.Stdout, cmd, sh)
	}
	fmt.Fprint(r.Stderr, tour(sh))
	err = s.visit(ctx, cmd)
	fmt.Fprintf(r.Stderr, farewell, display.Count(s.aws.Calls("*"), "time"))
	return err
}

// endingByItself returns a context that ends with the first signal which asks the demo to end, and
// keeps it and the next ones from ending the process: a closed terminal sends two of them, and what
// the demo has made has still to be removed, which takes a few seconds at most. Ctrl-C and Ctrl-\
// typed in the shell of a visitor belong to that shell, and may reach this process too. They are
// not ignored: then the shell, and what is started there, would ignore them too.
func endingByItself(ctx context.Context, interactive bool) (context.Context, func()) {
	ctx, cancel := context.WithCancel(ctx)
	release := host.YieldSignals(func(s os.Signal) bool {
		if !interactive || !host.Typed(s) {
			cancel()
		}
		return true
	})
	return ctx, func() { release(); cancel() }
}

// visitLife is how long sessions last for a visitor: the prompt says 1m, after 40 seconds
// <1m, and 1m again when the session has been renewed, which happens from 50 seconds on.
const visitLife = 100 * time.Second

// tour is what a visitor can type, in the language of the shell and on 80 columns.
func tour(sh *shells.Shell) string {
	var b strings.Builder
	b.WriteString(`
  A small AWS runs on loopback for this shell. It knows nothing of your account,
  and nothing of yours is touched. Sessions last 100 seconds here. Type:

`)
	for _, s := range [][2]string{
		{"vault use dev", "become a profile: the prompt shows it"},
		{"vault status", "who you are, and until when"},
		{"vault use p", "and TAB: profiles, flags, commands"},
		{"vault use", "choose one in a list, and press Enter"},
		{"vault use prdo", "a typo changes nothing"},
		{"vault exec dev -- vault status", "one command as someone else"},
		{sh.PrintVariable(env.Expiration), "when the session expires"},
	} {
		fmt.Fprintf(&b, "    %-34s%s\n", s[0], s[1])
	}
	fmt.Fprintf(&b, `
  When the prompt says <1m, press Enter every few seconds: the session renews by
  itself, the prompt says 1m again, and the last line above prints a later time.

    %-34s%s
    %-34s%s

`, "vault off", "and the shell is as it was", "exit", "leaves nothing behind")
	return b.String()
}

const farewell = "\n  AWS was asked %s; everything of the demo is removed.\n"

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

// visit hands the terminal to the shell until it ends.
func (s *stage) visit(ctx context.Context, cmd *exec.Cmd) error {
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
