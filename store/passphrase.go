package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/99designs/keyring"

	"github.com/d44b7504/vault/internal/creds"
)

// errPassphrase marks the errors that another passphrase may cure. A damaged item
// is not among them.
var errPassphrase = errors.New("the passphrase does not open")

// attempts is how often a person may type the passphrase, and how many items a
// passphrase is tried on before they are all called damaged.
const attempts = 3

// passphrase returns the one given, or the one typed before, or asks.
func (f *files) passphrase(ctx context.Context) (creds.Secret, error) {
	f.mu.Lock()
	known := f.given
	if known == nil {
		known = f.typed
	}
	f.mu.Unlock()
	switch {
	case known != nil:
		return *known, nil
	case f.ask == nil:
		return creds.Secret{}, unanswered{fmt.Errorf("%w: the passphrase of %s is needed and nobody can be asked", ErrLocked, f.dir)}
	}
	typed, err := f.question(ctx)
	if err != nil {
		return creds.Secret{}, unanswered{err}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.typed = &typed
	return typed, nil
}

// question asks for the passphrase of the items there are; when there are none yet
// it asks for a new one, twice, since nothing could tell a slip of the finger later.
func (f *files) question(ctx context.Context) (creds.Secret, error) {
	names, err := f.keys(ctx, "")
	if err != nil {
		return creds.Secret{}, err
	}
	if len(names) > 0 {
		return f.ask(ctx, "Passphrase of the keys in "+f.dir)
	}
	for range attempts {
		first, err := f.ask(ctx, "New passphrase for the keys in "+f.dir)
		if err != nil {
			return creds.Secret{}, err
		}
		again, err := f.ask(ctx, "The same passphrase again")
		if err != nil {
			return creds.Secret{}, err
		}
		if first.Equal(again) && !first.IsZero() {
			return first, nil
		}
	}
	return creds.Secret{}, fmt.Errorf("%w: no passphrase was typed twice the same", ErrLocked)
}

// settle notes that the passphrase is the right one, or forgets what was typed.
func (f *files) settle(right bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.proven = right
	if !right {
		f.typed = nil
	}
}

// mayAskAgain forgets a wrong passphrase when a person can type another one.
func (f *files) mayAskAgain(tries int) bool {
	f.settle(false)
	return f.given == nil && f.ask != nil && tries < attempts
}

// prove opens one existing item, so that a wrong passphrase is found out before
// anything is written with it. The library would write, and mix two passphrases.
func (f *files) prove(ctx context.Context, key string) error {
	f.mu.Lock()
	proven := f.proven
	f.mu.Unlock()
	if proven {
		return nil
	}
	names, err := f.witnesses(ctx, key)
	if err != nil {
		return err
	}
	var verdict error // nil when there is nothing to prove it on
	for _, name := range names {
		_, err := f.ring(ctx, f.dir).Get(name)
		switch {
		case err == nil:
			f.settle(true)
			return nil
		case isWrong(err):
			verdict = f.wrong()
		case !isDamage(err):
			return err
		}
	}
	return verdict
}

// diagnose puts into words why an item cannot be decrypted: with a passphrase that
// opens another item it is the file that is damaged, otherwise the passphrase is wrong.
func (f *files) diagnose(ctx context.Context, key string, err error) error {
	if isDamage(err) {
		return f.damaged(key)
	}
	if !isWrong(err) {
		return err
	}
	names, _ := f.witnesses(ctx, key)
	for _, name := range names {
		if name == key {
			continue
		}
		if _, err := f.ring(ctx, f.dir).Get(name); err == nil {
			f.settle(true)
			return f.damaged(key)
		}
	}
	return f.wrong()
}

func (f *files) wrong() error {
	return fmt.Errorf("%w: %w the items in %s", ErrLocked, errPassphrase, f.dir)
}

func (f *files) damaged(key string) error {
	return fmt.Errorf("the file %s in %s is damaged", fileName(key), f.dir)
}

// isWrong knows what the library says when the key that the passphrase wraps does
// not unwrap.
func isWrong(err error) bool {
	return strings.Contains(err.Error(), "aes.KeyUnwrap()")
}

// isDamage says that a file was read and a passphrase was there, and yet it could
// not be decrypted: whatever the library calls it, the bytes are not an item's.
func isDamage(err error) bool {
	var file *fs.PathError
	var silence unanswered
	return !isWrong(err) && !errors.As(err, &file) && !errors.As(err, &silence) && !errors.Is(err, keyring.ErrKeyNotFound)
}

// unanswered is an error of asking, told apart from those of decrypting.
type unanswered struct{ cause error }

func (u unanswered) Error() string { return u.cause.Error() }
func (u unanswered) Unwrap() error { return u.cause }
