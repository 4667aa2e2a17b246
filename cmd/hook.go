package cmd

import (
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/d44b7504/vault/completions"
	"github.com/d44b7504/vault/hooks"
	"github.com/d44b7504/vault/internal/app"
	"github.com/d44b7504/vault/shells"
)

type hookOptions struct {
	shell, name        string
	prompt, completion bool
	draw               hooks.Draw
	project            string
	call               bool // print what the hook loads when its function is first called
}

func newHook(r *run) *cobra.Command {
	var o hookOptions
	c := &cobra.Command{
		Use:   "hook SHELL",
		Short: "print the code that a shell's rc file evaluates",
		Long: `Prints what a shell evaluates once, at its start:

` + hookLines + `
It defines the function that switches the shell, a check before each prompt that
starts no process, the prompt's segment, and completion.`,
		Args:              args(cobra.ExactArgs(1)),
		ValidArgsFunction: completeShells,
		RunE: func(c *cobra.Command, a []string) error {
			o.shell = a[0]
			return runHook(c, r, o)
		},
	}
	bindHook(c, &o)
	c.Flags().BoolVar(&o.call, "call", false, "print what the hook itself loads later")
	_ = c.Flags().MarkHidden("call")
	return c
}

// bindHook binds the flags that say what a hook does.
func bindHook(c *cobra.Command, o *hookOptions) {
	c.Flags().StringVar(&o.name, "name", "", "name of the function; by default that of the program")
	boolFlag(c.Flags(), &o.prompt, "prompt", "", true, "show the profile in the prompt")
	boolFlag(c.Flags(), &o.draw.Right, "right-prompt", "", false, "zsh: show it in the right prompt, as fish always does")
	boolFlag(c.Flags(), &o.draw.Title, "title", "", false, "show it in the terminal's title too")
	boolFlag(c.Flags(), &o.draw.Countdown, "countdown", "", false, "zsh: keep the time right while the prompt waits")
	c.Flags().StringVar(&o.project, "project", "", "in a directory with a .vault-profile: offer, switch or off ($AWS_VAULT_PROJECT)")
	_ = c.RegisterFlagCompletionFunc("project", fixed(app.ProjectModes()...))
	boolFlag(c.Flags(), &o.completion, "completion", "", true, "complete with TAB")
}

// hookFlagsOf are the flags of bindHook that were given, without --name, as they are written
// into the line that loads the hook.
func hookFlagsOf(c *cobra.Command) (flags []string) {
	hook := &cobra.Command{}
	bindHook(hook, &hookOptions{})
	c.Flags().Visit(func(f *pflag.Flag) {
		switch {
		case hook.Flags().Lookup(f.Name) == nil || f.Name == "name":
		case f.Value.Type() == "bool" && f.Value.String() != "false" || strings.HasPrefix(f.Name, "no-"):
			flags = append(flags, "--"+f.Name)
		default:
			flags = append(flags, "--"+f.Name+"="+f.Value.String())
		}
	})
	return flags
}

// rcLines lists for each shell the start file and the line it should have.
func rcLines(r *run) string {
	var b strings.Builder
	for _, sh := range shells.All() {
		fmt.Fprintf(&b, "  %-11s %-28s %s\n", sh.Title, sh.StartFile, rcLine(r, sh))
	}
	return b.String()
}

// program is how this program can be called in a start file: by its name where that finds
// it, else by its path.
func (r *run) program() string {
	name := hooks.NameOf(r.Program)
	if found, err := exec.LookPath(name); r.Program == "" || err == nil && found == r.Program || ofGoRun(r.Program) {
		return name
	}
	return r.Program
}

// ofGoRun reports whether a program is that of "go run", which removes it at its end.
func ofGoRun(program string) bool {
	dir := filepath.Dir(program)
	return filepath.Base(dir) == "exe" && strings.Contains(dir, "go-build")
}

// rcLine is the line that loads the hook from a start file.
func rcLine(r *run, sh *shells.Shell) string {
	line, err := hooks.Options{Binary: r.program(), Name: r.name, Prompt: true}.RCLine(sh)
	if err != nil {
		line, _ = sh.RCLine(usualName) // a plain word can be quoted
	}
	return line
}

func runHook(c *cobra.Command, r *run, o hookOptions) error {
	sh, err := shells.For(o.shell)
	if err != nil {
		return usage(c, err)
	}
	mode, err := projectMode(r, o.project)
	if err != nil {
		return usage(c, err)
	}
	text, err := hooks.Script(sh, hooks.Options{
		Binary: r.Program, Name: o.name, Prompt: o.prompt, Draw: o.draw, Now: r.Now(), ValueFlags: valueFlags(c.Root()), Verbs: verbs(),
		Call: o.call, Project: mode,
	})
	if err != nil {
		return usage(c, err)
	}
	if o.completion && !o.call {
		comp, err := completions.Script(sh, completions.Options{Binary: r.Program, Name: o.name})
		if err != nil {
			return err
		}
		text = strings.TrimRight(text, "\n") + "\n" + comp
	}
	if f, is := r.task.Env.Foreign(); is && !o.call {
		mark, err := sh.Script(foreignMark(app.ForeignLease(r.task, f)))
		if err != nil {
			return err
		}
		text = strings.TrimRight(text, "\n") + "\n" + mark
	}
	out := r.Stdout
	if o.call && r.Code != nil { // the hook asks, and listens there
		out = r.Code
	}
	_, err = io.WriteString(out, text)
	return err
}

// projectMode is what the hook does in project directories, "" for nothing. A flag that is not a mode is
// an error. A variable that is none is told and not followed: a shell must still get its hook.
func projectMode(r *run, flag string) (string, error) {
	mode, err := r.task.Env.ProjectMode(flag)
	if err != nil && slices.Contains(append(app.ProjectModes(), ""), strings.ToLower(flag)) {
		r.say("%s", app.OneLine(err))
		return "", nil
	}
	if mode == app.ProjectOff {
		mode = ""
	}
	return mode, err
}

func newCompletion(r *run) *cobra.Command {
	var name string
	c := &cobra.Command{
		Use:   "completion SHELL",
		Short: "print the completion script alone",
		Long: `Prints the completion script without the hook, for packages. The hook brings it
along. The script never evaluates what was typed.`,
		Args:              args(cobra.ExactArgs(1)),
		ValidArgsFunction: completeShells,
		RunE: func(c *cobra.Command, a []string) error {
			return printCompletion(r, c, a[0], name)
		},
	}
	c.Flags().StringVar(&name, "name", "", "name of the command to complete; by default that of the program")
	return c
}

// printCompletion prints the completion script of a shell. name is that of the command to
// complete, "" for the program's.
func printCompletion(r *run, c *cobra.Command, shell, name string) error {
	sh, err := shells.For(shell)
	if err != nil {
		return usage(c, err)
	}
	text, err := completions.Script(sh, completions.Options{Binary: r.Program, Name: name})
	if err != nil {
		return usage(c, err)
	}
	_, err = io.WriteString(r.Stdout, text)
	return err
}
