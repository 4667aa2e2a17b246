package cmd

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/d44b7504/vault/env"
	"github.com/d44b7504/vault/internal/app"
	"github.com/d44b7504/vault/internal/creds"
	"github.com/d44b7504/vault/internal/project"
	"github.com/d44b7504/vault/refresh"
	"github.com/d44b7504/vault/shells"
)

// This file is what a hook calls at a prompt when the shell has entered or left a project
// directory, or when what is said of its file has changed. It does not ask, and says one sentence.

func newProjectEnter(r *run) *cobra.Command {
	var mode string
	var encoded bool
	c := &cobra.Command{
		Use: "enter [DIRECTORY]", Hidden: true,
		Short: "print what a shell needs that has entered or left a project directory, for the hook",
		Args:  args(cobra.MaximumNArgs(1)),
		RunE: func(c *cobra.Command, a []string) error {
			dir := firstArg(a)
			if encoded {
				text, err := base64.StdEncoding.DecodeString(dir)
				if err != nil {
					return usage(c, err)
				}
				dir = string(text)
			}
			return runEnter(c.Context(), r, dir, mode)
		},
	}
	c.Flags().StringVar(&mode, "mode", "", "what the hook was told")
	c.Flags().BoolVar(&encoded, "base64", false, "the directory is in base64")
	return c
}

// runEnter brings a shell that is in the project directory dir, or in none if that is "", to what
// it should be there.
func runEnter(ctx context.Context, r *run, dir, flag string) error {
	r.task.Quiet, r.task.Ask = true, nil
	ctx, cancel := context.WithTimeout(ctx, r.Policy.Hold)
	defer cancel()
	e, err := evaluatorOf(r, "")
	if err != nil {
		return err
	}
	mode, err := r.task.Env.ProjectMode(flag)
	if err != nil {
		return err
	}
	var p *app.Project
	if dir != "" && mode != app.ProjectOff {
		p = r.task.ProjectIn(dir)
	}
	x := entering{run: r, e: e, p: p, mode: mode, visit: visitNow(r)}
	return x.carry(ctx)
}

// entering is what a hook wants to know.
type entering struct {
	*run
	e     evaluator
	p     *app.Project // nil: the shell is in no project directory
	mode  string
	visit *env.Visit // of the session that the shell has; nil: it is of no project
}

// carry writes code for the shell. Whatever happens, the shell knows afterwards that this
// directory has been dealt with, so that it does not ask at each prompt.
func (x *entering) carry(ctx context.Context) error {
	if err := x.mark(); err != nil {
		return err
	}
	told := x.hold()
	var err error
	switch was := x.getenv(env.ProjectDir) == x.p.Mark(); {
	case was: // by this shell, or by the one that it was started in
		err = x.e.emitOnly()
	case x.p == nil || x.p.Usable() != nil:
		if err = x.giveBack(ctx); err == nil && x.p != nil && x.p.Verdict != project.Ignored {
			x.tell(x.p.Usable())
		}
	default:
		err = x.arrive(ctx)
	}
	return errors.Join(err, told())
}

// mark adds to the code which directory the shell is in, and which file says whether a person
// trusts it.
func (x *entering) mark() error {
	var c env.Change
	c.Name = env.ProjectDir
	if c.Unset = x.p == nil; !c.Unset {
		c.Value = creds.New(x.p.Mark())
	}
	text, err := x.e.shell.Hook.Render([]env.Change{c})
	if err != nil || x.p == nil {
		x.e.also = text
		return err
	}
	record := ""
	if records, err := x.task.ProjectRecords(); err == nil {
		record = records.File(x.p.Path())
	}
	call, err := x.e.shell.Hook.Call("__vault_watch", record)
	x.e.also = text + call
	return err
}

// hold keeps what is said for a shell that shows a program's lines itself, until the function that
// it returns is called.
func (x *entering) hold() (told func() error) {
	if x.e.shell.Channel != shells.CapturedOutput {
		return func() error { return nil }
	}
	var lines bytes.Buffer
	x.Stderr = &lines
	return func() error {
		text := strings.TrimSpace(lines.String())
		if text == "" {
			return nil
		}
		call, err := x.e.shell.Hook.Call("__vault_tell", text)
		if err == nil {
			_, err = io.WriteString(x.e.out, call)
		}
		return err
	}
}

// tell says an error and what to do about it in one line.
func (x *entering) tell(err error) {
	text := app.OneLine(err)
	if hint := x.hintFor(err); hint != "" {
		text += "; " + hint
	}
	x.say("%s", text)
}

// arrive switches to the profile of the directory, or offers it.
func (x *entering) arrive(ctx context.Context) error {
	name := x.p.Profile
	st, active := x.task.Env.Active()
	_, foreign := x.task.Env.Foreign()
	isSo := active && st.Request.Profile == name && !st.Request.Special() && len(st.Changed(x.task.Env.Current)) == 0
	switch {
	case isSo && (x.visit == nil || x.visit.Dir == x.p.Dir):
		return x.e.emitOnly() // a choice of the person's, which is not to be taken back
	case x.mode == app.ProjectOffer, foreign, env.Depth(x.task.Env.Current) > 0:
		err := x.giveBack(ctx)
		x.say("%s is the profile of this directory; to switch: vault use .", name)
		return err
	}
	q, err := x.task.ProjectRequest(x.p)
	if err == nil {
		err = x.switchTo(ctx, q, x.e)
	}
	if err == nil {
		return nil
	}
	back := x.giveBack(ctx)
	x.say("%s is the profile of this directory, and is not active: %s; to switch: vault use .", name, whyNot(err))
	return back
}

// switchTo makes the session of a request that of the shell, if that asks for nothing.
func (x *entering) switchTo(ctx context.Context, q env.Request, e evaluator) error {
	r := x.run
	if err := checkShell(ctx, r, q); err != nil {
		return err
	}
	p, q, l, err := r.task.Given(ctx, q, refresh.Want{})
	if err != nil {
		return err
	}
	q.Unhooked, q.Passphrase = e.unhooked(r), r.task.Unlocked
	return useOptions{}.put(ctx, r, e, p, q, l)
}

// giveBack gives the shell what it had before it came to a project directory, if it has the session
// of one. What another program has set since stays as it is.
func (x *entering) giveBack(ctx context.Context) error {
	st, _ := x.task.Env.Active()
	if x.visit == nil {
		return x.e.emitOnly()
	}
	why := ""
	if x.visit.Before != nil {
		var err error
		if why, err = x.goBack(ctx, st); err == nil {
			return nil
		}
	}
	if err := takeOff(ctx, x.run, x.e, st); err != nil {
		return err
	}
	x.say("left %s%s", st.Request.Profile, why)
	return nil
}

// goBack switches to the session before that of the project. why says why that is not possible.
func (x *entering) goBack(ctx context.Context, st env.State) (why string, err error) {
	back := x.e
	back.amend = x.visit.Returned
	if changed := st.Changed(x.task.Env.Current); len(changed) > 0 {
		err = fmt.Errorf("another program has set %s", strings.Join(changed, ", "))
	} else {
		err = x.switchTo(ctx, *x.visit.Before, back)
	}
	if err == nil {
		return "", nil
	}
	name := x.visit.Before.Profile
	return fmt.Sprintf("; %s, which was active before, is not active again: %s; vault use %s", name, whyNot(err), app.Word(name)), err
}

// whyNot says why a profile was not switched to without a person.
func whyNot(err error) string {
	var protected *app.ProtectedError
	if errors.As(err, &protected) {
		return "it is protected"
	}
	return app.OneLine(err)
}
