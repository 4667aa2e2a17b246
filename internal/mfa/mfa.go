// Package mfa obtains MFA codes from a person, or from the device in a person's pocket:
// on the terminal, in a dialog of the desktop, or from a YubiKey. It knows how each
// driver is asked and what its answers mean; sessions says which code is wanted.
package mfa

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/d44b7504/vault/internal/creds"
)

// The drivers, by AWS Vault's names.
const (
	terminal  = "terminal"
	ykman     = "ykman"
	osascript = "osascript"
	zenity    = "zenity"
	kdialog   = "kdialog"
	wincredui = "wincredui"
)

// Drivers lists the names that Parse takes.
func Drivers() []string { return []string{terminal, ykman, osascript, zenity, kdialog, wincredui} }

// UnknownError is a name that is no driver's.
type UnknownError struct{ Name string }

func (e *UnknownError) Error() string { return fmt.Sprintf("no MFA prompt is called %q", e.Name) }

// ErrPass is what Parse says of "pass", which AWS Vault had once.
var ErrPass = errors.New(`"pass" is no MFA prompt any more: put mfa_process = pass otp NAME into the profile`)

// Parse reads a list of drivers, separated by commas, in the order they are to be tried.
// It is nil, for the usual order, if the list is empty.
func Parse(list string) ([]string, error) {
	var order []string
	for name := range strings.SplitSeq(list, ",") {
		switch name = strings.TrimSpace(name); {
		case name == "":
		case name == "pass":
			return nil, ErrPass
		case !slices.Contains(Drivers(), name):
			return nil, &UnknownError{name}
		case !slices.Contains(order, name):
			order = append(order, name)
		}
	}
	return order, nil
}

// Program is a program to run for its answer.
type Program struct {
	Argv     []string
	Environ  []string // in addition to what it would have
	Terminal bool     // it may talk to the person on the terminal
}

// Asker asks for codes. The zero value can ask nobody.
type Asker struct {
	Order []string          // drivers by name; empty: the usual order
	Env   map[string]string // says which desktop there is, and YKMAN_*

	// Terminal asks on the terminal; nil when there is none.
	Terminal func(ctx context.Context, question string) (creds.Secret, error)
	// Run runs a program to its end and returns what it printed, and what it said on
	// standard error unless that was the terminal. An error that has an ExitCode is
	// the program's own.
	Run func(context.Context, Program) (out creds.Secret, said string, err error)
	// Touch is how long a security key may take; 0: a minute. A person may take
	// as long as ctx allows.
	Touch time.Duration
}

// FailedError says why each driver gave no code. It is not returned when a person
// refuses: that is context.Canceled.
type FailedError struct{ Tried []Attempt }

// Attempt is a driver and what came of it.
type Attempt struct {
	Driver string
	Err    error
}

func (e *FailedError) Error() string {
	tried := make([]string, len(e.Tried))
	for i, t := range e.Tried {
		tried[i] = t.Driver + ": " + t.Err.Error()
	}
	return "nothing could ask for an MFA code: " + strings.Join(tried, "; ")
}

func (e *FailedError) Unwrap() []error {
	list := make([]error, len(e.Tried))
	for i, t := range e.Tried {
		list[i] = t.Err
	}
	return list
}

// errAbsent is why a driver was not tried.
var errAbsent = errors.New("there is none here")

// Possible reports whether Code has anything to try. A list the person made is always
// tried, for its error says what is missing.
func (a *Asker) Possible() bool {
	return len(a.Order) > 0 || slices.ContainsFunc(a.order(), a.present)
}

// Code obtains a code for the device with the given serial. It tries one driver after
// the other until one answers, or until a person says no, which is context.Canceled.
// typed says that a person gave the code and can be asked for another one. It blocks
// until then, or until ctx ends.
func (a *Asker) Code(ctx context.Context, serial, question string) (code creds.Secret, typed bool, err error) {
	failed := &FailedError{}
	for _, name := range a.order() {
		if !a.present(name) {
			failed.Tried = append(failed.Tried, Attempt{name, errAbsent})
			continue
		}
		code, err := a.ask(ctx, name, serial, question)
		if err == nil {
			return code, name != ykman, nil
		}
		if end := over(ctx, err); end != nil {
			return creds.Secret{}, false, end
		}
		failed.Tried = append(failed.Tried, Attempt{name, err})
	}
	return creds.Secret{}, false, failed
}

// over returns the error with which the whole question ends: a person's no, or ctx's.
// Ctrl-C reaches a program as well as us, and its end may be seen first.
func over(ctx context.Context, err error) error {
	if errors.Is(err, context.Canceled) {
		return err
	}
	select {
	case <-ctx.Done():
	case <-time.After(50 * time.Millisecond):
	}
	return ctx.Err()
}

func (a *Asker) order() []string {
	if len(a.Order) > 0 {
		return a.Order
	}
	return usual(runtime.GOOS, a.Env)
}

// usual is the order for those who have named none: a key that was set up, then the
// terminal, then the desktop's own dialog.
func usual(system string, env map[string]string) []string {
	var order []string
	if env["YKMAN_OATH_CREDENTIAL_NAME"] != "" {
		order = append(order, ykman)
	}
	order = append(order, terminal)
	far := env["SSH_CONNECTION"] != "" // the screen is in front of somebody else
	switch {
	case system == "darwin" && !far:
		order = append(order, osascript)
	case system == "windows" && !far:
		order = append(order, wincredui)
	case env["DISPLAY"] != "" || env["WAYLAND_DISPLAY"] != "":
		order = append(order, zenity, kdialog)
	}
	return order
}

func (a *Asker) present(name string) bool {
	switch name {
	case terminal:
		return a.Terminal != nil
	case wincredui:
		return credUI != nil
	}
	_, err := exec.LookPath(name)
	return err == nil && a.Run != nil
}

func (a *Asker) ask(ctx context.Context, name, serial, question string) (creds.Secret, error) {
	switch name {
	case terminal:
		return a.Terminal(ctx, question)
	case wincredui:
		return credUI(ctx, plain(question))
	case ykman:
		return a.key(ctx, serial)
	}
	return a.dialog(ctx, name, plain(question))
}
