// Package env knows which environment variables a session sets, and how to put back what
// was there before. It is pure: maps in, changes out.
package env

import (
	"maps"
	"slices"
	"strings"

	"github.com/d44b7504/vault/internal/creds"
)

// Names of variables. A variable of vault's own begins with two underscores or with
// AWS_VAULT; none begins with VAULT_, which belongs to another tool.
const (
	ActiveProfile  = "AWS_VAULT"
	Expiration     = "AWS_CREDENTIAL_EXPIRATION"
	GenerationFile = "__VAULT_TOKEN"     // path of the generation file
	StateVar       = "__VAULT_STATE"     // what was exported and what was there before
	Shell          = "__VAULT_SHELL"     // set by the hook for one call: the shell that reads the answer
	ReadOnly       = "__VAULT_READONLY"  // set by the hook for one call: variables that cannot be changed; after a + those local to a function
	Universal      = "__VAULT_UNIVERSAL" // set by the hook for one call: variables that cannot be removed
	Subshell       = "__VAULT_SUBSHELL"  // set by the hook for one call made in a sub-shell
	Lacks          = "__VAULT_LACKS"     // set by the hook for one call: what does not work in the shell; see shells.Lack
	ShellPID       = "__VAULT_PID"       // set by the hook for one call: the number of the process of the shell, or of the sub-shell
	Draw           = "__VAULT_DRAW"      // set by the hook for one call: whether and how its prompt shows the session; see hooks.Draw
	Detached       = "__VAULT_DETACHED"  // marks the copy of the program that renews in the background
	Inside         = "__VAULT_INSIDE"    // set by exec: what is around the shell; see around
	ProjectDir     = "__VAULT_PROJECT"   // which project directory the shell is in, and what was found there

	keyID         = "AWS_ACCESS_KEY_ID"
	secretKey     = "AWS_SECRET_ACCESS_KEY"
	sessionToken  = "AWS_SESSION_TOKEN"
	region        = "AWS_REGION"
	defaultRegion = "AWS_DEFAULT_REGION" // boto3 reads this one, other tools the other
	awsProfile    = "AWS_PROFILE"

	olderExpiration = "AWS_SESSION_EXPIRATION" // of AWS Vault before version 7
	endpointURL     = "AWS_CONTAINER_CREDENTIALS_FULL_URI"
	endpointToken   = "AWS_CONTAINER_AUTHORIZATION_TOKEN"
)

// restored lists the variables whose earlier values are in the state.
func restored() []string {
	return slices.Concat([]string{ActiveProfile, region, defaultRegion}, Identity)
}

// touched lists every variable that a switch may set or remove, whatever the environment.
func touched() []string { return slices.Concat(touchedIn(nil), settings) }

// touchedIn is touched with the bearer tokens that are in an environment.
func touchedIn(current map[string]string) []string {
	return slices.Concat(restored(), SecretsIn(current), []string{GenerationFile, StateVar})
}

// Change is one variable set or removed.
type Change struct {
	Name  string
	Value creds.Secret
	Unset bool
}

// Parse reads a list of NAME=value, as os.Environ gives it. The first of two equal names
// wins, as in getenv. Entries without a name, which cmd.exe makes, are dropped.
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

// apply returns environ with the changes made, sorted by name.
func apply(environ []string, changes []Change) []string {
	m := Parse(environ)
	for _, c := range changes {
		if c.Unset {
			delete(m, c.Name)
		} else {
			m[c.Name] = c.Value.Reveal()
		}
	}
	return list(m)
}

// list returns an environment as NAME=value, sorted by name.
func list(m map[string]string) []string {
	out := make([]string, 0, len(m))
	for _, name := range slices.Sorted(maps.Keys(m)) {
		out = append(out, name+"="+m[name])
	}
	return out
}

func set(name, value string) Change { return Change{Name: name, Value: creds.New(value)} }
func unset(name string) Change      { return Change{Name: name, Unset: true} }
