package cmd

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/d44b7504/vault/env"
	"github.com/d44b7504/vault/hooks"
	"github.com/d44b7504/vault/internal/app"
	"github.com/d44b7504/vault/internal/display"
	"github.com/d44b7504/vault/internal/host"
	"github.com/d44b7504/vault/internal/startfile"
	"github.com/d44b7504/vault/shells"
)

type initOptions struct {
	hookOptions
	flags             []string // those of the hook that were given
	undo, yes, dryRun bool
}

func newInit(r *run) *cobra.Command {
	var o initOptions
	c := &cobra.Command{
		Use:   "init [SHELL]",
		Short: "put the hook into your shell's start file",
		Long: `Adds the line that loads the hook to the start file of the shell that you are in, or
of the one that you name. It shows the change and makes it when you agree. The line
is between two comments; the rest of the file stays as it is, and --undo takes the
line out again. Where a line loads the hook already, nothing is changed.

With the flags of "vault hook", the line has them.`,
		Args:              args(cobra.MaximumNArgs(1)),
		ValidArgsFunction: completeShells,
		RunE: func(c *cobra.Command, a []string) error {
			o.shell = firstArg(a)
			o.flags = hookFlagsOf(c)
			return runInit(c, r, o)
		},
	}
	bindHook(c, &o.hookOptions)
	boolFlag(c.Flags(), &o.undo, "undo", "", false, "take the line out again, from the files of all shells or of the one that you name")
	boolFlag(c.Flags(), &o.yes, "yes", "y", false, "do not ask")
	boolFlag(c.Flags(), &o.dryRun, "dry-run", "", false, "show the change and make none")
	return c
}

func runInit(c *cobra.Command, r *run, o initOptions) error {
	ctx := c.Context()
	parents := r.Ancestors()
	if len(parents) > 0 && slices.Contains([]string{"sudo", "doas"}, shells.ProgramName(parents[0])) {
		return app.WithHint(fmt.Errorf("nothing was changed: with %s this would be for root's shell", shells.ProgramName(parents[0])),
			"vault init without it; for root, in a shell of root")
	}
	if r.task.Env.Home() == "" {
		return app.ErrNoHome
	}
	sh, program, err := shellToChange(parents, o.shell)
	switch {
	case err != nil && (o.shell != "" || !o.undo):
		return usage(c, err)
	case o.undo:
		return undoInit(ctx, r, o, sh, program)
	}
	w := r.wanted(sh, whereFiles(ctx, r, sh, program), o)
	line, _ := w.Line(false)
	plan, err := startfile.PlanAdd(w)
	if err != nil {
		return notChanged(err, line)
	}
	if len(plan.Changes) == 0 {
		at := plan.Loaded[0]
		r.say("%s:%d loads the hook for %s already; nothing was changed", r.tilde(at.Path), at.Line, sh.Title)
		if w.Force {
			r.hint("to have other flags, change that line: %s", line)
		}
		return sayNext(ctx, r, w, program, false)
	}
	tellBefore(r, plan.Changes, w)
	if done, err := carryOutInit(ctx, r, o, plan.Changes, "add the hook to"); err != nil || !done {
		return err
	}
	return sayNext(ctx, r, w, program, true)
}

// wanted is what the files of a shell should have.
func (r *run) wanted(sh *shells.Shell, places shells.Places, o initOptions) startfile.Wanted {
	line := func(early bool) (line, start string) {
		program := r.program()
		if early {
			program = surelyFound(program)
		}
		line, err := hooks.Options{Binary: program, Name: cmp.Or(o.name, r.name), Prompt: true, Flags: o.flags}.RCLine(sh)
		if err != nil {
			line, _ = sh.RCLine(usualName) // a plain word can be quoted
		}
		start, _, _ = strings.Cut(line, " hook "+sh.Name)
		return line, start + " hook " + sh.Name
	}
	return startfile.Wanted{
		Shell: sh, Places: places, Called: hooks.NameOf(r.Program), Line: line, Force: len(o.flags) > 0 || o.name != "",
	}
}

// surelyFound is the program as it can be called before a start file that may be what puts
// its directory on the PATH: by its path, unless it is in a directory of the system's.
func surelyFound(program string) string {
	path, err := exec.LookPath(program)
	if err != nil || !filepath.IsAbs(path) || strings.HasPrefix(path, "/usr/bin/") || strings.HasPrefix(path, "/usr/local/bin/") {
		return program
	}
	return path
}

