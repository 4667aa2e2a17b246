package store

// This file knows what the items are: their names, labels and contents. Those of
// keys that do not expire are AWS Vault's, byte for byte, so that either tool reads
// what the other wrote. Everything else of ours has a name AWS Vault takes for a
// session, and so leaves out of its list of credentials.

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

// keyJSON is the form AWS Vault 7 gives a key: the SDK's own struct of that time.
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

// errChanged: a store that said it had kept an item gives back another one.
type errChanged struct{ name string }

func (e errChanged) Error() string {
	return fmt.Sprintf("item %q did not come back as it was stored", e.name)
}
func (e errChanged) Is(target error) bool { return target == ErrUnavailable }

// GetKey reads the long-lived key of a profile, ours or AWS Vault's. Fields it does
// not know are ignored.
func GetKey(ctx context.Context, s Store, profile string) (creds.Key, error) {
	data, err := s.Get(ctx, profile)
	if err != nil {
		return creds.Key{}, err
	}
	return parseKey(profile, data)
}

// parseKey reads the key in an item.
func parseKey(name string, item creds.Secret) (creds.Key, error) {
	var k keyJSON
	// The decoder's error could quote the item, so it is not passed on.
	if json.Unmarshal([]byte(item.Reveal()), &k) != nil || k.AccessKeyID == "" || k.SecretAccessKey == "" ||
		!creds.Printable(k.AccessKeyID) || !creds.Printable(k.SecretAccessKey) {
		return creds.Key{}, fmt.Errorf("%w: %w", ErrUnavailable, errNotAKey{name})
	}
	return creds.Key{ID: k.AccessKeyID, Secret: creds.New(k.SecretAccessKey)}, nil
}

// stagedPrefix begins the names of keys that a rotation has made and not yet put in the
// place of the old one. They are held for sessions by AWS Vault and are none: only the
// rotation may delete them.
const stagedPrefix = "vault.rotate,"

// StagedName returns the name of the item in which the next key of a profile waits,
// beside the one it will replace. Its form is that of SessionName.
func StagedName(profile string) string {
	return stagedPrefix + digest(profile) + "," + digest("staged\x00"+profile) + noExpiry
}

type errNotAKey struct{ name string }

func (e errNotAKey) Error() string        { return fmt.Sprintf("item %q holds no access key", e.name) }
func (e errNotAKey) Is(target error) bool { return target == ErrForeign }

// KeyNames lists the names of long-lived keys: every item that is not a session or
// a token, of ours or of AWS Vault. In a store shared with other programs, such as
// a password store without a prefix, those of others are among them. It decrypts
// nothing and asks nothing: of a store that encrypts names too it gives those among
// guesses, and in hidden how many more keys there are.
func KeyNames(ctx context.Context, s Store, guesses ...string) (names []string, hidden int, err error) {
	if b := hiding(s); b != nil {
		return b.knownNames(ctx, guesses)
	}
	all, err := s.List(ctx, "")
	if err != nil {
		return nil, 0, err
	}
	for _, name := range all {
		if !transient(name) {
			names = append(names, name)
		}
	}
	return names, 0, nil
}

// AllKeyNames lists the names of all long-lived keys. Of a store that encrypts names
// too it has to decrypt them, which may ask.
func AllKeyNames(ctx context.Context, s Store) ([]string, error) {
	all, err := s.List(ctx, "")
	return slices.DeleteFunc(all, transient), err
}

// newItem gives an item the label and the trust AWS Vault would. On macOS a
// long-lived key is not trusted to any program, so that each read is confirmed by a
// person; a session is, or renewing it would ask.
func newItem(name string, v creds.Secret) keyring.Item {
	item := keyring.Item{Key: name, Data: []byte(v.Reveal())}
	if transient(name) {
		item.Label, item.Description = "aws-vault session", "aws-vault session"
		return item
	}
	item.Label = fmt.Sprintf("aws-vault (%s)", name)
	item.KeychainNotTrustApplication = true
	return item
}

// transient says whether an item can be made again by signing in.
func transient(name string) bool {
	return isGenerated(name) || strings.HasPrefix(name, "oidc:") || isAWSVaultSession(name) || isOldAWSVaultSession(name)
}

// isGenerated knows names such as "vault.session,…" and "vault.token,…".
func isGenerated(name string) bool {
	kind, rest, ok := strings.Cut(name, ",")
	return ok && rest != "" && strings.HasPrefix(kind, "vault.")
}

// isAWSVaultSession knows "TYPE,PROFILE,SERIAL,EXPIRY" with two fields in base64.
func isAWSVaultSession(name string) bool {
	f := strings.Split(name, ",")
	return len(f) == 4 && f[0] != "" && f[1] != "" && isBase64(f[1]) && isBase64(f[2]) && isDigits(f[3])
}

// isOldAWSVaultSession knows the three forms that AWS Vault's first versions used.
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
