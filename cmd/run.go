package cmd

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/fatih/color"
	"github.com/spf13/cobra"

	"github.com/d44b7504/vault/env"
	"github.com/d44b7504/vault/internal/agent"
	"github.com/d44b7504/vault/internal/app"
	"github.com/d44b7504/vault/internal/creds"
	"github.com/d44b7504/vault/internal/display"
	"github.com/d44b7504/vault/internal/progress"
)

// run is one run of the program: the world, and what the core carries out in it.
type run struct {
	*app.World
	task  *app.Task
	agent *agent.Client
	began time.Time      // by the machine's clock
	line  *progress.Line // how far long work is; nil: it is not shown
	debug bool           // show what AWS answered

	command string          // that is run, as in "vault use"
	name    string          // by which the program was called
	root    *cobra.Command  // of the commands
	verbs   map[string]bool // the names of the commands; nil until they are asked for
}

func newRun(w *app.World) *run {
	r := &run{World: w}
	if w.Now != nil { // not where only the commands are looked at
		r.began = w.Now()
	}
	r.name, w.Args = calledAs(w.Args, w.Program)
	caller := app.Caller{
		Env: app.NewEnvironment(w.Environ, w.Home),
		Say: func(line string) { r.say("%s", line) },
	}
	if w.Tell != nil && !w.StderrIsTerm {
		caller.Tell = func(line string) { r.tell("%s", r.named(line)) }
	}
	if w.Ask != nil {
		caller.Ask = func(ctx context.Context, question string, hidden bool) (creds.Secret, error) {
			r.line.Clear()
			return w.Ask(ctx, display.Clean(r.named(question)), hidden)
		}
	}
	core := w.Core()
	r.agent = &agent.Client{
		Dir: caller.Env.Runtime, Built: func() time.Time { return agent.Built(w.Self) },
		Launch: func(ctx context.Context) error {
			return w.Launch(ctx, []string{"agent", "start", "--launched"}, w.Environ)
		},
	}
	core.Agent = r.agent
	r.task = core.Task(caller)
	return r
}

// showProgress has long work shown on the terminal that standard error is, where that can be drawn
// on and nobody has it read out.
func (r *run) showProgress() {
	if !r.StderrIsTerm || r.getenv("TERM") == "dumb" || r.getenv("ACCESSIBLE") != "" || r.getenv(pickerVariable) == "lines" {
		return
	}
	r.line = &progress.Line{Out: r.Stderr, Name: r.name, Now: time.Now, Width: func() int { columns, _ := r.Size(); return columns }}
	r.Stderr = r.line.Above(r.Stderr)
	if r.StdoutIsTerm {
		r.Stdout = r.line.Above(r.Stdout)
	}
}

// say prints a line for a person, without what a terminal would act on.
func (r *run) say(format string, args ...any) {
	fmt.Fprintln(r.Stderr, r.name+": "+display.Clean(r.named(fmt.Sprintf(r.ours(format), args...))))
}

// tell shows a line that belongs to a question, where the person is: on the terminal, though
// another program may read standard error. Without a terminal it is say.
func (r *run) tell(format string, args ...any) {
	line := r.name + ": " + display.Clean(r.named(fmt.Sprintf(r.ours(format), args...))) + "\n"
	if r.StderrIsTerm || r.Tell == nil || r.Tell(line) != nil {
		_, _ = io.WriteString(r.Stderr, line)
	}
}

// hint prints what the person can do.
func (r *run) hint(format string, args ...any) {
	r.say("hint: "+format, args...)
}

// flush writes what standard output holds back, so that it is read before what follows.
func (r *run) flush() error {
	if f, ok := r.Stdout.(interface{ Flush() error }); ok {
		return f.Flush()
	}
	return nil
}

// getenv is the value of a variable, "" when it is not set.
func (r *run) getenv(name string) string { return r.task.Env.Get(name) }

// hookLoaded reports whether the hook's function has called this program.
func (r *run) hookLoaded() bool {
	_, loaded := r.task.Env.Current[env.Lacks]
	return loaded
}

// isOn reports whether a variable is set to a word for yes, as AWS Vault takes them.
func (r *run) isOn(name string) bool {
	on, err := strconv.ParseBool(r.getenv(name))
	return on && err == nil
}

// paint returns what gives a text a colour, where standard output may have one.
func (r *run) paint(c color.Attribute) func(string) string {
	if !r.StdoutIsTerm || r.getenv("NO_COLOR") != "" || r.getenv("TERM") == "dumb" {
		return func(text string) string { return text }
	}
	painter := color.New(c)
	painter.EnableColor()
	return func(text string) string { return painter.Sprint(text) }
}
