package refresh

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/d44b7504/vault/internal/creds"
	"github.com/d44b7504/vault/internal/profiles"
	"github.com/d44b7504/vault/store"
)

// Keeper hands out sessions: the cached one while it is good, otherwise a new one that
// exactly one process makes while the others wait for it.
type Keeper struct {
	Store store.Store
	Make  func(context.Context, profiles.Profile) (creds.Session, error)
	// Note says why a session could not be made, for the prompt.
	Note   func(error) Note
	Dir    Directory
	Policy Policy
	Now    func() time.Time
	// Waiting, if set, is called when another process is at it and we wait.
	Waiting func()
}

// Want says how good a session must be.
type Want struct {
	MinTTL time.Duration // 0: the policy's
	Anew   bool          // ignore the cached one
}

// Lease is a session with what a shell needs to keep it.
type Lease struct {
	Session   creds.Session
	File      string    // the generation file; may not exist when the disk is full
	RefreshAt time.Time // zero: no renewal without a person
	Note      Note
	// Warning is a failure that did not prevent the session from being used: it could
	// not be cached, or it is an old one because no new one could be made.
	Warning error
}

// ErrNoSession is returned by Current when nothing usable is cached.
var ErrNoSession = errors.New("no session is cached")

// Key names a session in the runtime directory: the profile, so that "clear" finds its
// sessions, and everything that determines it.
func Key(p profiles.Profile) string { return p.Name + "\x00" + p.CacheKey() }

func name(p profiles.Profile) string { return store.SessionName(p.Name, p.CacheKey()) }

// Fresh returns a session that is good for at least the wanted time. It may wait for
// another process that is making the same one, and Make may ask a person; ctx bounds
// both. When no new one can be made but the old one still lives, the old one is
// returned with a Warning.
func (k *Keeper) Fresh(ctx context.Context, p profiles.Profile, w Want) (Lease, error) {
	if w.MinTTL == 0 {
		w.MinTTL = k.Policy.MinTTL
	}
	began := k.Now()
	old, err := k.cached(ctx, p)
	if err != nil {
		return Lease{}, err
	}
	if !w.Anew && k.good(old, w) {
		return k.lease(p, old, "", nil), nil
	}
	unlock, got := k.Dir.take(Key(p))
	for ; !got; unlock, got = k.Dir.take(Key(p)) {
		if err := k.Dir.await(ctx, Key(p), k.Waiting); err != nil {
			return Lease{}, err
		}
		if old, err = k.cached(ctx, p); err != nil {
			return Lease{}, err
		}
		if k.good(old, w) && (!w.Anew || old.Issued.After(began)) {
			return k.lease(p, old, "", nil), nil
		}
	}
	defer unlock()
	if old, err = k.cached(ctx, p); err != nil {
		return Lease{}, err
	}
	if k.good(old, w) && (!w.Anew || old.Issued.After(began)) {
		return k.lease(p, old, "", nil), nil
	}
	return k.renew(ctx, p, old, w)
}

// renew makes a session under the lock.
func (k *Keeper) renew(ctx context.Context, p profiles.Profile, old creds.Session, w Want) (Lease, error) {
	s, err := k.Make(ctx, p)
	if err == nil {
		k.Dir.clearRetry(Key(p))
		return k.lease(p, s, "", k.keep(ctx, p, s)), nil
	}
	if w.Anew || !k.live(old) || ctx.Err() != nil {
		return Lease{}, err
	}
	return k.lease(p, old, k.failed(p, err), err), nil
}

// keep caches a session. Credentials that do not expire are a key, used on purpose;
// they have their place in the store already.
func (k *Keeper) keep(ctx context.Context, p profiles.Profile, s creds.Session) error {
	if s.Expires.IsZero() {
		return nil
	}
	return store.PutSession(ctx, k.Store, name(p), s)
}

// IfDue renews the session if it is due, nobody else is at it, and the last failure is
// long enough ago. It never asks: Make must fail where a person would be needed. A
// failure is noted for every terminal and not returned, unless it is the store's.
func (k *Keeper) IfDue(ctx context.Context, p profiles.Profile) error {
	if due, err := k.due(ctx, p); err != nil || !due {
		return err
	}
	unlock, got := k.Dir.take(Key(p))
	if !got {
		return nil // someone is at it: their news will reach us
	}
	defer unlock()
	if due, err := k.due(ctx, p); err != nil || !due {
		return err
	}
	old, err := k.cached(ctx, p)
	if err != nil {
		return err
	}
	s, err := k.Make(ctx, p)
	if err != nil {
		_, err = k.Dir.Set(Key(p), old, k.failed(p, err))
		return err
	}
	if err := k.keep(ctx, p, s); err != nil {
		_, _ = k.Dir.Set(Key(p), old, k.failed(p, err))
		return err
	}
	k.Dir.clearRetry(Key(p))
	_, err = k.Dir.Set(Key(p), s, "")
	return err
}

