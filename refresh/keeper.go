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

// Keeper returns sessions: the cached one while it is good, otherwise a new one, which
// one process makes while the others wait for it.
type Keeper struct {
	Store store.Store
	Make  func(context.Context, profiles.Profile) (creds.Session, error)
	// Note says why a session could not be made, for the prompt.
	Note   func(error) Note
	Dir    Directory
	Policy Policy
	Now    func() time.Time
	// Started says when the machine started, by the clock that Now reads; nil, or a zero
	// time: unknown. A clock that was set is noticed by it.
	Started func() time.Time
	// Missing, if set, reports that an error of Make says only what the caller has to bring
	// when it comes again. Such an error is returned as it is, and does not count as a failure.
	Missing func(error) bool
	// Waiting, if set, is called after each second in which another process makes the session
	// and this one waits for it.
	Waiting func()
}

// Want says how good a session must be.
type Want struct {
	MinTTL      time.Duration // what must be left of it; 0: as the policy says
	IgnoreCache bool          // it must be made now
	// Strict takes MinTTL by the word: a session with less left is not good however short its whole
	// lifetime is, and the old one is not returned when no new one can be made. A new session may
	// still have less, which the caller has to look at.
	Strict bool
	// Except is the access key id of a session that AWS does not accept: another one is
	// wanted. "" for none.
	Except string
	// CheckKey compares the session with the stored key that it was made with, in every
	// back end. Otherwise that is done only if the store says that the key was replaced.
	CheckKey bool
}

