package agent

import (
	"context"
	"encoding/json"
	"errors"
	"syscall"

	"github.com/d44b7504/vault/internal/app"
	"github.com/d44b7504/vault/internal/sessions"
	"github.com/d44b7504/vault/refresh"
	"github.com/d44b7504/vault/store"
)

// This file carries errors over the socket, so that a client says and does the same about
// one that happened in the agent.

// wireError is an error: its text, and all that a caller may look for in it.
type wireError struct {
	Text    string
	Is      []string                 `json:",omitempty"` // names of sentinels
	Errno   int                      `json:",omitempty"`
	Needs   *sessions.NeedsUserError `json:",omitempty"`
	NoKey   *sessions.NoKeyError     `json:",omitempty"`
	Call    *wireCall                `json:",omitempty"`
	Note    *refresh.NoteError       `json:",omitempty"`
	Outside *app.OutsideError        `json:",omitempty"`
}

// wireCall is a sessions.CallError whose cause is a text.
type wireCall struct {
	sessions.CallError
	Cause string
}

// sentinels are the errors that callers compare with.
var sentinels = map[string]error{
	"not held": app.ErrNotHeld, "missing": app.ErrMissing, "shell ended": app.ErrShellEnded,
	"not found": store.ErrNotFound, "locked": store.ErrLocked, "unavailable": store.ErrUnavailable, "foreign": store.ErrForeign,
	"needs user": sessions.ErrNeedsUser, "no code": sessions.ErrNoCode, "no session": refresh.ErrNoSession,
	"canceled": context.Canceled, "deadline": context.DeadlineExceeded,
}

func errorToWire(err error) *wireError {
	if err == nil {
		return nil
	}
	w := &wireError{Text: err.Error()}
	for name, sentinel := range sentinels {
		if errors.Is(err, sentinel) {
			w.Is = append(w.Is, name)
		}
	}
	var errno syscall.Errno
	if errors.As(err, &errno) {
		w.Errno = int(errno)
	}
	errors.As(err, &w.Needs)
	errors.As(err, &w.NoKey)
	errors.As(err, &w.Note)
	errors.As(err, &w.Outside)
	var call *sessions.CallError
	if errors.As(err, &call) {
		w.Call = &wireCall{CallError: *call}
		if call.Err != nil {
			w.Call.Cause, w.Call.Err = call.Err.Error(), nil
		}
	}
	return w
}

// remoteError is an error of the agent in a client.
type remoteError struct {
	text  string
	parts []error
}

func (e *remoteError) Error() string   { return e.text }
func (e *remoteError) Unwrap() []error { return e.parts }

func (w *wireError) error() error {
	if w == nil {
		return nil
	}
	e := &remoteError{text: w.Text}
	for _, name := range w.Is {
		if sentinel := sentinels[name]; sentinel != nil {
			e.parts = append(e.parts, sentinel)
		}
	}
	if w.Errno != 0 {
		e.parts = append(e.parts, syscall.Errno(w.Errno))
	}
	if w.Needs != nil {
		e.parts = append(e.parts, w.Needs)
	}
	if w.NoKey != nil {
		e.parts = append(e.parts, w.NoKey)
	}
	if w.Note != nil {
		e.parts = append(e.parts, w.Note)
	}
	if w.Outside != nil {
		e.parts = append(e.parts, w.Outside)
	}
	if w.Call != nil {
		call := w.Call.CallError
		call.Err = errors.New(w.Call.Cause)
		e.parts = append(e.parts, &call)
	}
	return e
}

func someError(err error) optional {
	if err == nil {
		return nil
	}
	return some(errorToWire(err))
}

func errorIn(text optional) error {
	var w *wireError
	if text != nil && json.Unmarshal(text, &w) != nil {
		return errAnswer
	}
	return w.error()
}
