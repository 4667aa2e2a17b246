package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/99designs/keyring"

	"github.com/d44b7504/vault/internal/creds"
)

// driver is what a back end implements. The caller owns what get returns, and wipes what
// it gave to put when that returns. Calls do not overlap, with one exception: a call that
// does not stop when ctx ends is abandoned, and the next one may begin while it still hangs.
type driver interface {
	get(ctx context.Context, key string) ([]byte, error)
	put(ctx context.Context, item keyring.Item) error
	remove(ctx context.Context, key string) error
	// keys lists at least the names that begin with prefix.
	keys(ctx context.Context, prefix string) ([]string, error)
	// survey describes the place where the items are. It does not ask, unlocks nothing and
	// decrypts nothing.
	survey(ctx context.Context) survey
}

// survey is a driver's description of the place where its items are.
type survey struct {
	place  string // for people
	items  int    // -1 when it is not known
	remark string // one more thing to know, or ""
	err    error  // why the items cannot be listed; nil when they can, or are not counted
}

// listed returns the survey of a driver whose names can be listed without asking.
func listed(ctx context.Context, place string, d driver) survey {
	names, err := d.keys(ctx, "")
	switch {
	case err == nil:
		return survey{place: place, items: len(names)}
	case errors.Is(err, ErrLocked), isLocked(err):
		return survey{place: place, items: -1, remark: "it is locked"}
	}
	return survey{place: place, items: -1, err: err}
}

// bounded is the Store that is made of a driver: one call at a time, each with a deadline
// and with the errors of this package.
type bounded struct {
	Backend
	d     driver
	limit time.Duration
	turn  chan struct{} // holds one token while no call runs
	// canAsk says that a person can be asked for what opens the items.
	canAsk bool
	// ownFolder is the folder that has nothing but this program's items; "" for none.
	ownFolder string
	// changed is called when an item without a Stamp was changed; may be nil.
	changed func()
	// memory has items that were read; nil: they are read each time.
	memory *memory
	// unsynced is the directory that Flush has to bring to the disk, "" for none.
	unsynced string
}

func newBounded(of Backend, d driver, limit time.Duration) *bounded {
	b := &bounded{Backend: of, d: d, limit: limit, turn: make(chan struct{}, 1)}
	b.turn <- struct{}{}
	return b
}

func (b *bounded) Get(ctx context.Context, key string) (creds.Secret, error) {
	if b.memory != nil {
		return b.memory.get(ctx, b, key, func() (creds.Secret, error) { return b.read(ctx, key) })
	}
	return b.read(ctx, key)
}

func (b *bounded) read(ctx context.Context, key string) (creds.Secret, error) {
	data, err := run(ctx, b, "read", key, func(ctx context.Context) ([]byte, error) { return b.d.get(ctx, key) })
	if err != nil {
		return creds.Secret{}, err
	}
	return secretFrom(data), nil
}

func (b *bounded) Put(ctx context.Context, key string, v creds.Secret) error {
	return b.change(ctx, "write", key, v, func(ctx context.Context) error {
		if !utf8.ValidString(key) { // in some back ends two such names would be one
			return fmt.Errorf("%w: its name is not UTF-8 text", ErrUnavailable)
		}
		if err := b.refuseForeign(ctx, key); err != nil {
			return err
		}
		item := newItem(key, v)
		defer clear(item.Data) // not before the driver is done, which may be after the deadline
		return b.d.put(ctx, item)
	})
}

func (b *bounded) Delete(ctx context.Context, key string) error {
	return b.change(ctx, "delete", key, creds.Secret{}, func(ctx context.Context) error {
		if err := b.refuseForeign(ctx, key); err != nil {
			return err
		}
		return b.d.remove(ctx, key)
	})
}

func (b *bounded) List(ctx context.Context, prefix string) ([]string, error) {
	all, err := run(ctx, b, "list", prefix, func(ctx context.Context) ([]string, error) { return b.d.keys(ctx, prefix) })
	var some *unreadableError
	if errors.As(err, &some) {
		all = some.names
	} else if err != nil {
		return nil, err
	}
	names := slices.DeleteFunc(all, func(k string) bool { return !strings.HasPrefix(k, prefix) })
	slices.Sort(names)
	return slices.Compact(names), err
}

