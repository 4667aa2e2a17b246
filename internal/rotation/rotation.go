// Package rotation replaces the access key of an IAM user, at AWS and in the store. It may
// be interrupted at any moment without losing a key: a key that works is always stored under
// the profile's name, and every other key is named in a journal or stored beside it.
// The calls of AWS and the questions to a person are functions that the caller gives.
package rotation

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/d44b7504/vault/internal/creds"
	"github.com/d44b7504/vault/store"
)

// Key is what AWS lists about a key, which does not include its secret.
type Key struct {
	ID      string
	Active  bool
	Created time.Time
}

// Use says when a key was last used; the zero value is never.
type Use struct {
	At              time.Time
	Service, Region string
}

// Calls are the calls of AWS. Their errors are one of those below, for errors.Is, where
// that is known.
type Calls struct {
	// Who asks STS, with the key itself, whose it is, and returns the user's ARN.
	Who        func(context.Context, creds.Key) (string, error)
	List       func(context.Context) ([]Key, error)
	Create     func(context.Context) (creds.Key, error)
	Deactivate func(ctx context.Context, id string) error
	Delete     func(ctx context.Context, id string) error
	LastUsed   func(ctx context.Context, id string) (Use, error)
}

// The errors of Calls.
var (
	ErrGone     = errors.New("the key does not exist")
	ErrDenied   = errors.New("not allowed")
	ErrRejected = errors.New("the key does not work")
	ErrUnsure   = errors.New("it is not known whether it was done")
)

// Owned is a key of the user, with what is known of its use.
type Owned struct {
	Key
	Use    Use
	UseErr error  // why Use is not known; nil when it is
	Stored string // the item that it is stored under, "" when none is known
}

// Event is something that has happened and that a person may want to know.
type Event int

// The events. Each comes with the id of the key it is about.
const (
	Made        Event = iota // a new key is stored beside the old one
	Waiting                  // AWS does not know the new key yet
	Verified                 // the new key works
	Switched                 // the new key has replaced the old one in the store
	Deactivated              // the old key was deactivated
	Deleted                  // the old key was deleted
	Kept                     // the old key stays active: deactivating it is not allowed
	Discarded                // a key was deleted that had been made and lost
	Removed                  // the user's other key was deleted, to make room
	Unlisted                 // listing the keys is not allowed, so what they are is not known (the old key)
	Readopted                // the stored key does not exist any more, and the new one has replaced it
)

// Rotation is one rotation of the key stored under Item. All functions must be set.
type Rotation struct {
	Item    string
	Profile string // the name that the person gave, for the journal
	Backend string // of Store, for the journal
	User    string // the ARN that Identify returned
	KeepOld bool   // deactivate the old key and do not delete it
	DryRun  bool   // only Identify and Look are called, and change nothing

	Store store.Store
	Book  Book
	AWS   Calls

	// MakeRoom chooses which of the user's two keys to delete, so that a new one can be made.
	MakeRoom func(context.Context, []Owned) (id string, err error)
	// MayDiscard is called before a key is deleted that seems to be one that was made and
	// lost, where AWS does not say whether it was used. The key stays if it returns an error.
	MayDiscard func(context.Context, Owned) error
	// Follow replaces what depends on the old key here, before that stops working: copies of
	// it, and sessions that were made with it. It may be called more than once. old is ""
	// when it is not known any more.
	Follow func(ctx context.Context, old string, now creds.Key) error

	Say   func(Event, string)
	Now   func() time.Time
	Sleep func(context.Context, time.Duration) error
	// Hold keeps Ctrl-C from ending the process until release is called, while a key may
	// exist that is stored nowhere.
	Hold func() (release func())
}

// Phase is how far a rotation has come, judged by the keys that exist.
type Phase int

// The phases.
const (
	Fresh    Phase = iota // nothing was begun
	Unclear               // a key may have been made, and is not in the store
	Staged                // a new key is stored beside the old one
	Stored                // the new key has replaced the old one, which may still exist
	Replaced              // the stored key is neither the old nor the new one
)

// State is what Look found. It contains secrets.
type State struct {
	Phase   Phase
	Journal Journal   // of an unfinished rotation; zero when there is none
	Key     creds.Key // the stored one
	Staged  creds.Key // the one beside it, zero when there is none
	Keys    []Key     // all of the user's that AWS lists; nil when that is not allowed
}

func (s State) unfinished() bool { return s.Journal.Version != 0 }

