package store

// This file runs the programs that keep or guard secrets for us.

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strings"
	"time"

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

	turn func(context.Context) (done func()) // Options.Turn
}

// run runs the program and returns what it printed and what it said on standard error,
// whatever became of it. The error is a *host.ChildError.
//
// gpg's agent fails when many programs ask it at once, and gpg says then that it has no secret
// key. So our own processes take turns. Because others may ask too, the program is then run
// again, up to four times in two seconds.
func (p tool) run(ctx context.Context) (out, complaint []byte, err error) {
	for pause := 100 * time.Millisecond; ; pause *= 2 {
		started := time.Now()
		out, complaint, err = p.once(ctx)
		if err == nil || pause > time.Second || p.asked(started) || !noSecretKey(out) && !noSecretKey(complaint) {
			return out, complaint, err
		}
		select {
		case <-ctx.Done():
			return out, complaint, err
		case <-time.After(pause):
		}
	}
}

// asked reports whether a person may have been asked since then, or whether gpg was not allowed
// to: a passphrase that is wrong, or missing, has the same words.
func (p tool) asked(since time.Time) bool { return p.quiet || time.Since(since) > 3*time.Second }

func noSecretKey(said []byte) bool {
	return bytes.Contains(said, []byte("decryption failed: No secret key"))
}

func (p tool) once(ctx context.Context) (out, complaint []byte, err error) {
	if p.turn != nil {
		defer p.turn(ctx)()
	}
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
