package refresh

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/d44b7504/vault/internal/atomicfile"
	"github.com/d44b7504/vault/internal/creds"
	"github.com/d44b7504/vault/internal/profiles"
	"github.com/d44b7504/vault/internal/storetest"
	"github.com/d44b7504/vault/store"
)

var (
	errOffline = errors.New("the network is down")
	errPerson  = errors.New("a person is needed")
)

// office is a keeper with a memory store, a clock that is set by hand, and sessions of
// an hour that are counted.
type office struct {
	*Keeper
	t    *testing.T
	made atomic.Int64
	life time.Duration

	mu   sync.Mutex
	now  time.Time
	fail error
}

var prod = profiles.Profile{Name: "prod", Source: profiles.Source{Stored: &profiles.Stored{Profile: "prod"}}}

func newOffice(t *testing.T) *office {
	o := &office{t: t, now: time.Now().UTC().Truncate(time.Second), life: time.Hour}
	o.Keeper = &Keeper{
		Store: storetest.NewMemory(), Dir: newDirectory(t), Policy: Default, Now: o.clock, Make: o.make,
		Note: func(err error) Note {
			if errors.Is(err, errPerson) {
				return NeedsCode
			}
			return Offline
		},
	}
	return o
}

// sibling is another process's keeper of the same sessions.
func (o *office) sibling() *Keeper {
	k := *o.Keeper
	return &k
}

func (o *office) clock() time.Time {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.now
}

func (o *office) pass(d time.Duration) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.now = o.now.Add(d)
}

func (o *office) fails(err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.fail = err
}

func (o *office) make(_ context.Context, p profiles.Profile) (creds.Session, error) {
	n := o.made.Add(1)
	now := o.clock()
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.fail != nil {
		return creds.Session{}, o.fail
	}
	s := creds.Session{Profile: p.Name, AccessKeyID: fmt.Sprint("ASIA", n), SecretKey: creds.New("fake"), Issued: now}
	if o.life > 0 {
		s.Expires = now.Add(o.life)
	}
	return s, nil
}

func (o *office) fresh(w Want) Lease {
	o.t.Helper()
	l, err := o.Fresh(context.Background(), prod, w)
	if err != nil {
		o.t.Fatal(err)
	}
	return l
}

func (o *office) ifDue() {
	o.t.Helper()
	if err := o.IfDue(context.Background(), prod); err != nil {
		o.t.Fatal(err)
	}
}

// wantMade checks how often a session was asked for so far.
func (o *office) wantMade(n int64) {
	o.t.Helper()
	if got := o.made.Load(); got != n {
		o.t.Errorf("asked %d times, want %d", got, n)
	}
}

func (o *office) wantNote(word Note) {
	o.t.Helper()
	if m, _ := o.Dir.Mark(Key(prod)); m.Note != word {
		o.t.Errorf("the note is %q, want %q", m.Note, word)
	}
}

func TestAYoungSessionIsHandedOutAgain(t *testing.T) {
	o := newOffice(t)
	first := o.fresh(Want{})
	o.pass(44 * time.Minute)
	again := o.fresh(Want{})
	o.wantMade(1)
	if again.Session.AccessKeyID != first.Session.AccessKeyID || again.File != first.File || again.Warning != nil {
		t.Errorf("first %+v, then %+v", first, again)
	}
	if want := first.Session.Expires.Add(-15 * time.Minute); !again.RefreshAt.Equal(want) {
		t.Errorf("renewed at %v, want %v", again.RefreshAt, want)
	}
	if _, err := os.Stat(first.File); err != nil {
		t.Error(err)
	}
	o.pass(time.Minute)
	if l := o.fresh(Want{}); l.File == first.File {
		t.Error("another session, the same generation")
	}
	o.wantMade(2)
}

func TestALongerWishIsHeeded(t *testing.T) {
	o := newOffice(t)
	o.fresh(Want{})
	o.pass(35 * time.Minute)
	o.fresh(Want{MinTTL: 20 * time.Minute})
	o.wantMade(1)
	o.fresh(Want{MinTTL: 27 * time.Minute})
	o.wantMade(2)
}

