package store

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"filippo.io/age"
	"filippo.io/age/plugin"

	"github.com/d44b7504/vault/internal/atomicfile"
	"github.com/d44b7504/vault/internal/creds"
)

// member is a person with an identity of their own in a file, and the options by which
// they open the store of o.
func member(t *testing.T, o Options) (AgeRecipient, Options) {
	t.Helper()
	id, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	o = unasked(o)
	o.AgeIdentity = filepath.Join(t.TempDir(), "key.txt")
	if err := os.WriteFile(o.AgeIdentity, []byte(id.String()+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return AgeRecipient{Recipient: id.Recipient().String()}, o
}

// wantProblems checks a store and compares what is wrong, regardless of the files.
func wantProblems(t *testing.T, o Options, want ...Problem) CheckReport {
	t.Helper()
	report, err := keeper(t, o).Check(soon(t))
	if err != nil {
		t.Fatal(err)
	}
	var got []Problem
	for _, f := range report.Defects {
		got = append(got, f.Problem)
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("wrong are %q, not %q: %v", got, want, report.Defects)
	}
	return report
}

func TestARecipientWhoIsAddedReadsEverythingAndOneWhoIsRemovedNothingNew(t *testing.T) {
	o := created(t, "a", "b")
	who, theirs := member(t, o)
	who.Name = "bob"
	if err := getErr(t, open(t, theirs), "a"); !isNotMember(err) {
		t.Errorf("before: %v", err)
	}
	if n, err := keeper(t, o).Add(soon(t), who); err != nil || n != 2 {
		t.Fatalf("Add: %d, %v", n, err)
	}
	put(t, open(t, theirs), "c", "value of c")
	for _, x := range []Options{o, theirs} {
		for _, name := range []string{"a", "b", "c"} {
			wantValue(t, open(t, x), name, "value of "+name)
		}
		wantProblems(t, x)
	}
	bob, err := keeper(t, o).Find("bob")
	if err != nil || bob != who {
		t.Fatalf("Find: %v, %v", bob, err)
	}
	if n, err := keeper(t, o).Remove(soon(t), bob); err != nil || n != 3 {
		t.Fatalf("Remove: %d, %v", n, err)
	}
	put(t, open(t, o), "d", "value of d")
	for _, name := range []string{"a", "b", "c", "d"} {
		wantValue(t, open(t, o), name, "value of "+name)
		if err := getErr(t, open(t, theirs), name); !isNotMember(err) {
			t.Errorf("%s: %v", name, err)
		}
	}
	wantProblems(t, o)
	wantProblems(t, theirs, ProblemNotMember)
}

func isNotMember(err error) bool {
	var not *NotMemberError
	return errors.As(err, &not) && errors.Is(err, ErrUnavailable)
}

func TestTheLastRecipientStays(t *testing.T) {
	o := created(t, "a")
	before := snapshot(t, o.AgeDir)
	s := keeper(t, o)
	all, _, err := s.Recipients()
	if err != nil || len(all) != 1 {
		t.Fatal(all, err)
	}
	if _, err := s.Remove(soon(t), all[0]); !errors.Is(err, ErrLast) {
		t.Errorf("Remove: %v", err)
	}
	if _, err := s.Find("carol"); !errors.Is(err, ErrNoRecipient) {
		t.Errorf("Find: %v", err)
	}
	if after := snapshot(t, o.AgeDir); !slices.Equal(before, after) {
		t.Error("the store changed")
	}
}

func TestOneCanRemoveOneself(t *testing.T) {
	o := created(t, "a")
	who, theirs := member(t, o)
	s := keeper(t, o)
	if _, err := s.Add(soon(t), who); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Remove(soon(t), s.Mine()[0]); err != nil {
		t.Fatal(err)
	}
	wantValue(t, open(t, theirs), "a", "value of a")
	if err := getErr(t, open(t, o), "a"); !isNotMember(err) {
		t.Error(err)
	}
	session := SessionName("a", "")
	put(t, open(t, o), session, "still mine")
	wantValue(t, open(t, o), session, "still mine")
}

func TestWhatIsNotARecipientIsRefusedBeforeThePassphraseIsAsked(t *testing.T) {
	o := unasked(created(t, "a"))
	o.Ask = func(context.Context, string) (creds.Secret, error) {
		t.Error("asked")
		return creds.Secret{}, errors.New("asked")
	}
	hybrid, err := age.GenerateHybridIdentity()
	if err != nil {
		t.Fatal(err)
	}
	before := snapshot(t, o.AgeDir)
	for _, r := range []AgeRecipient{
		{Recipient: "bob"}, {Recipient: "age1qqqq"}, {Recipient: ""}, {Recipient: outsider(t) + "\nage1x"},
		{Recipient: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIExample"}, {Recipient: "AGE-SECRET-KEY-1QQQ"},
		{Recipient: outsider(t), Name: "two\nlines"}, {Recipient: outsider(t), Name: "salt: 00"}, {Recipient: outsider(t), Name: strings.Repeat("x", 200)},
		{Recipient: hybrid.Recipient().String()},                    // cannot be mixed with ours
		{Recipient: plugin.EncodeRecipient("missing", []byte("x"))}, // there is no such plugin
	} {
		_, err := keeper(t, o).Add(soon(t), r)
		if err == nil || errors.Is(err, ErrLocked) || strings.Contains(err.Error(), "SECRET-KEY") {
			t.Errorf("%.60q: %v", r, err)
		}
	}
	if after := snapshot(t, o.AgeDir); !slices.Equal(before, after) {
		t.Error("the store changed")
	}
}

func TestAStoreOfHybridRecipientsWorks(t *testing.T) {
	id, err := age.GenerateHybridIdentity()
	if err != nil {
		t.Fatal(err)
	}
	o := ageOptions(t, "p")
	file := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(file, []byte(id.String()+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	mine, in, err := keeper(t, o).Create(soon(t), AgePlan{Identity: file, Name: "me"})
	if err != nil || !in || len(mine) != 1 || mine[0].Recipient != id.Recipient().String() {
		t.Fatalf("Create: %.80v, %v, %v", mine, in, err)
	}
	put(t, open(t, unasked(o)), "k", "v")
	wantValue(t, open(t, o), "k", "v")
	sealed, err := os.ReadFile(filepath.Join(o.AgeDir, "own", "identity.age"))
	if err != nil || !isEncrypted(sealed) {
		t.Errorf("a key that was in plain text got no passphrase: %v", err)
	}
	wantProblems(t, o)
}

// interrupted is a store on which a change of recipients was stopped after n items.
func interrupted(t *testing.T, o Options, n int, edit func(*recipients)) {
	t.Helper()
	a := driverOf(t, o)
	list, err := a.recipients()
	if err != nil {
		t.Fatal(err)
	}
	edit(&list)
	sealed, err := a.reencryptAll(soon(t), list)
	if err == nil {
		err = atomicfile.Write(a.next(), list.text())
	}
	for path, data := range sealed {
		if n--; err == nil && n >= 0 {
			err = atomicfile.Write(path, data)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestAnInterruptedChangeIsAWholeStoreAndIsFinishedByTheSameCommand(t *testing.T) {
	names := []string{"a", "b", "c"}
	for n := range len(names) + 1 {
		o := created(t, names...)
		who, theirs := member(t, o)
		interrupted(t, o, n, func(l *recipients) { l.all = append(l.all, who) })
		s := keeper(t, o)
		all, unfinished, err := s.Recipients()
		if err != nil || !unfinished || len(all) != 2 {
			t.Errorf("after %d: %v, %v, %v", n, all, unfinished, err)
		}
		for _, name := range names {
			wantValue(t, open(t, o), name, "value of "+name)
		}
		put(t, open(t, unasked(o)), "new", "value of new")
		wantValue(t, open(t, theirs), "new", "value of new")
		want := []Problem{ProblemUnfinished}
		for range len(names) - n {
			want = append(want, ProblemOutdated)
		}
		wantProblems(t, o, want...)
		wantProblems(t, unasked(o), want...)
		if _, err := s.Add(soon(t), who); err != nil {
			t.Fatal(err)
		}
		wantProblems(t, o)
		for _, name := range append(names, "new") {
			wantValue(t, open(t, theirs), name, "value of "+name)
		}
		// and the way back, interrupted too
		interrupted(t, o, n, func(l *recipients) { l.all = l.all[:1] })
		if found, err := s.Find(who.Recipient); err != nil || found.Recipient != who.Recipient {
			t.Errorf("whose removal was interrupted is not found: %v", err)
		}
		if _, err := s.Remove(soon(t), who); err != nil {
			t.Fatal(err)
		}
		wantProblems(t, o)
		for _, name := range names {
			wantValue(t, open(t, o), name, "value of "+name)
			if err := getErr(t, open(t, theirs), name); !isNotMember(err) {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

func TestAChangeThatCannotDecryptEverythingChangesNothing(t *testing.T) {
	o := created(t, "a", "b")
	path := findIn(t, driverOf(t, o), "b")
	if err := os.Truncate(path, 100); err != nil {
		t.Fatal(err)
	}
	before := snapshot(t, o.AgeDir)
	_, err := keeper(t, o).Add(soon(t), AgeRecipient{Recipient: outsider(t)})
	if err == nil || !strings.Contains(err.Error(), "nothing was changed: the file "+filepath.Base(path)) {
		t.Errorf("Add: %v", err)
	}
	if after := snapshot(t, o.AgeDir); !slices.Equal(before, after) {
		t.Error("the store changed")
	}
	wantProblems(t, o, ProblemUnreadable)
	items, unreadable, err := Items(soon(t), open(t, o))
	if err != nil || !slices.Equal(items, []Item{{"a", KeyItem}}) || len(unreadable) != 1 {
		t.Errorf("Items: %q, %v, %v", items, unreadable, err)
	}
	if _, err := AllKeyNames(soon(t), open(t, o)); !errors.Is(err, ErrUnavailable) || !strings.Contains(err.Error(), filepath.Base(path)) {
		t.Errorf("AllKeyNames: %v", err)
	}
}

// A list that came from git without the items: what follows depends on what can be seen.
func TestCheckNoticesItemsThatDoNotFollowTheList(t *testing.T) {
	o := created(t, "a")
	path := filepath.Join(o.AgeDir, "recipients.txt")
	bob, _ := member(t, o)
	edit := func(f func(*recipients)) {
		t.Helper()
		list, err := driverOf(t, o).recipients()
		if err != nil {
			t.Fatal(err)
		}
		f(&list)
		if err := atomicfile.Write(path, list.text()); err != nil {
			t.Fatal(err)
		}
	}
	edit(func(l *recipients) { l.all = append(l.all, bob) })
	wantProblems(t, unasked(o), ProblemOutdated)
	wantProblems(t, o, ProblemOutdated)
	if n, err := keeper(t, o).Reencrypt(soon(t)); err != nil || n != 1 {
		t.Fatal(n, err)
	}
	wantProblems(t, o)
	edit(func(l *recipients) { l.all[1].Recipient = outsider(t) }) // one in another's place
	wantProblems(t, unasked(o))
	wantProblems(t, o, ProblemOutdated)
	if _, err := keeper(t, o).Reencrypt(soon(t)); err != nil {
		t.Fatal(err)
	}
	wantProblems(t, o)
}

// Whoever writes an item says inside whom it is for, and need not tell the truth.
func TestCheckBelievesWhatItSeesOfAnItemsRecipients(t *testing.T) {
	o := created(t, "a")
	bob, _ := member(t, o)
	if _, err := keeper(t, o).Add(soon(t), bob); err != nil {
		t.Fatal(err)
	}
	a := driverOf(t, o)
	list, err := a.recipients()
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := encryptAge([]byte(`vault item "a" for `+list.digest()+"\nv"), mustRecipient(t, o))
	if err == nil {
		err = atomicfile.Write(findIn(t, a, "a"), sealed)
	}
	if err != nil {
		t.Fatal(err)
	}
	wantValue(t, open(t, o), "a", "v")
	wantProblems(t, o, ProblemOutdated)
}

func TestCheckSeesWhatDoesNotBelong(t *testing.T) {
	o := created(t, "a", "b")
	a := driverOf(t, o)
	files := []string{filepath.Join(o.AgeDir, "items", "notes.txt"), filepath.Join(o.AgeDir, "own", tempName)}
	for _, path := range files {
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chtimes(files[1], time.Time{}, time.Now().Add(-2*fresh)); err != nil {
		t.Fatal(err)
	}
	copyFile(t, findIn(t, a, "a"), findIn(t, a, "b"))
	report := wantProblems(t, o, ProblemForeign, ProblemLeftover, ProblemMoved)
	if report.Items != 2 || !report.Read || !slices.Contains(report.Defects, Defect{Where: filepath.Join("items", "notes.txt"), Problem: ProblemForeign}) {
		t.Errorf("%+v", report)
	}
	before := snapshot(t, o.AgeDir)
	if report, err := keeper(t, unasked(o)).Check(soon(t)); err != nil || report.Read {
		t.Errorf("%+v, %v", report, err)
	}
	if after := snapshot(t, o.AgeDir); !slices.Equal(before, after) {
		t.Error("Check changed the store")
	}
	wrong := o
	wrong.AgePassphrase = phrase("wrong")
	if _, err := keeper(t, wrong).Check(soon(t)); !errors.Is(err, ErrLocked) {
		t.Errorf("with a wrong passphrase: %v", err)
	}
	if _, err := keeper(t, ageOptions(t, "")).Check(soon(t)); !isNoStore(err) {
		t.Errorf("of no store: %v", err)
	}
}

func isNoStore(err error) bool {
	var none *NoStoreError
	return errors.As(err, &none)
}

func TestAnotherPassphraseOpensTheSameKeys(t *testing.T) {
	o := created(t, "a")
	typed := unasked(o)
	var asked *[]string
	typed.Ask, asked = answers(t, "wrong", "correct horse", "slip", "slap", "battery staple", "battery staple")
	if err := keeper(t, typed).ChangePassphrase(soon(t)); err != nil || len(*asked) != 6 {
		t.Fatalf("asked %q, %v", *asked, err)
	}
	if err := getErr(t, open(t, o), "a"); !errors.Is(err, ErrLocked) {
		t.Errorf("the old passphrase: %v", err)
	}
	o.AgePassphrase = phrase("battery staple")
	wantValue(t, open(t, o), "a", "value of a")
	wantProblems(t, o)

	before := snapshot(t, o.AgeDir)
	if err := keeper(t, o).ChangePassphrase(soon(t)); !errors.Is(err, ErrLocked) {
		t.Errorf("without a person to ask: %v", err)
	}
	typed.Ask, _ = answers(t, "battery staple", "one", "two", "three", "four", "five", "six")
	if err := keeper(t, typed).ChangePassphrase(soon(t)); !errors.Is(err, ErrLocked) {
		t.Errorf("typed differently: %v", err)
	}
	if after := snapshot(t, o.AgeDir); !slices.Equal(before, after) {
		t.Error("the store changed")
	}
	_, plain := member(t, o)
	plain.Ask, _ = answers(t)
	if err := keeper(t, plain).ChangePassphrase(soon(t)); !errors.Is(err, errNoPassphrase) {
		t.Errorf("of a key in plain text: %v", err)
	}
}

func TestCreateTakesNoSecondIdentity(t *testing.T) {
	o := created(t, "a")
	_, other := member(t, o)
	before := snapshot(t, o.AgeDir)
	if _, _, err := keeper(t, o).Create(soon(t), AgePlan{Identity: other.AgeIdentity}); !errors.Is(err, errThere) {
		t.Errorf("Create: %v", err)
	}
	if after := snapshot(t, o.AgeDir); !slices.Equal(before, after) {
		t.Error("the store changed")
	}
}

func TestCreateTriesAnIdentityBeforeAnythingIsWritten(t *testing.T) {
	o := ageOptions(t, "p")
	_, other := member(t, o)
	if _, _, err := keeper(t, o).Create(soon(t), AgePlan{Identity: other.AgeIdentity, Recipient: outsider(t)}); err == nil {
		t.Error("an identity was taken for another one's recipient")
	}
	if exists(filepath.Join(o.AgeDir, "own", "identity.age")) || exists(filepath.Join(o.AgeDir, "recipients.txt")) {
		t.Error("it was kept")
	}
}

func TestRecipientsFileComesBackAsItWasWritten(t *testing.T) {
	list := recipients{salt: newSalt(), all: []AgeRecipient{
		{outsider(t), "alice"}, {outsider(t), ""}, {outsider(t), "bob's laptop, 2nd"}, {outsider(t), "salty"}, {outsider(t), "größe ✓"},
	}}
	got, err := parseRecipients(list.text())
	if err != nil || got.salt != list.salt || !slices.Equal(got.all, list.all) {
		t.Errorf("%+v, %v", got, err)
	}
	other := recipients{all: slices.Clone(list.all)}
	slices.Reverse(other.all)
	if other.digest() != list.digest() {
		t.Error("the order changes whom items are for")
	}
	if _, err := list.byName("bob's laptop, 2nd"); err != nil {
		t.Error(err)
	}
	list.all[1].Name = "alice"
	if _, err := list.byName("alice"); err == nil || errors.Is(err, ErrNoRecipient) {
		t.Errorf("one of two: %v", err)
	}
}
