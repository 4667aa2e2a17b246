package env

import (
	"slices"
	"strings"
)

// Kind says what a child process is for. It decides which variables the child may have.
type Kind uint8

const (
	// Tool answers one question or opens a page: a browser, an MFA program, mfa_process,
	// web_identity_token_process, a shell that tells its version. It gets no identity.
	Tool Kind = 1 << iota
	// Source gives credentials: credential_process. It gets the identity that the user
	// has set, without its keys, and nothing that we exported.
	Source
	// Keeper stores items: a credential helper, pass, a plugin of age, security. It gets
	// the same as a Source.
	Keeper
	// Own is this program again. It gets everything.
	Own
)

// kinds lists every kind of child.
func kinds() []Kind { return []Kind{Tool, Source, Keeper, Own} }

// Passphrases are the variables that open a store of the user's. They are for this
// program alone.
var Passphrases = []string{"AWS_VAULT_FILE_PASSPHRASE", "AWS_VAULT_AGE_PASSPHRASE", "AWS_VAULT_FROM_PASSPHRASE"}

// PassphrasesIn returns the entries of environ that are Passphrases. For only takes them
// away: they are for a child that is this program again.
func PassphrasesIn(environ []string) []string {
	return slices.DeleteFunc(slices.Clone(environ), func(entry string) bool {
		name, _, _ := strings.Cut(entry, "=")
		return !slices.Contains(Passphrases, name)
	})
}

// groups is the one list of variables that not every child may have. A variable that is
// in no group is everyone's.
var groups = []struct {
	has    func(name string) bool
	allows Kind // the kinds of child that get it
}{
	{isKeyID, Own | Source | Keeper}, // but see For
	{isSecret, Own},
	{isPassphrase, Own},
	{isState, Own},
	{isIdentity, Own | Source | Keeper},
}

func isKeyID(name string) bool { return name == keyID }

// isSecret: keys and tokens of AWS, and notes that may repeat them.
func isSecret(name string) bool {
	return slices.Contains(Secrets, name) || slices.ContainsFunc(projectTools, func(t projectTool) bool { return t.variable == name }) || isBearer(name)
}

// isPassphrase also knows the names that a later version may give a meaning to.
func isPassphrase(name string) bool {
	return strings.HasPrefix(name, "AWS_VAULT_") && strings.HasSuffix(name, "_PASSPHRASE")
}

// isState: what a shell and the hook in it remember of a session.
func isState(name string) bool {
	return slices.Contains(internal, name)
}

// isIdentity: who the AWS tools are told to be, without the keys.
func isIdentity(name string) bool { return name == ActiveProfile || slices.Contains(Identity, name) }

// allows reports whether a child of this kind may have the variable. The case of letters
// makes no difference, as on Windows.
func (k Kind) allows(name string) bool {
	name = strings.ToUpper(name)
	for _, g := range groups {
		if g.has(name) {
			return g.allows&k != 0
		}
	}
	return true
}

// For returns what a child of this kind gets of environ. What we exported ourselves is
// the session of a shell and not the user's setting: a Source and a Keeper find the
// user's own values instead. The id of a key whose secret is held back goes with it:
// half a pair stops the AWS tools.
func For(k Kind, environ []string) []string {
	current := Parse(environ)
	if k&(Source|Keeper) != 0 && current[StateVar] != "" {
		environ = list(User(current))
	}
	pair := current[secretKey] != "" && !k.allows(secretKey)
	return slices.DeleteFunc(slices.Clone(environ), func(entry string) bool {
		name, _, _ := strings.Cut(entry, "=")
		return !k.allows(name) || pair && isKeyID(strings.ToUpper(name))
	})
}

// Strip returns environ without anything that carries credentials, of vault or of another
// tool, and without vault's own state: what a command that exec runs can start from.
func Strip(environ []string) []string { return For(Tool, environ) }
