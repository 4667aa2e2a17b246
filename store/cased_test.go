package store

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/99designs/keyring"
)

// folding is a store that takes no notice of the case of letters, as Windows's Credential Manager.
type folding map[string]keyring.Item

func (f folding) get(_ context.Context, key string) ([]byte, error) {
	item, there := f[strings.ToLower(key)]
	if !there {
		return nil, ErrNotFound
	}
	return slices.Clone(item.Data), nil
}

func (f folding) put(_ context.Context, item keyring.Item) error {
	item.Data = slices.Clone(item.Data) // the caller wipes it
	f[strings.ToLower(item.Key)] = item
	return nil
}

func (f folding) remove(_ context.Context, key string) error {
	if _, there := f[strings.ToLower(key)]; !there {
		return ErrNotFound
	}
	delete(f, strings.ToLower(key))
	return nil
}

func (f folding) keys(context.Context, string) (names []string, err error) {
	for _, item := range f {
		names = append(names, item.Key)
	}
	slices.Sort(names)
	return names, nil
}

func (f folding) survey(context.Context) survey { return survey{} }

func TestProfilesThatDifferInCaseNeverShareAKey(t *testing.T) {
	cases(t, newBounded(entryOf(t, "wincred"), &casedDriver{folding{}, "the store"}, 5*time.Second))
}
