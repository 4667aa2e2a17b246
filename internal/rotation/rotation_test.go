package rotation_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/d44b7504/vault/internal/creds"
	"github.com/d44b7504/vault/internal/fakeaws"
	"github.com/d44b7504/vault/internal/rotation"
	"github.com/d44b7504/vault/internal/testenv"
	"github.com/d44b7504/vault/store"
)

func TestAKeyIsReplacedInTheRightOrder(t *testing.T) {
	w := newWorld(t, fakeaws.Options{})
	res, m, err := w.run(0, whole, nil)
	w.must(err)
	w.done("at the end")
	if res.Old != w.first.ID || res.New != w.stored().ID || res.OldNow != "deleted" || res.Resumed || w.drops != 1 {
		t.Errorf("%+v, sessions dropped %d times", res, w.drops)
	}
	want := []rotation.Event{rotation.Made, rotation.Verified, rotation.Switched, rotation.Deactivated, rotation.Deleted}
	if !slices.Equal(w.said, want) {
		t.Errorf("said %v", w.said)
	}
	order := []string{"create", "store vault.rotate", "read vault.rotate", "who", "store base", "read base", "unstore vault.rotate", "follow", "who", "deactivate", "who", "delete"}
	if got := m.ops[len(m.ops)-len(order):]; !slices.Equal(got, order) {
		t.Errorf("did %q", got)
	}
}

// This is what the package is for.
func TestInterruptedAnywhereARotationLosesNoKeyAndIsFinishedByTheNextRun(t *testing.T) {
	_, undisturbed, err := newWorld(t, fakeaws.Options{}).run(0, whole, nil)
	if err != nil {
		t.Fatal(err)
	}
	steps := len(undisturbed.ops)
	if steps < 15 {
		t.Fatalf("only %d operations: %q", steps, undisturbed.ops)
	}
	for _, what := range []how{dieBefore, dieAfter, fails, loses} {
		for at := 1; at <= steps; at++ {
			w := newWorld(t, fakeaws.Options{KeysSettle: at % 3})
			_, m, err := w.run(at, what, nil)
			when := fmt.Sprintf("%v %d, %s", what, at, m.ops[min(at, len(m.ops))-1])
			w.safe(when)
			if err == nil && what != fails && what != loses {
				t.Errorf("%s: it went on", when)
			}
			if err == nil {
				w.done(when)
				continue
			}
			w.now = w.now.Add(time.Duration(at) * time.Second)
			_, _, err = w.run(0, whole, nil)
			if err != nil {
				t.Errorf("%s: resumed: %v", when, err)
			}
			w.done(when + ", resumed")
		}
	}
}

// A second death while resuming, at each of its operations, for each place of the first.
func TestInterruptedTwiceItIsFinishedByTheThirdRun(t *testing.T) {
	for at := 4; ; at++ {
		w := newWorld(t, fakeaws.Options{})
		if _, _, err := w.run(at, dieAfter, nil); err == nil {
			break
		}
		for second := 1; second < 25; second++ {
			if (at+second)%4 != 0 && !testenv.Long() {
				continue // one pair of four is the sample
			}
			w := newWorld(t, fakeaws.Options{})
			_, first, _ := w.run(at, dieAfter, nil)
			_, m, err := w.run(second, dieAfter, nil)
			when := fmt.Sprintf("death after %s, then after %s", first.ops[len(first.ops)-1], m.ops[len(m.ops)-1])
			w.safe(when)
			if err != nil {
				_, _, err = w.run(0, whole, nil)
				w.must(err)
			}
			w.done(when)
			if len(m.ops) < second {
				break
			}
		}
	}
}

func TestAKeyThatCannotBeStoredIsDeletedAgain(t *testing.T) {
	w := newWorld(t, fakeaws.Options{})
	_, _, err := w.run(opOf(t, "store vault.rotate"), fails, nil)
	var undone *rotation.UndoneError
	if !errors.As(err, &undone) || !errors.Is(err, errDisturbed) {
		t.Fatal(err)
	}
	if list := w.listed(); len(list) != 1 || list[0].ID != w.first.ID || w.stored().ID != w.first.ID {
		t.Errorf("AWS has %+v", list)
	}
	w.nothingLeft("undone")
}

// opOf is the place of an operation in an undisturbed run.
func opOf(t *testing.T, name string) int {
	t.Helper()
	_, m, err := newWorld(t, fakeaws.Options{}).run(0, whole, nil)
	if err != nil {
		t.Fatal(err)
	}
	at := slices.Index(m.ops, name) + 1
	if at == 0 {
		t.Fatalf("no %q among %q", name, m.ops)
	}
	return at
}

