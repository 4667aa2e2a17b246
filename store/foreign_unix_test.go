//go:build unix

package store

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/99designs/keyring"

	"github.com/d44b7504/vault/internal/creds"
)

// passEntry makes an entry with pass itself, as a person does.
func passEntry(t *testing.T, name, text string) {
	t.Helper()
	cmd := exec.CommandContext(soon(t), "pass", "insert", "-m", "-f", name)
	cmd.Stdin = strings.NewReader(text)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

func passShows(t *testing.T, name string) string {
	t.Helper()
	out, err := exec.CommandContext(soon(t), "pass", "show", name).Output()
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

var aKey = creds.Key{ID: "AKIAIOSFODNN7EXAMPLE", Secret: creds.New("fake/secret+key")}

// wantForeign fails if the store does anything to an entry that is not ours.
func wantForeign(t *testing.T, s Store, name string) {
	t.Helper()
	for what, err := range map[string]error{
		"CheckForeign": CheckForeign(soon(t), s, name), "PutKey": PutKey(soon(t), s, name, aKey), "KeepKey": KeepKey(soon(t), s, name, aKey),
		"Delete": s.Delete(soon(t), name),
	} {
		var foreign *ForeignError
		if !errors.As(err, &foreign) || !errors.Is(err, ErrForeign) || !errors.Is(err, ErrUnavailable) {
			t.Errorf("%s of %q: %v", what, name, err)
		}
	}
	if n, err := DeleteAll(soon(t), s, []string{name, "never put"}); n != 0 || err != nil {
		t.Errorf("DeleteAll of %q: %d, %v", name, n, err)
	}
}

func TestPassEntriesThatAPersonMadeAreNeitherReplacedNorDeleted(t *testing.T) {
	o := passwordStore(t, "")
	s := open(t, o)
	entries := map[string]string{
		"github": "hunter2\nuser: alice\n", "bank": `{"user":"alice","password":"hunter2"}`, "oidc:https:/example.com": "my note\n",
		"session,YQ,,4102444800": "mine too\n", "empty": "", "json": `{"Key":"json","Data":"aHVudGVyMg=="}`,
	}
	for name, text := range entries {
		passEntry(t, name, text)
	}
	for name, text := range entries {
		wantForeign(t, s, name)
		if got := passShows(t, name); got != text {
			t.Errorf("%q was changed to %q", name, got)
		}
	}
	if err := KeepKey(Overwriting(soon(t)), s, "github", aKey); err != nil {
		t.Error(err)
	}
	if k, err := GetKey(soon(t), s, "github"); err != nil || !k.Equal(aKey) {
		t.Errorf("overwritten: %v", err)
	}
	if err := s.Delete(soon(t), "github"); err != nil { // it is ours now
		t.Error(err)
	}
}

// In a folder for keys there can be other entries as well.
func TestPassEntriesOfThePersonsOwnAreKeptBelowAPrefixToo(t *testing.T) {
	o := passwordStore(t, "")
	o.PassPrefix = "aws"
	passEntry(t, "aws/console", "hunter2\n")
	wantForeign(t, open(t, o), "console")
	if got := passShows(t, "aws/console"); got != "hunter2\n" {
		t.Errorf("it was changed to %q", got)
	}
}

// What AWS Vault has stored is ours to replace and delete.
func TestPassItemsOfAWSVaultAreNotForeign(t *testing.T) {
	o := passwordStore(t, "")
	s := open(t, o)
	lib, err := keyring.Open(keyring.Config{AllowedBackends: []keyring.BackendType{keyring.PassBackend}, PassDir: o.PassDir})
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string]string{
		"work":                     `{"AccessKeyID":"AKIAX","SecretAccessKey":"fake"}`,
		"oidc:https://example.com": `{"Token":{"AccessToken":"x"},"Expiration":"2030-01-01T00:00:00Z"}`,
		"session,YQ,,4102444800":   `{"AccessKeyId":"ASIAX","SecretAccessKey":"fake","SessionToken":"t"}`,
	} {
		if err := lib.Set(keyring.Item{Key: name, Data: []byte(data)}); err != nil {
			t.Fatal(err)
		}
		listed, err := s.List(soon(t), "") // pass makes one slash of two
		if err != nil || len(listed) != 1 {
			t.Fatalf("%q, %v", listed, err)
		}
		if err := CheckForeign(soon(t), s, listed[0]); err != nil {
			t.Errorf("%q: %v", name, err)
		}
		if n, err := DeleteAll(soon(t), s, listed); n != 1 || err != nil {
			t.Errorf("%q: %d, %v", name, n, err)
		}
	}
}

// When the entry cannot be read it is not known whose it is.
func TestPassEntriesThatCannotBeReadAreKept(t *testing.T) {
	o := passwordStore(t, "fake passphrase")
	passEntry(t, "github", "hunter2\n") // encrypting needs no passphrase
	command(t, "gpgconf", "--kill", "gpg-agent")
	o.Quiet = true
	s := open(t, o)
	before, err := os.ReadFile(filepath.Join(o.PassDir, "github.gpg"))
	if err != nil {
		t.Fatal(err)
	}
	for what, err := range map[string]error{"PutKey": PutKey(soon(t), s, "github", aKey), "Delete": s.Delete(soon(t), "github")} {
		if !errors.Is(err, ErrForeign) || !errors.Is(err, ErrLocked) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if n, err := DeleteAll(soon(t), s, []string{"github"}); n != 0 || !errors.Is(err, ErrLocked) {
		t.Errorf("DeleteAll: %d, %v", n, err)
	}
	if after, err := os.ReadFile(filepath.Join(o.PassDir, "github.gpg")); err != nil || !bytes.Equal(before, after) {
		t.Errorf("the entry was changed: %v", err)
	}
	session := SessionName("a", "k")
	put(t, s, session, "v") // a name that only this program makes is not looked at
	put(t, s, session, "w")
}

// notMoved copies and renames an item outside, and reads it by its new name.
func notMoved(t *testing.T, s Store, from, to string) {
	t.Helper()
	put(t, s, "a", keyItem("AKIAa"))
	put(t, s, "b", keyItem("AKIAb"))
	data, err := os.ReadFile(from)
	if err == nil {
		err = os.WriteFile(to, data, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	if v, err := s.Get(soon(t), "a"); !errors.Is(err, ErrUnavailable) || !errors.Is(err, errMoved) {
		t.Errorf("b's item under the name of a gave %d bytes, %v", len(v.Reveal()), err)
	}
	if k, err := GetKey(soon(t), s, "a"); err == nil {
		t.Errorf("the key of a is now %s", k.ID)
	}
	wantValue(t, s, "b", keyItem("AKIAb"))
	put(t, s, "a", keyItem("AKIAa"))
	wantValue(t, s, "a", keyItem("AKIAa"))
}

func TestAFileUnderAnotherNameIsNotTheOtherItem(t *testing.T) {
	o := fileOptions(t, "pp")
	notMoved(t, open(t, o), filepath.Join(o.FileDir, "b"), filepath.Join(o.FileDir, "a"))
}

func TestAPassEntryUnderAnotherNameIsNotTheOtherItem(t *testing.T) {
	o := passwordStore(t, "")
	notMoved(t, open(t, o), filepath.Join(o.PassDir, "b.gpg"), filepath.Join(o.PassDir, "a.gpg"))
}

// jar is a helper that keeps each secret in a file of its own.
const jar = `cd "$JAR" || exit 1
case $1 in
store) cat >in; url=$(sed 's/.*"ServerURL":"\([^"]*\)".*/\1/' in); sed 's/.*"Secret":"\(.*\)"}$/\1/' in >"$(basename "$url")";;
get) url=$(cat); f=$(basename "$url"); [ -e "$f" ] || { echo "credentials not found in native keychain"; exit 1; }
  printf '{"ServerURL":"%s","Username":"aws-vault","Secret":"%s"}' "$url" "$(cat "$f")";;
esac`

func TestAHelpersItemUnderAnotherNameIsNotTheOtherItem(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("JAR", dir)
	s := standIn(t, jar, Options{})
	notMoved(t, s, filepath.Join(dir, "b"), filepath.Join(dir, "a"))
	// A value that was stored before values had names is read as it was.
	old, err := json.Marshal(keyItem("AKIAold"))
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "old"), old[1:len(old)-1], 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	wantValue(t, s, "old", keyItem("AKIAold"))
}
