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

// This file has the steps, each with the next thing complete before the last one goes,
// and each harmless when it is done again.

const (
	patience = 2 * time.Minute  // until a new key must work
	settling = 5 * time.Second  // until a key that was made must be listed
	grace    = 10 * time.Minute // between AWS's clock and ours
	cleanup  = 30 * time.Second // for what is done even after Ctrl-C
	pauseMin = 500 * time.Millisecond
	pauseMax = 10 * time.Second
)

// settle finds a key that may have been made when the last run was cut off, and deletes
// it: nobody has its secret.
func (r *Rotation) settle(ctx context.Context, s *State) error {
	lost := r.lost(*s)
	for s.Keys != nil && len(lost) == 0 && r.Now().Before(s.Journal.At.Add(settling)) {
		if err := r.Sleep(ctx, pauseMin); err != nil {
			return err
		}
		var err error
		if s.Keys, err = r.list(ctx, s.Key.ID); err != nil {
			return err
		}
		lost = r.lost(*s)
	}
	for _, k := range lost {
		if err := r.discard(ctx, s, k); err != nil {
			return err
		}
	}
	return nil
}

// lost are the keys that the unfinished rotation has made, or may have made: they were
// not there before, appeared in its time, and are not in the store.
func (r *Rotation) lost(s State) []Key {
	var list []Key
	j := s.Journal
	for _, k := range s.Keys {
		ours := k.ID == j.New || j.Before != nil && !slices.Contains(j.Before, k.ID) &&
			k.Created.After(j.Begun.Add(-grace)) && k.Created.Before(j.At.Add(grace))
		if ours && k.ID != j.Old && k.ID != s.Key.ID && k.ID != s.Beside.ID {
			list = append(list, k)
		}
	}
	if j.New != "" && s.Keys == nil && j.New != s.Key.ID {
		list = append(list, Key{ID: j.New, Active: true})
	}
	return list
}

// discard deletes a key that was made and lost. If the journal names it, it is ours.
// Otherwise it must never have been used.
func (r *Rotation) discard(ctx context.Context, s *State, k Key) error {
	if k.ID != s.Journal.New {
		use, err := r.AWS.LastUsed(ctx, k.ID)
		switch {
		case errors.Is(err, ErrDenied):
			err = r.MayDiscard(ctx, Owned{Key: k, Unseen: err})
		case err == nil && !use.At.IsZero():
			err = &UsedError{k.ID, use}
		}
		if err != nil && !errors.Is(err, ErrGone) {
			return err
		}
	}
	if err := r.AWS.Delete(ctx, k.ID); err != nil && !errors.Is(err, ErrGone) {
		return err
	}
	r.Say(Discarded, k.ID)
	s.Keys = slices.DeleteFunc(s.Keys, func(o Key) bool { return o.ID == k.ID })
	s.Journal.New = ""
	return nil
}

// create makes the new key and puts it beside the old one. From the call on it cannot be
// interrupted by a person: a key would be lost.
func (r *Rotation) create(ctx context.Context, s *State) error {
	if err := r.makeRoom(ctx, s); err != nil {
		return err
	}
	j := r.begin(*s)
	if s.unfinished() {
		j.Begun = s.Journal.Begun
	}
	if s.Keys != nil {
		j.Before = []string{} // nothing, and not unknown
	}
	for _, k := range s.Keys {
		j.Before = append(j.Before, k.ID)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := r.note(&j, Making); err != nil {
		return err
	}
	s.Journal = j
	defer r.Hold()()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*cleanup)
	defer cancel()
	k, err := r.AWS.Create(ctx)
	switch {
	case errors.Is(err, ErrUnsure):
		return r.unsure(ctx, s, err)
	case err != nil:
		return errors.Join(err, r.Book.Remove(r.Item))
	}
	if err := store.KeepKey(ctx, r.Store, store.StagedName(r.Item), k); err != nil {
		return r.undo(ctx, s, k.ID, err)
	}
	r.Say(Made, k.ID)
	s.Beside, s.Phase, s.Journal.New = k, Staged, k.ID
	return r.note(&s.Journal, Verifying)
}

// unsure looks for the key that a call without an answer may have made. What it cannot
// find out the next run will.
func (r *Rotation) unsure(ctx context.Context, s *State, failed error) error {
	var err error
	if s.Keys, err = r.list(ctx, s.Key.ID); err != nil || s.Keys == nil || len(r.lost(*s)) == 0 {
		return failed
	}
	for _, k := range r.lost(*s) {
		if r.discard(ctx, s, k) != nil {
			return failed
		}
		failed = &UndoneError{k.ID, failed}
	}
	return errors.Join(failed, r.Book.Remove(r.Item))
}

// undo deletes a key that could not be stored: its secret ends with this process.
func (r *Rotation) undo(ctx context.Context, s *State, id string, failed error) error {
	s.Journal.New = id
	_ = r.note(&s.Journal, Making) // the disk may be why we are here
	if err := r.AWS.Delete(ctx, id); err != nil && !errors.Is(err, ErrGone) {
		return &OrphanError{id, failed, err}
	}
	if err := errors.Join(r.unstage(ctx), r.Book.Remove(r.Item)); err != nil {
		return errors.Join(failed, err)
	}
	return &UndoneError{id, failed}
}