// Unattended is Fresh for a process that serves a session, has nobody to ask, and calls
// again and again. After a failure it makes no call until the backoff is over, whoever
// failed; the failure is noted for every terminal, and the old session returned while it
// lives. What another process has made in the meantime is returned at once. The error is
// a *NoteError when only the note of an earlier failure is known.
func (k *Keeper) Unattended(ctx context.Context, p profiles.Profile) (Lease, error) {
	old, err := k.cached(ctx, p)
	if err != nil {
		return Lease{}, err
	}
	// The caller's timer may be a little early.
	if old.AccessKeyID != "" && k.Policy.Good(old, k.Now().Add(time.Second), 0) {
		return k.lease(p, old, "", nil), nil
	}
	if m, _ := k.Dir.Mark(Key(p)); k.resting(p) {
		if k.live(old) {
			return k.lease(p, old, m.Note, nil), nil
		}
		return Lease{}, &NoteError{m.Note}
	}
	l, err := k.Fresh(ctx, p, Want{MinTTL: k.Policy.EarlyMax + 2*time.Second})
	if err != nil && ctx.Err() == nil && !k.live(old) { // else Fresh has noted it
		_, _ = k.Dir.Set(Key(p), old, k.failed(p, err))
	}
	return l, err
}

// NoteError says that there is no session, and why the last attempt to make one failed.
type NoteError struct{ Note Note }

func (e *NoteError) Error() string {
	if e.Note == "" {
		return Failed.Meaning().Sentence
	}
	return e.Note.Meaning().Sentence
}

// resting reports whether the last failure is too recent to try again. A clock set back
// must not keep us waiting for longer than a backoff ever lasts.
func (k *Keeper) resting(p profiles.Profile) bool {
	failures, next := k.Dir.Retry(Key(p))
	now := k.Now()
	return failures > 0 && now.Before(next) && next.Sub(now) <= k.Policy.BackoffMax
}

// due reports whether a renewal should be tried now. A session that is gone is due.
func (k *Keeper) due(ctx context.Context, p profiles.Profile) (bool, error) {
	if k.resting(p) {
		return false, nil
	}
	s, err := k.cached(ctx, p)
	if err != nil {
		return false, err
	}
	// A shell counts whole seconds, and may be up to one early.
	return s.AccessKeyID == "" || !k.Policy.Good(s, k.Now().Add(time.Second), 0), nil
}

// failed keeps the failure for the backoff and returns the note.
func (k *Keeper) failed(p profiles.Profile, err error) Note {
	note := k.Note(err)
	n, _ := k.Dir.Retry(Key(p))
	wait := k.Policy.Backoff(n + 1)
	if !note.Meaning().Retries {
		wait = k.Policy.BackoffMax
	}
	k.Dir.setRetry(Key(p), n+1, k.Now().Add(wait))
	return note
}

// Current returns the cached session, good or not, with the note that the last renewal
// left. It neither renews nor waits: it is what a prompt may call. ErrNoSession when
// nothing is cached; the Lease then still has the file and the note.
func (k *Keeper) Current(ctx context.Context, p profiles.Profile) (Lease, error) {
	m, _ := k.Dir.Mark(Key(p))
	s, err := k.cached(ctx, p)
	if err != nil {
		return Lease{}, err
	}
	if s.AccessKeyID == "" {
		return Lease{File: m.File, Note: m.Note}, ErrNoSession
	}
	return k.lease(p, s, m.Note, nil), nil
}

// Forget deletes every cached session of some profiles, whatever they were asked for
// with, and makes their terminals ask again. It looks into the store once. The sessions
// go first: a terminal that asks too early would find them, and hear no more of it.
func (k *Keeper) Forget(ctx context.Context, list ...profiles.Profile) (int, error) {
	keys := make([]string, 0, len(list))
	theirs := make(map[string]bool, len(list))
	for _, p := range list {
		keys = append(keys, Key(p))
		theirs[store.ProfilePrefix(p.Name)] = true
	}
	defer k.Dir.Forget(keys...)
	names, err := k.Store.List(ctx, store.SessionPrefix)
	if err != nil {
		return 0, err
	}
	names = slices.DeleteFunc(names, func(name string) bool { return !theirs[store.PrefixOf(name)] })
	return store.DeleteAll(ctx, k.Store, names)
}

// lease wraps a session that lives, and makes the generation file say so.
func (k *Keeper) lease(p profiles.Profile, s creds.Session, note Note, warning error) Lease {
	l := Lease{Session: s, Note: note, Warning: warning, RefreshAt: k.Policy.When(s)}
	file, err := k.Dir.Set(Key(p), s, note)
	l.File = file
	if warning == nil {
		l.Warning = err
	}
	if failures, next := k.Dir.Retry(Key(p)); failures > 0 && note != "" {
		l.RefreshAt = next
	}
	return l
}

func (k *Keeper) good(s creds.Session, w Want) bool {
	return s.AccessKeyID != "" && k.Policy.Good(s, k.Now(), w.MinTTL)
}

func (k *Keeper) live(s creds.Session) bool {
	return s.AccessKeyID != "" && !s.Expired(k.Now())
}

// cached returns the session in the store, or a zero one.
func (k *Keeper) cached(ctx context.Context, p profiles.Profile) (creds.Session, error) {
	s, err := store.GetSession(ctx, k.Store, name(p))
	if errors.Is(err, store.ErrNotFound) {
		return creds.Session{}, nil
	}
	return s, err
}
