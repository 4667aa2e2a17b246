package cmd

import (
	"slices"
	"strings"

	"github.com/d44b7504/vault/env"
)

// shortForms is whether a profile may stand where a command does.
const shortForms = "AWS_VAULT_SHORT"

// expandShort makes "vault use PROFILE" of "vault PROFILE", and "vault use -" of "vault -", where the
// user wants that. A word that is a command is always the command, and one that is no profile stays,
// for the hint about it.
func (r *run) expandShort() {
	if r.isProfileWord(firstArg(r.Args)) {
		r.Args = append([]string{"use"}, r.Args...)
	}
}

// isProfileWord reports whether the first word of a line stands for "use" and that word.
func (r *run) isProfileWord(word string) bool {
	switch {
	case word == "" || !r.isOn(shortForms) || slices.Contains(verbs(), word):
		return false
	case word == "-" || word == ".":
		return true
	case strings.HasPrefix(word, "-"):
		return false
	}
	set, err := r.task.Profiles()
	if err != nil {
		return true // what is wrong with the file is told
	}
	if set.Has(word) {
		return true
	}
	p, err := r.task.ResolveUnopened(env.Request{Profile: word})
	return err == nil && p.Source.SSO != nil // a role by its name
}
