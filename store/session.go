package store

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/d44b7504/vault/internal/creds"
)

// SessionPrefix begins the name of every cached session. The whole name has the form that
// AWS Vault gives to its own sessions (type, profile, serial, expiry), so AWS Vault neither
// lists these items as keys nor reads them. Profile and settings are hashed.
const SessionPrefix = "vault.session,"

func isSession(name string) bool { return strings.HasPrefix(name, SessionPrefix) }

// noExpiry is the last field of the name. The name has to be known before the session is,
// so the real expiry is inside the item.
const noExpiry = ",9999999999"

// SessionName returns the name of the item that holds the session of a profile made
// with the settings that key stands for.
func SessionName(profile, key string) string {
	return ProfilePrefix(profile) + digest(key) + noExpiry
}

// ProfilePrefix begins the names of all sessions of one profile.
func ProfilePrefix(profile string) string { return SessionPrefix + digest(profile) + "," }

func digest(s string) string {
	d := digestBytes(s)
	return base64.RawURLEncoding.EncodeToString(d[:])
}

const digestSize = 12

func digestBytes(s string) [digestSize]byte {
	sum := sha256.Sum256([]byte(s))
	return [digestSize]byte(sum[:])
}

// sessionItem is how a session is encoded.
type sessionItem struct {
	Profile      string
	Region       string `json:",omitempty"`
	AccessKeyID  string
	SecretKey    string
	SessionToken string `json:",omitempty"`
	ARN          string `json:",omitempty"`
	Issued       time.Time
	Expires      time.Time
	ClockSkew    time.Duration `json:",omitzero"`
	ClockStarted time.Time     `json:",omitzero"`
	KeyID        string        `json:",omitempty"`
	KeyStamp     string        `json:",omitempty"`
}

// PutSession stores a session under a name of SessionName.
func PutSession(ctx context.Context, s Store, name string, v creds.Session) error {
	b, err := json.Marshal(sessionItem{
		Profile: v.Profile, Region: v.Region, AccessKeyID: v.AccessKeyID,
		SecretKey: v.SecretKey.Reveal(), SessionToken: v.Token.Reveal(),
		ARN: v.ARN, Issued: v.Issued.UTC(), Expires: v.Expires.UTC(), ClockSkew: v.Clock.Skew, ClockStarted: v.Clock.Started,
		KeyID: v.Key.ID, KeyStamp: v.Key.Stamp,
	})
	if err != nil {
		return err
	}
	return putCached(ctx, s, name, secretFrom(b))
}

// GetSession reads a session; ErrNotFound when there is none. It reads one item.
func GetSession(ctx context.Context, s Store, name string) (creds.Session, error) {
	item, err := getCached(ctx, s, name)
	if err != nil {
		return creds.Session{}, err
	}
	return parseSession(item)
}

// parseSession decodes a session. Its error matches ErrNotFound: another one can be made.
func parseSession(item creds.Secret) (creds.Session, error) {
	var v sessionItem
	if json.NewDecoder(strings.NewReader(item.Reveal())).Decode(&v) != nil || v.AccessKeyID == "" {
		return creds.Session{}, fmt.Errorf("%w: the item is not a session", ErrNotFound)
	}
	session := creds.Session{
		Profile: v.Profile, Region: v.Region, AccessKeyID: v.AccessKeyID,
		SecretKey: creds.New(v.SecretKey), Token: creds.New(v.SessionToken),
		ARN: v.ARN, Issued: v.Issued, Expires: v.Expires, Clock: creds.Clock{Skew: v.ClockSkew, Started: v.ClockStarted},
		Key: creds.KeyRef{ID: v.KeyID, Stamp: v.KeyStamp},
	}
	if err := session.Check(); err != nil {
		return creds.Session{}, fmt.Errorf("%w: %w", ErrNotFound, err)
	}
	return session, nil
}

// PrefixOf returns the ProfilePrefix that the name of a session begins with.
func PrefixOf(name string) string {
	i := strings.IndexByte(strings.TrimPrefix(name, SessionPrefix), ',')
	return name[:min(len(name), len(SessionPrefix)+i+1)]
}
