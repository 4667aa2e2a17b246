package store

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"filippo.io/age"
	"filippo.io/age/plugin"

	"github.com/d44b7504/vault/internal/creds"
	"github.com/d44b7504/vault/internal/testenv"
)

// cheap is scrypt's cost in tests, where passphrases are not guessed.
const cheap = 6

// ageOptions are of a store that is not there yet.
func ageOptions(t *testing.T, passphrase string) Options {
	t.Helper()
	return Options{Backend: "age", AgeDir: filepath.Join(t.TempDir(), "age"), AgePassphrase: phrase(passphrase)}
}

// driverOf is the driver Open would make, with an identity that costs little to try.
func driverOf(t *testing.T, o Options) *ageFiles {
	t.Helper()
	a, err := newAgeFiles(o.withDefaults())
	if err != nil {
		t.Fatal(err)
	}
	a.cost = cheap
	return a
}

func ageStore(t *testing.T, o Options) Store {
	t.Helper()
	a := driverOf(t, o)
	return newBounded(entryOf(t, "age"), a, a.o.limit())
}

func keeper(t *testing.T, o Options) *AgeStore {
	t.Helper()
	return &AgeStore{driverOf(t, o)}
}

// created is a store with an identity and the names in it, each with its own value.
func created(t *testing.T, names ...string) Options {
	t.Helper()
	o := ageOptions(t, "correct horse")
	s := ageStore(t, o)
	put(t, s, "first", "v")
	if err := s.Delete(soon(t), "first"); err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		put(t, s, name, "value of "+name)
	}
	return o
}

// unasked is without a person and without a passphrase.
func unasked(o Options) Options {
	o.AgePassphrase, o.Ask = nil, nil
	return o
}

func init() {
	stages["age"] = func(t *testing.T) {
		conforms(t, ageStore(t, ageOptions(t, "correct horse")), 0, 1, 100, 100_000)
	}
}

func TestAgeConformsWithSeveralRecipients(t *testing.T) {
	o := created(t)
	for range 3 {
		if _, err := keeper(t, o).Add(soon(t), AgeRecipient{Recipient: outsider(t)}); err != nil {
			t.Fatal(err)
		}
	}
	conforms(t, ageStore(t, o), 0, 100_000)
}

// outsider is the recipient of a person who is not on the list.
func outsider(t *testing.T) string {
	t.Helper()
	id, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	return id.Recipient().String()
}

func TestAgeAddsWithoutAPassphraseAndReadsWithOneQuestion(t *testing.T) {
	o := created(t, "a")
	put(t, open(t, unasked(o)), "b", "v")
	if err := getErr(t, open(t, unasked(o)), "b"); !errors.Is(err, ErrLocked) || !strings.Contains(err.Error(), "cannot be asked for here") {
		t.Errorf("Get: %v", err)
	}
	var asked *[]string
	with := unasked(o)
	with.Ask, asked = answers(t, "correct horse")
	s := open(t, with)
	wantValue(t, s, "b", "v")
	wantValue(t, s, "a", "value of a")
	if got, err := s.List(soon(t), ""); err != nil || !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("List: %q, %v", got, err)
	}
	if len(*asked) != 1 || !strings.Contains((*asked)[0], "Passphrase of "+o.AgeDir) {
		t.Errorf("asked %q", *asked)
	}
}

func TestAgeAsksNothingForWhatIsNotThere(t *testing.T) {
	for what, o := range map[string]Options{"no store": ageOptions(t, ""), "a store": created(t, "a")} {
		o = unasked(o)
		o.Ask = func(context.Context, string) (creds.Secret, error) {
			t.Errorf("%s: asked", what)
			return creds.Secret{}, errors.New("asked")
		}
		s := open(t, o)
		for _, name := range []string{"missing", "vault.session,aGFzaA,,4102444800"} {
			if err := getErr(t, s, name); !errors.Is(err, ErrNotFound) {
				t.Errorf("%s: Get(%q): %v", what, name, err)
			}
			if err := s.Delete(soon(t), name); !errors.Is(err, ErrNotFound) {
				t.Errorf("%s: Delete(%q): %v", what, name, err)
			}
		}
		if got, err := s.List(soon(t), SessionPrefix); err != nil || len(got) != 0 {
			t.Errorf("%s: List: %q, %v", what, got, err)
		}
		if names, hidden, err := KeyNames(soon(t), s, "x"); err != nil || len(names) != 0 || hidden > 1 {
			t.Errorf("%s: KeyNames: %q, %d, %v", what, names, hidden, err)
		}
	}
}

