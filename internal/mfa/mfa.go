// Package mfa obtains MFA codes: on the terminal, in a dialog of the desktop, or from a
// YubiKey. It knows how each of these drivers is called and what its answers mean; the
// caller says which device's code is needed.
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

// Drivers returns the names that Parse accepts.
func Drivers() []string { return []string{terminal, ykman, osascript, zenity, kdialog, wincredui} }

// UnknownError says that no driver has this name.
type UnknownError struct{ Name string }

func (e *UnknownError) Error() string {
	return fmt.Sprintf("there is no MFA prompt with the name %q", e.Name)
}

// errPass is what Parse returns for "pass", which AWS Vault had once.
var errPass = errors.New(`the MFA prompt "pass" was removed: put mfa_process = pass otp NAME into the profile`)

// Parse reads a list of drivers, separated by commas, in the order in which they are
// tried. It returns nil, which means the default order, if the list is empty.
func Parse(list string) ([]string, error) {
	var order []string
	for name := range strings.SplitSeq(list, ",") {
		switch name = strings.TrimSpace(name); {
		case name == "":
		case name == "pass":
			return nil, errPass
		case !slices.Contains(Drivers(), name):
			return nil, &UnknownError{name}
		case !slices.Contains(order, name):
			order = append(order, name)
		}
	}
	return order, nil
}

// Program is a program that asks for a code.
type Program struct {
	Argv     []string
	Environ  []string // added to the environment it would have anyway
	Terminal bool     // it may use the terminal
}

// Asker asks for codes. The zero value has no way to ask.
type Asker struct {
	Order []string          // names of drivers; empty: the default order
	Env   map[string]string // the environment, for the desktop and YKMAN_*

	// Terminal asks on the terminal; nil if there is none.
	Terminal func(ctx context.Context, question string) (creds.Secret, error)
	// Run runs a program and returns its standard output, and its standard error unless
	// that was the terminal. If the program fails, the error has a method ExitCode.
	Run func(context.Context, Program) (out creds.Secret, said string, err error)
	// Touch is how long to wait until a security key is touched; 0: a minute. For the
	// other drivers only ctx sets a limit.
	Touch time.Duration
}

// FailedError says why each driver gave no code. If a person cancels, the error is
// context.Canceled instead.
type FailedError struct{ Tried []Attempt }

// Attempt is a driver and why it failed.
type Attempt struct {
	Driver string
	Err    error
}

func (e *FailedError) Error() string {
	tried := make([]string, len(e.Tried))
	for i, t := range e.Tried {
		tried[i] = t.Driver + ": " + t.Err.Error()
	}
	return "no MFA prompt works here: " + strings.Join(tried, "; ")
}

func (e *FailedError) Unwrap() []error {
	list := make([]error, len(e.Tried))
	for i, t := range e.Tried {
		list[i] = t.Err
	}
	return list
}

// errAbsent is the error for a driver that cannot be used here.
var errAbsent = errors.New("not available here")

// Possible reports whether Code has a driver to try. A list in Order counts always: the
// error of Code then says what is missing.
func (a *Asker) Possible() bool {
	return len(a.Order) > 0 || slices.ContainsFunc(a.order(), a.present)
}

// Code obtains a code for the device with the given serial. It tries one driver after
// the other until one gives a code, or until a person cancels: then the error is
// context.Canceled. typed reports whether a person entered the code, who can be asked
// once more. Code blocks until then, or until ctx ends.
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
		if end := finalError(ctx, err); end != nil {
			return creds.Secret{}, false, end
		}
		failed.Tried = append(failed.Tried, Attempt{name, err})
	}
	return creds.Secret{}, false, failed
}

// finalError returns the error after which no other driver is tried: the person cancelled,
// or ctx has ended. Otherwise it returns nil. Ctrl-C reaches the program and this process,
// and the program may end first, so it waits a moment for ctx.
func finalError(ctx context.Context, err error) error {
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
	return defaultOrder(runtime.GOOS, a.Env)
}

// defaultOrder is a YubiKey if one is configured, then the terminal, then the desktop's
// own dialog.
func defaultOrder(system string, env map[string]string) []string {
	var order []string
	if env["YKMAN_OATH_CREDENTIAL_NAME"] != "" {
		order = append(order, ykman)
	}
	order = append(order, terminal)
	remote := env["SSH_CONNECTION"] != "" // the person does not see this machine's screen
	switch {
	case system == "darwin" && !remote:
		order = append(order, osascript)
	case system == "windows" && !remote:
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
		return credUI(ctx, plainText(question))
	case ykman:
		return a.yubiKey(ctx, serial)
	}
	return a.dialog(ctx, name, plainText(question), true)
}

// Dialog asks for a word in a dialog of the desktop, and never on the terminal. Its errors are those
// of Code.
func (a *Asker) Dialog(ctx context.Context, question string) (creds.Secret, error) {
	failed := &FailedError{}
	for _, name := range defaultOrder(runtime.GOOS, a.Env) {
		var answer creds.Secret
		err := errAbsent
		switch {
		case name == terminal || name == ykman:
			continue
		case !a.present(name):
		case name == wincredui:
			answer, err = credUI(ctx, plainText(question))
		default:
			answer, err = a.dialog(ctx, name, plainText(question), false)
		}
		if err == nil {
			return answer, nil
		}
		if end := finalError(ctx, err); !errors.Is(err, errAbsent) && end != nil {
			return answer, end
		}
		failed.Tried = append(failed.Tried, Attempt{name, err})
	}
	return creds.Secret{}, failed
}
