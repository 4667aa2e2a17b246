package cmd

import (
	"context"
	"errors"
)

// pick lets a person choose a profile on the terminal.
func (r *run) pick(context.Context) (string, error) {
	if r.quiet || r.Ask == nil {
		return "", withHint(errors.New("no profile was named"), "vault use PROFILE")
	}
	return "", errors.New("no profile was named")
}