// Lease is a session with what a shell needs to keep it.
type Lease struct {
	Session   creds.Session
	File      string    // the generation file; it may not exist, when the disk is full
	RefreshAt time.Time // when to renew it; zero: not without a person
	Note      Note
	New       bool // it was made by this call, and was not cached
	// Warning is a failure after which the session can be used all the same: it could not
	// be cached, or it is the old one because no new one could be made.
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
// both. When no new one can be made and the old one has not expired, it returns the old
// one with a Warning.
func (k *Keeper) Fresh(ctx context.Context, p profiles.Profile, w Want) (Lease, error) {
	if w.MinTTL == 0 {
		w.MinTTL = k.Policy.MinTTL
	}
	began := k.Now()
	for first := true; ; first = false {
		old, err := k.current(ctx, p, w.CheckKey)
		if err != nil {
			return Lease{}, err
		}
		if k.good(old, w) && (!w.IgnoreCache || !first && old.Issued.After(began)) {
			return k.lease(p, old, "", nil), nil
		}
		unlock, got := k.Dir.TryLock(Key(p))
		if got {
			defer unlock()
			return k.freshAlone(ctx, p, w, began)
		}
		if err := k.Dir.await(ctx, Key(p), k.Waiting); err != nil {
			return Lease{}, err
		}
	}
}

// freshAlone is Fresh for the process that holds the lock. Another process may have made
// a session just before.
func (k *Keeper) freshAlone(ctx context.Context, p profiles.Profile, w Want, began time.Time) (Lease, error) {
	old, err := k.current(ctx, p, w.CheckKey)
	if err != nil {
		return Lease{}, err
	}
	if k.good(old, w) && (!w.IgnoreCache || old.Issued.After(began)) {
		return k.lease(p, old, "", nil), nil
	}
	s, err := k.make(ctx, p)
	if err == nil {
		k.Dir.clearRetry(Key(p))
		l := k.lease(p, s, "", k.save(ctx, p, s))
		l.New = true
		return l, nil
	}
	if w.IgnoreCache || w.Strict || !k.usable(old) || old.AccessKeyID == w.Except || ctx.Err() != nil || k.missing(err) {
		return Lease{}, err
	}
	return k.lease(p, old, k.failed(p, err), err), nil
}

// save caches a session. Credentials that do not expire are a stored key that is used
// without a session: it is in the store already.
func (k *Keeper) save(ctx context.Context, p profiles.Profile, s creds.Session) error {
	if s.Expires.IsZero() {
		return nil
	}
	return store.PutSession(ctx, k.Store, name(p), s)
}

// Offer caches a session for a profile that was made for another one, unless what is cached
// lasts as long. The caller knows that it serves both.
func (k *Keeper) Offer(ctx context.Context, p profiles.Profile, s creds.Session) error {
	old, err := k.cached(ctx, p)
	if err != nil || !s.Expires.After(old.Expires) {
		return err
	}
	return k.save(ctx, p, s)
}

// IfDue renews the session if it is due, no other process is renewing it, and the last
// failure is long enough ago. It never asks: Make must fail where a person would be
// needed. A failure becomes a note for every terminal; the error is the store's, if any,
// or one that is Missing something.
func (k *Keeper) IfDue(ctx context.Context, p profiles.Profile) error {
	if due, err := k.due(ctx, p); err != nil || !due {
		return err
	}
	unlock, got := k.Dir.TryLock(Key(p))
	if !got {
		return nil // the other process changes the generation file, which every shell sees
	}
	defer unlock()
	if due, err := k.due(ctx, p); err != nil || !due {
		return err
	}
	old, err := k.cached(ctx, p)
	if err != nil {
		return err
	}
	s, err := k.make(ctx, p)
	switch {
	case k.missing(err), err != nil && errors.Is(ctx.Err(), context.Canceled): // whoever wanted it is gone
		return err
	case err != nil:
		_, err = k.Dir.Set(Key(p), old, k.failed(p, err))
		return err
	}
	if err := k.save(ctx, p, s); err != nil {
		_, _ = k.Dir.Set(Key(p), old, k.failed(p, err))
		return err
	}
	k.Dir.clearRetry(Key(p))
	_, err = k.Dir.Set(Key(p), s, "")
	return err
}

// Unattended is Fresh for a process that serves a session, cannot ask a person, and calls again
// and again. After a failure, of any process, it makes no call until the backoff is over;
// the failure becomes a note for every terminal, and the old session is returned until it
// expires. What another process has made in the meantime is returned at once. The error is
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
		if k.usable(old) {
			return k.lease(p, old, m.Note, nil), nil
		}
		return Lease{}, &NoteError{m.Note}
	}
	l, err := k.Fresh(ctx, p, Want{MinTTL: k.Policy.EarlyMax + 2*time.Second})
	if err != nil && ctx.Err() == nil && !k.usable(old) && !k.missing(err) { // else Fresh has noted it
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

// resting reports whether the last failure is too recent to try again. After the clock was
// set back, the next attempt may seem far away; no backoff lasts longer than the longest.
func (k *Keeper) resting(p profiles.Profile) bool {
	failures, next := k.Dir.Retry(Key(p))
	now := k.Now()
	return failures > 0 && now.Before(next) && next.Sub(now) <= k.Policy.BackoffMax
}

// due reports whether a renewal should be tried now. A session that is not cached is due.
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

// failed records a failure, for the backoff, and returns the note for it.
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

// Current returns the cached session, good or not, with the note of the last renewal. It
// neither renews nor waits, so that a prompt may call it. The error is ErrNoSession when
// nothing is cached; the Lease then has only the file and the note.
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

// Forget deletes every cached session of some profiles, with whatever settings it was
// made, and makes their terminals ask again. It returns how many there were. It lists the
// store once. The sessions are deleted first: a terminal that asked before that would find
// them, and would not ask again.
func (k *Keeper) Forget(ctx context.Context, list ...profiles.Profile) (int, error) {
	keys := make([]string, 0, len(list))
	chosen := make(map[string]bool, len(list))
	for _, p := range list {
		keys = append(keys, Key(p))
		chosen[store.ProfilePrefix(p.Name)] = true
	}
	defer k.Dir.Forget(keys...)
	names, err := k.Store.List(ctx, store.SessionPrefix)
	if err != nil {
		return 0, err
	}
	names = slices.DeleteFunc(names, func(name string) bool { return !chosen[store.PrefixOf(name)] })
	return store.DeleteAll(ctx, k.Store, names)
}

// lease makes the generation file say that s is the session, and returns it.
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

// good reports whether a cached session is as good as wanted.
func (k *Keeper) good(s creds.Session, w Want) bool {
	short := w.Strict && !s.Expires.IsZero() && s.Expires.Sub(k.Now()) < w.MinTTL
	return s.AccessKeyID != "" && s.AccessKeyID != w.Except && !short && k.Policy.Good(s, k.Now(), w.MinTTL)
}

func (k *Keeper) missing(err error) bool { return err != nil && k.Missing != nil && k.Missing(err) }

// usable reports whether a cached session has not expired.
func (k *Keeper) usable(s creds.Session) bool {
	return s.AccessKeyID != "" && !s.Expired(k.Now())
}

// cached is current without a look at the stored key, unless the store says that the key
// was replaced.
func (k *Keeper) cached(ctx context.Context, p profiles.Profile) (creds.Session, error) {
	return k.current(ctx, p, false)
}

// current returns the session in the store, as it holds by this machine's clock now, or a
// zero one. A session that was made with another key than the one that is stored now is
// none: it may be another user's. checkKey has the key read for that in every back end.
func (k *Keeper) current(ctx context.Context, p profiles.Profile, checkKey bool) (creds.Session, error) {
	s, err := store.GetSession(ctx, k.Store, name(p))
	if errors.Is(err, store.ErrNotFound) {
		return creds.Session{}, nil
	}
	if err != nil || !k.madeWithKey(ctx, p, s, checkKey) {
		return creds.Session{}, err
	}
	var started time.Time
	if k.Started != nil {
		started = k.Started()
	}
	return s.By(k.Now(), started), nil
}
