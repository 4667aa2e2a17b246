package app

import (
	"context"
	"errors"
	"fmt"

	"github.com/d44b7504/vault/internal/creds"
	"github.com/d44b7504/vault/internal/mfa"
	"github.com/d44b7504/vault/internal/sessions"
)

// This file says how MFA codes are asked for.

// askForCode is how a code is obtained, nil when nobody can be asked. For a hook and in
// the background nothing is tried: a dialog that opens by itself is not to be trusted.
func (h helpers) askForCode() (sessions.Asker, error) {
	if h.Quiet {
		return nil, nil
	}
	order, err := mfa.Parse(h.MFAPrompts)
	if err != nil {
		return nil, &UsageError{Command: "vault", Err: fmt.Errorf("AWS_VAULT_PROMPT: %w", err)}
	}
	a := &mfa.Asker{Order: order, Env: h.Env.Current, Terminal: h.askHidden(), Run: h.runMFAProgram}
	if !a.Possible() {
		return nil, nil
	}
	return func(ctx context.Context, serial, question string) (creds.Secret, bool, error) {
		code, typed, err := a.Code(ctx, serial, question)
		var failed *mfa.FailedError
		if errors.As(err, &failed) {
			err = promptsFailedError{failed}
		}
		return code, typed, err
	}, nil
}

// promptsFailedError says why no way of asking for a code worked. It matches
// sessions.ErrNeedsUser.
type promptsFailedError struct{ *mfa.FailedError }

func (promptsFailedError) Is(target error) bool { return target == sessions.ErrNeedsUser }
