package refresh

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/d44b7504/vault/internal/creds"
	"github.com/d44b7504/vault/store"
)

// unattended calls it, and checks which session comes back: "" is an error.
func (o *office) unattended(id string) error {
	o.t.Helper()
	l, err := o.Unattended(context.Background(), prod)
	if l.Session.AccessKeyID != id || (err != nil) != (id == "") {
		o.t.Errorf("%q %v, want %q", l.Session.AccessKeyID, err, id)
	}
	return err
}

func newServing(t *testing.T) *office {
	o := newOffice(t)
	o.Policy.EarlyMin, o.Policy.EarlyMax = 16*time.Minute, 16*time.Minute
	o.Policy.BackoffMin, o.Policy.BackoffMax = 5*time.Second, time.Minute
	return o
}

func TestAnUnattendedSessionIsRenewedAsEarlyAsThePolicySays(t *testing.T) {
	o := newServing(t)
	_ = o.unattended("ASIA1")
	o.pass(43*time.Minute + 58*time.Second)
	_ = o.unattended("ASIA1")
	o.pass(time.Second) // a timer may be a second early
	_ = o.unattended("ASIA2")
	o.wantMade(2)
}

func TestAnUnattendedFailureRestsUntilItsBackoffIsOver(t *testing.T) {
	o := newServing(t)
	_ = o.unattended("ASIA1")
	o.pass(50 * time.Minute)
	o.fails(errOffline)
	for range 50 { // five seconds
		_ = o.unattended("ASIA1")
		o.pass(100 * time.Millisecond)
	}
	o.wantMade(2)
	o.wantNote(Offline)
	_ = o.unattended("ASIA1")
	o.wantMade(3)
	o.pass(10 * time.Minute) // it has expired
	if err := o.unattended(""); !errors.Is(err, errOffline) {
		t.Error(err)
	}
	o.wantMade(4)
	var note *NoteError
	if err := o.unattended(""); !errors.As(err, &note) || note.Note != Offline {
		t.Error(err)
	}
	o.wantMade(4)
	o.fails(nil)
	o.pass(time.Minute)
	_ = o.unattended("ASIA5")
	o.wantNote("")
}

func TestAnUnattendedProcessGoesOnWithWhatAPersonMade(t *testing.T) {
	o := newServing(t)
	o.fails(errPerson)
	if err := o.unattended(""); !errors.Is(err, errPerson) {
		t.Error(err)
	}
	_ = o.unattended("") // it rests for a minute
	o.fails(nil)
	made, err := o.sibling().Fresh(context.Background(), prod, Want{IgnoreCache: true})
	if err != nil {
		t.Fatal(err)
	}
	_ = o.unattended(made.Session.AccessKeyID)
	o.wantMade(2)
}

// A full disk or a store that refuses to write must not cost the session just made.
func TestASessionThatCannotBeStoredIsServed(t *testing.T) {
	o := newServing(t)
	o.Store = fullStore{o.Store}
	_ = o.unattended("ASIA1")
}

// A prompt's longer backoff is not this process's.
func TestALongBackoffOfAnotherProcessIsNotWaitedFor(t *testing.T) {
	o := newServing(t)
	other := o.sibling()
	other.Policy = Default
	o.fails(errPerson)
	if err := other.IfDue(context.Background(), prod); err != nil {
		t.Fatal(err)
	}
	o.fails(nil)
	_ = o.unattended("ASIA2")
}

// fullStore holds what it has, and takes nothing more.
type fullStore struct{ store.Store }

func (fullStore) Put(context.Context, string, creds.Secret) error { return store.ErrUnavailable }