// Result is how a rotation ended.
type Result struct {
	Old, New string
	OldNow   string // "deleted", "inactive" or "active"
	Resumed  bool   // an earlier run had begun it, at Begun
	Begun    time.Time
}

// ReplacedError: the stored key is neither the old nor the new key of the unfinished
// rotation.
type ReplacedError struct {
	Journal Journal
	Stored  string
}

func (e *ReplacedError) Error() string {
	return fmt.Sprintf("the stored key …%s is not the one that the unfinished rotation began with", tail(e.Stored))
}

// UsedError: a key that seems to be lost was used, so it is not.
type UsedError struct {
	ID  string
	Use Use
}

func (e *UsedError) Error() string {
	return fmt.Sprintf("the key …%s is not in the store, and was used", tail(e.ID))
}

// UnverifiedError: the new key did not work before the time to wait was over.
type UnverifiedError struct {
	ID  string
	Err error
}

func (e *UnverifiedError) Error() string {
	return fmt.Sprintf("the new key …%s does not work yet: %v", tail(e.ID), e.Err)
}
func (e *UnverifiedError) Unwrap() error { return e.Err }

// OrphanError: a key was made, and could neither be stored nor deleted again.
type OrphanError struct {
	ID       string
	Err, Why error // why it could not be stored, and why not deleted
}

func (e *OrphanError) Error() string {
	return fmt.Sprintf("%v; the key …%s, which was made for this, is useless and could not be deleted: %v", e.Err, tail(e.ID), e.Why)
}
func (e *OrphanError) Unwrap() []error { return []error{e.Err, e.Why} }

// UndoneError: a key was made, could not be stored, and was deleted. Nothing has changed.
type UndoneError struct {
	ID  string
	Err error
}

func (e *UndoneError) Error() string {
	return fmt.Sprintf("%v; the key …%s, which was made for this, was deleted again, and nothing has changed", e.Err, tail(e.ID))
}
func (e *UndoneError) Unwrap() error { return e.Err }

func tail(id string) string { return id[max(0, len(id)-4):] }

// Begun reports whether there is a rotation to resume. It looks into the store and the
// journal only.
func (r *Rotation) Begun(ctx context.Context) (Journal, bool, error) {
	j, open, err := r.Book.Read(r.Item)
	if err != nil || open {
		return j, open, err
	}
	staged, err := r.staged(ctx)
	return j, staged.ID != "", err
}

// Identify asks AWS whose key is stored, and returns the user's ARN and the id of the key.
// If AWS does not know the key, but knows the one that is staged beside it, that one
// replaces it first: a person has deleted the old key before the rotation could.
func (r *Rotation) Identify(ctx context.Context) (user, key string, err error) {
	k, err := store.GetKey(ctx, r.Store, r.Item)
	if err != nil {
		return "", "", err
	}
	user, err = r.AWS.Who(ctx, k)
	if !errors.Is(err, ErrRejected) || r.DryRun {
		return user, k.ID, err
	}
	staged, other := r.staged(ctx)
	if other != nil || staged.ID == "" || staged.ID == k.ID {
		return "", "", err
	}
	if user, other = r.AWS.Who(ctx, staged); other != nil {
		return "", "", err
	}
	if err := store.KeepKey(ctx, r.Store, r.Item, staged); err != nil {
		return "", "", err
	}
	r.Say(Readopted, staged.ID)
	return user, staged.ID, nil
}

// Look finds out how far the rotation has come. It changes nothing.
func (r *Rotation) Look(ctx context.Context) (State, error) {
	var s State
	var err error
	if s.Journal, _, err = r.Book.Read(r.Item); err != nil {
		return s, err
	}
	if s.Key, err = store.GetKey(ctx, r.Store, r.Item); err != nil {
		return s, err
	}
	if s.Staged, err = r.staged(ctx); err != nil {
		return s, err
	}
	s.Phase = s.phase()
	s.Keys, err = r.list(ctx, s.Key.ID)
	return s, err
}

func (s State) phase() Phase {
	switch j := s.Journal; {
	case s.Staged.ID != "" && s.Staged.ID == s.Key.ID, s.unfinished() && j.New == s.Key.ID:
		return Stored
	case s.unfinished() && s.Key.ID != j.Old:
		return Replaced
	case s.Staged.ID != "":
		return Staged
	case s.unfinished():
		return Unclear
	}
	return Fresh
}

