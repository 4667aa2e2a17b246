package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/d44b7504/vault/internal/atomicfile"
	"github.com/d44b7504/vault/internal/creds"
)

// This file reads and writes what can be made again: sessions and sign-ins. A command that
// root ran in a user's name may have left some that this user may not read. They must not
// block the user: to read one is ErrNotFound, and a new one takes its place.

func getCached(ctx context.Context, s Store, name string) (creds.Secret, error) {
	item, err := s.Get(ctx, name)
	if errors.Is(err, fs.ErrPermission) {
		return item, fmt.Errorf("%w: %w", ErrNotFound, err)
	}
	return item, err
}

func putCached(ctx context.Context, s Store, name string, v creds.Secret) error {
	err := s.Put(ctx, name, v)
	var owner *atomicfile.OwnerError
	if errors.As(err, &owner) && s.Delete(ctx, name) == nil {
		return s.Put(ctx, name, v)
	}
	return err
}

// writeItem writes the file of an item. A session is not synced: it can be made again.
func writeItem(path, key string, sealed []byte) error {
	if isSession(key) {
		return atomicfile.WriteCache(path, sealed)
	}
	return atomicfile.Write(path, sealed)
}
