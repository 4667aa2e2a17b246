package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/d44b7504/vault/internal/creds"
)

// errPassphrase marks the errors that another passphrase may cure. A damaged item
// is not among them.
var errPassphrase = errors.New("the passphrase does not open")

// PassphraseError says that a passphrase is wrong, or that no new one was set. It matches
// ErrLocked.
type PassphraseError struct {
	Of       string // what it should open, for people
	Variable string // the environment variable that it came from; "" for none
	Empty    bool
	Unset    string // a new one was asked for: why there is none; otherwise ""
}

func (e *PassphraseError) Error() string {
	switch {
	case e.Unset != "":
		return "no passphrase was set: " + e.Unset
	case e.Empty:
		return "wrong passphrase for " + e.Of + ": it is empty"
	}
	return "wrong passphrase for " + e.Of
}

// Is makes it match ErrLocked, and errPassphrase if it was wrong.
func (e *PassphraseError) Is(target error) bool {
	return target == ErrLocked || target == errPassphrase && e.Unset == ""
}

// attempts is how often a person may type a passphrase, and how many items a passphrase is
// tried on before they are all called damaged.
const attempts = 3

// asking puts a question to a person. The answer is hidden.
type asking = func(ctx context.Context, question string) (creds.Secret, error)

// passphrase is one that this program was given, or asks a person for and remembers. It is
// safe for concurrent use.
type passphrase struct {
	given    *creds.Secret      // nil: it has to be asked for
	variable string             // the environment variable that gives it
	ask      asking             // nil: nobody can be asked
	opened   func(creds.Secret) // see Options.Opened; may be nil

	mu     sync.Mutex
	typed  *creds.Secret // what a person typed, unless it was wrong
	proven bool          // what was given or typed has opened something
}

// try calls open with the passphrase of what. When open fails with errPassphrase, a person
// may type another one, up to three in all, and the error is a *PassphraseError. question
// asks for one; again is a sentence to begin with, or empty the first time.
func (p *passphrase) try(ctx context.Context, what string, question func(ctx context.Context, again string) (creds.Secret, error), open func(creds.Secret) error) error {
	if known := p.known(); known != nil {
		err := open(*known)
		p.remember(known, err)
		switch {
		case !errors.Is(err, errPassphrase):
			return err
		case p.given != nil:
			return &PassphraseError{Of: what, Variable: p.variable, Empty: known.IsZero()}
		}
	}
	if p.ask == nil {
		return fmt.Errorf("%w: the passphrase of %s is needed and cannot be asked for here", ErrLocked, what)
	}
	again := ""
	for i := 1; ; i++ {
		typed, err := question(ctx, again)
		if err != nil {
			return err
		}
		err = open(typed)
		p.remember(&typed, err)
		switch {
		case !errors.Is(err, errPassphrase):
			return err
		case i == attempts:
			return &PassphraseError{Of: what, Empty: typed.IsZero()}
		}
		again = "Wrong passphrase. "
		if typed.IsZero() {
			again = "Wrong passphrase: it was empty. "
		}
	}
}

func (p *passphrase) known() *creds.Secret {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.given != nil {
		return p.given
	}
	return p.typed
}

// remember keeps a passphrase unless it is the wrong one.
func (p *passphrase) remember(s *creds.Secret, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case err == nil:
		if first := !p.proven; first && s != p.given && p.opened != nil {
			p.opened(*s)
		}
		p.typed, p.proven = s, true
	case errors.Is(err, errPassphrase):
		p.typed, p.proven = nil, false
	default: // something else failed, and this may well be the right one
		p.typed = s
	}
}

// isProven reports whether the passphrase has opened something.
func (p *passphrase) isProven() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.proven
}

// askTwice asks for a new passphrase until it was typed the same twice: nothing could tell a
// slip of the finger later. It says why it asks again.
func askTwice(ctx context.Context, ask asking, question string) (creds.Secret, error) {
	why := ""
	for range attempts {
		if why != "" {
			why = strings.ToUpper(why[:1]) + why[1:] + ". "
		}
		first, err := ask(ctx, why+question)
		if err != nil {
			return creds.Secret{}, err
		}
		if first.IsZero() {
			why = "a passphrase must not be empty"
			continue
		}
		again, err := ask(ctx, "The same passphrase again")
		if err != nil {
			return creds.Secret{}, err
		}
		if first.Equal(again) {
			return first, nil
		}
		why = "the two passphrases differ"
	}
	return creds.Secret{}, &PassphraseError{Unset: why}
}
