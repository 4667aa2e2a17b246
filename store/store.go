// Package store keeps secrets in the operating system's keyring. It is the only
// importer of the keyring library, and hides how its back ends differ: one error
// vocabulary, a deadline on every wait, and no dialog when nobody is there to see it.
package store

import (
	"context"
	"errors"

	"github.com/d44b7504/vault/internal/creds"
)

// Store is a set of named secrets. Every method may block on another process (a
// keyring daemon, gpg, a dialog) up to ctx's deadline. All are safe for concurrent use.
type Store interface {
	// Get returns the item, ErrNotFound, or ErrLocked when it cannot be read
	// without a person.
	Get(ctx context.Context, key string) (creds.Secret, error)
	// Put creates or replaces the item.
	Put(ctx context.Context, key string, v creds.Secret) error
	// Delete removes the item; ErrNotFound when there is none.
	Delete(ctx context.Context, key string) error
	// List returns the sorted names that begin with prefix, without decrypting; where
	// names are encrypted too (age) that is so for sessions and tokens only, and KeyNames
	// tells of keys what can be told.
	List(ctx context.Context, prefix string) ([]string, error)
}

// The vocabulary of failure. Errors of this package match one of them with
// errors.Is; the text says what the back end said.
var (
	ErrNotFound    = errors.New("no such item")
	ErrLocked      = errors.New("the keyring is locked")
	ErrUnavailable = errors.New("the keyring cannot be used")

	// ErrForeign, besides ErrUnavailable, marks an item that is another program's: a
	// password store can be shared.
	ErrForeign = errors.New("not an item of this tool")
)
