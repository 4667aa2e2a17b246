package store

// This file says how items are named, labelled and encoded. Long-lived keys are stored as
// AWS Vault stores them, byte for byte, so that each tool reads what the other wrote. All
// other items have names that AWS Vault takes for those of sessions, so it does not list
// them as credentials.

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/99designs/keyring"

	"github.com/d44b7504/vault/internal/creds"
)

// keyJSON is how AWS Vault 7 encodes a key: it is the SDK's own struct of that time.
type keyJSON struct {
	AccessKeyID     string
	SecretAccessKey string
	SessionToken    string
	Source          string
	CanExpire       bool
	Expires         time.Time
}

// PutKey stores the long-lived key of a profile where AWS Vault looks for it.
func PutKey(ctx context.Context, s Store, profile string, k creds.Key) error {
	item, err := keyItemOf(k)
	if err != nil {
		return err
	}
	return s.Put(ctx, profile, item)
}

// KeepKey stores a key as PutKey does, reads it back and compares. What the key was taken
// from may be deleted once this has returned nil, and not before. After an UnreadError
// the key is stored, as far as is known.
func KeepKey(ctx context.Context, s Store, profile string, k creds.Key) error {
	item, err := keyItemOf(k)
	if err != nil {
		return err
	}
	return keep(ctx, s, profile, item)
}

func keyItemOf(k creds.Key) (creds.Secret, error) {
	data, err := json.Marshal(keyJSON{AccessKeyID: k.ID, SecretAccessKey: k.Secret.Reveal()})
	return secretFrom(data), err
}

// keep stores an item, reads it back and compares: what a keyring says it has done and
// what it has done are two things.
func keep(ctx context.Context, s Store, name string, item creds.Secret) error {
	if err := s.Put(ctx, name, item); err != nil {
		return err
	}
	back, err := s.Get(ctx, name)
	switch {
	case err != nil:
		return &UnreadError{err}
	case !back.Equal(item):
		return errChanged{name}
	}
	return nil
}

// UnreadError says that an item was stored, without a complaint, and cannot be read back.
type UnreadError struct{ Err error }

func (e *UnreadError) Error() string { return "read back what was stored: " + e.Err.Error() }
func (e *UnreadError) Unwrap() error { return e.Err }

// errChanged: the store reported no error for an item, and returns another one.
type errChanged struct{ name string }

func (e errChanged) Error() string {
	return fmt.Sprintf("item %q was read back, and is not what was stored", e.name)
}
func (e errChanged) Is(target error) bool { return target == ErrUnavailable }

// GetKey reads the long-lived key of a profile, which AWS Vault may have written. It ignores
// fields that it does not know.
func GetKey(ctx context.Context, s Store, profile string) (creds.Key, error) {
	data, err := s.Get(ctx, profile)
	if err != nil {
		return creds.Key{}, err
	}
	return parseKey(profile, data)
}

// parseKey decodes the key in an item. Its error matches ErrForeign.
func parseKey(name string, item creds.Secret) (creds.Key, error) {
	var k keyJSON
	// The decoder's error could quote the item, so it is left out.
	if json.Unmarshal([]byte(item.Reveal()), &k) != nil || k.AccessKeyID == "" || k.SecretAccessKey == "" ||
		!creds.Printable(k.AccessKeyID) || !creds.Printable(k.SecretAccessKey) {
		return creds.Key{}, fmt.Errorf("%w: %w", ErrUnavailable, errNotAKey{name})
	}
	return creds.Key{ID: k.AccessKeyID, Secret: creds.New(k.SecretAccessKey)}, nil
}

// stagedPrefix begins the names of keys that a rotation has made and that have not replaced
// the old one yet. AWS Vault takes them for sessions, which they are not: only the rotation
// may delete them.
const stagedPrefix = "vault.rotate,"