func TestAgeTellsKeysItIsAskedForFromThoseItHides(t *testing.T) {
	o := created(t, "prod", "dev", "secret client")
	s := open(t, unasked(o))
	put(t, s, "vault.session,aGFzaA,,4102444800", "v")
	names, hidden, err := KeyNames(soon(t), s, "stage", "prod", "dev", "prod")
	if err != nil || !slices.Equal(names, []string{"dev", "prod"}) || hidden != 1 {
		t.Errorf("%q and %d more, %v", names, hidden, err)
	}
}

func TestAgeRefusesAWrongPassphrase(t *testing.T) {
	o := created(t, "a")
	before := snapshot(t, o.AgeDir)
	wrong := o
	wrong.AgePassphrase = phrase("wrong")
	empty := o
	empty.AgePassphrase = phrase("")
	for _, o := range []Options{wrong, empty} {
		if err := getErr(t, open(t, o), "a"); !errors.Is(err, ErrLocked) || !strings.HasPrefix(err.Error(), "wrong passphrase for "+o.AgeDir) {
			t.Errorf("Get: %v", err)
		}
	}
	typed := unasked(o)
	var asked *[]string
	typed.Ask, asked = answers(t, "a", "b", "c", "correct horse")
	if err := getErr(t, open(t, typed), "a"); !errors.Is(err, ErrLocked) || len(*asked) != 3 {
		t.Errorf("asked %q, %v", *asked, err)
	}
	typed.Ask, asked = answers(t, "a", "correct horse")
	wantValue(t, open(t, typed), "a", "value of a")
	if len(*asked) != 2 {
		t.Errorf("asked %q", *asked)
	}
	if after := snapshot(t, o.AgeDir); !slices.Equal(before, after) {
		t.Error("the store changed")
	}
}

func TestAgePassesOnWhyThereWasNoAnswer(t *testing.T) {
	o := unasked(created(t, "a"))
	why := errors.New("interrupted")
	o.Ask = func(context.Context, string) (creds.Secret, error) { return creds.Secret{}, why }
	if err := getErr(t, open(t, o), "a"); !errors.Is(err, why) {
		t.Error(err)
	}
}

func TestAgeMakesItselfWithTheFirstItem(t *testing.T) {
	o := unasked(ageOptions(t, ""))
	var asked *[]string
	o.Ask, asked = answers(t, "slip", "slap", "right", "right")
	put(t, ageStore(t, o), "k", "v")
	if len(*asked) != 4 || !strings.HasPrefix((*asked)[0], "New passphrase for the keys in "+o.AgeDir) {
		t.Errorf("asked %q", *asked)
	}
	o.Ask, asked = answers(t, "right")
	wantValue(t, open(t, o), "k", "v")
	if len(*asked) != 1 {
		t.Errorf("asked %q", *asked)
	}
}

func TestAgeThatCannotBeMadeSaysSoAndLeavesNothing(t *testing.T) {
	given := ageOptions(t, "p")
	quiet := unasked(given)
	quiet.Quiet = true
	quiet.Ask = func(context.Context, string) (creds.Secret, error) {
		t.Error("a hook asked")
		return creds.Secret{}, errors.New("asked")
	}
	for _, o := range []Options{unasked(given), quiet} {
		err := open(t, o).Put(soon(t), "k", creds.New("v"))
		var none *NoIdentityError
		if !errors.As(err, &none) || !errors.Is(err, ErrLocked) || !none.New || none.Dir != o.AgeDir {
			t.Errorf("Put: %v", err)
		}
		if _, err := os.Stat(o.AgeDir); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("the folder: %v", err)
		}
	}
}

func TestAgeMadeByTwoAtOnceIsOneStore(t *testing.T) {
	o := ageOptions(t, "p")
	var wg sync.WaitGroup
	for _, name := range []string{"a", "b", "c"} {
		s := ageStore(t, o)
		wg.Go(func() { put(t, s, name, "value of "+name) })
	}
	wg.Wait()
	s := open(t, o)
	for _, name := range []string{"a", "b", "c"} {
		wantValue(t, s, name, "value of "+name)
	}
}