func TestAKeyThatCanNeitherBeStoredNorDeletedIsNamedAndDeletedByTheNextRun(t *testing.T) {
	w := newWorld(t, fakeaws.Options{})
	w.aws.Inject("DeleteAccessKey", fakeaws.Fault{Status: 403, Code: "AccessDenied"})
	_, _, err := w.run(opOf(t, "store vault.rotate"), fails, nil)
	var orphan *rotation.OrphanError
	if !errors.As(err, &orphan) {
		t.Fatal(err)
	}
	if list := w.listed(); len(list) != 2 || list[1].ID != orphan.ID {
		t.Fatalf("AWS has %+v, not …%s", list, orphan.ID)
	}
	w.safe("orphaned")
	_, _, err = w.run(0, whole, nil)
	w.must(err)
	w.done("resumed")
	if !slices.Contains(w.said, rotation.Discarded) {
		t.Error("nothing was said of the lost key")
	}
}

func TestALostKeyThatWasUsedIsNotDeleted(t *testing.T) {
	w := newWorld(t, fakeaws.Options{})
	_, _, err := w.run(opOf(t, "create"), dieBefore, nil)
	if err == nil {
		t.Fatal("it went on")
	}
	theirs, err := w.aws.AddKey(w.user) // by a colleague, in the console
	w.must(err)
	_, err = w.who(context.Background(), theirs)
	w.must(err)
	_, _, err = w.run(0, whole, nil)
	var used *rotation.UsedError
	if !errors.As(err, &used) || used.ID != theirs.ID || used.Use.Service != "sts" {
		t.Fatal(err)
	}
	if len(w.listed()) != 2 {
		t.Error("a key is gone")
	}
}

func TestAKeyMadeLongAfterIsNotTakenForALostOne(t *testing.T) {
	w := newWorld(t, fakeaws.Options{})
	_, _, _ = w.run(opOf(t, "create"), dieBefore, nil)
	w.now = w.now.Add(time.Hour)
	_, err := w.aws.AddKey(w.user)
	w.must(err)
	_, _, err = w.run(0, whole, nil)
	if err == nil || err.Error() != "no room" || len(w.listed()) != 2 {
		t.Errorf("%v; AWS has %+v", err, w.listed())
	}
}

func TestAPersonDecidesWhereAWSDoesNotSayWhetherAKeyWasUsed(t *testing.T) {
	for _, agreed := range []bool{false, true} {
		w := newWorld(t, fakeaws.Options{})
		_, _, _ = w.run(opOf(t, "create"), dieAfter, nil)
		w.aws.Deny(w.user, "iam:GetAccessKeyLastUsed")
		_, _, err := w.run(0, whole, func(r *rotation.Rotation) {
			r.MayDiscard = func(_ context.Context, o rotation.Owned) error {
				if !errors.Is(o.UseErr, rotation.ErrDenied) || agreed {
					return nil
				}
				return errors.New("rather not")
			}
		})
		if agreed {
			w.must(err)
			w.done("agreed")
		} else if err == nil || len(w.listed()) != 2 {
			t.Errorf("%v; AWS has %+v", err, w.listed())
		}
	}
}

func TestAKeyWhoseAnswerWasLostIsDeletedAtOnce(t *testing.T) {
	w := newWorld(t, fakeaws.Options{})
	w.aws.Inject("CreateAccessKey", fakeaws.Fault{Lose: true})
	_, _, err := w.run(0, whole, nil)
	var undone *rotation.UndoneError
	if list := w.listed(); !errors.As(err, &undone) || len(list) != 1 || list[0].ID != w.first.ID || w.aws.Calls("CreateAccessKey") != 1 {
		t.Errorf("%v; AWS has %+v", err, list)
	}
	w.nothingLeft("undone")
}

func TestAKeyWhoseAnswerWasLostIsDeletedByTheNextRunIfAWSCannotBeReached(t *testing.T) {
	w := newWorld(t, fakeaws.Options{})
	w.aws.Inject("CreateAccessKey", fakeaws.Fault{Lose: true})
	w.aws.Inject("ListAccessKeys", fakeaws.Fault{Delay: time.Nanosecond}) // the first list is answered
	w.aws.Inject("ListAccessKeys", fakeaws.Fault{Status: 400, Code: "Offline", Times: -1})
	if _, _, err := w.run(0, whole, nil); !errors.Is(err, rotation.ErrUnsure) {
		t.Fatal(err)
	}
	w.aws.Heal()
	list, err := rotation.Book{Dir: w.dir}.List()
	if err != nil || len(list) != 1 || list[0].Step != rotation.Making || list[0].Item != "base" || list[0].Profile != "prod" || list[0].User != w.user {
		t.Errorf("%+v, %v", list, err)
	}
	_, _, err = w.run(0, whole, nil)
	w.must(err)
	w.done("on line again")
}

