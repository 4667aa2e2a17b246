package store

// This file runs the programs that keep or guard secrets for us.

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/d44b7504/vault/env"
	"github.com/d44b7504/vault/internal/host"
)

// tool is one run of a program that stores items.
type tool struct {
	path  string
	args  []string
	stdin []byte   // nil: the terminal, if the program may ask there
	extra []string // NAME=value, for this program alone
	most  int      // how many bytes it may print; one more and it is ended
	quiet bool     // it must not ask a person
}

// run runs the program and returns what it printed and what it said on standard error,
// whatever became of it. The error is a *host.ChildError.
func (p tool) run(ctx context.Context) (out, complaint []byte, err error) {
	c := host.Child{
		Argv: append([]string{p.path}, p.args...), Kind: env.Keeper, Extra: p.extra,
		Input: p.stdin, Limit: p.most, Contact: host.Terminal,
	}
	if p.quiet {
		c.Contact = host.Silent
		c.Extra = append(c.Extra, gpgOptions+"="+strings.TrimSpace(os.Getenv(gpgOptions)+" --pinentry-mode error"))
	}
	o, err := host.Run(ctx, c)
	return o.Stdout, o.Stderr, err
}

// gpgOptions is the variable from which pass takes options for gpg. Without --pinentry-mode
// gpg's agent may ask on a display that this process does not know of.
const gpgOptions = "PASSWORD_STORE_GPG_OPTS"

// gpgKey is what the passphrase opens that gpg asks for.
const gpgKey = "the key of gpg"

// lockedError returns an error that matches ErrLocked if complaint has the words in which gpg
// and password managers say that they need a person; otherwise nil. said is what to show.
func lockedError(complaint, said string, quiet bool) error {
	lower := strings.ToLower(complaint)
	if strings.Contains(lower, "bad passphrase") { // gpg
		return &PassphraseError{Of: gpgKey}
	}
	for _, words := range []string{
		"no pinentry", "no passphrase", "operation cancelled", "inappropriate ioctl", "timeout", // gpg
		"is locked", "not signed in", "not currently signed in", "not logged in", "user interaction",
	} {
		if strings.Contains(lower, words) {
			return fmt.Errorf("%w: %s", ErrLocked, said)
		}
	}
	// gpg says this when it has no key, and also when it may not ask for the key's passphrase.
	if quiet && strings.Contains(lower, "no secret key") {
		return fmt.Errorf("%w: gpg may need a passphrase (%s)", ErrLocked, said)
	}
	return nil
}
