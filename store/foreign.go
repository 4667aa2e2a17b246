package store

// This file keeps the items of other programs, and entries that a person has made, from being
// written over or deleted, in the stores where they can be beside ours. The name does not
// tell: a profile may be called like an entry. The content does.

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/99designs/keyring"

	"github.com/d44b7504/vault/internal/creds"
)

// ForeignError is the refusal to write over or delete an item that neither this program nor
// AWS Vault has stored. It matches ErrForeign.
type ForeignError struct {
	Err error // why the item could not be looked at; nil: it was not stored by these two
}

func (e *ForeignError) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("the entry cannot be read, and may be another program's or your own: %v", e.Err)
	}
	return "the entry is another program's or your own, it was not stored by this program"
}

func (e *ForeignError) Unwrap() error { return e.Err }
func (e *ForeignError) Is(target error) bool {
	return target == ErrForeign || target == ErrUnavailable
}

// itemReader is for a driver whose items say in themselves which program has stored them.
// It returns ErrNotFound, keyring.ErrKeyNotFound, or ErrForeign for what is not an item.
type itemReader func(ctx context.Context, d driver, key string) (keyring.Item, error)

// CheckForeign returns a ForeignError if the store can hold other programs' items, and has
// one with this name. It may ask a person, as reading does.
func CheckForeign(ctx context.Context, s Store, name string) error {
	b, ok := s.(*bounded)
	if !ok || !b.mayBeForeign(name) {
		return nil
	}
	_, err := run(ctx, b, "replace", name, func(ctx context.Context) (struct{}, error) { return struct{}{}, b.refuseForeign(ctx, name) })
	return err
}

// mayBeForeign: other programs do not make names such as vault.session,… by chance.
func (b *bounded) mayBeForeign(name string) bool { return b.readItem != nil && !isGenerated(name) }

// refuseForeign returns a ForeignError if an item of this name must not be written over or
// deleted.
func (b *bounded) refuseForeign(ctx context.Context, name string) error {
	if !b.mayBeForeign(name) || ctx.Value(overwriting{}) != nil {
		return nil
	}
	item, err := b.readItem(ctx, b.d, name)
	defer clear(item.Data)
	switch {
	case errors.Is(err, ErrNotFound), errors.Is(err, keyring.ErrKeyNotFound):
		return nil
	case errors.Is(err, ErrForeign):
		return &ForeignError{}
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		return &ForeignError{b.translate(err)}
	case !isOurs(name, item):
		return &ForeignError{}
	}
	return nil
}

// isOurs recognises an item of this program or of AWS Vault: by its label, or by its data.
func isOurs(name string, item keyring.Item) bool {
	for _, text := range []string{item.Label, item.Description} {
		if strings.HasPrefix(text, serviceName+" ") {
			return true
		}
	}
	if isKeyName(name) {
		_, err := parseKey(name, creds.New(string(item.Data)))
		return err == nil
	}
	var cached struct { // by AWS Vault: a session, or a sign-in
		AccessKeyID, AccessToken string
		Token                    json.RawMessage
	}
	return json.Unmarshal(item.Data, &cached) == nil && (cached.AccessKeyID != "" || cached.AccessToken != "" || len(cached.Token) > 0)
}

type overwriting struct{}

// Overwriting returns a context with which Put writes over an item of another program too.
func Overwriting(ctx context.Context) context.Context {
	return context.WithValue(ctx, overwriting{}, true)
}

// itemIn decodes an item in the keyring library's format.
func itemIn(data []byte) (item keyring.Item, err error) {
	defer clear(data)
	if json.Unmarshal(data, &item) != nil || item.Key == "" {
		return item, ErrForeign
	}
	return item, nil
}

// named returns the data of an item that was read under a name. The item has its name in
// itself: one that was copied or renamed outside is not given out as another one.
func named(item keyring.Item, name string, err error) ([]byte, error) {
	if err == nil && item.Key != name {
		clear(item.Data)
		return nil, errMoved
	}
	return item.Data, err
}

// errMoved: to use the key of one profile in the place of another would be to act as another
// user.
var errMoved = errors.New("it is not the item that its name says: it was copied, moved or replaced")

// readItem reads an item with its label, for a table entry whose driver can.
func readItem(ctx context.Context, d driver, key string) (keyring.Item, error) {
	return d.(interface {
		item(context.Context, string) (keyring.Item, error)
	}).item(ctx, key)
}