func TestARefusalToMakeAKeyLeavesNothing(t *testing.T) {
	w := newWorld(t, fakeaws.Options{})
	w.aws.Deny(w.user, "iam:CreateAccessKey")
	if _, _, err := w.run(0, whole, nil); !errors.Is(err, rotation.ErrDenied) {
		t.Fatal(err)
	}
	w.nothingLeft("refused")
	w.safe("refused")
}

func TestARotationWaitsForTheNewKeyAndNotForEver(t *testing.T) {
	w := newWorld(t, fakeaws.Options{KeysSettle: 5})
	_, _, err := w.run(0, whole, nil)
	w.must(err)
	w.done("settled")
	if w.slept < 2*time.Second || w.slept > 2*time.Minute || !slices.Contains(w.said, rotation.Waiting) {
		t.Errorf("slept %v", w.slept)
	}

	w = newWorld(t, fakeaws.Options{KeysSettle: 1000})
	_, _, err = w.run(0, whole, nil)
	var unverified *rotation.UnverifiedError
	if !errors.As(err, &unverified) || w.slept > 3*time.Minute || w.stored().ID != w.first.ID {
		t.Errorf("%v after %v", err, w.slept)
	}
	w.safe("given up")
}

func TestAnOldKeyMayBeKept(t *testing.T) {
	w := newWorld(t, fakeaws.Options{})
	keep := func(r *rotation.Rotation) { r.KeepOld = true }
	res, _, err := w.run(0, whole, keep)
	w.must(err)
	list := w.listed()
	if res.OldNow != "inactive" || len(list) != 2 || list[0].Active || !list[1].Active {
		t.Errorf("%+v; AWS has %+v", res, list)
	}
	w.nothingLeft("kept")

	// The run that resumes a rotation keeps the old key if the one that began it was told to.
	w = newWorld(t, fakeaws.Options{})
	_, _, err = w.run(opOf(t, "deactivate"), dieBefore, keep)
	if err == nil {
		t.Fatal("it went on")
	}
	res, _, err = w.run(0, whole, nil)
	w.must(err)
	if list := w.listed(); res.OldNow != "inactive" || len(list) != 2 {
		t.Errorf("resumed: %+v; AWS has %+v", res, list)
	}
}

// AWS Vault's users were told to allow three actions.
func TestARotationWorksWithTheThreePermissionsThatAWSVaultNeeds(t *testing.T) {
	w := newWorld(t, fakeaws.Options{})
	w.aws.Deny(w.user, "iam:ListAccessKeys", "iam:UpdateAccessKey", "iam:GetAccessKeyLastUsed")
	_, _, err := w.run(0, whole, nil)
	w.must(err)
	if k := w.stored(); k.ID == w.first.ID {
		t.Error("the key was not replaced")
	}
	if _, err := w.who(context.Background(), w.first); err == nil {
		t.Error("the old key works")
	}
	w.nothingLeft("unlisted")
	if !slices.Contains(w.said, rotation.Unlisted) || slices.Contains(w.said, rotation.Deactivated) {
		t.Errorf("said %v", w.said)
	}
}

func TestADeniedDeletionEndsInactiveAndIsFinishedOnceAllowedOrKept(t *testing.T) {
	for _, keep := range []bool{false, true} {
		w := newWorld(t, fakeaws.Options{})
		w.aws.Inject("DeleteAccessKey", fakeaws.Fault{Status: 403, Code: "AccessDenied"})
		res, _, err := w.run(0, whole, nil)
		if !errors.Is(err, rotation.ErrDenied) || res.OldNow != "inactive" {
			t.Fatalf("%+v, %v", res, err)
		}
		w.safe("denied")
		_, _, err = w.run(0, whole, func(r *rotation.Rotation) { r.KeepOld = keep })
		w.must(err)
		w.nothingLeft("resumed")
		if n := len(w.listed()); n != map[bool]int{true: 2, false: 1}[keep] {
			t.Errorf("keep %v: %d keys", keep, n)
		}
	}
}

