package sessions

import (
	"context"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"path/filepath"
	"strings"
	"time"

	"github.com/d44b7504/vault/internal/atomicfile"
	"github.com/d44b7504/vault/internal/creds"
	"github.com/d44b7504/vault/internal/profiles"
)

// This file uses the file that "aws login" writes: it holds credentials for a quarter of
// an hour, a refresh token, and the key that signs every refresh (RFC 9449). The file
// belongs to the AWS CLI: its mode and the fields that are unknown here are kept.

// loginFile is the part of the file that is needed here.
type loginFile struct {
	AccessToken  *loginKeys `json:"accessToken"`
	RefreshToken string     `json:"refreshToken"`
	ClientID     string     `json:"clientId"`
	DPoPKey      string     `json:"dpopKey"`
}

type loginKeys struct {
	AccessKeyID     string    `json:"accessKeyId"`
	SecretAccessKey string    `json:"secretAccessKey"`
	SessionToken    string    `json:"sessionToken"`
	AccountID       string    `json:"accountId"`
	ExpiresAt       time.Time `json:"expiresAt"`
}

// login returns the credentials of a profile of "aws login", renewed if they expire
// soon.
func (m *Maker) login(ctx context.Context, p profiles.Profile, l *profiles.Login) (creds.Session, error) {
	file := m.loginPath(l)
	s, err := m.readLogin(p, file)
	if err != nil || m.goodLogin(s) {
		return s, err
	}
	unlock, err := m.lock(ctx, "login\x00"+file)
	if err != nil {
		return creds.Session{}, err
	}
	defer unlock()
	if s, err = m.readLogin(p, file); err != nil || m.goodLogin(s) {
		return s, err
	}
	renewed, err := m.renewLogin(ctx, p, l, file)
	left := s.Expires.Sub(m.Now())
	if err != nil && left > time.Minute && left <= loginLife && !errors.Is(err, ErrNeedsUser) {
		return s, nil // still good for a while
	}
	return renewed, err
}

// loginLife is more than credentials of "aws login" ever last. If more is left, the clock
// was wrong when the file was written.
const loginLife = 15*time.Minute + MaxSkew

// goodLogin reports whether credentials need not be renewed yet.
func (m *Maker) goodLogin(s creds.Session) bool {
	left := s.Expires.Sub(m.Now())
	return left > renewal && left <= loginLife
}

// loginPath is the file of a sign-in, "" when it is not known where such files are.
func (m *Maker) loginPath(l *profiles.Login) string {
	if m.LoginDir == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(strings.TrimSpace(l.Session)))
	return filepath.Join(m.LoginDir, hex.EncodeToString(sum[:])+".json")
}

func (m *Maker) readLogin(p profiles.Profile, file string) (creds.Session, error) {
	f, _, err := openLogin(file)
	if errors.Is(err, fs.ErrNotExist) {
		return creds.Session{}, needsLogin(p)
	}
	if err != nil {
		return creds.Session{}, err
	}
	k := f.AccessToken
	if k == nil || k.AccessKeyID == "" || k.SecretAccessKey == "" || f.RefreshToken == "" || f.ClientID == "" || f.DPoPKey == "" {
		return creds.Session{}, needsLogin(p)
	}
	return creds.Session{
		AccessKeyID: k.AccessKeyID, SecretKey: creds.New(k.SecretAccessKey), Token: creds.New(k.SessionToken), Expires: k.ExpiresAt.UTC(),
	}, nil
}

// maxLoginFile is more bytes than the AWS CLI writes.
const maxLoginFile = 1 << 20

// openLogin decodes the file twice: the known fields, and all of them.
func openLogin(file string) (f loginFile, all map[string]json.RawMessage, err error) {
	text, err := atomicfile.Read(file, maxLoginFile)
	if err != nil {
		return f, nil, err
	}
	if json.Unmarshal(text, &f) != nil || json.Unmarshal(text, &all) != nil {
		return f, nil, fmt.Errorf("%s is not a file of aws login", file)
	}
	return f, all, nil
}