// A process that makes a store can be killed after each file it writes.
func TestAgeThatWasKilledWhileItWasMadeIsFinishedByTheNext(t *testing.T) {
	for _, missing := range [][]string{{"recipients.txt"}, {"recipients.txt", "own/recipients.txt"}, {".gitignore", ".gitattributes", "recipients.txt"}} {
		o := created(t)
		for _, file := range missing {
			if err := os.Remove(filepath.Join(o.AgeDir, file)); err != nil {
				t.Fatal(err)
			}
		}
		put(t, ageStore(t, o), "k", "v")
		wantValue(t, open(t, o), "k", "v")
		if mine, member, err := keeper(t, o).Create(soon(t), AgePlan{}); err != nil || len(mine) != 1 || !member {
			t.Errorf("Create: %v, %v, %v", mine, member, err)
		}
	}
}

func TestAgeWithItemsAndNoRecipientsIsLeftAlone(t *testing.T) {
	o := created(t, "a")
	if err := os.Remove(filepath.Join(o.AgeDir, "recipients.txt")); err != nil {
		t.Fatal(err)
	}
	before := snapshot(t, o.AgeDir)
	err := open(t, o).Put(soon(t), "k", creds.New("v"))
	if !errors.Is(err, ErrUnavailable) || !strings.Contains(err.Error(), "recipients.txt is missing") {
		t.Errorf("Put: %v", err)
	}
	if after := snapshot(t, o.AgeDir); !slices.Equal(before, after) {
		t.Error("the store changed")
	}
}

func TestAgeShowsNoNameOnTheDisk(t *testing.T) {
	names := []string{"customer-of-ours", "Great Secret Ltd", "prod/eu"}
	o := created(t, names...)
	for _, file := range snapshot(t, o.AgeDir) {
		for _, name := range append(names, "value of") {
			if strings.Contains(file, name) {
				t.Errorf("%q is in %.80q", name, file)
			}
		}
	}
	other := created(t, names...)
	a, b := filesIn(t, filepath.Join(o.AgeDir, "items")), filesIn(t, filepath.Join(other.AgeDir, "items"))
	if len(a) != 3 || len(b) != 3 || slices.ContainsFunc(a, func(f string) bool { return slices.Contains(b, f) }) {
		t.Errorf("two stores call their items %q and %q", a, b)
	}
}

