package store

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/99designs/keyring"
	"github.com/mtibben/percent"

	"github.com/d44b7504/vault/internal/creds"
	"github.com/d44b7504/vault/internal/testenv"
)

func fileOptions(t *testing.T, passphrase string) Options {
	t.Helper()
	return Options{Backend: "file", FileDir: filepath.Join(t.TempDir(), "keys"), FilePassphrase: phrase(passphrase)}
}

// AWS Vault makes stores with an empty passphrase.
func TestFileAcceptsTheEmptyPassphraseOfAStoreThatHasOne(t *testing.T) {
	o := fileOptions(t, "")
	if err := raw(t, o.FileDir, "").Set(keyring.Item{Key: "old", Data: []byte("v")}); err != nil {
		t.Fatal(err)
	}
	wantValue(t, open(t, o), "old", "v")
	put(t, open(t, o), "k", "v")
	wantValue(t, open(t, o), "k", "v")
}

// raw is the library by itself, as AWS Vault uses it.
func raw(t *testing.T, dir, passphrase string) keyring.Keyring {
	t.Helper()
	ring, err := keyring.Open(keyring.Config{
		AllowedBackends: []keyring.BackendType{keyring.FileBackend}, ServiceName: "aws-vault",
		FileDir: dir, FilePasswordFunc: keyring.FixedStringPrompt(passphrase),
	})
	if err != nil {
		t.Fatal(err)
	}
	return ring
}

func TestFileItemsAreReadByTheLibraryAndTheOtherWayRound(t *testing.T) {
	o := fileOptions(t, "pp")
	s := open(t, o)
	put(t, s, "team/prod", "ours")
	item, err := raw(t, o.FileDir, "pp").Get("team/prod")
	if err != nil || string(item.Data) != "ours" || item.Label != "aws-vault (team/prod)" || item.Key != "team/prod" {
		t.Errorf("the library read %+v, %v", item.Label, err)
	}
	if err := raw(t, o.FileDir, "pp").Set(keyring.Item{Key: "theirs:x", Data: []byte("theirs")}); err != nil {
		t.Fatal(err)
	}
	wantValue(t, s, "theirs:x", "theirs")
}

func TestReadingMakesNoFolder(t *testing.T) {
	o := fileOptions(t, "pp")
	if _, err := open(t, o).Get(soon(t), "k"); !errors.Is(err, ErrNotFound) {
		t.Errorf("Get: %v", err)
	}
	if _, err := os.Stat(o.FileDir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the folder was made: %v", err)
	}
}

func TestFileModesAreTheOwnersAlone(t *testing.T) {
	if runtime.GOOS == "windows" {
		testenv.Missing(t, "unix", "modes are of Unix")
	}
	o := fileOptions(t, "pp")
	put(t, open(t, o), "k", "v")
	for path, want := range map[string]os.FileMode{o.FileDir: 0o700, filepath.Join(o.FileDir, "k"): 0o600} {
		if st, err := os.Stat(path); err != nil || st.Mode().Perm() != want {
			t.Errorf("%s: %v, %v", filepath.Base(path), st.Mode(), err)
		}
	}
}

func TestFileFindsAWrongPassphraseBeforeAnythingIsWritten(t *testing.T) {
	o := fileOptions(t, "right")
	put(t, open(t, o), "old", "v")
	before := snapshot(t, o.FileDir)
	o.FilePassphrase = phrase("wrong")
	err := open(t, o).Put(soon(t), "new", creds.New("v"))
	if !errors.Is(err, ErrLocked) || err.Error() != "wrong passphrase for the keys in "+o.FileDir {
		t.Errorf("Put: %v", err)
	}
	if after := snapshot(t, o.FileDir); !slices.Equal(before, after) {
		t.Errorf("the folder changed: %q", after)
	}
	if _, err := open(t, o).Get(soon(t), "old"); !errors.Is(err, ErrLocked) {
		t.Errorf("Get: %v", err)
	}
}

