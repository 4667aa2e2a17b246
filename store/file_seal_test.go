package store

import (
	"bytes"
	stdpbkdf2 "crypto/pbkdf2"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/99designs/keyring"
	"github.com/dvsekhvalnov/jose2go/base64url"

	"github.com/d44b7504/vault/internal/creds"
)

func TestTheDerivedKeyIsThatOfTheStandardLibrary(t *testing.T) {
	for _, pass := range []string{"", "p", strings.Repeat("a", 63), strings.Repeat("b", 64), strings.Repeat("c", 65), strings.Repeat("é", 200)} {
		for _, rounds := range []int{1, 2, 3, 1000} {
			for _, salt := range []string{"", "salt", strings.Repeat("long", 50)} {
				want, err := stdpbkdf2.Key(sha256.New, pass, []byte(salt), rounds, wrapKeySize)
				got, failed := pbkdf2(creds.New(pass), []byte(salt), rounds)
				if err != nil || failed != nil || string(got) != string(want) {
					t.Errorf("%d characters, %d rounds, salt %q: %x, want %x, %v, %v", len(pass), rounds, salt, got, want, err, failed)
				}
				if !newRounds([]byte(pass), []byte(salt)).works([]byte(pass)) {
					t.Errorf("%d characters: the standard library's own is used, which takes longer", len(pass))
				}
			}
		}
	}
}

// saltOf is what an item's key is derived with.
func saltOf(t *testing.T, o Options, key string) salt {
	t.Helper()
	sealed, err := os.ReadFile(filepath.Join(o.FileDir, fileName(key)))
	if err != nil {
		t.Fatal(err)
	}
	head, _, _ := strings.Cut(string(sealed), ".")
	text, err := base64url.Decode(head)
	var h struct {
		P2S string `json:"p2s"`
		P2C int    `json:"p2c"`
	}
	if err = errors.Join(err, json.Unmarshal(text, &h)); err != nil {
		t.Fatal(err)
	}
	return salt{h.P2S, h.P2C}
}

// anySession is a session of the profile "prod", with the name of its item.
func anySession() (name string, s creds.Session) {
	return SessionName("prod", "k"), creds.Session{
		Profile: "prod", AccessKeyID: "ASIAEXAMPLE", SecretKey: creds.New("s"), Token: creds.New("t"),
		Issued: time.Now(), Expires: time.Now().Add(time.Hour),
	}
}

// A cold command reads the key, which AWS Vault may have written, and writes a session; the
// next one reads the session, or, when that has lapsed, the key.
func TestOneDerivedKeyIsEnoughForAKeyAndItsSessions(t *testing.T) {
	o := fileOptions(t, "pp")
	if err := raw(t, o.FileDir, "pp").Set(keyring.Item{Key: "base", Data: []byte("v")}); err != nil {
		t.Fatal(err)
	}
	if err := raw(t, o.FileDir, "pp").Set(keyring.Item{Key: "other", Data: []byte("v")}); err != nil {
		t.Fatal(err)
	}
	s := open(t, o)
	wantValue(t, s, "base", "v")
	name, session := anySession()
	if err := PutSession(soon(t), s, name, session); err != nil {
		t.Fatal(err)
	}
	if got, want := saltOf(t, o, name), saltOf(t, o, "base"); got != want || want.rounds != usualRounds {
		t.Errorf("the session's key is derived with %v, the stored key's with %v", got, want)
	}
	if saltOf(t, o, "other") == saltOf(t, o, "base") {
		t.Error("the library gives two items one salt, so this proves nothing")
	}
	if _, err := GetSession(soon(t), open(t, o), name); err != nil {
		t.Error(err)
	}
	if item, err := raw(t, o.FileDir, "pp").Get(name); err != nil || len(item.Data) == 0 {
		t.Errorf("the library reads the session: %v", err)
	}
}

