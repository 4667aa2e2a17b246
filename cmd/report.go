package cmd

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/d44b7504/vault/internal/app"
	"github.com/d44b7504/vault/internal/sessions"
	"github.com/d44b7504/vault/shells"
	"github.com/d44b7504/vault/store"
)

// This file is the one table from errors to exit statuses.

// Exit statuses.
const (
	exitDone        = 0
	exitFailed      = 1
	exitUsage       = 2
	exitSignIn      = 3
	exitInterrupted = 130
)

// statusError ends the program with a status and no text of its own: that of exec's
// child, or of a command that has said what there is to say.
type statusError int

func (e statusError) Error() string { return fmt.Sprintf("exit status %d", int(e)) }

// startError is a command that could not be run. It has the status that a shell would give.
type startError struct {
	error
	status int
}

func (e startError) Unwrap() error { return e.error }

// usage makes an error of the command line, for which the exit status is 2.
func usage(c *cobra.Command, err error) error {
	return &app.UsageError{Command: c.CommandPath(), Err: err}
}

// report prints an error as one line and a hint, and returns the exit status for it.
func (r *run) report(err error) int {
	var status statusError
	switch {
	case err == nil:
		return exitDone
	case errors.As(err, &status):
		return int(status)
	case errors.Is(err, context.Canceled): // Ctrl-C anywhere, or Ctrl-D at a question
		return exitInterrupted
	}
	r.say("%s", app.OneLine(err))
	if h := cmp.Or(r.unquotedHint(err), r.hintFor(err)); h != "" {
		r.hint("%s", h)
	}
	r.reportAnswer(err)
	return statusOf(err)
}

func statusOf(err error) int {
	var start startError
	var misuse *app.UsageError
	var unknown *shells.UnknownError
	switch {
	case errors.As(err, &start):
		return start.status
	case errors.As(err, &misuse), errors.As(err, &unknown):
		return exitUsage
	case errors.Is(err, sessions.ErrNeedsUser), errors.Is(err, store.ErrLocked):
		return exitSignIn
	}
	return exitFailed
}

// hintFor says what to do about an error: what the core knows, and about the command line.
func (r *run) hintFor(err error) string {
	var unknown *shells.UnknownError
	var misuse *app.UsageError
	hint := app.Hint(err)
	switch withheld := r.withheld(err); {
	case withheld != "":
		hint = "vault exec does not pass on " + withheld + ": set it in this shell too, or run the command outside of vault exec"
	case r.withheldFromProcess(err) != "":
		hint = "a credential_process gets " + r.withheldFromProcess(err) + " only if it is vault itself, without a shell or script around it"
	case hint != "":
	case errors.As(err, &unknown):
		hint = "choose one of " + strings.Join(shells.Names(), ", ")
	case errors.As(err, &misuse):
		hint = misuse.Command + " --help"
	}
	return hint
}

// withheld names the variables whose absence may be why the store is locked: vault exec
// found them and did not give them to this shell. "" for none.
func (r *run) withheld(err error) string {
	var wrong *store.PassphraseError
	var process *sessions.ProcessError // which may be this program
	var ended *exec.ExitError
	other := errors.As(err, &process) && errors.As(err, &ended) && ended.ExitCode() == exitSignIn
	if !errors.Is(err, store.ErrLocked) && !other || errors.As(err, &wrong) {
		return ""
	}
	st, _ := r.task.Env.Active()
	return strings.Join(slices.DeleteFunc(st.Withheld, func(n string) bool { return r.task.Env.Secret(n) != nil }), " and ")
}

// withheldFromProcess is withheld for a credential_process that is another program, which has
// started this one.
func (r *run) withheldFromProcess(err error) string {
	var wrong *store.PassphraseError
	if !errors.Is(err, store.ErrLocked) || errors.As(err, &wrong) {
		return ""
	}
	names := r.task.Env.WithheldFromProcess()
	return strings.Join(slices.DeleteFunc(names, func(n string) bool { return r.task.Env.Secret(n) != nil }), " and ")
}

// reportAnswer shows AWS's own words, with --debug.
func (r *run) reportAnswer(err error) {
	var call *sessions.CallError
	if r.debug && errors.As(err, &call) {
		r.say("debug: %s %s: %s", call.Op, call.Code, call.Message)
	}
}
