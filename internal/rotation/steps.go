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

// This file has the steps. Each completes the new thing before it removes the old one, and
// each can be done again.

const (
	verifyTime = 2 * time.Minute  // how long a new key may take until it works
	listTime   = 5 * time.Second  // how long a new key may take until it is listed
	clockSkew  = 10 * time.Minute // how far the clocks of AWS and this machine may be apart
	finishTime = 30 * time.Second // how long a call may take that Ctrl-C does not stop
	pauseMin   = 500 * time.Millisecond
	pauseMax   = 10 * time.Second
)

// deleteLost deletes a key that may have been made when the last run was interrupted; its
// secret is lost.
func (r *Rotation) deleteLost(ctx context.Context, s *State) error {
	lost := r.lost(*s)
	for s.Keys != nil && len(lost) == 0 && r.Now().Before(s.Journal.At.Add(listTime)) {
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

// lost returns the keys that the unfinished rotation has made, or may have made: they did
// not exist before, were made while it ran, and are not in the store.
func (r *Rotation) lost(s State) []Key {
	var list []Key
	j := s.Journal
	for _, k := range s.Keys {
		made := k.ID == j.New || j.Before != nil && !slices.Contains(j.Before, k.ID) &&
			k.Created.After(j.Begun.Add(-clockSkew)) && k.Created.Before(j.At.Add(clockSkew))
		if made && k.ID != j.Old && k.ID != s.Key.ID && k.ID != s.Staged.ID {
			list = append(list, k)
		}
	}
	if j.New != "" && s.Keys == nil && j.New != s.Key.ID {
		list = append(list, Key{ID: j.New, Active: true})
	}
	return list
}

// discard deletes a key that was made and lost. Unless the journal names it, it must never
// have been used.
func (r *Rotation) discard(ctx context.Context, s *State, k Key) error {
	if k.ID != s.Journal.New {
		use, err := r.AWS.LastUsed(ctx, k.ID)
		switch {
		case errors.Is(err, ErrDenied):
			err = r.MayDiscard(ctx, Owned{Key: k, UseErr: err})
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

// create makes the new key and stores it beside the old one. Ctrl-C does not stop it once
// AWS was asked for the key, which would be lost.
func (r *Rotation) create(ctx context.Context, s *State) error {
	if err := r.makeRoom(ctx, s); err != nil {
		return err
	}
	j := r.begin(*s)
	if s.unfinished() {
		j.Begun = s.Journal.Begun
	}
	if s.Keys != nil {
		j.Before = []string{} // nil would mean that it is not known
	}
	for _, k := range s.Keys {
		j.Before = append(j.Before, k.ID)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := r.record(&j, Making); err != nil {
		return err
	}
	s.Journal = j
	defer r.Hold()()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*finishTime)
	defer cancel()
	k, err := r.AWS.Create(ctx)
	switch {
	case errors.Is(err, ErrUnsure):
		return r.unsure(ctx, s, err)
	case err != nil:
		return errors.Join(err, r.Book.remove(r.Item))
	}
	if err := store.KeepKey(ctx, r.Store, store.StagedName(r.Item), k); err != nil {
		return r.undo(ctx, s, k.ID, err)
	}
	r.Say(Made, k.ID)
	s.Staged, s.Phase, s.Journal.New = k, Staged, k.ID
	return r.record(&s.Journal, Verifying)
}

// unsure looks for the key that a call may have made whose answer was lost. If that fails
// too, the next run looks for it.
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
	return errors.Join(failed, r.Book.remove(r.Item))
}

// undo deletes a key that could not be stored: its secret is lost.
func (r *Rotation) undo(ctx context.Context, s *State, id string, failed error) error {
	s.Journal.New = id
	_ = r.record(&s.Journal, Making) // the disk may be what has failed
	if err := r.AWS.Delete(ctx, id); err != nil && !errors.Is(err, ErrGone) {
		return &OrphanError{id, failed, err}
	}
	if err := errors.Join(r.unstage(ctx), r.Book.remove(r.Item)); err != nil {
		return errors.Join(failed, err)
	}
	return &UndoneError{id, failed}
}

// makeRoom deletes one of two keys, which the caller chooses. It is deactivated first, which
// can be undone if that call shows that it is not allowed to delete keys.
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
		o.Use, o.UseErr = r.AWS.LastUsed(ctx, k.ID)
		all = append(all, o)
	}
	id, err := r.MakeRoom(ctx, all)
	if err != nil {
		return err
	}
	if id == s.Key.ID || !has(s.Keys, id) {
		return fmt.Errorf("the key …%s is not the user's other key, so it cannot be deleted to make room", tail(id))
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

// switchOver checks that the new key works and replaces the old one by it in the store.
func (r *Rotation) switchOver(ctx context.Context, s *State) error {
	if err := r.verify(ctx, s.Staged); err != nil {
		return err
	}
	r.Say(Verified, s.Staged.ID)
	if err := r.record(&s.Journal, Switching); err != nil {
		return err
	}
	// The new key is on the disk twice before the old one, and then its first copy, goes.
	if err := store.Flush(ctx, r.Store); err != nil {
		return err
	}
	if err := store.KeepKey(ctx, r.Store, r.Item, s.Staged); err != nil {
		return err
	}
	s.Key, s.Phase = s.Staged, Stored
	r.Say(Switched, s.Key.ID)
	return nil
}

// verify waits until AWS accepts the key as the user's. After a first refusal it must be
// accepted twice in a row: not every part of AWS learns of a key at the same time.
func (r *Rotation) verify(ctx context.Context, k creds.Key) error {
	end := r.Now().Add(verifyTime)
	failed, good := false, 0
	for pause := pauseMin; ; pause = min(2*pause, pauseMax) {
		user, err := r.AWS.Who(ctx, k)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err == nil && user != r.User:
			return fmt.Errorf("the new key …%s belongs to %s and not to %s", tail(k.ID), user, r.User)
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

// retire forgets the sessions that were made with the old key, deactivates or deletes it,
// and ends the rotation. The sessions are forgotten first, so that no terminal gets one that
// stops working with its key.
func (r *Rotation) retire(ctx context.Context, s *State) (oldNow string, err error) {
	if s.Journal.Version != 0 {
		if err := r.record(&s.Journal, Retiring); err != nil {
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
	return oldNow, r.Book.remove(r.Item)
}

// end deactivates and deletes the old key, after checking each time that the new one works.
// It returns what became of the old key.
func (r *Rotation) end(ctx context.Context, s *State, old string) (string, error) {
	if s.Keys != nil && s.Journal.Before != nil && !has(s.Keys, old) && slices.Contains(s.Journal.Before, old) {
		return "deleted", nil // by a run that was interrupted right after it
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
		case errors.Is(err, ErrDenied): // policies for older tools allow only to delete it
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