// shellToChange is the shell that was named, or else the nearest that started this program,
// and that shell's program.
func shellToChange(parents []string, named string) (*shells.Shell, string, error) {
	var want *shells.Shell
	if named != "" {
		sh, err := shells.For(named)
		if err != nil {
			return nil, "", err
		}
		want = sh
	}
	for _, program := range parents {
		if sh := shells.Running(program); sh != nil && (want == nil || sh == want) {
			return sh, program, nil
		}
	}
	if want == nil {
		return nil, "", app.WithHint(errors.New("it is not known which shell this is"), "name it, as in vault init %s", shells.Names()[0])
	}
	return want, want.Name, nil
}

// whereTimeout is how long a shell may take to say where its files are.
const whereTimeout = 10 * time.Second

// whereFiles asks the shell where its files are, if the environment does not tell. What
// cannot be asked is taken from the environment.
func whereFiles(ctx context.Context, r *run, sh *shells.Shell, program string) shells.Places {
	places := shells.Places{OS: runtime.GOOS, Home: r.task.Env.Home(), Env: map[string]string{}}
	for name, value := range r.task.Env.Current {
		places.Env[name] = value
	}
	if sh.Where == nil {
		return places
	}
	ctx, cancel := context.WithTimeout(ctx, whereTimeout)
	defer cancel()
	out, err := r.Run(ctx, host.Child{Argv: append([]string{program}, sh.Where...), Kind: env.Tool, Environ: r.Environ})
	if err != nil {
		return places
	}
	for line := range strings.Lines(string(out.Stdout)) {
		said, is := strings.CutPrefix(strings.TrimRight(line, "\r\n"), shells.WhereMark)
		if name, path, named := strings.Cut(said, "="); is && named && filepath.IsAbs(path) {
			places.Env[name] = path
		}
	}
	return places
}

// carryOutInit shows the changes and makes them once a person has agreed.
func carryOutInit(ctx context.Context, r *run, o initOptions, changes []*startfile.Change, what string) (done bool, err error) {
	var names []string
	for _, c := range changes {
		names = append(names, r.tilde(c.Path))
		if c.Links > 1 {
			r.say("%s has %s, which will keep the old content", r.tilde(c.Path), display.Count(c.Links-1, "other name"))
		}
		if err := printDiff(r, c.Diff()); err != nil {
			return false, err
		}
	}
	if err := r.flush(); err != nil || o.dryRun { // it is read before the question is answered
		return false, err
	}
	if !o.yes {
		if err := r.confirm(ctx, "vault init", what+" "+strings.Join(names, " and "), "nothing was changed"); err != nil {
			return false, err
		}
	}
	for i, c := range changes {
		if err := c.Write(); err != nil {
			return false, notChanged(err, "")
		}
		if c.Removes() {
			r.say("removed %s", names[i])
		} else {
			r.say("changed %s", names[i])
		}
	}
	return true, nil
}

// notChanged adds to an error what can be done instead.
func notChanged(err error, line string) error {
	switch {
	case errors.Is(err, startfile.ErrChanged):
		return app.WithHint(err, "run the command again")
	case line != "" && (errors.Is(err, startfile.ErrReadOnly) || errors.Is(err, startfile.ErrNotText) || errors.Is(err, fs.ErrPermission)):
		return app.WithHint(err, "add this line where the file is made: %s", line)
	}
	return err
}

// undoInit takes our lines out of the files of a shell, or of all of them when none is named.
func undoInit(ctx context.Context, r *run, o initOptions, running *shells.Shell, program string) error {
	list := shells.All()
	if o.shell != "" {
		list = []*shells.Shell{running}
	}
	var changes []*startfile.Change
	for _, sh := range list {
		places := shells.Places{OS: runtime.GOOS, Home: r.task.Env.Home(), Env: r.task.Env.Current}
		if sh == running {
			places = whereFiles(ctx, r, sh, program)
		}
		more, err := startfile.PlanRemove(sh, places)
		if err != nil {
			return notChanged(err, "")
		}
		changes = append(changes, more...)
	}
	if len(changes) == 0 {
		r.say("vault init has written nothing that is still there; nothing was changed")
		return nil
	}
	done, err := carryOutInit(ctx, r, o, changes, "take the hook out of")
	if done {
		r.say("a shell that has loaded the hook keeps it until it ends")
	}
	return err
}

// tilde is a path as people write it: with ~ for the home directory.
func (r *run) tilde(path string) string {
	home := r.task.Env.Home()
	if rest, ok := strings.CutPrefix(path, home+string(filepath.Separator)); ok && home != "" {
		return "~" + string(filepath.Separator) + rest
	}
	return path
}
