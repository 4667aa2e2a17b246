package cmd

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"maps"
	"slices"

	"github.com/d44b7504/vault/env"
	"github.com/d44b7504/vault/internal/creds"
	"github.com/d44b7504/vault/internal/profiles"
	"github.com/d44b7504/vault/internal/sessions"
)

// processes names the variable that lists the profiles whose credential_process is
// running around us. A name may hold any character, so the list is JSON in base64.
const processes = "__VAULT_PROCESS"

func (r *run) running() []string {
	var names []string
	b, err := base64.RawURLEncoding.DecodeString(r.env[processes])
	if err != nil || json.Unmarshal(b, &names) != nil {
		return nil
	}
	return names
}

// circle is the error for a profile whose credential_process is one of those we are
// run by. It is looked for before any lock is taken: our caller may hold it, and would
// wait for us while we wait for it.
func (r *run) circle(p profiles.Profile) error {
	c := end(p.Source).Process
	if c == nil {
		return nil
	}
	names := r.running()
	if at := slices.Index(names, c.Profile); at >= 0 {
		return &sessions.CircleError{Path: append(names[at:], c.Profile)}
	}
	return nil
}

// credentials runs a credential_process. It finds the user's own environment, as it
// would without us; what we exported and know is not in it.
func (r *run) credentials(ctx context.Context, c profiles.Process) (creds.Secret, error) {
	list, err := json.Marshal(append(r.running(), c.Profile))
	if err != nil {
		return creds.Secret{}, err
	}
	own := maps.Clone(r.wish)
	for _, n := range []string{env.Token, env.StateVar, env.Shell, env.Detached, "AWS_VAULT_FILE_PASSPHRASE"} {
		delete(own, n)
	}
	own[processes] = base64.RawURLEncoding.EncodeToString(list)
	environ := make([]string, 0, len(own))
	for _, n := range slices.Sorted(maps.Keys(own)) {
		environ = append(environ, n+"="+own[n])
	}
	return r.Process(ctx, c.Command, environ)
}