// StagedName returns the name of the item that holds the next key of a profile while the
// old one is still in its place. It has the form of SessionName.
func StagedName(profile string) string {
	return stagedPrefix + digest(profile) + "," + digest("staged\x00"+profile) + noExpiry
}

type errNotAKey struct{ name string }

func (e errNotAKey) Error() string        { return fmt.Sprintf("item %q is not an access key", e.name) }
func (e errNotAKey) Is(target error) bool { return target == ErrForeign }

// KeyNames lists the names of long-lived keys: every item that is not a session or a
// sign-in, of this program or of AWS Vault. Where other programs keep their items in the
// same place (Backend.Shared), these are among them. It decrypts nothing and asks nothing:
// of a back end that hides names it returns those names among guesses that have a key, and
// in hidden how many more keys there are.
func KeyNames(ctx context.Context, s Store, guesses ...string) (names []string, hidden int, err error) {
	if b := hiding(s); b != nil {
		return b.knownNames(ctx, guesses)
	}
	all, err := s.List(ctx, "")
	if err != nil {
		return nil, 0, err
	}
	for _, name := range all {
		if isKeyName(name) {
			names = append(names, name)
		}
	}
	return names, 0, nil
}

// AllKeyNames lists the names of all long-lived keys. Where the back end hides names it
// decrypts them, which may ask a person.
func AllKeyNames(ctx context.Context, s Store) ([]string, error) {
	all, err := s.List(ctx, "")
	return slices.DeleteFunc(all, func(name string) bool { return !isKeyName(name) }), err
}

// newItem makes an item with the label and the trust that AWS Vault gives it. On macOS no
// program is trusted with a long-lived key, so that a person confirms each read; this one is
// trusted with a session, or each renewal would ask.
func newItem(name string, v creds.Secret) keyring.Item {
	item := keyring.Item{Key: name, Data: []byte(v.Reveal())}
	if !isKeyName(name) {
		item.Label, item.Description = "aws-vault session", "aws-vault session"
		return item
	}
	item.Label = fmt.Sprintf("aws-vault (%s)", name)
	item.KeychainNotTrustApplication = true
	return item
}

// isKeyName reports whether the item of this name is a long-lived key: the name is a
// profile's, and not one that this program or AWS Vault gives to other items.
func isKeyName(name string) bool {
	return !isGenerated(name) && !strings.HasPrefix(name, "oidc:") && !isAWSVaultSession(name) && !isOldAWSVaultSession(name)
}

// isGenerated reports whether this program made up the name: "vault.session,…" and others
// that begin with "vault.". Those of a later version are among them.
func isGenerated(name string) bool {
	kind, rest, ok := strings.Cut(name, ",")
	return ok && rest != "" && strings.HasPrefix(kind, "vault.")
}

// isAWSVaultSession recognises "TYPE,PROFILE,SERIAL,EXPIRY" with two fields in base64.
func isAWSVaultSession(name string) bool {
	f := strings.Split(name, ",")
	return len(f) == 4 && f[0] != "" && f[1] != "" && isBase64(f[1]) && isBase64(f[2]) && isDigits(f[3])
}

// isOldAWSVaultSession recognises the three forms that AWS Vault's first versions used.
func isOldAWSVaultSession(name string) bool {
	if f := strings.Split(name, ","); len(f) == 4 && f[0] == "session" && f[1] != "" && len(f[3]) > 1 && isDigits(f[3]) {
		return true
	}
	if rest, ok := strings.CutPrefix(name, "session:"); ok && !strings.Contains(rest, " ") && strings.Count(rest, ":") >= 2 {
		return !strings.HasPrefix(rest, ":") && !strings.HasSuffix(rest, ":")
	}
	head, expiry, ok := strings.Cut(name, " session (")
	return ok && head != "" && strings.HasSuffix(expiry, ")") && isDigits(strings.TrimSuffix(expiry, ")"))
}

func isBase64(s string) bool {
	_, err := base64.RawURLEncoding.DecodeString(s)
	return err == nil
}

func isDigits(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}
