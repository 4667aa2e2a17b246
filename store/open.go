package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/99designs/keyring"

	"github.com/d44b7504/vault/internal/display"
	"github.com/d44b7504/vault/store/internal/busguard"
)

// The library has made its one attempt to reach D-Bus by now, so the environment gets back
// its old values, for gpg, pinentry and every other child.
func init() { busguard.Restore() }

// Attempt is one back end that was tried, and why it cannot be used.
type Attempt struct {
	Backend string
	Err     error
}

// UnavailableError says which back ends were tried and why each cannot be used. It matches
// ErrUnavailable.
type UnavailableError struct {
	Tried []Attempt
}

func (e *UnavailableError) Error() string {
	reasons := make([]string, 0, len(e.Tried))
	for _, a := range e.Tried {
		reasons = append(reasons, a.Backend+": "+a.Err.Error())
	}
	return ErrUnavailable.Error() + ": " + strings.Join(reasons, "; ")
}

// Is makes errors.Is(err, ErrUnavailable) true.
func (e *UnavailableError) Is(target error) bool { return target == ErrUnavailable }

// Unwrap returns the reasons, so that errors.Is finds a cancelled context among them.
func (e *UnavailableError) Unwrap() []error {
	errs := make([]error, 0, len(e.Tried))
	for _, a := range e.Tried {
		errs = append(errs, a.Err)
	}
	return errs
}

// Open opens the back end that o names, or the first of All that can be used. It may wait
// for a keyring daemon to start, up to Options.Deadline for each back end; it reads no item
// and asks nothing. The error is an *UnavailableError, or ctx's.
func Open(ctx context.Context, o Options) (Store, error) {
	o = o.withDefaults()
	if o.Backend != "" {
		return openNamed(ctx, o)
	}
	var failed UnavailableError
	for _, b := range All() {
		if !b.isAutomatic() {
			break // the rest have to be named
		}
		s, err := openOne(ctx, b, o, true)
		if err == nil {
			return s, nil
		}
		failed.Tried = append(failed.Tried, Attempt{b.Name, err})
		if ctx.Err() != nil {
			break
		}
	}
	return nil, &failed
}

func openNamed(ctx context.Context, o Options) (Store, error) {
	b, _ := Lookup(o.Backend)
	if !b.exists() || b.open == nil {
		err := fmt.Errorf("there is no such back end on this system; choose one of %s", strings.Join(Backends(), ", "))
		return nil, &UnavailableError{[]Attempt{{o.Backend, err}}}
	}
	s, err := openOne(ctx, b, o, false)
	if err != nil {
		return nil, &UnavailableError{[]Attempt{{b.Name, err}}}
	}
	return s, nil
}

// openOne opens a back end within the deadline. chosen is false when the user named it.
func openOne(ctx context.Context, b Backend, o Options, chosen bool) (*bounded, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, o.Deadline)
	defer cancel()
	d, err := within(ctx, func() (driver, error) { return b.open(ctx, o, chosen) })
	if errors.Is(err, context.DeadlineExceeded) {
		err = fmt.Errorf("no answer within %s: %w", display.Span(o.Deadline), err)
	}
	if err != nil {
		return nil, err
	}
	s := newBounded(b, d, max(o.limit(), b.work))
	s.canAsk, s.changed = o.Ask != nil, o.Changed
	if place, ok := b.Place(); ok && place.Kind == OwnFolder {
		s.ownFolder, _ = expand(*place.Value(&o)) // "" without a home directory
	}
	if b.otherWrites != nil {
		s.unsynced, _ = expand(b.otherWrites(o)) // "" without a home directory
	}
	return s, nil
}

// within runs f and stops waiting for it when ctx ends, since the library's calls take no
// context. A panic of f becomes an error: the library panics when a person closes the dialog
// that creates a collection.
func within[T any](ctx context.Context, f func() (T, error)) (T, error) {
	type result struct {
		v   T
		err error
	}
	done := make(chan result, 1)
	go func() {
		var r result
		defer func() {
			if p := recover(); p != nil {
				r.err = fmt.Errorf("%w: the keyring's answer has an unknown form", ErrUnavailable)
			}
			done <- r
		}()
		r.v, r.err = f()
	}()
	select {
	case r := <-done:
		return r.v, r.err
	case <-ctx.Done():
		var zero T
		select { // a call that heeds ctx first ends the programs it has started, and names them
		case r := <-done:
			if errors.Is(r.err, ctx.Err()) {
				return zero, r.err
			}
		case <-time.After(cleanupTime):
		}
		return zero, ctx.Err()
	}
}

// cleanupTime is how long a call that was cancelled may take to clean up.
const cleanupTime = 200 * time.Millisecond

// config returns the library's configuration, which is the same for every back end.
func config(name keyring.BackendType, o Options) keyring.Config {
	return keyring.Config{
		AllowedBackends:          []keyring.BackendType{name},
		ServiceName:              serviceName,
		KeychainName:             o.KeychainName,
		KeychainTrustApplication: true,
		LibSecretCollectionName:  o.Collection,
		KWalletAppID:             serviceName,
		KWalletFolder:            serviceName,
		WinCredPrefix:            serviceName,
	}
}
