package app

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"slices"

	"github.com/d44b7504/vault/internal/creds"
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

// runCredentialProcess runs a credential_process in the user's own environment, as it
// would be without vault.
func (t *Task) runCredentialProcess(ctx context.Context, c profiles.Process) (creds.Secret, error) {
	list, err := json.Marshal(append(t.Env.runningProcesses(), c.Profile))
	if err != nil {
		return creds.Secret{}, err
	}
	return t.Process(ctx, c.Command, t.Env.forProcess(processVariable, base64.RawURLEncoding.EncodeToString(list)))
}