func TestTwoKeysAreShownAndOneMakesRoom(t *testing.T) {
	w := newWorld(t, fakeaws.Options{})
	other, err := w.aws.AddKey(w.user)
	w.must(err)
	var shown []rotation.Owned
	room := func(id string) func(*rotation.Rotation) {
		return func(r *rotation.Rotation) {
			r.MakeRoom = func(_ context.Context, keys []rotation.Owned) (string, error) { shown = keys; return id, nil }
		}
	}
	if _, _, err := w.run(0, whole, room(w.first.ID)); err == nil || len(w.listed()) != 2 {
		t.Errorf("the stored key made room: %v", err)
	}
	_, _, err = w.run(0, whole, room(other.ID))
	w.must(err)
	w.done("with room")
	if len(shown) != 2 || shown[0].Stored != "base" || shown[1].Stored != "" || shown[0].Use.At.IsZero() || !shown[1].Use.At.IsZero() {
		t.Errorf("shown %+v", shown)
	}
}

func TestARotationGoesOnWithoutItsJournal(t *testing.T) {
	for _, at := range []string{"who", "store base"} { // the new key lies beside the old one
		w := newWorld(t, fakeaws.Options{})
		_, _, _ = w.run(opOf(t, "create")+3, dieAfter, nil)
		if at == "store base" {
			w = newWorld(t, fakeaws.Options{})
			_, _, _ = w.run(opOf(t, at), dieBefore, nil)
		}
		w.must(os.RemoveAll(w.dir))
		if _, begun, err := (&machine{world: w}).rotation().Begun(context.Background()); !begun || err != nil {
			t.Errorf("%s: nothing to resume, %v", at, err)
		}
		_, _, err := w.run(0, whole, nil)
		w.must(err)
		w.done(at)
	}
}

func TestTheStagedKeyReplacesOneThatWasDeletedAtAWS(t *testing.T) {
	w := newWorld(t, fakeaws.Options{})
	_, _, _ = w.run(opOf(t, "store base"), dieBefore, nil)
	beside, err := store.GetKey(context.Background(), w.store, store.StagedName("base"))
	w.must(err)
	c := (&machine{world: w}).iam()
	c.Session = creds.Session{AccessKeyID: beside.ID, SecretKey: beside.Secret}
	w.must(c.DeleteAccessKey(context.Background(), w.first.ID)) // an administrator cleans up
	_, _, err = w.run(0, whole, nil)
	w.must(err)
	w.done("readopted")
	if !slices.Contains(w.said, rotation.Readopted) {
		t.Errorf("said %v", w.said)
	}
}

func TestAStagedKeyThatWasDeletedAtAWSIsReplacedByAnotherNewOne(t *testing.T) {
	w := newWorld(t, fakeaws.Options{})
	_, _, _ = w.run(opOf(t, "store base"), dieBefore, nil)
	beside, err := store.GetKey(context.Background(), w.store, store.StagedName("base"))
	w.must(err)
	w.must((&machine{world: w}).iam().DeleteAccessKey(context.Background(), beside.ID))
	w.now = w.now.Add(time.Minute)
	_, _, err = w.run(0, whole, nil)
	w.must(err)
	w.done("replaced")
}

func TestAKeyThatWasReplacedByHandStays(t *testing.T) {
	w := newWorld(t, fakeaws.Options{})
	_, _, _ = w.run(opOf(t, "store base"), dieBefore, nil)
	beside, err := store.GetKey(context.Background(), w.store, store.StagedName("base"))
	w.must(err)
	c := (&machine{world: w}).iam()
	w.must(c.DeleteAccessKey(context.Background(), w.first.ID))
	byHand, err := w.aws.AddKey(w.user)
	w.must(err)
	w.must(store.PutKey(context.Background(), w.store, "base", byHand))

	_, _, err = w.run(0, whole, nil)
	var replaced *rotation.ReplacedError
	if !errors.As(err, &replaced) || replaced.Stored != byHand.ID || w.stored().ID != byHand.ID || len(w.listed()) != 2 {
		t.Fatal(err)
	}
	// Abandoning it deletes the key that it had made, and nothing else.
	r := (&machine{world: w}).rotation()
	ctx := context.Background()
	if r.User, _, err = r.Identify(ctx); err != nil {
		t.Fatal(err)
	}
	s, err := r.Look(ctx)
	w.must(err)
	w.must(r.Abandon(ctx, s))
	if list := w.listed(); len(list) != 1 || list[0].ID != byHand.ID {
		t.Errorf("AWS has %+v, with …%s beside", list, beside.ID)
	}
	w.nothingLeft("given up")
}