func filesIn(t *testing.T, dir string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func TestAgeKeepsSessionsOutOfTheSharedRoom(t *testing.T) {
	o := created(t, "prod")
	if _, err := keeper(t, o).Add(soon(t), AgeRecipient{Recipient: outsider(t)}); err != nil {
		t.Fatal(err)
	}
	before := filesIn(t, filepath.Join(o.AgeDir, "items"))
	s := open(t, unasked(o))
	session, token := SessionName("prod", "key"), TokenName("https://corp.example/start", "eu-west-1", nil)
	for _, name := range []string{session, token, "vault.odd,$(touch x) ../../up"} {
		put(t, s, name, "v of "+name)
		wantValue(t, open(t, o), name, "v of "+name)
	}
	if after := filesIn(t, filepath.Join(o.AgeDir, "items")); !slices.Equal(before, after) {
		t.Errorf("the shared room got %q", after)
	}
	if got, err := s.List(soon(t), ProfilePrefix("prod")); err != nil || !slices.Equal(got, []string{session}) {
		t.Errorf("List: %q, %v", got, err)
	}
	sealed, err := os.ReadFile(filepath.Join(o.AgeDir, "own", session+".age"))
	if err != nil {
		t.Fatal(err)
	}
	if shape, err := shapeOf(sealed); err != nil || shape != "X25519" {
		t.Errorf("the session is encrypted to %q, %v", shape, err)
	}
	names, err := s.List(soon(t), ProfilePrefix("prod"))
	if err != nil || len(names) != 1 {
		t.Fatalf("%q, %v", names, err)
	}
	if n, err := DeleteAll(soon(t), s, names); err != nil || n != 1 {
		t.Errorf("deleted %d, %v", n, err)
	}
}

// A session that cannot be read is made again; a key is not, and must not be passed over.
func TestAgeSessionOfAnotherIdentityIsNone(t *testing.T) {
	o := created(t)
	name := SessionName("prod", "key")
	put(t, open(t, o), name, "v")
	path := filepath.Join(o.AgeDir, "own", name+".age")
	for what, spoil := range map[string]func() error{
		"cut short": func() error { return os.Truncate(path, 150) },
		"empty":     func() error { return os.Truncate(path, 0) },
		"of another identity": func() error {
			return errors.Join(os.Remove(filepath.Join(o.AgeDir, "own", "identity.age")), os.Remove(filepath.Join(o.AgeDir, "own", "recipients.txt")),
				second(keeper(t, o).Create(soon(t), AgePlan{})))
		},
	} {
		put(t, open(t, o), name, "v")
		if err := spoil(); err != nil {
			t.Fatal(err)
		}
		if err := getErr(t, open(t, o), name); !errors.Is(err, ErrNotFound) {
			t.Errorf("%s: %v", what, err)
		}
	}
	put(t, open(t, o), name, "again")
	wantValue(t, open(t, o), name, "again")
}

func second[T any](_ T, _ bool, err error) error { return err }

func TestAgeModesAreTheOwnersAlone(t *testing.T) {
	if runtime.GOOS == "windows" {
		testenv.Missing(t, "unix", "modes are of Unix")
	}
	o := created(t, "a")
	put(t, open(t, o), SessionName("a", ""), "v")
	err := filepath.WalkDir(o.AgeDir, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		want := fs.FileMode(0o600)
		if e.IsDir() {
			want = 0o700
		}
		if info, err := e.Info(); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v, %v", path, info.Mode(), err)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

func TestAgeItemPutInAnothersPlaceIsFoundOut(t *testing.T) {
	o := created(t, "prod", "dev")
	a := driverOf(t, o)
	prod, dev := findIn(t, a, "prod"), findIn(t, a, "dev")
	copyFile(t, dev, prod)
	err := getErr(t, open(t, o), "prod")
	if !errors.Is(err, ErrUnavailable) || errors.Is(err, ErrLocked) || !strings.Contains(err.Error(), "moved or replaced") {
		t.Errorf("Get: %v", err)
	}
	wantValue(t, open(t, o), "dev", "value of dev")
	if _, err := keeper(t, o).Reencrypt(soon(t)); !errors.Is(err, errMoved) {
		t.Errorf("Reencrypt: %v", err)
	}
}

func findIn(t *testing.T, a *ageFiles, name string) string {
	t.Helper()
	path, err := a.fileOf(name)
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	data, err := os.ReadFile(from)
	if err == nil {
		err = os.WriteFile(to, data, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestAgeSaysThatAKeyIsDamagedOrNotForUs(t *testing.T) {
	o := created(t, "bad", "good")
	path := findIn(t, driverOf(t, o), "bad")
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	foreign, err := driverOf(t, o).seal(soon(t), ageItem{"bad", []byte("v")}, recipients{all: []AgeRecipient{{Recipient: outsider(t)}}})
	if err != nil {
		t.Fatal(err)
	}
	plain, err := encryptAge([]byte("no item"), mustRecipient(t, o))
	if err != nil {
		t.Fatal(err)
	}
	flipped := slices.Clone(whole)
	flipped[len(flipped)-1] ^= 1
	for what, data := range map[string][]byte{
		"cut short": whole[:len(whole)/2], "cut at the end": whole[:len(whole)-3], "one bit": flipped, "empty": nil, "text": []byte("hello\n"),
		"to another recipient": foreign, "no item": plain,
	} {
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		err := getErr(t, open(t, o), "bad")
		if !errors.Is(err, ErrUnavailable) || errors.Is(err, ErrLocked) || errors.Is(err, ErrNotFound) || !strings.Contains(err.Error(), filepath.Base(path)) {
			t.Errorf("%s: %v", what, err)
		}
		if _, err := open(t, o).List(soon(t), ""); err == nil {
			t.Errorf("%s: List leaves it out without a word", what)
		}
		wantValue(t, open(t, o), "good", "value of good")
	}
	put(t, open(t, o), "bad", "mended")
	wantValue(t, open(t, o), "bad", "mended")
}

// mustRecipient is the owner of a store.
func mustRecipient(t *testing.T, o Options) age.Recipient {
	t.Helper()
	mine := keeper(t, o).Mine()
	if len(mine) != 1 {
		t.Fatalf("the owner has %d recipients", len(mine))
	}
	r, err := toRecipient(mine[0].Recipient, noPlugin(t))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestAgeWritesNothingToAListItCannotRead(t *testing.T) {
	o := created(t, "a")
	path := filepath.Join(o.AgeDir, "recipients.txt")
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for what, text := range map[string]string{
		"a conflict of git's": "<<<<<<< HEAD\n" + string(good) + "=======\n",
		"an identity":         string(good) + "AGE-SECRET-KEY-1QQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQ\n",
		"a slip":              strings.Replace(string(good), "age1", "age1q", 1),
		"nobody":              "# salt: 00\n",
		"no salt":             strings.Replace(string(good), "# salt", "# suolt", 1),
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		before := snapshot(t, o.AgeDir)
		err := open(t, o).Put(soon(t), "b", creds.New("v"))
		if !errors.Is(err, ErrUnavailable) || !strings.Contains(err.Error(), path) || strings.Contains(err.Error(), "SECRET") {
			t.Errorf("%s: %v", what, err)
		}
		if after := snapshot(t, o.AgeDir); !slices.Equal(before, after) {
			t.Errorf("%s: the store changed", what)
		}
	}
	crlf := strings.ReplaceAll(string(good), "\n", "\r\n") + "\r\n"
	if err := os.WriteFile(path, []byte(crlf), 0o600); err != nil {
		t.Fatal(err)
	}
	wantValue(t, open(t, o), "a", "value of a")
}

func TestAgeTakesAnIdentityFromAFile(t *testing.T) {
	o := created(t, "a")
	id, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := keeper(t, o).Add(soon(t), AgeRecipient{Recipient: id.Recipient().String()}); err != nil {
		t.Fatal(err)
	}
	o = unasked(o)
	o.AgeIdentity = filepath.Join(t.TempDir(), "key.txt")
	var none *NoIdentityError
	if err := getErr(t, open(t, o), "a"); !errors.As(err, &none) || none.File != o.AgeIdentity {
		t.Errorf("a missing file: %v", err)
	}
	if err := os.WriteFile(o.AgeIdentity, []byte("# made by hand\n"+id.String()+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	wantValue(t, open(t, o), "a", "value of a")
	session := SessionName("a", "")
	put(t, open(t, o), session, "mine")
	wantValue(t, open(t, o), session, "mine")
	if runtime.GOOS != "windows" {
		if err := os.Chmod(o.AgeIdentity, 0o640); err != nil {
			t.Fatal(err)
		}
		if err := getErr(t, open(t, o), "a"); !errors.Is(err, ErrUnavailable) || !strings.Contains(err.Error(), "other users can read") {
			t.Errorf("a file for all to read: %v", err)
		}
	}
	if err := os.WriteFile(o.AgeIdentity, []byte("hunter2 is not an identity\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := getErr(t, open(t, o), "a"); !errors.Is(err, ErrUnavailable) || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("another file: %v", err)
	}
}

func TestAgeWritersWaitForWhoChangesTheRecipients(t *testing.T) {
	o := created(t)
	unlock, err := driverOf(t, o).lock(soon(t), true)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := open(t, o).Put(ctx, "a", creds.New("v")); !errors.Is(err, ErrUnavailable) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Put: %v", err)
	}
	done := make(chan error, 1)
	go func() { done <- open(t, o).Put(soon(t), "a", creds.New("v")) }()
	unlock()
	if err := <-done; err != nil {
		t.Error(err)
	}
	wantValue(t, open(t, o), "a", "v")
}

func TestAgeClearsUpAfterAKilledProcessButNotAfterALiveOne(t *testing.T) {
	o := created(t, "a")
	var old, mine []string
	for _, dir := range []string{"", "own", "items"} {
		old = append(old, filepath.Join(o.AgeDir, dir, tempName))
		mine = append(mine, filepath.Join(o.AgeDir, dir, ".new-2"))
	}
	for _, path := range append(old, mine...) {
		if err := os.WriteFile(path, []byte("half"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, path := range old {
		if err := os.Chtimes(path, time.Time{}, time.Now().Add(-2*fresh)); err != nil {
			t.Fatal(err)
		}
	}
	s := open(t, o)
	wantValue(t, s, "a", "value of a")
	if got, err := s.List(soon(t), ""); err != nil || !slices.Equal(got, []string{"a"}) {
		t.Errorf("List: %q, %v", got, err)
	}
	if left := driverOf(t, o).leftovers(); len(left) != 3 {
		t.Errorf("a reader left %q", left)
	}
	put(t, s, "b", "v")
	for _, path := range old {
		if exists(path) {
			t.Errorf("%s is still there", path)
		}
	}
	for _, path := range mine {
		if !exists(path) {
			t.Errorf("%s is gone", path)
		}
	}
}

func TestAgeThatIsAFileCannotBeOpened(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(soon(t), Options{Backend: "age", AgeDir: path}); !errors.Is(err, ErrUnavailable) || !strings.Contains(err.Error(), "is not a folder") {
		t.Error(err)
	}
}

func TestAgeRefusesANameNoFileCanHave(t *testing.T) {
	o := created(t)
	put(t, open(t, o), strings.Repeat("k", 5000), "v") // a key's name is hashed
	if err := open(t, o).Put(soon(t), "vault.x,"+strings.Repeat("k", 300), creds.New("v")); !errors.Is(err, ErrUnavailable) {
		t.Error(err)
	}
}

// headlessly opens what a machine without keyring and desktop gives, on Linux.
func headlessly(t *testing.T, o Options) string {
	t.Helper()
	if runtime.GOOS != "linux" {
		testenv.Missing(t, "linux", "other systems use age by name only")
	}
	t.Setenv("PATH", t.TempDir())
	t.Setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent")
	o.Backend, o.PassDir = "", t.TempDir()
	o.FileDir = filepath.Join(filepath.Dir(o.AgeDir), "keys")
	s, err := Open(soon(t), o)
	if err != nil {
		t.Fatal(err)
	}
	return backendOf(s)
}

func TestAgeIsWhatAMachineWithoutKeyringUses(t *testing.T) {
	if got := headlessly(t, unasked(ageOptions(t, ""))); got != "age" {
		t.Errorf("it is %s", got)
	}
	if got := headlessly(t, unasked(created(t))); got != "age" {
		t.Errorf("with a store it is %s", got)
	}
}

func TestAgeLeavesAMachineToTheFileBackEndThatIsInUse(t *testing.T) {
	for what, want := range map[string]string{"items": "file", "a passphrase": "file", "items and an age store": "age", "both passphrases": "age"} {
		o := unasked(ageOptions(t, ""))
		if strings.Contains(what, "store") {
			o = unasked(created(t))
		}
		if strings.Contains(what, "passphrase") {
			o.FilePassphrase = phrase("p")
		}
		if strings.Contains(what, "both") {
			o.AgePassphrase = phrase("p")
		}
		if strings.Contains(what, "items") {
			put(t, open(t, Options{Backend: "file", FileDir: filepath.Join(filepath.Dir(o.AgeDir), "keys"), FilePassphrase: phrase("p")}), "k", "v")
		}
		if got := headlessly(t, o); got != want {
			t.Errorf("with %s it is %s, not %s", what, got, want)
		}
	}
}

// noPlugin is for recipients that need no plugin: with one, the processes of the machine are
// looked through at the end of the command.
func noPlugin(t *testing.T) func() *plugin.ClientUI {
	return func() *plugin.ClientUI {
		t.Error("a plugin is expected")
		return nil
	}
}

func TestOnlyARecipientOfAPluginPreparesForOne(t *testing.T) {
	native, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	hybrid, err := age.GenerateHybridIdentity()
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{native.Recipient().String(), hybrid.Recipient().String()} {
		if _, err := toRecipient(text, noPlugin(t)); err != nil {
			t.Error(err)
		}
	}
	asked := false
	if _, err := toRecipient(plugin.EncodeRecipient("test", []byte("x")), func() *plugin.ClientUI { asked = true; return nil }); err != nil || !asked {
		t.Errorf("%v, asked: %v", err, asked)
	}
}
