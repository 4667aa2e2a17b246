package app

import (
	"errors"
	"os"
	"syscall"

	"github.com/d44b7504/vault/internal/sessions"
	"github.com/d44b7504/vault/refresh"
	"github.com/d44b7504/vault/store"
)

// NoteFor says why a renewal failed, for the prompt.
func NoteFor(err error) refresh.Note {
	var call *sessions.CallError
	var needs *sessions.NeedsUserError
	var noKey *sessions.NoKeyError
	var expired *sessions.ExpiredKeyError
	var ended *OutsideError // the agent has the key alone, and no file
	switch {
	case errors.As(err, &expired), errors.As(err, &ended):
		return refresh.NeedsKey
	case errors.As(err, &needs) && needs.Need != sessions.NeedsCode:
		return refresh.NeedsSignIn
	case errors.Is(err, sessions.ErrNeedsUser):
		return refresh.NeedsCode
	case errors.Is(err, store.ErrLocked):
		return refresh.Locked
	case errors.As(err, &noKey):
		return refresh.NoKey
	case errors.As(err, &call):
		switch call.Kind {
		case sessions.Unreachable, sessions.NotAWS:
			return refresh.Offline
		case sessions.Throttled:
			return refresh.Busy
		case sessions.WrongCode:
			return refresh.NeedsCode
		case sessions.Denied, sessions.BadKey, sessions.WrongDevice:
			return refresh.Denied
		}
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, os.ErrPermission):
		return refresh.NotSaved
	}
	return refresh.Failed
}
