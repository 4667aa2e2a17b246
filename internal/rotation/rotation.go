// Package rotation replaces the key of an IAM user, at AWS and in the store, so that no
// key is lost however it is interrupted: at every moment a key that works is stored under
// the profile's name, and whatever else exists is named in a journal or lies beside it.
// The calls come in as functions; the words and the questions are the caller's.
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

// Key is what AWS lists of a key.
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

// Calls are the calls of AWS. Their errors match one of those below where it is known to
// be true.
type Calls struct {
	// Who asks STS with the key itself whose it is, and returns an ARN.
	Who        func(context.Context, creds.Key) (string, error)
	List       func(context.Context) ([]Key, error)
	Create     func(context.Context) (creds.Key, error)
	Deactivate func(ctx context.Context, id string) error
	Delete     func(ctx context.Context, id string) error
	LastUsed   func(ctx context.Context, id string) (Use, error)
}

// What Calls may say of a failure.
var (
	ErrGone     = errors.New("there is no such key")
	ErrDenied   = errors.New("not allowed")
	ErrRejected = errors.New("the key does not work")
	ErrUnsure   = errors.New("it is not known whether it was done")
)

// Owned is a key of the user, with what is known of its use.
type Owned struct {
	Key
	Use    Use
	Unseen error  // why nothing is known of its use; nil when Use is right
	Stored string // the item it is stored under, "" for none that we know of
}

// Event is something that a person may want to hear of.
type Event int

// The events. Each comes with the id of the key it is about.
const (
	Made        Event = iota // a new key is stored beside the old one
	Waiting                  // AWS does not know the new key yet
	Verified                 // the new key works
	Switched                 // the new key has taken the old one's place in the store
	Deactivated              // the old key
	Deleted                  // the old key
	Kept                     // the old key stays as it is: it may not be deactivated
	Discarded                // a key that was made and lost
	Removed                  // the other key, to make room
	Unlisted                 // the keys may not be listed; goes on without (the old key)
	Readopted                // the stored key is dead, and the one made for its place is stored
)

// Rotation is one rotation of the key stored under Item. All functions are needed.
type Rotation struct {
	Item    string
	Profile string // as it was named, for the journal
	Backend string // of Store, for the journal
	User    string // ARN; what Identify returned
	KeepOld bool   // deactivate the old key and do not delete it
	DryRun  bool   // Identify and Look are all that is called; nothing is to be changed

	Store store.Store
	Book  Book
	AWS   Calls

	// MakeRoom is asked which of two keys to delete, so that a third can be made.
	MakeRoom func(context.Context, []Owned) (id string, err error)
	// MayDiscard is asked before a key is deleted that seems to be one that was made and
	// lost, where AWS would not say that it was never used. An error leaves it.
	MayDiscard func(context.Context, Owned) error
	// Follow makes all else here follow the change, before the old key ends: sessions
	// that were made with it, copies of it. It may be called more than once. old is ""
	// when it is not known any more.
	Follow func(ctx context.Context, old string, now creds.Key) error

	Say   func(Event, string)
	Now   func() time.Time
	Sleep func(context.Context, time.Duration) error
	// Hold keeps Ctrl-C from ending the process before release, while a key may exist
	// that is stored nowhere.
	Hold func() (release func())
}

// Phase is how far a rotation has come, by the facts.
type Phase int

// The phases.
const (
	Fresh    Phase = iota // nothing has begun
	Unclear               // a key may have been made; it is not in the store
	Staged                // a new key lies beside the old one
	Stored                // the new key is in place; the old one may still exist
	Replaced              // the stored key is neither the old nor the new one
)

// State is what Look found. It has secrets in it.
type State struct {
	Phase   Phase
	Journal Journal   // of an unfinished rotation; zero when there is none
	Key     creds.Key // as stored
	Beside  creds.Key // the staged one, zero when there is none
	Keys    []Key     // what AWS lists; nil when that is not allowed
}

