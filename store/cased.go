package store

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/99designs/keyring"
)

// This file is about stores that take no notice of the case of letters, as Windows's Credential Manager and most
// file systems of Windows and macOS. The profiles "Prod" and "prod" are two, and neither may get, replace or
// delete the key of the other.

// otherCase is the name of an item that such a store would take for that of key; "" if there is none, or if key
// has an item of its own.
func otherCase(names []string, key string) string {
	if slices.Contains(names, key) {
		return ""
	}
	if i := slices.IndexFunc(names, func(n string) bool { return strings.EqualFold(n, key) }); i >= 0 {
		return names[i]
	}
	return ""
}

// errOtherCase refuses to replace an item.
func errOtherCase(place, other string) error {
	return fmt.Errorf("%w: %s has %q, and takes no notice of the case of letters; give one of the two another name", ErrUnavailable, place, other)
}

// casedDriver makes a driver of such a store tell the case of letters apart. The names of sessions and of parts
// are random letters, and are not looked for.
type casedDriver struct {
	driver
	place string
}

func (c *casedDriver) get(ctx context.Context, key string) ([]byte, error) {
	if other, err := c.other(ctx, key); err != nil || other != "" {
		return nil, orNotFound(err)
	}
	return c.driver.get(ctx, key)
}

func (c *casedDriver) put(ctx context.Context, item keyring.Item) error {
	other, err := c.other(ctx, item.Key)
	if err == nil && other != "" {
		err = errOtherCase(c.place, other)
	}
	if err != nil {
		return err
	}
	return c.driver.put(ctx, item)
}

func (c *casedDriver) remove(ctx context.Context, key string) error {
	if other, err := c.other(ctx, key); err != nil || other != "" {
		return orNotFound(err)
	}
	return c.driver.remove(ctx, key)
}

func (c *casedDriver) other(ctx context.Context, key string) (string, error) {
	if isSession(key) || strings.HasPrefix(key, partPrefix) {
		return "", nil
	}
	names, err := c.keys(ctx, "")
	return otherCase(names, key), err
}

func orNotFound(err error) error {
	if err == nil {
		return ErrNotFound
	}
	return err
}