func (m *Maker) renewLogin(ctx context.Context, p profiles.Profile, l *profiles.Login, file string) (creds.Session, error) {
	f, all, err := openLogin(file)
	if err != nil {
		return creds.Session{}, err
	}
	region := l.Region
	if region == "" {
		region = profiles.DefaultRegion(profiles.Partition(p.Region))
	}
	known := m.skew()
	out, err := m.askLogin(ctx, p, region, f)
	if err != nil && !loginEnded(err) && (m.skew()-known).Abs() > MaxSkew { // the answer has told AWS's time
		out, err = m.askLogin(ctx, p, region, f)
	}
	var damaged *proofError
	if errors.As(err, &damaged) {
		return creds.Session{}, fmt.Errorf("%s: %w", file, damaged.error)
	}
	if loginEnded(err) {
		return creds.Session{}, needsLogin(p)
	}
	if err == nil && (out.AccessToken == nil || out.AccessToken.AccessKeyID == "" || out.ExpiresIn <= 0) {
		err = malformed("the answer has no credentials in it")
	}
	if err != nil {
		return creds.Session{}, m.failure("renew the sign-in of", l.Session, p.Name, err)
	}
	out.AccessToken.AccountID = f.AccessToken.AccountID
	out.AccessToken.ExpiresAt = m.Now().Add(time.Duration(out.ExpiresIn) * time.Second).UTC().Truncate(time.Second)
	if err := saveLogin(file, all, out.AccessToken, out.RefreshToken); err != nil {
		return creds.Session{}, fmt.Errorf("keep the renewed sign-in: %w", err)
	}
	return m.readLogin(p, file)
}

// loginReply is the answer to a refresh token.
type loginReply struct {
	AccessToken  *loginKeys `json:"accessToken"`
	ExpiresIn    int        `json:"expiresIn"`
	RefreshToken string     `json:"refreshToken"`
}

// proofError says that no proof can be made with the key in the file.
type proofError struct{ error }

// askLogin uses the refresh token once, with a proof made now, by AWS's clock as far as it is known.
func (m *Maker) askLogin(ctx context.Context, p profiles.Profile, region string, f loginFile) (out loginReply, err error) {
	to := m.rest(p, signinService, region)
	proof, err := dpop(f.DPoPKey, to.base+"/v1/token", m.Now().Add(m.skew()))
	if err != nil {
		return out, &proofError{err}
	}
	err = to.call(ctx, restCall{
		method: http.MethodPost, path: "/v1/token", header: http.Header{"Dpop": {proof}}, once: true,
		body: map[string]string{"clientId": f.ClientID, "grantType": "refresh_token", "refreshToken": f.RefreshToken},
	}, &out)
	return out, err
}

// loginEnded reports whether AWS refused because the sign-in itself has ended.
func loginEnded(err error) bool {
	var r *refused
	if !errors.As(err, &r) {
		return false
	}
	switch r.word {
	case "TOKEN_EXPIRED", "USER_CREDENTIALS_CHANGED", "AUTHCODE_EXPIRED", "invalid_grant":
		return true
	}
	return r.Code == "InvalidGrantException"
}

// saveLogin replaces the keys in the file, and the refresh token, which works once.
func saveLogin(file string, all map[string]json.RawMessage, keys *loginKeys, refresh string) error {
	var err error
	if all["accessToken"], err = json.Marshal(keys); err != nil {
		return err
	}
	if refresh != "" {
		if all["refreshToken"], err = json.Marshal(refresh); err != nil {
			return err
		}
	}
	return writeJSON(file, all)
}

// writeJSON replaces the content of a file; see atomicfile.Write.
func writeJSON(file string, v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return atomicfile.Write(file, text)
}

func needsLogin(p profiles.Profile) error {
	return &NeedsUserError{Profile: p.Name, What: "a new aws login", Need: NeedsAWSLogin}
}

// dpop returns the proof that this request is made now by the holder of the key.
func dpop(keyPEM, address string, now time.Time) (string, error) {
	block, _ := pem.Decode([]byte(keyPEM))
	if block == nil {
		return "", errors.New("the key in it cannot be read")
	}
	key, err := x509.ParseECPrivateKey(block.Bytes)
	if err != nil {
		return "", errors.New("the key in it cannot be read")
	}
	public, err := key.PublicKey.ECDH()
	if err != nil || key.Params().BitSize != 256 {
		return "", errors.New("the key in it is not for the curve P-256")
	}
	point := public.Bytes() // 4, x, y
	words := make([]string, 2)
	for i, part := range []any{
		map[string]any{"typ": "dpop+jwt", "alg": "ES256", "jwk": map[string]string{
			"kty": "EC", "crv": "P-256", "x": base64url(point[1:33]), "y": base64url(point[33:]),
		}},
		map[string]any{"jti": rand.Text(), "htm": http.MethodPost, "htu": address, "iat": now.Unix()},
	} {
		text, err := json.Marshal(part)
		if err != nil {
			return "", err
		}
		words[i] = base64url(text)
	}
	text := strings.Join(words, ".")
	signature, err := signES256(key, text)
	return text + "." + signature, err
}

// signES256 returns the two numbers of the signature one after the other, the form of
// JWS.
func signES256(key *ecdsa.PrivateKey, text string) (string, error) {
	sum := sha256.Sum256([]byte(text))
	r, s, err := ecdsa.Sign(rand.Reader, key, sum[:])
	if err != nil {
		return "", err
	}
	both := make([]byte, 64)
	r.FillBytes(both[:32])
	s.FillBytes(both[32:])
	return base64url(both), nil
}

func base64url(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }
