package cmd

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/d44b7504/vault/env"
	"github.com/d44b7504/vault/internal/creds"
	"github.com/d44b7504/vault/internal/host"
	"github.com/d44b7504/vault/internal/mfa"
	"github.com/d44b7504/vault/internal/sessions"
)

// This file says how MFA codes are asked for. Every other question is the terminal's.

// prompts is a list of drivers as --prompt takes it. What the variable says is looked at
// when a code may be needed: a typo there is no reason not to list profiles.
type prompts string

func (p *prompts) String() string { return string(*p) }
func (p *prompts) Type() string   { return "list" }
func (p *prompts) Set(s string) error {
	_, err := mfa.Parse(s)
	*p = prompts(s)
	return err
}

// codes is how a code is obtained, nil when nobody can be asked. In a hook and in the
// background nothing is tried: a dialog that pops up by itself is not to be trusted.
func (r *run) codes() (sessions.Asker, error) {
	if r.quiet {
		return nil, nil
	}
	order, err := mfa.Parse(string(r.g.prompt))
	if err != nil {
		return nil, &usageError{command: "vault", err: fmt.Errorf("AWS_VAULT_PROMPT: %w", err)}
	}
	a := &mfa.Asker{Order: order, Env: r.env, Terminal: r.asker(), Run: r.program}
	if !a.Possible() {
		return nil, nil
	}
	return func(ctx context.Context, serial, question string) (creds.Secret, bool, error) {
		code, typed, err := a.Code(ctx, serial, question)
		var failed *mfa.FailedError
		if errors.As(err, &failed) {
			err = unaskedError{failed}
		}
		return code, typed, err
	}, nil
}

// unaskedError says why nobody could be asked. It matches sessions.ErrNeedsUser.
type unaskedError struct{ *mfa.FailedError }

func (unaskedError) Is(target error) bool { return target == sessions.ErrNeedsUser }

// program runs one that answers for a person, without any credentials.
func (r *run) program(ctx context.Context, p mfa.Program) (creds.Secret, string, error) {
	return r.RunProgram(ctx, host.Program{Argv: p.Argv, Environ: append(env.Strip(r.Environ), p.Environ...), Terminal: p.Terminal})
}

// completePrompts completes the last name of a list with those that are not in it.
func completePrompts(_ *cobra.Command, _ []string, word string) ([]cobra.Completion, cobra.ShellCompDirective) {
	before := word[:strings.LastIndexByte(word, ',')+1]
	used := strings.Split(before, ",")
	var list []cobra.Completion
	for _, name := range mfa.Drivers() {
		if !slices.Contains(used, name) {
			list = append(list, before+name)
		}
	}
	return list, cobra.ShellCompDirectiveNoFileComp
}