func TestAStrictWishIsTakenByTheWord(t *testing.T) {
	o := newOffice(t)
	o.fresh(Want{})
	o.pass(20 * time.Minute)
	o.fresh(Want{MinTTL: 40 * time.Minute, Strict: true})
	o.fresh(Want{MinTTL: 45 * time.Minute}) // more than half of a lifetime is not a reason to make another
	o.wantMade(1)
	o.fresh(Want{MinTTL: 45 * time.Minute, Strict: true})
	o.wantMade(2)
	o.pass(20 * time.Minute)
	o.fails(errOffline)
	if l, err := o.Fresh(context.Background(), prod, Want{MinTTL: 45 * time.Minute, Strict: true}); !errors.Is(err, errOffline) {
		t.Errorf("the old session was returned: %+v, %v", l, err)
	}
	o.fresh(Want{MinTTL: 30 * time.Minute, Strict: true})
}

func TestIgnoreCacheTakesWhatAnotherProcessHasJustMade(t *testing.T) {
	o := newOffice(t)
	o.fresh(Want{})
	o.pass(time.Second)
	o.fresh(Want{IgnoreCache: true})
	o.wantMade(2)
	// While this one waits for the lock, another process makes a session.
	o.pass(time.Second)
	inside, release := make(chan struct{}), make(chan struct{})
	other := o.sibling()
	other.Make = func(ctx context.Context, p profiles.Profile) (creds.Session, error) {
		close(inside)
		<-release
		o.pass(time.Second)
		return o.make(ctx, p)
	}
	done := make(chan error, 2)
	go func() { _, err := other.Fresh(context.Background(), prod, Want{IgnoreCache: true}); done <- err }()
	<-inside
	looked := make(chan struct{})
	o.Store = watched{o.Store, sync.OnceFunc(func() { close(looked) })}
	go func() { _, err := o.Fresh(context.Background(), prod, Want{IgnoreCache: true}); done <- err }()
	<-looked
	close(release)
	if err := errors.Join(<-done, <-done); err != nil {
		t.Fatal(err)
	}
	o.wantMade(3)
}

func TestTwentyAtOnceMakeOneSession(t *testing.T) {
	o := newOffice(t)
	slow := func(ctx context.Context, p profiles.Profile) (creds.Session, error) {
		time.Sleep(20 * time.Millisecond) // let the others arrive
		return o.make(ctx, p)
	}
	ids := make(chan string, 20)
	for range cap(ids) {
		k := o.sibling()
		k.Make = slow
		go func() {
			l, err := k.Fresh(context.Background(), prod, Want{})
			ids <- fmt.Sprint(l.Session.AccessKeyID, err)
		}()
	}
	for range cap(ids) {
		if id := <-ids; id != "ASIA1<nil>" {
			t.Error(id)
		}
	}
	o.wantMade(1)
}

