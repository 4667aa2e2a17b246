package sessions

import (
	"crypto/sha1" //nolint:gosec // the AWS CLI names its files so
	"encoding/hex"
	"path/filepath"
	"time"

	"github.com/d44b7504/vault/internal/profiles"
	"github.com/d44b7504/vault/store"
)

// ShareToken writes a sign-in where the AWS CLI and the SDKs look for it, in their format,
// so that they need no sign-in of their own. dir is ~/.aws/sso/cache. The file holds the
// token unencrypted; the person has asked for that.
func ShareToken(dir string, s *profiles.SSO, t store.Token) (file string, err error) {
	name := s.Session
	if name == "" {
		name = s.StartURL
	}
	sum := sha1.Sum([]byte(name)) //nolint:gosec // see above
	file = filepath.Join(dir, hex.EncodeToString(sum[:])+".json")
	out := map[string]string{
		"startUrl": s.StartURL, "region": s.Region,
		"accessToken": t.Access.Reveal(), "expiresAt": t.Expires.UTC().Format(time.RFC3339),
	}
	if !t.Refresh.IsZero() {
		out["refreshToken"], out["clientId"], out["clientSecret"] = t.Refresh.Reveal(), t.Client, t.ClientSecret.Reveal()
		out["registrationExpiresAt"] = t.ClientExpires.UTC().Format(time.RFC3339)
	}
	return file, writeJSON(file, out)
}
