package cmd

import (
	"context"
	"errors"

	"github.com/d44b7504/vault/internal/app"
	"github.com/d44b7504/vault/internal/creds"
)

// confirm asks a person on the terminal whether to go on: "QUESTION? [y/N]". Anything but
// a yes is an error that says what did not happen. Without a terminal the error asks for
// --yes.
func (r *run) confirm(ctx context.Context, command, question, otherwise string) error {
	if r.task.Ask == nil || r.task.Quiet {
		return app.Usage(command, errors.New(otherwise+": there is no terminal to ask on, and --yes was not given"))
	}
	answer, err := r.task.Ask(ctx, question+"? [y/N] ", false)
	if err != nil {
		return err
	}
	if !isYes(answer) {
		return errors.New(otherwise)
	}
	return nil
}

func isYes(answer creds.Secret) bool {
	for _, yes := range []string{"y", "Y", "yes", "Yes", "YES"} {
		if answer.Equal(creds.New(yes)) {
			return true
		}
	}
	return false
}
