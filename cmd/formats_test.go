package cmd

import (
	"errors"
	"path/filepath"
	"testing"

	"github.com/d44b7504/vault/internal/app"
	"github.com/d44b7504/vault/internal/creds"
	"github.com/d44b7504/vault/internal/host"
)

func TestNoFormatHoldsAControlCharacter(t *testing.T) {
	file := filepath.Join(t.TempDir(), "github")
	r := newRun(&app.World{World: &host.World{Environ: []string{"GITHUB_ENV=" + file}}})
	good := creds.Session{
		Profile: "prod", Region: "eu-west-1", AccessKeyID: "ASIAEXAMPLE", SecretKey: creds.New("secret"), Token: creds.New("token"),
	}
	for _, format := range exportFormats() {
		if _, err := credentialsText(r, good, format); err != nil {
			t.Errorf("%s: %v", format, err)
		}
		for _, odd := range []string{"x\n[evil]\ncredential_process = id", "x\r", "x\x1b]0;x\a", "x\x00", "x\u2028", "\u202ex"} {
			for name, set := range map[string]func(*creds.Session){
				"profile": func(s *creds.Session) { s.Profile = odd },
				"region":  func(s *creds.Session) { s.Region = odd },
				"id":      func(s *creds.Session) { s.AccessKeyID = odd },
				"secret":  func(s *creds.Session) { s.SecretKey = creds.New(odd) },
				"token":   func(s *creds.Session) { s.Token = creds.New(odd) },
			} {
				s := good
				set(&s)
				text, err := credentialsText(r, s, format)
				var unprintable *creds.UnprintableError
				if !errors.As(err, &unprintable) || text != "" {
					t.Errorf("%s with %q as %s: %q, %v", format, odd, name, text, err)
				}
			}
		}
	}
}
