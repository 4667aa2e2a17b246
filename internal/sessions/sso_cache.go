package sessions

import (
	"context"
	"crypto/sha1" //nolint:gosec // the AWS CLI names its files so
	"encoding/hex"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/d44b7504/vault/internal/atomicfile"
	"github.com/d44b7504/vault/internal/creds"
	"github.com/d44b7504/vault/internal/profiles"
	"github.com/d44b7504/vault/store"
)

// This file shares sign-ins with the AWS CLI and the SDKs, in the file where they look for
// them, unencrypted: when a person asks for that, or has signed in with them. A refresh
// token works once, so whoever renews a sign-in that is shared writes it into the file.

// sharedToken is the form of the file.
type sharedToken struct {
	StartURL              string `json:"startUrl"`
	Region                string `json:"region"`
	AccessToken           string `json:"accessToken"`
	ExpiresAt             string `json:"expiresAt"`
	RefreshToken          string `json:"refreshToken,omitempty"`
	ClientID              string `json:"clientId,omitempty"`
	ClientSecret          string `json:"clientSecret,omitempty"`
	RegistrationExpiresAt string `json:"registrationExpiresAt,omitempty"`
}

// maxSharedFile is many times as long as a file of the AWS tools.
const maxSharedFile = 1 << 20

// shareToken writes a sign-in where the AWS CLI and the SDKs look for it, in their format,
// so that they need no sign-in of their own. dir is ~/.aws/sso/cache.
func shareToken(dir string, s *profiles.SSO, t store.Token) (file string, err error) {
	out := sharedToken{
		StartURL: s.StartURL, Region: s.Region, AccessToken: t.Access.Reveal(), ExpiresAt: t.Expires.UTC().Format(time.RFC3339),
	}
	if !t.Refresh.IsZero() {
		out.RefreshToken, out.ClientID, out.ClientSecret = t.Refresh.Reveal(), t.Client, t.ClientSecret.Reveal()
		out.RegistrationExpiresAt = t.ClientExpires.UTC().Format(time.RFC3339)
	}
	file = sharedFile(dir, s)
	return file, writeJSON(file, out)
}

func sharedFile(dir string, s *profiles.SSO) string {
	name := s.Session
	if name == "" {
		name = s.StartURL
	}
	sum := sha1.Sum([]byte(name)) //nolint:gosec // see above
	return filepath.Join(dir, hex.EncodeToString(sum[:])+".json")
}

// shared returns the sign-in in the file of the AWS tools, false if there is none for this
// directory.
func (m *Maker) shared(s *profiles.SSO) (store.Token, bool) {
	if m.SharedDir == "" {
		return store.Token{}, false
	}
	file := sharedFile(m.SharedDir, s)
	if st, err := os.Stat(file); err != nil || !st.Mode().IsRegular() { // reading a pipe would wait
		return store.Token{}, false
	}
	var in sharedToken
	text, err := atomicfile.Read(file, maxSharedFile)
	if err != nil || json.Unmarshal(text, &in) != nil || in.AccessToken == "" {
		return store.Token{}, false
	}
	if of := (profiles.SSO{StartURL: in.StartURL}); of.Directory() != s.Directory() || in.Region != s.Region {
		return store.Token{}, false
	}
	t := store.Token{
		Shared: true, Access: creds.New(in.AccessToken), Expires: sharedTime(in.ExpiresAt), Refresh: creds.New(in.RefreshToken),
		Client: in.ClientID, ClientSecret: creds.New(in.ClientSecret), ClientExpires: sharedTime(in.RegistrationExpiresAt),
	}
	return t, true
}

// sharedTime reads a time in one of the forms that the AWS tools write; zero if it is none.
func sharedTime(text string) time.Time {
	t, _ := time.Parse(time.RFC3339, strings.Replace(text, "UTC", "Z", 1))
	return t.UTC()
}

// Share writes the stored sign-in where the AWS tools look for it, and has it kept up to
// date there until the person signs out or deletes the file.
func (m *Maker) Share(ctx context.Context, s *profiles.SSO) (file string, err error) {
	unlock, err := m.lock(ctx, tokenName(s))
	if err != nil {
		return "", err
	}
	defer unlock()
	t, err := m.storedToken(ctx, tokenName(s))
	if err != nil {
		return "", err
	}
	if file, err = shareToken(m.SharedDir, s, t); err != nil {
		return file, err
	}
	t.Shared = true
	return file, m.putToken(ctx, s, t)
}

// keepToken stores a sign-in, and writes it into the file of the AWS tools if it is shared.
// Once that file is gone it is not shared any more.
func (m *Maker) keepToken(ctx context.Context, s *profiles.SSO, t store.Token) error {
	if t.Shared {
		_, t.Shared = m.shared(s)
	}
	if err := m.putToken(ctx, s, t); err != nil || !t.Shared || t.Access.IsZero() {
		return err
	}
	if _, err := shareToken(m.SharedDir, s, t); err != nil {
		m.say("the AWS CLI does not find the new sign-in: " + err.Error())
	}
	return nil
}

// KeepSignIn stores a sign-in that another process has made; if the one before it was shared,
// so is this one.
func (m *Maker) KeepSignIn(ctx context.Context, s *profiles.SSO, t store.Token) error {
	unlock, err := m.lock(ctx, tokenName(s))
	if err != nil {
		return err
	}
	defer unlock()
	old, err := m.storedToken(ctx, tokenName(s))
	if err != nil {
		return err
	}
	t.Shared = t.Shared || old.Shared
	return m.keepToken(ctx, s, t)
}

// expireShared marks the sign-in in the file as expired if it is the one that AWS rejected and
// does not renew: it should not be taken for one that works. rejected may be empty.
func (m *Maker) expireShared(s *profiles.SSO, rejected creds.Secret) {
	if t, is := m.shared(s); is && t.Access.Equal(rejected) {
		t.Expires = m.Now().Add(-time.Hour)
		_, _ = shareToken(m.SharedDir, s, t) // if this fails, the AWS CLI finds out at its next call
	}
}

func (m *Maker) putToken(ctx context.Context, s *profiles.SSO, t store.Token) error {
	t.StartURL, t.Region = s.StartURL, s.Region
	return store.PutToken(ctx, m.Store, tokenName(s), t)
}

// unshare deletes the file of the AWS tools, if it has a sign-in to this directory, and
// returns that sign-in.
func (m *Maker) unshare(s *profiles.SSO) (t store.Token, was bool, err error) {
	if t, was = m.shared(s); !was {
		return t, false, nil
	}
	err = atomicfile.Remove(sharedFile(m.SharedDir, s))
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return t, true, err
}