func TestADerivedKeyIsRememberedForItsPassphraseAndSaltAlone(t *testing.T) {
	var s stretched
	pass, with := creds.New("pp"), salt{base64url.Encode([]byte("twelve bytes")), usualRounds}
	same := func(a, b []byte) bool { return &a[0] == &b[0] }
	key, err := s.derive(pass, with)
	if err != nil {
		t.Fatal(err)
	}
	s.keep(pass, with, key)
	if again, _ := s.derive(creds.New("pp"), with); !same(again, key) || s.forNew(pass) != with {
		t.Error("the key is derived a second time")
	}
	if other, _ := s.derive(creds.New("qq"), with); string(other) == string(key) || s.forNew(creds.New("qq")) == with {
		t.Error("another passphrase has the same key, or its salt")
	}
	if other, _ := s.derive(pass, salt{with.text, usualRounds + 1}); string(other) == string(key) {
		t.Error("other rounds have the same key")
	}
	for _, weak := range []salt{{with.text, usualRounds - 1}, {"AAAA", usualRounds}} {
		if s.keep(pass, weak, key); s.forNew(pass) == weak {
			t.Errorf("a new item gets the weak salt %v", weak)
		}
	}
	if _, err := s.decrypt([]byte("eyJhbGciOiJQQkVTMi1IUzI1NitBMTI4S1ciLCJlbmMiOiJBMjU2R0NNIiwicDJjIjoxZTk5LCJwMnMiOiJBQUFBIn0.AA.AA.AA.AA"), pass); !errors.Is(err, errDamaged) {
		t.Errorf("an item that takes for ever to read: %v", err)
	}
}

// A loss of power leaves as much of it as the disk had.
func TestATornSessionCountsAsNoneAndIsReplaced(t *testing.T) {
	for _, backend := range []string{"file", "age"} {
		t.Run(backend, func(t *testing.T) {
			b, _ := Lookup(backend)
			o := inTempDir(t, b)
			s := open(t, o)
			put(t, s, "base", "v")
			name, session := anySession()
			if err := PutSession(soon(t), s, name, session); err != nil {
				t.Fatal(err)
			}
			path, whole := fileWith(t, s, o, name)
			next := func() Store { // another process
				if backend == "age" { // to open it takes long, and nothing is remembered
					return s
				}
				return open(t, o)
			}
			for _, length := range []int{0, 1, 2, 3, 20, len(whole) / 3, len(whole) / 2, len(whole) - 30, len(whole) - 1} {
				for what, torn := range map[string][]byte{"cut": whole[:length], "zero": append(whole[:length:length], make([]byte, len(whole)-length)...)} {
					if bytes.Equal(torn, whole) { // its last byte is a zero
						continue
					}
					if err := os.WriteFile(path, torn, 0o600); err != nil {
						t.Fatal(err)
					}
					if _, err := GetSession(soon(t), next(), name); !errors.Is(err, ErrNotFound) {
						t.Errorf("%s after %d of %d bytes: %v", what, length, len(whole), err)
					}
				}
			}
			if err := PutSession(soon(t), next(), name, session); err != nil {
				t.Errorf("put a session in the place of a torn one: %v", err)
			}
			if got, err := GetSession(soon(t), next(), name); err != nil || got.AccessKeyID != session.AccessKeyID {
				t.Errorf("the session that replaced a torn one: %v", err)
			}
			wantValue(t, next(), "base", "v")
		})
	}
}

// fileWith finds the file of a session in a folder store.
func fileWith(t *testing.T, s Store, o Options, name string) (path string, content []byte) {
	t.Helper()
	path = filepath.Join(o.FileDir, fileName(name))
	if a, ok := s.(*bounded).d.(*ageFiles); ok {
		var err error
		if path, err = a.fileOf(name); err != nil {
			t.Fatal(err)
		}
	}
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return path, content
}

func BenchmarkDerivedKey(b *testing.B) {
	for b.Loop() {
		if _, err := pbkdf2(creds.New("correct horse"), []byte("a salt"), usualRounds); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDerivedKeyOfTheStandardLibrary(b *testing.B) {
	for b.Loop() {
		if _, err := stdpbkdf2.Key(sha256.New, "correct horse", []byte("a salt"), usualRounds, wrapKeySize); err != nil {
			b.Fatal(err)
		}
	}
}
