package cmd

import (
	"context"
	"errors"

	"github.com/d44b7504/vault/internal/app"
	"github.com/d44b7504/vault/internal/creds"
)

// agreed asks a person on the terminal whether to go on: "QUESTION? [y/N]". Anything but
// a yes is an error that says what did not happen. Where there is no terminal, it is
// --yes that is missing.
func (r *run) agreed(ctx context.Context, command, question, otherwise string) error {
	if r.task.Ask == nil || r.task.Quiet {
		return app.Usage(command, errors.New(otherwise+": there is no terminal to agree on, and no --yes"))
	}
	answer, err := r.task.Ask(ctx, printable(question+"? [y/N] "), false)
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