// makeRoom has one of two keys deleted. It is deactivated first: who still needs it can
// have it back until the answer to the second call.
func (r *Rotation) makeRoom(ctx context.Context, s *State) error {
	if len(s.Keys) < 2 {
		return nil
	}
	var all []Owned
	for _, k := range s.Keys {
		o := Owned{Key: k}
		if k.ID == s.Key.ID {
			o.Stored = r.Item
		}
		o.Use, o.Unseen = r.AWS.LastUsed(ctx, k.ID)
		all = append(all, o)
	}
	id, err := r.MakeRoom(ctx, all)
	if err != nil {
		return err
	}
	if id == s.Key.ID || !has(s.Keys, id) {
		return fmt.Errorf("the key …%s is not one that can make room", tail(id))
	}
	if err := r.AWS.Deactivate(ctx, id); err != nil && !errors.Is(err, ErrGone) && !errors.Is(err, ErrDenied) {
		return err
	}
	if err := r.AWS.Delete(ctx, id); err != nil && !errors.Is(err, ErrGone) {
		return err
	}
	r.Say(Removed, id)
	s.Keys = slices.DeleteFunc(s.Keys, func(k Key) bool { return k.ID == id })
	return nil
}

// switchOver proves the new key and puts it in the place of the old one.
func (r *Rotation) switchOver(ctx context.Context, s *State) error {
	if err := r.verify(ctx, s.Beside); err != nil {
		return err
	}
	r.Say(Verified, s.Beside.ID)
	if err := r.note(&s.Journal, Switching); err != nil {
		return err
	}
	// The new key is on the disk twice before the old one, and then its first copy, goes.
	if err := store.Flush(ctx, r.Store); err != nil {
		return err
	}
	if err := store.KeepKey(ctx, r.Store, r.Item, s.Beside); err != nil {
		return err
	}
	s.Key, s.Phase = s.Beside, Stored
	r.Say(Switched, s.Key.ID)
	return nil
}

// verify waits until AWS knows the key as the user's. After a first no it wants two
// answers in a row: not all of AWS learns of a key at once.
func (r *Rotation) verify(ctx context.Context, k creds.Key) error {
	end := r.Now().Add(patience)
	failed, good := false, 0
	for pause := pauseMin; ; pause = min(2*pause, pauseMax) {
		user, err := r.AWS.Who(ctx, k)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err == nil && user != r.User:
			return fmt.Errorf("the new key …%s is that of %s and not of %s", tail(k.ID), user, r.User)
		case err == nil:
			if good++; good == 2 || !failed {
				return nil
			}
			pause = pauseMin
		case !r.Now().Add(pause).Before(end):
			return &UnverifiedError{k.ID, err}
		case !failed:
			failed = true
			r.Say(Waiting, k.ID)
		default:
			good = 0
		}
		if err := r.Sleep(ctx, pause); err != nil {
			return err
		}
	}
}

// retire forgets what was made with the old key, makes it useless, and ends the
// rotation. The sessions go first: should one of them end with its key, nobody must be
// handed it any more.
func (r *Rotation) retire(ctx context.Context, s *State) (oldNow string, err error) {
	if s.Journal.Version != 0 {
		if err := r.note(&s.Journal, Retiring); err != nil {
			return "", err
		}
	}
	if err := store.Flush(ctx, r.Store); err != nil {
		return "", err
	}
	if err := r.unstage(ctx); err != nil {
		return "", err
	}
	if err := r.Follow(ctx, s.Journal.Old, s.Key); err != nil {
		return "", err
	}
	if err := store.Flush(ctx, r.Store); err != nil { // copies for other profiles
		return "", err
	}
	if old := s.Journal.Old; old != "" && old != s.Key.ID {
		if oldNow, err = r.end(ctx, s, old); err != nil {
			return oldNow, err
		}
	}
	return oldNow, r.Book.Remove(r.Item)
}

// end deactivates and deletes the old key, each only while the new one is seen to work.
func (r *Rotation) end(ctx context.Context, s *State, old string) (string, error) {
	if s.Keys != nil && s.Journal.Before != nil && !has(s.Keys, old) && slices.Contains(s.Journal.Before, old) {
		return "deleted", nil // by a run that was cut off just then
	}
	if err := r.verify(ctx, s.Key); err != nil {
		return "active", err
	}
	now := "active"
	at := slices.IndexFunc(s.Keys, func(k Key) bool { return k.ID == old })
	if at >= 0 && !s.Keys[at].Active {
		now = "inactive"
	} else {
		switch err := r.AWS.Deactivate(ctx, old); {
		case errors.Is(err, ErrGone):
			return "deleted", nil
		case errors.Is(err, ErrDenied) && r.KeepOld:
			r.Say(Kept, old)
			return now, nil
		case errors.Is(err, ErrDenied): // then it may be allowed to delete it, as older tools asked for
		case err != nil:
			return now, err
		default:
			now = "inactive"
			r.Say(Deactivated, old)
			if err := r.verify(ctx, s.Key); err != nil {
				return now, err
			}
		}
	}
	if r.KeepOld {
		return now, nil
	}
	if err := r.AWS.Delete(ctx, old); err != nil && !errors.Is(err, ErrGone) {
		return now, err
	}
	r.Say(Deleted, old)
	return "deleted", nil
}
