package app

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"testing"

	"github.com/d44b7504/vault/internal/mfa"
	"github.com/d44b7504/vault/internal/sessions"
	"github.com/d44b7504/vault/refresh"
	"github.com/d44b7504/vault/store"
)

func TestAFailedRenewalIsNotedByWhatWouldHelp(t *testing.T) {
	call := func(k sessions.Kind) error { return &sessions.CallError{Kind: k} }
	for _, c := range []struct {
		err  error
		want refresh.Note
	}{
		{&sessions.NeedsUserError{Need: sessions.NeedsCode}, refresh.NeedsCode},
		{promptsFailedError{&mfa.FailedError{}}, refresh.NeedsCode},
		{call(sessions.WrongCode), refresh.NeedsCode},
		{&sessions.NeedsUserError{Need: sessions.NeedsBrowser}, refresh.NeedsSignIn},
		{&sessions.NeedsUserError{Need: sessions.NeedsAWSLogin}, refresh.NeedsSignIn},
		{store.ErrLocked, refresh.Locked},
		{&sessions.NoKeyError{Profile: "prod", Key: "base"}, refresh.NoKey},
		{call(sessions.Unreachable), refresh.Offline},
		{call(sessions.NotAWS), refresh.Offline},
		{call(sessions.Throttled), refresh.Busy},
		{call(sessions.Denied), refresh.Denied},
		{call(sessions.BadKey), refresh.Denied},
		{call(sessions.WrongDevice), refresh.Denied},
		{&os.PathError{Op: "write", Err: syscall.ENOSPC}, refresh.NotSaved},
		{os.ErrPermission, refresh.NotSaved},
		{errors.New("anything else"), refresh.Failed},
	} {
		if got := NoteFor(fmt.Errorf("renew: %w", c.err)); got != c.want {
			t.Errorf("%v: %q, want %q", c.err, got, c.want)
		}
	}
}
