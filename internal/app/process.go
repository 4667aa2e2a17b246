package app

// This file runs the commands of a profile, and the programs that give MFA codes.

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"github.com/d44b7504/vault/env"
	"github.com/d44b7504/vault/internal/creds"
	"github.com/d44b7504/vault/internal/host"
	"github.com/d44b7504/vault/internal/mfa"
	"github.com/d44b7504/vault/internal/profiles"
	"github.com/d44b7504/vault/internal/sessions"
)

// helpers are what making a session may need beside AWS: the commands of a profile, the
// programs that give MFA codes, a browser.
type helpers struct{ *Task }

// processVariable lists the profiles whose credential_process is running around this
// process. A name may hold any character, so the list is JSON in base64.
const processVariable = "__VAULT_PROCESS"

// withheldVariable names the passphrases that a credential_process did not get, for the case
// that it starts this program.
const withheldVariable = "__VAULT_WITHHELD"

// WithheldFromProcess are the names of the passphrases that this process has not got because
// it runs inside a credential_process that is another program.
func (e Environment) WithheldFromProcess() []string {
	return strings.Fields(e.Current[withheldVariable])
}

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
func (h helpers) checkCircle(p profiles.Profile) error {
	name := ""
	switch from := Origin(p); {
	case from.Process != nil:
		name = from.Process.Profile
	case from.Temporary != nil && from.Temporary.Renewer.Command != "":
		name = from.Temporary.Profile
	default:
		return nil
	}
	names := h.Env.runningProcesses()
	if at := slices.Index(names, name); at >= 0 {
		return &sessions.CircleError{Path: append(names[at:], name)}
	}
	return nil
}

// runCredentialProcess runs a credential_process in the user's own environment, and without a
// shell, as the AWS tools do.
func (h helpers) runCredentialProcess(ctx context.Context, c profiles.Process) (creds.Secret, error) {
	child, err := h.sourceOf(c.Profile, "credential_process", c.Command, c.Words())
	if err != nil {
		return creds.Secret{}, err
	}
	out, err := h.Run(ctx, child)
	return out.Answer(), err
}

// sourceOf is a command that credentials of a profile come from, under this key, with its words.
func (h helpers) sourceOf(profile, key, command string, words []string) (host.Child, error) {
	list, err := json.Marshal(append(h.Env.runningProcesses(), profile))
	if err != nil {
		return host.Child{}, err
	}
	child := h.command(key, command, env.Source)
	child.Argv = words
	child.Extra = []string{processVariable + "=" + base64.RawURLEncoding.EncodeToString(list)}
	if len(child.Argv) > 0 && host.IsProgram(h.Self, child.Argv[0]) { // which needs the same store
		child.Extra = append(child.Extra, env.PassphrasesIn(h.Env.List)...)
	} else {
		child.Extra = append(child.Extra, withheldVariable+"="+strings.Join(h.withheld(), " "))
	}
	return child, nil
}

// withheld are the names of the passphrases that a program gets only if it is this one.
func (h helpers) withheld() []string {
	names := h.Env.WithheldFromProcess()
	for _, entry := range env.PassphrasesIn(h.Env.List) {
		name, _, _ := strings.Cut(entry, "=")
		names = append(names, name)
	}
	return names
}

// runToken runs an mfa_process or a web_identity_token_process, which only this program and
// AWS Vault know.
func (h helpers) runToken(ctx context.Context, command string) (creds.Secret, error) {
	child := h.command("process", command, env.Tool)
	child.Line = command
	out, err := h.Run(ctx, child)
	return out.Answer(), err
}

// command is a profile's command under one of the keys that end in process, but for its Argv or
// Line. It may ask the person, if anyone may, and what it has to say is shown.
func (h helpers) command(key, command string, kind env.Kind) host.Child {
	name, _ := profiles.Show(key, command)
	return host.Child{
		Name: name, Kind: kind, Environ: h.Env.List,
		Contact: h.contact(), Shown: !h.Quiet,
	}
}

// contact is how a program that is run for the caller may reach the person.
func (h helpers) contact() host.Contact {
	switch {
	case h.Quiet:
		return host.Silent
	case h.Ask == nil:
		return host.Desktop
	}
	return host.Terminal
}

// runMFAProgram runs a program that gives an MFA code. Its error is the bare way it ended:
// mfa names the program.
func (h helpers) runMFAProgram(ctx context.Context, p mfa.Program) (code creds.Secret, said string, err error) {
	child := host.Child{Argv: p.Argv, Kind: env.Tool, Environ: h.Env.List, Extra: p.Environ, Contact: host.Desktop}
	if p.Terminal {
		child.Contact, child.Shown = host.Terminal, true
	}
	out, err := h.Run(ctx, child)
	var failed *host.ChildError
	if errors.As(err, &failed) {
		said, err = failed.Said, failed.Err
	}
	return out.Answer(), said, err
}