// list returns the user's keys, nil when listing them is not allowed. about is the id of
// the stored key.
func (r *Rotation) list(ctx context.Context, about string) ([]Key, error) {
	keys, err := r.AWS.List(ctx)
	if errors.Is(err, ErrDenied) {
		r.Say(Unlisted, about)
		return nil, nil
	}
	return keys, err
}

// staged returns the new key that is stored beside the old one, or a zero key.
func (r *Rotation) staged(ctx context.Context) (creds.Key, error) {
	k, err := store.GetKey(ctx, r.Store, store.StagedName(r.Item))
	if errors.Is(err, store.ErrNotFound) {
		return creds.Key{}, nil
	}
	return k, err
}

// record writes into the journal what will be done next.
func (r *Rotation) record(j *Journal, step Step) error {
	j.Version, j.Step, j.At = version, step, r.Now().UTC()
	return r.Book.Write(*j)
}

// Run does the rest of a rotation. After an error a key that works is stored under the
// profile's name, and there is a journal unless nothing has changed.
func (r *Rotation) Run(ctx context.Context, s State) (Result, error) {
	res := Result{Resumed: s.Phase != Fresh, Begun: s.Journal.Begun}
	r.KeepOld = r.KeepOld || s.Journal.KeepOld
	var err error
	switch s.Phase {
	case Replaced:
		return res, &ReplacedError{s.Journal, s.Key.ID}
	case Unclear:
		err = r.deleteLost(ctx, &s)
	case Staged:
		err = r.recover(ctx, &s)
	}
	if err == nil && (s.Phase == Fresh || s.Phase == Unclear) {
		err = r.create(ctx, &s)
	}
	if err == nil && s.Phase == Staged {
		err = r.switchOver(ctx, &s)
	}
	if err != nil {
		return res, err
	}
	res.Old, res.New = s.Journal.Old, s.Key.ID
	res.OldNow, err = r.retire(ctx, &s)
	return res, err
}

// recover checks that the staged key still exists at AWS, and drops it otherwise. It writes
// the journal again if that was lost.
func (r *Rotation) recover(ctx context.Context, s *State) error {
	if s.Keys != nil && !has(s.Keys, s.Staged.ID) {
		// The list may be out of date, and this is the only copy of the key: ask with the key.
		_, err := r.AWS.Who(ctx, s.Staged)
		if err != nil && !errors.Is(err, ErrRejected) {
			return err
		}
		if err != nil && r.Now().Sub(s.Journal.At) > listTime {
			if err := r.unstage(ctx); err != nil {
				return err
			}
			s.Staged, s.Phase = creds.Key{}, Unclear
			if !s.unfinished() {
				s.Phase = Fresh
			}
			return nil
		}
	}
	if !s.unfinished() {
		s.Journal = r.begin(*s)
	}
	s.Journal.New = s.Staged.ID
	return r.record(&s.Journal, Verifying)
}

func has(keys []Key, id string) bool {
	return slices.ContainsFunc(keys, func(k Key) bool { return k.ID == id })
}

// begin returns the first entry of a journal.
func (r *Rotation) begin(s State) Journal {
	return Journal{
		Item: r.Item, Profile: r.Profile, Backend: r.Backend, User: r.User, Old: s.Key.ID, Begun: r.Now().UTC(),
		KeepOld: r.KeepOld,
	}
}

// Abandon ends an unfinished rotation whose old key is not the stored one any more, and
// deletes the key that it made. It fails if that rotation was of another user's key: the
// stored key cannot delete that, and to forget it would lose it.
func (r *Rotation) Abandon(ctx context.Context, s State) error {
	if s.Journal.User != r.User {
		return &ReplacedError{s.Journal, s.Key.ID}
	}
	for _, id := range []string{s.Staged.ID, s.Journal.New} {
		if id == "" || id == s.Key.ID || s.Keys != nil && !has(s.Keys, id) {
			continue
		}
		if err := r.AWS.Delete(ctx, id); err != nil && !errors.Is(err, ErrGone) {
			return err
		}
		r.Say(Discarded, id)
	}
	if err := r.unstage(ctx); err != nil {
		return err
	}
	return r.Book.remove(r.Item)
}

// unstage deletes the staged key from the store.
func (r *Rotation) unstage(ctx context.Context) error {
	err := r.Store.Delete(ctx, store.StagedName(r.Item))
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	return err
}