func TestAnotherUsersUnfinishedRotationIsNotAbandoned(t *testing.T) {
	w := newWorld(t, fakeaws.Options{})
	_, _, _ = w.run(opOf(t, "store base"), dieBefore, nil)
	bob, err := w.aws.AddUser(account, "bob")
	w.must(err)
	theirs, err := w.aws.AddKey(bob)
	w.must(err)
	w.must(store.PutKey(context.Background(), w.store, "base", theirs))
	r := (&machine{world: w}).rotation()
	ctx := context.Background()
	if r.User, _, err = r.Identify(ctx); err != nil {
		t.Fatal(err)
	}
	r.AWS.List = func(context.Context) ([]rotation.Key, error) {
		return []rotation.Key{{ID: theirs.ID, Active: true}}, nil
	}
	s, err := r.Look(ctx)
	w.must(err)
	var replaced *rotation.ReplacedError
	if err := r.Abandon(ctx, s); s.Phase != rotation.Replaced || !errors.As(err, &replaced) {
		t.Errorf("phase %d: %v", s.Phase, err)
	}
	if _, err := store.GetKey(ctx, w.store, store.StagedName("base")); err != nil {
		t.Error("the only copy of her new key is gone")
	}
}

func TestAJournalThatCannotBeWrittenStopsBeforeAnythingIsDone(t *testing.T) {
	w := newWorld(t, fakeaws.Options{})
	w.must(os.WriteFile(w.dir, nil, 0o600))
	if _, _, err := w.run(0, whole, nil); err == nil || w.aws.Calls("CreateAccessKey") != 0 {
		t.Errorf("%v, %d keys were made", err, w.aws.Calls("CreateAccessKey"))
	}
	w.must(os.Remove(w.dir))
	// The same later on: the key that was made lies beside the old one.
	_, _, err := w.run(0, whole, func(r *rotation.Rotation) {
		r.Say = func(e rotation.Event, _ string) {
			if e == rotation.Made {
				w.must(os.RemoveAll(w.dir))
				w.must(os.WriteFile(w.dir, nil, 0o600))
			}
		}
	})
	if err == nil {
		t.Fatal("it went on")
	}
	w.safe("no journal")
	w.must(os.Remove(w.dir))
	_, _, err = w.run(0, whole, nil)
	w.must(err)
	w.done("with a journal again")
}

func TestCtrlCDoesNotInterruptTheCreationOfAKey(t *testing.T) {
	w := newWorld(t, fakeaws.Options{})
	ctx, cancel := context.WithCancel(context.Background())
	m := &machine{world: w}
	r := m.rotation()
	create := r.AWS.Create
	r.AWS.Create = func(inner context.Context) (creds.Key, error) {
		cancel()
		if inner.Err() != nil {
			t.Error("the call was cut off")
		}
		return create(inner)
	}
	var err error
	r.User, _, err = r.Identify(ctx)
	w.must(err)
	s, err := r.Look(ctx)
	w.must(err)
	if _, err := r.Run(ctx, s); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	w.safe("interrupted")
	if _, err := store.GetKey(context.Background(), w.store, store.StagedName("base")); err != nil {
		t.Error("the new key was lost")
	}
	_, _, err = w.run(0, whole, nil)
	w.must(err)
	w.done("resumed")
}

func TestADamagedJournalIsReportedWithItsFile(t *testing.T) {
	w := newWorld(t, fakeaws.Options{})
	_, _, _ = w.run(opOf(t, "create"), dieBefore, nil)
	for _, text := range []string{"", "{", `{"version":2,"item":"base","old":"x"}`, `{"version":1,"item":"other","old":"x"}`, `{"version":1,"item":"base"}`} {
		w.must(os.WriteFile(w.journals()[0], []byte(text), 0o600))
		_, _, err := w.run(0, whole, nil)
		var damaged *rotation.DamagedError
		if !errors.As(err, &damaged) || damaged.File != w.journals()[0] {
			t.Errorf("%q: %v", text, err)
		}
	}
	w.safe("damaged")
}

func TestTheJournalIsPrivate(t *testing.T) {
	w := newWorld(t, fakeaws.Options{})
	_, _, _ = w.run(opOf(t, "store base"), dieBefore, nil)
	files := w.journals()
	info, err := os.Stat(files[0])
	w.must(err)
	dir, err := os.Stat(w.dir)
	w.must(err)
	if len(files) != 1 || strings.Contains(files[0], "base") || os.PathSeparator == '/' && (info.Mode().Perm() != 0o600 || dir.Mode().Perm() != 0o700) {
		t.Errorf("%q has mode %v in %v", files, info.Mode(), dir.Mode())
	}
}
