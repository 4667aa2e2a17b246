package store

// This file encrypts and decrypts the items of the file back end: JWE, as the keyring
// library of AWS Vault makes it. Each item has a key of its own, which is wrapped with a key
// that is derived from the passphrase and a salt.

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/99designs/keyring"
	jose "github.com/dvsekhvalnov/jose2go"
	"github.com/dvsekhvalnov/jose2go/base64url"

	"github.com/d44b7504/vault/internal/creds"
)

// stretched encrypts and decrypts items. It remembers the derived key that has opened or
// sealed the last one, and new items get the same salt: to derive a key takes longer than
// everything else that a command does, and a command that reads a key and writes a session
// needs one. A salt of its own would not make an item safer, because all items in a folder
// have the same passphrase: who finds it for one item has it for all. The zero value has
// nothing yet. It may be used by several goroutines at a time.
type stretched struct {
	mu   sync.Mutex
	pass creds.Secret
	salt salt
	key  []byte // nil: there was none yet
}

// salt is what a key is derived with, besides the passphrase.
type salt struct {
	text   string // as an item's header has it, in base64
	rounds int
}

const (
	usualRounds = 8192    // as the library has it
	mostRounds  = 1300000 // more would only hold up who reads the item
	saltSize    = 12
	wrapKeySize = 16
)

// encrypt makes the content of an item's file.
func (s *stretched) encrypt(item keyring.Item, pass creds.Secret) ([]byte, error) {
	text, err := json.Marshal(item)
	if err != nil {
		return nil, err
	}
	defer clear(text)
	sealed, err := jose.Encrypt(string(text), jose.PBES2_HS256_A128KW, jose.A256GCM, wrapper{s, pass},
		jose.Headers(map[string]any{"created": time.Now().String()}))
	return []byte(sealed), err
}

// Why a file cannot be decrypted. errDamaged is not cured by another passphrase.
var errDamaged = errors.New("is damaged")

// decrypt is the opposite of encrypt. Its error is errPassphrase or errDamaged.
func (s *stretched) decrypt(sealed []byte, pass creds.Secret) (item keyring.Item, err error) {
	text, _, err := jose.Decode(string(sealed), wrapper{s, pass})
	switch {
	case err == nil && json.Unmarshal([]byte(text), &item) == nil:
		return item, nil
	case err != nil && strings.Contains(err.Error(), "aes.KeyUnwrap()"):
		// The key that is derived from the passphrase does not unwrap the file's own.
		return item, errPassphrase
	}
	return item, errDamaged
}

// derive returns the key of a passphrase and a salt.
func (s *stretched) derive(pass creds.Secret, with salt) ([]byte, error) {
	s.mu.Lock()
	known := s.key != nil && s.salt == with && s.pass.Equal(pass)
	key := s.key
	s.mu.Unlock()
	if known {
		return key, nil
	}
	random, err := base64url.Decode(with.text)
	if err != nil {
		return nil, err
	}
	return pbkdf2(pass, append([]byte(jose.PBES2_HS256_A128KW+"\x00"), random...), with.rounds)
}

// keep remembers a key that is right: it has opened an item.
func (s *stretched) keep(pass creds.Secret, with salt, key []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pass, s.salt, s.key = pass, with, key
}

// forNew returns the salt for a new item: the last one, unless a weaker tool has made it.
func (s *stretched) forNew(pass creds.Secret) salt {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.key != nil && s.pass.Equal(pass) && s.salt.rounds >= usualRounds && len(s.salt.text) >= saltSize*4/3 {
		return s.salt
	}
	random := make([]byte, saltSize)
	_, _ = rand.Read(random) // never fails
	return salt{base64url.Encode(random), usualRounds}
}

// wrapper is what the library is given as the key of an item.
type wrapper struct {
	s    *stretched
	pass creds.Secret
}

// wrapping is the library's algorithm with derived keys that are remembered. For a plain
// passphrase it is the library's own.
type wrapping struct {
	jose.JwaAlgorithm
	aes jose.JwaAlgorithm
}

func init() {
	aes := jose.DeregisterJwa(jose.A128KW)
	jose.RegisterJwa(aes)
	jose.RegisterJwa(wrapping{jose.DeregisterJwa(jose.PBES2_HS256_A128KW), aes})
}

// WrapNewKey implements jose.JwaAlgorithm.
func (w wrapping) WrapNewKey(bits int, key any, header map[string]any) (cek, wrapped []byte, err error) {
	by, ours := key.(wrapper)
	if !ours {
		return w.JwaAlgorithm.WrapNewKey(bits, key, header)
	}
	with := by.s.forNew(by.pass)
	derived, err := by.s.derive(by.pass, with)
	if err != nil {
		return nil, nil, err
	}
	by.s.keep(by.pass, with, derived)
	header["p2s"], header["p2c"] = with.text, with.rounds
	return w.aes.WrapNewKey(bits, derived, header)
}

// Unwrap implements jose.JwaAlgorithm.
func (w wrapping) Unwrap(wrapped []byte, key any, bits int, header map[string]any) ([]byte, error) {
	by, ours := key.(wrapper)
	if !ours {
		return w.JwaAlgorithm.Unwrap(wrapped, key, bits, header)
	}
	text, _ := header["p2s"].(string)
	rounds, _ := header["p2c"].(float64)
	if text == "" || rounds < 1 || rounds > mostRounds {
		return nil, fmt.Errorf("the key cannot be derived in %g rounds", rounds)
	}
	with := salt{text, int(rounds)}
	derived, err := by.s.derive(by.pass, with)
	if err != nil {
		return nil, err
	}
	cek, err := w.aes.Unwrap(wrapped, derived, bits, header)
	if err == nil {
		by.s.keep(by.pass, with, derived)
	}
	return cek, err
}
