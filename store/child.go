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

// tool is one run of a program that keeps items.
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

// gpgOptions is where pass takes options of gpg from. A gpg that must not ask is told so:
// its agent may know a display that we do not see.
const gpgOptions = "PASSWORD_STORE_GPG_OPTS"

// lockedError is the error for what gpg and password managers say when a person is what is
// missing, nil for anything else. said is the part of it to show.
func lockedError(complaint, said string, quiet bool) error {
	lower := strings.ToLower(complaint)
	for _, words := range []string{
		"no pinentry", "no passphrase", "operation cancelled", "inappropriate ioctl", "timeout", // gpg
		"is locked", "not signed in", "not currently signed in", "not logged in", "user interaction",
	} {
		if strings.Contains(lower, words) {
			return fmt.Errorf("%w: %s", ErrLocked, said)
		}
	}
	// gpg says this of a key it lacks and of one whose passphrase it may not ask for.
	if quiet && strings.Contains(lower, "no secret key") {
		return fmt.Errorf("%w: gpg may need a passphrase (%s)", ErrLocked, said)
	}
	return nil
}
