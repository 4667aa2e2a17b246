package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/99designs/keyring"

	"github.com/d44b7504/vault/internal/creds"
)

// driver is one back end in the library's own terms. What get returns is the caller's,
// what put is given is wiped when it returns. Calls do not overlap. A call
// that cannot be stopped by ctx is abandoned, so a driver must stand being called
// again while an abandoned call still hangs.
type driver interface {
	get(ctx context.Context, key string) ([]byte, error)
	put(ctx context.Context, item keyring.Item) error
	remove(ctx context.Context, key string) error
	keys(ctx context.Context) ([]string, error)
}

// secretive is a driver that encrypts names too, and so wants to know which ones it is
// asked for.
type secretive interface {
	driver
	// keysFrom gives at least the names with this prefix.
	keysFrom(ctx context.Context, prefix string) ([]string, error)
	known(ctx context.Context, names []string) (there []string, others int, err error)
}

// laborious is a driver whose calls may take that long by their own work, while nobody
// is waited for.
type laborious interface {
	labour() time.Duration
}

// newStore makes a driver's Store discreet if the driver is secretive.
func newStore(b *bounded) Store {
	if d, ok := b.d.(secretive); ok {
		return &closeMouthed{b, d}
	}
	return b
}

// closeMouthed is a bounded store that keeps its names to itself.
type closeMouthed struct {
	*bounded
	d secretive
}

func (c *closeMouthed) known(ctx context.Context, names []string) (there []string, others int, err error) {
	type answer struct {
		there  []string
		others int
	}
	a, err := run(ctx, c.bounded, "list", "", func(ctx context.Context) (a answer, err error) {
		a.there, a.others, err = c.d.known(ctx, names)
		return a, err
	})
	return a.there, a.others, err
}

// bounded makes a Store of a driver: one call at a time, an end to every wait, one
// vocabulary of errors.
type bounded struct {
	name  string
	d     driver
	limit time.Duration
	turn  chan struct{} // holds one token while nobody is at work
}

func newBounded(name string, d driver, limit time.Duration) *bounded {
	b := &bounded{name: name, d: d, limit: limit, turn: make(chan struct{}, 1)}
	b.turn <- struct{}{}
	return b
}

// String is the name of the back end.
func (b *bounded) String() string { return b.name }

func (b *bounded) Get(ctx context.Context, key string) (creds.Secret, error) {
	data, err := run(ctx, b, "read", key, func(ctx context.Context) ([]byte, error) { return b.d.get(ctx, key) })
	if err != nil {
		return creds.Secret{}, err
	}
	return wrapped(data), nil
}

func (b *bounded) Put(ctx context.Context, key string, v creds.Secret) error {
	return b.do(ctx, "write", key, func(ctx context.Context) error {
		item := newItem(key, v)
		defer clear(item.Data) // not before the driver is done, which may be after the deadline
		return b.d.put(ctx, item)
	})
}

func (b *bounded) Delete(ctx context.Context, key string) error {
	return b.do(ctx, "delete", key, func(ctx context.Context) error { return b.d.remove(ctx, key) })
}

func (b *bounded) List(ctx context.Context, prefix string) ([]string, error) {
	keys := b.d.keys
	if d, ok := b.d.(secretive); ok {
		keys = func(ctx context.Context) ([]string, error) { return d.keysFrom(ctx, prefix) }
	}
	all, err := run(ctx, b, "list", prefix, keys)
	if err != nil {
		return nil, err
	}
	names := slices.DeleteFunc(all, func(k string) bool { return !strings.HasPrefix(k, prefix) })
	slices.Sort(names)
	return slices.Compact(names), nil
}

// wrapped makes a secret of data and wipes that.
func wrapped(data []byte) creds.Secret {
	defer clear(data)
	return creds.New(string(data))
}

func (b *bounded) do(ctx context.Context, verb, key string, f func(context.Context) error) error {
	_, err := run(ctx, b, verb, key, func(ctx context.Context) (struct{}, error) { return struct{}{}, f(ctx) })
	return err
}

func run[T any](ctx context.Context, b *bounded, verb, key string, f func(context.Context) (T, error)) (T, error) {
	var zero T
	if err := checkName(key); verb != "list" && err != nil {
		return zero, fmt.Errorf("%s %q in %s: %w", verb, key, b.name, err)
	}
	ctx, cancel := context.WithTimeout(ctx, b.limit)
	defer cancel()
	v, err := inTurn(ctx, b, f)
	switch {
	case err == nil:
		return v, nil
	case key == "":
		return zero, fmt.Errorf("%s the items in %s: %w", verb, b.name, b.normal(err))
	}
	return zero, fmt.Errorf("%s %q in %s: %w", verb, key, b.name, b.normal(err))
}

// inTurn waits for the call before this one, but no longer than ctx says. A call
// that hangs gives its turn back when it is abandoned, or all others would hang too.
func inTurn[T any](ctx context.Context, b *bounded, f func(context.Context) (T, error)) (T, error) {
	var zero T
	if err := ctx.Err(); err != nil {
		return zero, err
	}
	select {
	case <-b.turn:
		defer func() { b.turn <- struct{}{} }()
		return within(ctx, func() (T, error) { return f(ctx) })
	case <-ctx.Done():
		return zero, ctx.Err()
	}
}

// checkName refuses what no back end can hold. "." and ".." are folders in two of them.
func checkName(key string) error {
	if key == "" || key == "." || key == ".." || strings.ContainsRune(key, 0) {
		return fmt.Errorf("%w: not a name an item can have", ErrUnavailable)
	}
	return nil
}

// normal translates what a back end said into this package's vocabulary.
func (b *bounded) normal(err error) error {
	switch {
	case errors.Is(err, ErrNotFound), errors.Is(err, ErrLocked), errors.Is(err, ErrUnavailable):
		return err
	case errors.Is(err, keyring.ErrKeyNotFound):
		return ErrNotFound
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("%w: it did not answer in time: %w", ErrUnavailable, err)
	case isLocked(err):
		return fmt.Errorf("%w: %w", ErrLocked, err)
	}
	return fmt.Errorf("%w: %w", ErrUnavailable, err)
}

// isLocked knows the words in which GNOME's keyring and the macOS keychain say that
// a person has to unlock them first.
func isLocked(err error) bool {
	for _, words := range []string{"in a locked collection", "of a locked object", "delete a locked item", "User interaction is not allowed"} {
		if strings.Contains(err.Error(), words) {
			return true
		}
	}
	return false
}
