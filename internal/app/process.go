package app

// This file runs the commands of a profile, and the programs that give MFA codes.

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"slices"

	"github.com/d44b7504/vault/env"
	"github.com/d44b7504/vault/internal/creds"
	"github.com/d44b7504/vault/internal/host"
	"github.com/d44b7504/vault/internal/mfa"
	"github.com/d44b7504/vault/internal/profiles"
	"github.com/d44b7504/vault/internal/sessions"
)

// processVariable lists the profiles whose credential_process is running around this
// process. A name may hold any character, so the list is JSON in base64.
const processVariable = "__VAULT_PROCESS"

func (e Environment) runningProcesses() []string {
	var names []string
	b, err := base64.RawURLEncoding.DecodeString(e.Current[processVariable])
	if err != nil || json.Unmarshal(b, &names) != nil {
		return nil
	}
	return names
}

// checkCircle returns an error for a profile whose credential_process has started this
// process. It is called before any lock is taken: the caller may hold that, and would
// wait for this process while this one waits for the lock.
func (t *Task) checkCircle(p profiles.Profile) error {
	c := Origin(p).Process
	if c == nil {
		return nil
	}
	names := t.Env.runningProcesses()
	if at := slices.Index(names, c.Profile); at >= 0 {
		return &sessions.CircleError{Path: append(names[at:], c.Profile)}
	}
	return nil
}

// runCredentialProcess runs a credential_process in the user's own environment.
func (t *Task) runCredentialProcess(ctx context.Context, c profiles.Process) (creds.Secret, error) {
	list, err := json.Marshal(append(t.Env.runningProcesses(), c.Profile))
	if err != nil {
		return creds.Secret{}, err
	}
	child := t.command("credential_process", c.Command, env.Source)
	child.Extra = []string{processVariable + "=" + base64.RawURLEncoding.EncodeToString(list)}
	out, err := t.Run(ctx, child)
	return out.Answer(), err
}

// runToken runs an mfa_process or a web_identity_token_process.
func (t *Task) runToken(ctx context.Context, command string) (creds.Secret, error) {
	out, err := t.Run(ctx, t.command("process", command, env.Tool))
	return out.Answer(), err
}

// command is a profile's command under one of the keys that end in process. It may ask
// the person, if anyone may, and what it has to say is shown.
func (t *Task) command(key, command string, kind env.Kind) host.Child {
	name, _ := profiles.Show(key, command)
	return host.Child{
		Name: name, Argv: host.ShellLine(command), Kind: kind, Environ: t.Env.List,
		Contact: t.contact(), Shown: !t.Quiet,
	}
}

// contact is how a program that is run for the caller may reach the person.
func (t *Task) contact() host.Contact {
	switch {
	case t.Quiet:
		return host.Silent
	case t.Ask == nil:
		return host.Desktop
	}
	return host.Terminal
}

// runMFAProgram runs a program that gives an MFA code. Its error is the bare way it ended:
// mfa names the program.
func (t *Task) runMFAProgram(ctx context.Context, p mfa.Program) (code creds.Secret, said string, err error) {
	child := host.Child{Argv: p.Argv, Kind: env.Tool, Environ: t.Env.List, Extra: p.Environ, Contact: host.Desktop}
	if p.Terminal {
		child.Contact, child.Shown = host.Terminal, true
	}
	out, err := t.Run(ctx, child)
	var failed *host.ChildError
	if errors.As(err, &failed) {
		said, err = failed.Said, failed.Err
	}
	return out.Answer(), said, err
}
