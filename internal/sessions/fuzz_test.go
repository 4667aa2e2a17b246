package sessions

import (
	"strings"
	"testing"
	"time"

	"github.com/d44b7504/vault/internal/creds"
)

// Whatever a credential process prints, it is credentials that can be used now, or a reason that
// does not quote it.
func FuzzProcessOutput(f *testing.F) {
	for _, out := range []string{
		`{"Version":1,"AccessKeyId":"ASIA1","SecretAccessKey":"s3cr3tvalue1","SessionToken":"t","Expiration":"2100-01-01T00:00:00Z"}`,
		`{"Version":"1","AccessKeyId":"ASIA1","SecretAccessKey":"x"}`, `{"Version":2}`, "", "null", `{"Version":1e999}`,
	} {
		f.Add(out)
	}
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, out string) {
		s, why := parseProcess(creds.New(out), now)
		if why == "" && (s.AccessKeyID == "" || s.SecretKey.Reveal() == "" || !s.Expires.IsZero() && !now.Before(s.Expires)) {
			t.Errorf("%q is %+v", out, s)
		}
		if len(out) > 20 && strings.Contains(why, out[:20]) || strings.ContainsAny(why, "\n\x1b\x00") {
			t.Errorf("%q is said to be %q", out, why)
		}
	})
}