func (s State) unfinished() bool { return s.Journal.Version != 0 }

// Result is how a rotation ended.
type Result struct {
	Old, New string
	OldNow   string // "deleted", "inactive" or "active"
	Resumed  bool   // it had been begun earlier, at Begun
	Begun    time.Time
}

// ReplacedError: the stored key is not one that the unfinished rotation knows.
type ReplacedError struct {
	Journal Journal
	Stored  string
}

func (e *ReplacedError) Error() string {
	return fmt.Sprintf("the stored key …%s is not the one that the unfinished rotation began with", tail(e.Stored))
}

// UsedError: a key that seems to be lost has been used, so somebody has it.
type UsedError struct {
	ID  string
	Use Use
}

func (e *UsedError) Error() string {
	return fmt.Sprintf("the key …%s is not in the store, and was used", tail(e.ID))
}

// UnverifiedError: a new key did not work for as long as was waited.
type UnverifiedError struct {
	ID  string
	Err error
}

func (e *UnverifiedError) Error() string {
	return fmt.Sprintf("the new key …%s does not work yet: %v", tail(e.ID), e.Err)
}
func (e *UnverifiedError) Unwrap() error { return e.Err }

// OrphanError: a key was made, could not be kept, and could not be deleted again.
type OrphanError struct {
	ID       string
	Err, Why error // why it could not be kept, and why not deleted
}

func (e *OrphanError) Error() string {
	return fmt.Sprintf("%v; the key …%s made for it is of no use and could not be deleted: %v", e.Err, tail(e.ID), e.Why)
}
func (e *OrphanError) Unwrap() []error { return []error{e.Err, e.Why} }

// UndoneError: a key was made, could not be kept, and was deleted. All is as it was.
type UndoneError struct {
	ID  string
	Err error
}

func (e *UndoneError) Error() string {
	return fmt.Sprintf("%v; the key …%s made for it was deleted again, and all is as it was", e.Err, tail(e.ID))
}
func (e *UndoneError) Unwrap() error { return e.Err }

func tail(id string) string { return id[max(0, len(id)-4):] }

// Begun reports whether there is anything to resume. It asks nobody but the store and
// the journal.
func (r *Rotation) Begun(ctx context.Context) (Journal, bool, error) {
	j, open, err := r.Book.Read(r.Item)
	if err != nil || open {
		return j, open, err
	}
	beside, err := r.beside(ctx)
	return j, beside.ID != "", err
}

// Identify asks AWS whose key is stored, and returns that user's ARN and the key's id. If AWS does not know it, and a key lies beside
// it that AWS knows, that one takes its place first: somebody deleted the old key before
// the rotation could.
func (r *Rotation) Identify(ctx context.Context) (user, key string, err error) {
	k, err := store.GetKey(ctx, r.Store, r.Item)
	if err != nil {
		return "", "", err
	}
	user, err = r.AWS.Who(ctx, k)
	if !errors.Is(err, ErrRejected) || r.DryRun {
		return user, k.ID, err
	}
	beside, other := r.beside(ctx)
	if other != nil || beside.ID == "" || beside.ID == k.ID {
		return "", "", err
	}
	if user, other = r.AWS.Who(ctx, beside); other != nil {
		return "", "", err
	}
	if err := store.KeepKey(ctx, r.Store, r.Item, beside); err != nil {
		return "", "", err
	}
	r.Say(Readopted, beside.ID)
	return user, beside.ID, nil
}

// Look finds out where things stand, and changes nothing.
func (r *Rotation) Look(ctx context.Context) (State, error) {
	var s State
	var err error
	if s.Journal, _, err = r.Book.Read(r.Item); err != nil {
		return s, err
	}
	if s.Key, err = store.GetKey(ctx, r.Store, r.Item); err != nil {
		return s, err
	}
	if s.Beside, err = r.beside(ctx); err != nil {
		return s, err
	}
	s.Phase = s.phase()
	s.Keys, err = r.list(ctx, s.Key.ID)
	return s, err
}

