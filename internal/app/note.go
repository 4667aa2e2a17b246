package app

import (
	"errors"
	"os"
	"syscall"

	"github.com/d44b7504/vault/internal/sessions"
	"github.com/d44b7504/vault/store"
)

// Note says why a renewal failed in a word for the prompt, and whether trying again
// without a person may help.
func Note(err error) (word string, retry bool) {
	var call *sessions.CallError
	var needs *sessions.NeedsUserError
	var noKey *sessions.NoKeyError
	switch {
	case errors.As(err, &needs) && needs.Need != sessions.NeedsCode:
		return "login!", false
	case errors.Is(err, sessions.ErrNeedsUser):
		return "mfa!", false
	case errors.Is(err, store.ErrLocked):
		return "locked!", false
	case errors.As(err, &noKey):
		return "nokey!", false
	case errors.As(err, &call):
		switch call.Kind {
		case sessions.Unreachable, sessions.Throttled:
			return "offline!", true
		case sessions.WrongCode:
			return "mfa!", false
		case sessions.Denied, sessions.BadKey:
			return "denied!", false
		}
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, os.ErrPermission):
		return "disk!", true
	}
	return "failed!", true
}
