package fakeaws

import (
	"testing"
	"time"

	"github.com/pquerna/otp/totp"
)

func TestADeviceShowsTheCodesOfAnAuthenticatorApp(t *testing.T) {
	for i := range 2000 {
		seed := seedEncoding.EncodeToString(random(i%40 + 20))
		at := time.Unix(int64(i)*86_413, 0)
		want, err := totp.GenerateCode(seed, at)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := codeAt(seed, at); err != nil || got != want {
			t.Errorf("%s at %v: %q (%v), want %q", seed, at, got, err, want)
		}
	}
}