// knownNames returns which of names have an item, and how many more long-lived items there
// are. It is for a back end that hides names.
func (b *bounded) knownNames(ctx context.Context, names []string) (there []string, others int, err error) {
	there, err = run(ctx, b, "list", "", func(ctx context.Context) (found []string, err error) {
		found, others, err = b.known(ctx, b.d, names)
		return found, err
	})
	return there, others, err
}

// hiding returns the store if its back end hides names, otherwise nil.
func hiding(s Store) *bounded {
	if b, ok := s.(*bounded); ok && b.HidesNames() {
		return b
	}
	return nil
}

// secretFrom returns data as a secret, and wipes data.
func secretFrom(data []byte) creds.Secret {
	defer clear(data)
	return creds.New(string(data))
}

func (b *bounded) do(ctx context.Context, verb, key string, f func(context.Context) error) error {
	_, err := run(ctx, b, verb, key, func(ctx context.Context) (struct{}, error) { return struct{}{}, f(ctx) })
	return err
}

// change is do for what changes an item: v is its new value.
func (b *bounded) change(ctx context.Context, verb, key string, v creds.Secret, f func(context.Context) error) error {
	changed := func(creds.Secret) {}
	if b.memory != nil {
		changed = b.memory.changing(ctx, b, key)
	}
	err := b.do(ctx, verb, key, f)
	if err != nil {
		v = creds.Secret{}
	}
	changed(v)
	if _, stamped := b.d.(filed); !stamped && b.changed != nil {
		b.changed() // after a failure too: it may have been changed all the same
	}
	return err
}

func run[T any](ctx context.Context, b *bounded, verb, key string, f func(context.Context) (T, error)) (T, error) {
	var zero T
	if err := checkName(key); verb != "list" && err != nil {
		return zero, fmt.Errorf("%s %q in %s: %w", verb, key, b.Name, err)
	}
	ctx, cancel := context.WithTimeout(ctx, b.limit)
	defer cancel()
	v, err := inTurn(ctx, b, f)
	var pass *PassphraseError
	switch {
	case err == nil:
		return v, nil
	case errors.As(err, &pass): // it is about the store, whichever item is wanted
		return zero, err
	}
	return zero, fmt.Errorf("%s %s in %s: %w", verb, shown(verb, key), b.Name, b.translate(err))
}

// shown is an item's name for people: those of cached items are hashes.
func shown(verb, key string) string {
	switch {
	case key == "", verb == "list":
		return "the items"
	case strings.HasPrefix(key, SessionPrefix):
		return "a cached session"
	case strings.HasPrefix(key, TokenPrefix):
		return "a sign-in"
	case strings.HasPrefix(key, stagedPrefix):
		return "the key of an unfinished rotation"
	}
	if kindOf(key) != KeyItem {
		return "an item"
	}
	return "the key of " + strconv.Quote(key)
}

// inTurn runs f after the call before it has ended, and waits for that until ctx ends. A
// call that hangs gives its turn back when it is abandoned, or all others would hang too.
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

// checkName refuses the names that not every back end can hold. "." and ".." are folders in
// two of them.
func checkName(key string) error {
	if key == "" || key == "." || key == ".." || strings.ContainsRune(key, 0) {
		return fmt.Errorf("%w: an item cannot have this name", ErrUnavailable)
	}
	return nil
}

// translate makes an error of a back end one of this package's.
func (b *bounded) translate(err error) error {
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

// isLocked reports whether an error has the words in which GNOME's keyring and the macOS
// keychain say that a person has to unlock them first.
func isLocked(err error) bool {
	for _, words := range []string{"in a locked collection", "of a locked object", "delete a locked item", "User interaction is not allowed"} {
		if strings.Contains(err.Error(), words) {
			return true
		}
	}
	return false
}