func TestWaitingForAnotherEndsWithTheContext(t *testing.T) {
	o := newOffice(t)
	inside, release := make(chan struct{}), make(chan struct{})
	other := o.sibling()
	other.Make = func(ctx context.Context, p profiles.Profile) (creds.Session, error) {
		close(inside)
		<-release
		return o.make(ctx, p)
	}
	done := make(chan error, 1)
	go func() { _, err := other.Fresh(context.Background(), prod, Want{}); done <- err }()
	<-inside
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	if _, err := o.Fresh(ctx, prod, Want{}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the wait ended with %v", err)
	}
	// A renewal in the background does not wait at all.
	o.ifDue()
	o.wantMade(0)
	close(release)
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestThePersonIsToldWhomWeWaitFor(t *testing.T) {
	o := newOffice(t)
	inside, told := make(chan struct{}), make(chan struct{})
	other := o.sibling()
	other.Make = func(ctx context.Context, p profiles.Profile) (creds.Session, error) {
		close(inside)
		<-told
		return o.make(ctx, p)
	}
	go func() { _, _ = other.Fresh(context.Background(), prod, Want{}) }()
	<-inside
	times := 0
	o.Waiting = func() {
		if times++; times == 1 {
			close(told)
		}
	}
	o.fresh(Want{})
	o.wantMade(1)
	if times != 1 {
		t.Errorf("told %d times", times)
	}
}

func TestTheOldSessionStaysWhenNoNewOneCanBeMade(t *testing.T) {
	o := newOffice(t)
	first := o.fresh(Want{})
	o.pass(50 * time.Minute)
	o.fails(errOffline)
	l := o.fresh(Want{})
	if l.Session.AccessKeyID != first.Session.AccessKeyID || !errors.Is(l.Warning, errOffline) || l.Note != "offline!" {
		t.Errorf("lease %+v", l)
	}
	if want := o.clock().Add(30 * time.Second); !l.RefreshAt.Equal(want) {
		t.Errorf("tried again at %v, want %v", l.RefreshAt, want)
	}
	o.wantNote("offline!")
	// A person who asks for a new one wants to know.
	if _, err := o.Fresh(context.Background(), prod, Want{IgnoreCache: true}); !errors.Is(err, errOffline) {
		t.Errorf("without the cache: %v", err)
	}
	// What has lapsed is of no use.
	o.pass(10 * time.Minute)
	if _, err := o.Fresh(context.Background(), prod, Want{}); !errors.Is(err, errOffline) {
		t.Errorf("lapsed: %v", err)
	}
	o.fails(nil)
	if l := o.fresh(Want{}); l.Note != "" || l.Warning != nil {
		t.Errorf("after it works again: %+v", l)
	}
	o.wantNote("")
	if n, _ := o.Dir.Retry(Key(prod)); n != 0 {
		t.Errorf("%d failures are remembered", n)
	}
}

func TestIfDueRenewsWhenItIsTimeAndNotBefore(t *testing.T) {
	o := newOffice(t)
	first := o.fresh(Want{})
	o.ifDue()
	o.pass(44 * time.Minute)
	o.ifDue()
	o.wantMade(1)
	o.pass(time.Minute)
	o.ifDue()
	o.wantMade(2)
	if _, err := os.Stat(first.File); !os.IsNotExist(err) {
		t.Errorf("terminals with the old generation learn nothing: %v", err)
	}
	o.ifDue()
	o.wantMade(2)
	// One that is gone from the cache is due.
	if _, err := o.Forget(context.Background(), prod); err != nil {
		t.Fatal(err)
	}
	o.ifDue()
	o.wantMade(3)
}

func TestIfDueBacksOff(t *testing.T) {
	o := newOffice(t)
	o.fresh(Want{})
	o.fails(errOffline)
	o.pass(45 * time.Minute)
	made := int64(1)
	for _, wait := range []time.Duration{30, 60, 120, 240} {
		o.ifDue()
		made++
		o.wantMade(made)
		o.wantNote("offline!")
		o.pass(wait*time.Second - 2*time.Second)
		o.ifDue() // too early
		o.wantMade(made)
		o.pass(2 * time.Second)
	}
	o.fails(nil)
	o.ifDue()
	o.wantMade(made + 1)
	o.wantNote("")
}

// A terminal that was closed says nothing about the renewal that it had begun.
func TestARenewalWhoseCallerHasGoneDoesNotCountAsAFailure(t *testing.T) {
	o := newOffice(t)
	o.fresh(Want{})
	o.pass(45 * time.Minute)
	ctx, hangUp := context.WithCancel(context.Background())
	o.Make = func(ctx context.Context, _ profiles.Profile) (creds.Session, error) {
		hangUp()
		<-ctx.Done()
		return creds.Session{}, ctx.Err()
	}
	if err := o.IfDue(ctx, prod); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	o.wantNote("")
	o.Make = o.make
	o.ifDue() // at once
	o.wantMade(2)
}

func TestWhatNeedsAPersonIsNotTriedOverAndOver(t *testing.T) {
	o := newOffice(t)
	o.fresh(Want{})
	o.fails(errPerson)
	o.pass(45 * time.Minute)
	o.ifDue()
	o.wantNote("mfa!")
	o.pass(9 * time.Minute)
	o.ifDue()
	o.wantMade(2)
	// A person is not held up by that.
	o.fails(nil)
	o.fresh(Want{IgnoreCache: true})
	o.wantNote("")
}

func TestAClockSetBackDoesNotStopRenewals(t *testing.T) {
	o := newOffice(t)
	o.fresh(Want{})
	o.fails(errOffline)
	o.pass(50 * time.Minute)
	o.ifDue()
	o.wantMade(2)
	o.pass(-3 * time.Hour) // the backoff now lies hours ahead
	o.fails(nil)
	o.ifDue()
	o.wantMade(3)
	o.fresh(Want{})
	o.wantMade(3)
}

func TestALaptopThatSleptFindsItsSessionLapsedAndMakesAnother(t *testing.T) {
	o := newOffice(t)
	first := o.fresh(Want{})
	o.pass(8 * time.Hour)
	l, err := o.Current(context.Background(), prod)
	if err != nil || l.Session.AccessKeyID != first.Session.AccessKeyID || !l.Session.Expired(o.clock()) {
		t.Errorf("what a prompt is told: %+v, %v", l, err)
	}
	o.wantMade(1)
	o.ifDue()
	o.wantMade(2)
	if l := o.fresh(Want{}); l.Session.Expired(o.clock()) || l.Session.AccessKeyID == first.Session.AccessKeyID {
		t.Errorf("a lapsed session was handed out: %+v", l)
	}
	o.wantMade(2)
}

func TestAClockSetForwardAndBackAgainKeepsTheSession(t *testing.T) {
	o := newOffice(t)
	o.fresh(Want{})
	o.pass(30 * time.Minute)
	o.pass(-30 * time.Minute)
	o.fresh(Want{})
	o.wantMade(1)
}

func TestAKeyThatDoesNotExpireIsNeverCached(t *testing.T) {
	o := newOffice(t)
	o.life = 0
	l := o.fresh(Want{})
	if !l.RefreshAt.IsZero() || l.File == "" {
		t.Errorf("lease %+v", l)
	}
	o.fresh(Want{})
	o.wantMade(2)
	names, err := o.Store.List(context.Background(), "")
	if err != nil || len(names) != 0 {
		t.Errorf("stored: %q, %v", names, err)
	}
}

func TestCurrentNeitherRenewsNorWaits(t *testing.T) {
	o := newOffice(t)
	if _, err := o.Current(context.Background(), prod); !errors.Is(err, ErrNoSession) {
		t.Errorf("nothing cached: %v", err)
	}
	o.fresh(Want{})
	o.fails(errPerson)
	o.pass(50 * time.Minute)
	o.ifDue()
	l, err := o.Current(context.Background(), prod)
	if err != nil || l.Session.AccessKeyID != "ASIA1" || l.Note != "mfa!" {
		t.Errorf("lease %+v, %v", l, err)
	}
	o.wantMade(2)
}

func TestForgetMakesEveryTerminalAsk(t *testing.T) {
	o := newOffice(t)
	l := o.fresh(Want{})
	n, err := o.Forget(context.Background(), prod)
	if n != 1 || err != nil {
		t.Errorf("forgot %d, %v", n, err)
	}
	if _, err := os.Stat(l.File); !os.IsNotExist(err) {
		t.Errorf("the generation file: %v", err)
	}
	o.fresh(Want{})
	o.wantMade(2)
}

func TestAStoreThatCannotBeReadIsAnError(t *testing.T) {
	o := newOffice(t)
	o.Store = broken{o.Store, store.ErrLocked, nil}
	if _, err := o.Fresh(context.Background(), prod, Want{}); !errors.Is(err, store.ErrLocked) {
		t.Errorf("fresh: %v", err)
	}
	if err := o.IfDue(context.Background(), prod); !errors.Is(err, store.ErrLocked) {
		t.Errorf("if due: %v", err)
	}
	o.wantMade(0)
}

func TestAStoreThatCannotBeWrittenCostsTheCacheOnly(t *testing.T) {
	o := newOffice(t)
	o.Store = broken{o.Store, nil, errors.New("the disk is full")}
	l := o.fresh(Want{})
	if l.Session.AccessKeyID == "" || l.Warning == nil || !strings.Contains(l.Warning.Error(), "full") {
		t.Errorf("lease %+v", l)
	}
}

func TestARuntimeDirectoryThatCannotBeWrittenCostsTheLockOnly(t *testing.T) {
	o := newOffice(t)
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	o.Dir = Directory{filepath.Join(file, "vault")}
	l := o.fresh(Want{})
	if l.Session.AccessKeyID == "" || l.Warning == nil || l.File == "" {
		t.Errorf("lease %+v", l)
	}
	o.fresh(Want{})
	o.wantMade(1) // the cache still works
}

func TestProfilesThatMeanOtherThingsDoNotShare(t *testing.T) {
	o := newOffice(t)
	o.fresh(Want{})
	edited := prod
	edited.Source = profiles.Source{Stored: &profiles.Stored{Profile: "prod", MFASerial: "device"}}
	other := prod
	other.Name = "other"
	for _, p := range []profiles.Profile{edited, other} {
		if _, err := o.Fresh(context.Background(), p, Want{}); err != nil {
			t.Fatal(err)
		}
	}
	o.wantMade(3)
}

// broken is a store whose reads or writes fail.
type broken struct {
	store.Store
	read, write error
}

func (b broken) Get(ctx context.Context, key string) (creds.Secret, error) {
	if b.read != nil {
		return creds.Secret{}, b.read
	}
	return b.Store.Get(ctx, key)
}

func (b broken) Put(ctx context.Context, key string, v creds.Secret) error {
	if b.write != nil {
		return b.write
	}
	return b.Store.Put(ctx, key, v)
}

// watched tells when it is read.
type watched struct {
	store.Store
	read func()
}

func (w watched) Get(ctx context.Context, key string) (creds.Secret, error) {
	w.read()
	return w.Store.Get(ctx, key)
}

// listing is a store that counts how often it is listed, and looks at what was there.
type listing struct {
	store.Store
	lists   int
	deleted func()
	fail    error
}

func (l *listing) List(ctx context.Context, prefix string) ([]string, error) {
	if l.lists++; l.fail != nil {
		return nil, l.fail
	}
	return l.Store.List(ctx, prefix)
}

func (l *listing) Delete(ctx context.Context, name string) error {
	l.deleted()
	return l.Store.Delete(ctx, name)
}

func TestForgettingManyListsTheStoreOnceAndTellsTerminalsLast(t *testing.T) {
	o := newOffice(t)
	var list []profiles.Profile
	for i := range 20 {
		p := prod
		p.Name = fmt.Sprint("p", i)
		list = append(list, p)
		if _, err := o.Fresh(context.Background(), p, Want{}); err != nil {
			t.Fatal(err)
		}
	}
	kept := o.fresh(Want{})
	l := &listing{Store: o.Store}
	l.deleted = func() {
		if _, ok := o.Dir.Mark(Key(list[0])); !ok {
			t.Error("a terminal was told while sessions were still there")
		}
	}
	o.Store = l
	if n, err := o.Forget(context.Background(), list...); n != 20 || err != nil || l.lists != 1 {
		t.Errorf("forgot %d, %v, in %d listings", n, err, l.lists)
	}
	for _, p := range list {
		if _, ok := o.Dir.Mark(Key(p)); ok {
			t.Errorf("%s has a mark", p.Name)
		}
	}
	if again := o.fresh(Want{}); again.Session.AccessKeyID != kept.Session.AccessKeyID {
		t.Error("the session of another profile is gone")
	}
	// Terminals are told also when the store fails.
	l.fail = errors.New("closed")
	if _, err := o.Forget(context.Background(), prod); !errors.Is(err, l.fail) {
		t.Errorf("forgot with %v", err)
	}
	if _, ok := o.Dir.Mark(Key(prod)); ok {
		t.Error("a mark is left")
	}
}

// forbidden is a store in which root has left a session that this user may not read.
type forbidden struct {
	store.Store
	deleted bool
}

func (f *forbidden) Get(ctx context.Context, name string) (creds.Secret, error) {
	if !f.deleted {
		return creds.Secret{}, fmt.Errorf("%w: %w", store.ErrUnavailable, &fs.PathError{Op: "open", Path: name, Err: fs.ErrPermission})
	}
	return f.Store.Get(ctx, name)
}

func (f *forbidden) Put(ctx context.Context, name string, v creds.Secret) error {
	if !f.deleted {
		return fmt.Errorf("%w: %w", store.ErrUnavailable, &atomicfile.OwnerError{ID: 0})
	}
	return f.Store.Put(ctx, name, v)
}

func (f *forbidden) Delete(context.Context, string) error {
	f.deleted = true
	return nil
}

func TestASessionThatThisUserMayNotReadIsReplaced(t *testing.T) {
	o := newOffice(t)
	o.Store = &forbidden{Store: o.Store}
	if l := o.fresh(Want{}); l.Session.AccessKeyID != "ASIA1" || l.Warning != nil {
		t.Errorf("%+v", l)
	}
	if l := o.fresh(Want{}); l.Session.AccessKeyID != "ASIA1" || l.Warning != nil {
		t.Errorf("the second time: %+v", l)
	}
	o.wantMade(1)
}
