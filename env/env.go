// Package env knows which environment variables a session means, and how to put back
// what was there before. It is pure: maps in, changes out.
package env

import (
	"maps"
	"slices"
	"strings"

	"github.com/d44b7504/vault/internal/creds"
)

// Names of variables. Anything that is ours alone begins with two underscores or with
// AWS_VAULT; nothing begins with VAULT_, which belongs to another tool.
const (
	Profile    = "AWS_VAULT"
	Expiration = "AWS_CREDENTIAL_EXPIRATION"
	Token      = "__VAULT_TOKEN"    // path of the generation file
	StateVar   = "__VAULT_STATE"    // what we set and what was there before
	Shell      = "__VAULT_SHELL"    // set by the hook for one call: the dialect it evaluates
	Detached   = "__VAULT_DETACHED" // marks the copy of the program that runs away from the terminal

	keyID     = "AWS_ACCESS_KEY_ID"
	secretKey = "AWS_SECRET_ACCESS_KEY"
	token     = "AWS_SESSION_TOKEN"
	region    = "AWS_REGION"
	defRegion = "AWS_DEFAULT_REGION"
	profile   = "AWS_PROFILE"
	fullURI   = "AWS_CONTAINER_CREDENTIALS_FULL_URI"
	authToken = "AWS_CONTAINER_AUTHORIZATION_TOKEN"
)

// Stashed are the variables that can hold a secret, or half of one. Their earlier
// values never pass through the binary: the hook keeps them in the shell itself.
var Stashed = []string{
	keyID, secretKey, token, "AWS_SECURITY_TOKEN", authToken,
}

// Family is every other variable by which the AWS tools can be told who to be. All of
// it, and all of Stashed, is unset before a session is set, so that two identities
// never mix. Their earlier values hold no secret and are kept in the state.
var Family = []string{
	Expiration, profile, "AWS_DEFAULT_PROFILE", "AWS_EB_PROFILE", "AWS_SESSION_EXPIRATION",
	"AWS_CREDENTIAL_FILE", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ROLE_ARN", "AWS_ROLE_SESSION_NAME",
	fullURI, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
	"AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "AWS_SDK_LOAD_CONFIG",
}

// Change is one variable set or removed.
type Change struct {
	Name  string
	Value creds.Secret
	Unset bool
}

// Parse reads a list of NAME=value, as os.Environ gives it. The first of two equal
// names wins, as getenv has it. Entries without a name (cmd.exe has some) are dropped.
func Parse(environ []string) map[string]string {
	m := make(map[string]string, len(environ))
	for _, e := range environ {
		name, value, ok := strings.Cut(e, "=")
		if !ok || name == "" {
			continue
		}
		if _, dup := m[name]; !dup {
			m[name] = value
		}
	}
	return m
}

// Apply returns environ with the changes made: for a child process.
func Apply(environ []string, changes []Change) []string {
	m := Parse(environ)
	for _, c := range changes {
		if c.Unset {
			delete(m, c.Name)
		} else {
			m[c.Name] = c.Value.Reveal()
		}
	}
	out := make([]string, 0, len(m))
	for _, name := range slices.Sorted(maps.Keys(m)) {
		out = append(out, name+"="+m[name])
	}
	return out
}

func set(name, value string) Change { return Change{Name: name, Value: creds.New(value)} }
func unset(name string) Change      { return Change{Name: name, Unset: true} }