// snapshot is every name and content below dir.
func snapshot(t *testing.T, dir string) []string {
	t.Helper()
	var all []string
	err := filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			all = append(all, path)
			return err
		}
		data, err := os.ReadFile(path)
		all = append(all, path+"="+string(data))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestFileTellsADamagedItemFromAWrongPassphrase(t *testing.T) {
	o := fileOptions(t, "pp")
	s := open(t, o)
	put(t, s, "good", "v")
	put(t, s, "bad", "v")
	whole, err := os.ReadFile(filepath.Join(o.FileDir, "bad"))
	if err != nil {
		t.Fatal(err)
	}
	parts := strings.Split(string(whole), ".")
	wrapped := slices.Clone(parts)
	wrapped[1] = strings.Repeat("A", len(wrapped[1]))
	for what, content := range map[string]string{
		"cut short": string(whole[:len(whole)/2]), "no item": "hello", "empty": "",
		"another wrapped key": strings.Join(wrapped, "."), "cut ciphertext": strings.Join(parts[:3], ".") + ".AAAA." + parts[4],
	} {
		if err := os.WriteFile(filepath.Join(o.FileDir, "bad"), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := open(t, o).Get(soon(t), "bad")
		if !errors.Is(err, ErrUnavailable) || errors.Is(err, ErrLocked) || !strings.Contains(err.Error(), "damaged") {
			t.Errorf("%s: %v", what, err)
		}
		wantValue(t, open(t, o), "good", "v")
	}
	put(t, open(t, o), "bad", "mended")
	wantValue(t, open(t, o), "bad", "mended")
}

// answers plays a person who types these one after the other.
func answers(t *testing.T, texts ...string) (ask func(context.Context, string) (creds.Secret, error), asked *[]string) {
	t.Helper()
	asked = new([]string)
	return func(_ context.Context, question string) (creds.Secret, error) {
		*asked = append(*asked, question)
		if len(*asked) > len(texts) {
			return creds.Secret{}, errors.New("nobody answers any more")
		}
		return creds.New(texts[len(*asked)-1]), nil
	}, asked
}

func TestFileAsksForANewPassphraseTwiceAndForAnOldOneOnce(t *testing.T) {
	o := fileOptions(t, "")
	o.FilePassphrase = nil
	var asked *[]string
	o.Ask, asked = answers(t, "slip", "slap", "right", "right")
	s := open(t, o)
	if _, err := s.Get(soon(t), "k"); !errors.Is(err, ErrNotFound) || len(*asked) != 0 {
		t.Errorf("Get of a missing item asked %q, %v", *asked, err)
	}
	put(t, s, "k", "v")
	if len(*asked) != 4 {
		t.Errorf("asked %q", *asked)
	}
	wantValue(t, s, "k", "v")
	if len(*asked) != 4 {
		t.Errorf("asked again: %q", *asked)
	}
	o.Ask, asked = answers(t, "wrong", "right")
	wantValue(t, open(t, o), "k", "v")
	if len(*asked) != 2 {
		t.Errorf("asked %q", *asked)
	}
	o.Ask, _ = answers(t, "wrong", "right")
	put(t, open(t, o), "k2", "v")
	wantValue(t, open(t, Options{Backend: "file", FileDir: o.FileDir, FilePassphrase: phrase("right")}), "k2", "v")
}

func TestFileStopsAskingAfterThreeWrongAnswers(t *testing.T) {
	o := fileOptions(t, "right")
	put(t, open(t, o), "k", "v")
	o.FilePassphrase = nil
	var asked *[]string
	o.Ask, asked = answers(t, "a", "b", "c", "right")
	if _, err := open(t, o).Get(soon(t), "k"); !errors.Is(err, ErrLocked) || len(*asked) != 3 {
		t.Errorf("asked %q, %v", *asked, err)
	}
}

func TestFilePassesOnWhyThereWasNoAnswer(t *testing.T) {
	o := fileOptions(t, "right")
	put(t, open(t, o), "k", "v")
	o.FilePassphrase = nil
	why := errors.New("interrupted")
	o.Ask = func(context.Context, string) (creds.Secret, error) { return creds.Secret{}, why }
	for what, err := range map[string]error{
		"Get": getErr(t, open(t, o), "k"),
		"Put": open(t, o).Put(soon(t), "k2", creds.New("v")),
	} {
		if !errors.Is(err, why) || strings.Contains(err.Error(), "damaged") {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func getErr(t *testing.T, s Store, key string) error {
	t.Helper()
	_, err := s.Get(soon(t), key)
	return err
}

func TestFileIsLockedWithoutAPerson(t *testing.T) {
	o := fileOptions(t, "pp")
	put(t, open(t, o), "k", "v")
	o.FilePassphrase = nil
	quiet := o
	quiet.Quiet = true
	quiet.Ask = func(context.Context, string) (creds.Secret, error) {
		t.Error("a hook asked")
		return creds.Secret{}, errors.New("asked")
	}
	for _, o := range []Options{o, quiet} {
		s := open(t, o)
		if err := getErr(t, s, "k"); !errors.Is(err, ErrLocked) {
			t.Errorf("Get: %v", err)
		}
		if err := s.Put(soon(t), "k2", creds.New("v")); !errors.Is(err, ErrLocked) {
			t.Errorf("Put: %v", err)
		}
		if got, err := s.List(soon(t), ""); err != nil || !slices.Equal(got, []string{"k"}) {
			t.Errorf("List: %q, %v", got, err)
		}
	}
}

func TestFileListLeavesOutForeignFiles(t *testing.T) {
	o := fileOptions(t, "pp")
	s := open(t, o)
	put(t, s, ".dotted", "v")
	for _, name := range []string{".DS_Store", ".empty"} {
		if err := os.WriteFile(filepath.Join(o.FileDir, name), []byte(strings.TrimPrefix(name, ".empty")), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(o.FileDir, "folder"), 0o700); err != nil {
		t.Fatal(err)
	}
	if got, err := s.List(soon(t), ""); err != nil || !slices.Equal(got, []string{".dotted"}) {
		t.Errorf("List: %q, %v", got, err)
	}
}

func TestFileThatIsAFolderCannotBeOpened(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Open(soon(t), Options{Backend: "file", FileDir: path})
	if !errors.Is(err, ErrUnavailable) || !strings.Contains(err.Error(), "is not a folder") {
		t.Error(err)
	}
}

// A library that reads items in other ways than this test knows would break the
// byte compatibility this test is about.
func TestFileItemIsTheLibrarysJSON(t *testing.T) {
	data, err := json.Marshal(newItem("prod", creds.New("x")))
	want := `{"Key":"prod","Data":"eA==","Label":"aws-vault (prod)","Description":"","KeychainNotTrustApplication":true,"KeychainNotSynchronizable":false}`
	if err != nil || string(data) != want {
		t.Errorf("%s, %v", data, err)
	}
}

func TestFileNamesOnWindowsAreOnesThatWindowsAllows(t *testing.T) {
	for key, want := range map[string]string{
		"prod": "prod", "team/prod": "team%2Fprod", "50%": "50%25", "oidc:https://x": "oidc%3Ahttps%3A%2F%2Fx", `a\b`: "a%5Cb",
		"two\nlines": "two%0Alines", "end.": "end%2E", "end ": "end%20", "nul": "%6Eul", "NUL.txt": "%4EUL.txt", "com1 .x": "%63om1 .x",
		"console": "console", "lpt": "lpt", ".dot": ".dot", "ünï": "ünï",
	} {
		if got := windowsFileName(key); got != want || percent.Decode(got) != key {
			t.Errorf("%q: %q, want %q", key, got, want)
		}
	}
}

// tempName is a name that atomicfile gives to a temporary file.
const tempName = ".vault-tmp-" + "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

func TestFileClearsUpWhatAKilledRunLeftAndNothingElse(t *testing.T) {
	o := fileOptions(t, "pp")
	s := open(t, o)
	put(t, s, "k", "v")
	item, err := os.ReadFile(filepath.Join(o.FileDir, "k"))
	if err != nil {
		t.Fatal(err)
	}
	then := time.Now().Add(-time.Hour)
	for _, name := range []string{tempName, ".new-project/notes", ".new-1/k", ".mine/k"} {
		path := filepath.Join(o.FileDir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, item, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(os.Chtimes(path, then, then), os.Chtimes(filepath.Dir(path), then, then)); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := s.List(soon(t), ""); err != nil || !slices.Equal(got, []string{"k"}) {
		t.Errorf("List: %q, %v", got, err)
	}
	put(t, s, "k", "w")
	for name, stays := range map[string]bool{tempName: false, ".new-project/notes": true, ".new-1/k": true, ".mine/k": true} {
		if _, err := os.Stat(filepath.Join(o.FileDir, name)); (err == nil) != stays {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestFileKeepsTheModeOfAnItemAndFollowsItsLink(t *testing.T) {
	if runtime.GOOS == "windows" {
		testenv.Missing(t, "unix", "modes are of Unix")
	}
	o := fileOptions(t, "pp")
	s := open(t, o)
	put(t, s, "k", "v")
	elsewhere, path := filepath.Join(t.TempDir(), "item"), filepath.Join(o.FileDir, "k")
	if err := errors.Join(os.Rename(path, elsewhere), os.Symlink(elsewhere, path), os.Chmod(elsewhere, 0o640)); err != nil {
		t.Fatal(err)
	}
	put(t, s, "k", "w")
	if st, err := os.Stat(elsewhere); err != nil || st.Mode().Perm() != 0o640 {
		t.Errorf("%v, %v", st, err)
	}
	if st, err := os.Lstat(path); err != nil || st.Mode()&os.ModeSymlink == 0 {
		t.Errorf("the link was replaced: %v, %v", st, err)
	}
	wantValue(t, s, "k", "w")
}

func TestAnEmptyPassphraseMakesNoNewStore(t *testing.T) {
	o := fileOptions(t, "")
	err := open(t, o).Put(soon(t), "k", creds.New("v"))
	if !errors.Is(err, ErrUnavailable) || !strings.Contains(err.Error(), "a passphrase that is not empty") {
		t.Errorf("Put: %v", err)
	}
	if left, _ := filepath.Glob(filepath.Join(o.FileDir, "*")); len(left) > 0 {
		t.Errorf("written: %q", left)
	}
}
