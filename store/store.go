// Package store keeps secrets in the operating system's keyring. It is the only package
// that imports the keyring library, and it hides how the back ends differ: there is one set
// of errors, a deadline for every wait, and no dialog when there is nobody to see it.
package store

import (
	"context"
	"errors"

	"github.com/d44b7504/vault/internal/creds"
)

// Store is a set of named secrets. Every method may block on another process (a keyring
// daemon, gpg, a dialog) until ctx's deadline. All are safe for concurrent use.
type Store interface {
	// Get returns the item, ErrNotFound, or ErrLocked when it cannot be read
	// without a person.
	Get(ctx context.Context, key string) (creds.Secret, error)
	// Put creates or replaces the item.
	Put(ctx context.Context, key string, v creds.Secret) error
	// Delete removes the item; ErrNotFound when there is none.
	Delete(ctx context.Context, key string) error
	// List returns the sorted names that begin with prefix. It decrypts nothing, unless the
	// back end hides names and prefix can be that of a long-lived key; see KeyNames.
	List(ctx context.Context, prefix string) ([]string, error)
}

// The errors of this package match one of these with errors.Is. The text has what the
// back end said.
var (
	ErrNotFound    = errors.New("no such item")
	ErrLocked      = errors.New("the keyring is locked")
	ErrUnavailable = errors.New("the keyring cannot be used")

	// ErrForeign is matched as well as ErrUnavailable by the error for an item of another
	// program: a password store can be shared.
	ErrForeign = errors.New("not an item of this tool")
)