func (s State) phase() Phase {
	switch j := s.Journal; {
	case s.Beside.ID != "" && s.Beside.ID == s.Key.ID, s.unfinished() && j.New == s.Key.ID:
		return Stored
	case s.unfinished() && s.Key.ID != j.Old:
		return Replaced
	case s.Beside.ID != "":
		return Staged
	case s.unfinished():
		return Unclear
	}
	return Fresh
}

// list returns the user's keys, and none when we may not see them.
func (r *Rotation) list(ctx context.Context, about string) ([]Key, error) {
	keys, err := r.AWS.List(ctx)
	if errors.Is(err, ErrDenied) {
		r.Say(Unlisted, about)
		return nil, nil
	}
	return keys, err
}

// beside returns the staged key, or a zero one.
func (r *Rotation) beside(ctx context.Context) (creds.Key, error) {
	k, err := store.GetKey(ctx, r.Store, store.StagedName(r.Item))
	if errors.Is(err, store.ErrNotFound) {
		return creds.Key{}, nil
	}
	return k, err
}

func (r *Rotation) note(j *Journal, step Step) error {
	j.Version, j.Step, j.At = version, step, r.Now().UTC()
	return r.Book.Write(*j)
}

// Run carries the rotation from where it stands to its end. An error leaves a key that
// works under the profile's name, and a journal unless everything is as it was.
func (r *Rotation) Run(ctx context.Context, s State) (Result, error) {
	res := Result{Resumed: s.Phase != Fresh, Begun: s.Journal.Begun}
	r.KeepOld = r.KeepOld || s.Journal.KeepOld
	var err error
	switch s.Phase {
	case Replaced:
		return res, &ReplacedError{s.Journal, s.Key.ID}
	case Unclear:
		err = r.settle(ctx, &s)
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

// recover makes sure that what lies beside the old key is worth going on with. Where the
// journal was lost it is written again.
func (r *Rotation) recover(ctx context.Context, s *State) error {
	if s.Keys != nil && !has(s.Keys, s.Beside.ID) {
		// The list may be behind; the key itself knows better. It is the only copy.
		_, err := r.AWS.Who(ctx, s.Beside)
		if err != nil && !errors.Is(err, ErrRejected) {
			return err
		}
		if err != nil && r.Now().Sub(s.Journal.At) > settling {
			if err := r.unstage(ctx); err != nil {
				return err
			}
			s.Beside, s.Phase = creds.Key{}, Unclear
			if !s.unfinished() {
				s.Phase = Fresh
			}
			return nil
		}
	}
	if !s.unfinished() {
		s.Journal = r.begin(*s)
	}
	s.Journal.New = s.Beside.ID
	return r.note(&s.Journal, Verifying)
}

func has(keys []Key, id string) bool {
	return slices.ContainsFunc(keys, func(k Key) bool { return k.ID == id })
}

func (r *Rotation) begin(s State) Journal {
	return Journal{
		Item: r.Item, Profile: r.Profile, Backend: r.Backend, User: r.User, Old: s.Key.ID, Begun: r.Now().UTC(),
		KeepOld: r.KeepOld,
	}
}

// Abandon gives up an unfinished rotation whose old key is no longer the stored one. The
// key it made is deleted. That of another user is not ours to delete, nor to forget.
func (r *Rotation) Abandon(ctx context.Context, s State) error {
	if s.Journal.User != r.User {
		return &ReplacedError{s.Journal, s.Key.ID}
	}
	for _, id := range []string{s.Beside.ID, s.Journal.New} {
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
	return r.Book.Remove(r.Item)
}

func (r *Rotation) unstage(ctx context.Context) error {
	err := r.Store.Delete(ctx, store.StagedName(r.Item))
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	return err
}
