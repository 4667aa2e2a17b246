package sessions

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/d44b7504/vault/internal/creds"
	"github.com/d44b7504/vault/internal/display"
	"github.com/d44b7504/vault/internal/profiles"
)

// This file reads what a credential_process prints. No error quotes it.

// CircleError says that a credential_process calls for a profile whose own process is
// still running. Path is the chain of profiles; its last one is also an earlier one.
type CircleError struct{ Path []string }

func (e *CircleError) Error() string {
	names := make([]string, len(e.Path))
	for i, n := range e.Path {
		names[i] = fmt.Sprintf("%q", n)
	}
	return "the credential_process of a profile needs the profile itself: " + strings.Join(names, " -> ")
}

// ProcessError says why a credential_process gave no credentials, or another command of a profile
// did not do its work.
type ProcessError struct {
	Profile  string
	Setting  string // of the command; "": credential_process
	Why      string
	ForShell bool  // the command looks as if it were written for a shell
	Err      error // nil if it succeeded and its output cannot be used
}

func (e *ProcessError) Unwrap() error { return e.Err }

func (e *ProcessError) Error() string {
	why := e.Why
	if e.Err != nil {
		why += ": " + oneLine(e.Err.Error())
	}
	return fmt.Sprintf("the %s of %q %s", cmp.Or(e.Setting, "credential_process"), e.Profile, why)
}

func (m *Maker) process(ctx context.Context, c *profiles.Process) (creds.Session, error) {
	failed := func(why string, err error) (creds.Session, error) {
		return creds.Session{}, &ProcessError{Profile: c.Profile, Why: why, ForShell: c.ForShell(), Err: err}
	}
	if m.RunCredentials == nil {
		return failed("cannot be run here", nil)
	}
	limited, cancel := context.WithTimeout(ctx, or(m.ProcessTimeout, time.Minute))
	defer cancel()
	out, err := m.RunCredentials(limited, *c)
	var circle *CircleError
	switch {
	case ctx.Err() != nil:
		return creds.Session{}, ctx.Err()
	case errors.As(err, &circle):
		return creds.Session{}, err
	case limited.Err() != nil:
		return failed("did not end within "+display.Span(or(m.ProcessTimeout, time.Minute)), nil)
	case err != nil:
		return failed("failed", err)
	}
	s, why := parseProcess(out, m.Now())
	if why != "" {
		return failed(why, nil)
	}
	return s, nil
}

// parseProcess reads version 1 of the output that AWS documents. Without an Expiration
// the keys do not expire. why is "" if out can be used.
func parseProcess(out creds.Secret, now time.Time) (s creds.Session, why string) {
	var v struct {
		Version         json.Number
		AccessKeyID     string `json:"AccessKeyId"`
		SecretAccessKey string
		SessionToken    string
		Expiration      string
	}
	if json.Unmarshal([]byte(out.Reveal()), &v) != nil {
		return s, "printed something that is not JSON of the documented form"
	}
	if number, err := v.Version.Float64(); err != nil || number != 1 {
		return s, fmt.Sprintf("prints version %q of the output, not 1", oneLine(v.Version.String()))
	}
	if v.AccessKeyID == "" || v.SecretAccessKey == "" {
		return s, "printed no AccessKeyId or no SecretAccessKey"
	}
	s = creds.Session{AccessKeyID: v.AccessKeyID, SecretKey: creds.New(v.SecretAccessKey), Token: creds.New(v.SessionToken)}
	if v.Expiration == "" {
		return s, ""
	}
	at, zoned, ok := creds.ParseTime(v.Expiration)
	switch s.Expires = at; {
	case !ok:
		return s, "printed an Expiration that is not a time"
	case !zoned:
		return s, "printed an Expiration without a time zone, which the AWS tools refuse; a Z at its end is UTC"
	}
	if !now.Before(s.Expires) {
		return s, "gave credentials that have already expired"
	}
	return s, ""
}
