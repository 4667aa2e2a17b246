package mfa

// This file has the command lines of other programs. A value from a config file is always
// an argument of its own, never a part of a script, and in a dialog it is plain text.

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/d44b7504/vault/internal/creds"
)

// yubiKey gets the code from a YubiKey, which a person may have to touch.
func (a *Asker) yubiKey(ctx context.Context, serial string) (creds.Secret, error) {
	wait := a.Touch
	if wait == 0 {
		wait = time.Minute
	}
	ctx, cancel := context.WithTimeoutCause(ctx, wait, errors.New("it was not touched in time"))
	defer cancel()
	code, _, err := a.Run(ctx, Program{Argv: ykmanLine(a.Env, serial), Terminal: true})
	switch {
	case err != nil && ctx.Err() != nil:
		return creds.Secret{}, context.Cause(ctx)
	case err == nil && code.IsZero():
		err = errors.New("it gave no code")
	}
	return code, err
}

// ykmanLine returns the command for the account that YKMAN_OATH_CREDENTIAL_NAME names, by
// default the one that is named after the MFA device's serial.
func ykmanLine(env map[string]string, serial string) []string {
	argv := []string{ykman}
	if device := env["YKMAN_OATH_DEVICE_SERIAL"]; device != "" {
		argv = append(argv, "--device", device)
	}
	argv = append(argv, "oath")
	switch env["AWS_VAULT_YKMAN_VERSION"] {
	case "1", "2", "3":
	default:
		argv = append(argv, "accounts") // since version 4
	}
	argv = append(argv, "code", "--single")
	name := env["YKMAN_OATH_CREDENTIAL_NAME"]
	if name == "" {
		name = serial
	}
	if strings.HasPrefix(name, "-") {
		argv = append(argv, "--") // the name is not an option
	}
	return append(argv, name)
}

// title is the title of each dialog.
const title = "vault"

// appleScript shows its first argument.
func appleScript(hidden bool) []string {
	how := ""
	if hidden {
		how = "with hidden answer "
	}
	return []string{
		"on run argv",
		`set answer to display dialog (item 1 of argv) with title "` + title + `" default answer "" ` + how +
			`buttons {"Cancel", "OK"} default button "OK" cancel button "Cancel"`,
		"return text returned of answer",
		"end run",
	}
}

// cancelled is the exit status that zenity is told to use if the person cancels. Its
// default, 1, is also the status if it cannot open the display.
const cancelled = 10

// dialog asks with a dialog of the desktop, which does not show a hidden answer.
func (a *Asker) dialog(ctx context.Context, name, question string, hidden bool) (creds.Secret, error) {
	p := Program{Argv: []string{name}}
	switch name {
	case zenity:
		label := strings.ReplaceAll(question, "_", "__") // a single one marks a keyboard shortcut
		p.Argv = append(p.Argv, "--entry", "--title="+title, "--text="+label)
		if hidden {
			p.Argv = slices.Insert(p.Argv, 2, "--hide-text")
		}
		p.Environ = []string{"ZENITY_CANCEL=10", "ZENITY_ESC=10"}
	case kdialog:
		how := "--inputbox"
		if hidden {
			how = "--password"
		}
		p.Argv = append(p.Argv, "--title", title, how, question)
	case osascript:
		for _, line := range appleScript(hidden) {
			p.Argv = append(p.Argv, "-e", line)
		}
		p.Argv = append(p.Argv, question)
	}
	code, said, err := a.Run(ctx, p)
	if err == nil {
		return code, nil
	}
	if wasCancelled(name, said, err) {
		return creds.Secret{}, context.Canceled
	}
	return creds.Secret{}, &dialogError{err, firstLine(said)}
}

// wasCancelled reports whether a dialog ended because the person closed it.
func wasCancelled(name, said string, err error) bool {
	status := 0
	var exit interface{ ExitCode() int }
	if errors.As(err, &exit) {
		status = exit.ExitCode()
	}
	switch name {
	case zenity: // 1 is from a program of that name that does not know the variables
		return status == cancelled || status == 1 && said == ""
	case kdialog:
		return status == 1
	}
	return strings.Contains(said, "(-128)") // userCanceledErr
}

// dialogError is the error of a program with the first line of its standard error.
type dialogError struct {
	err  error
	said string
}

func (e *dialogError) Error() string {
	if e.said == "" {
		return e.err.Error()
	}
	return e.err.Error() + ": " + e.said
}

func (e *dialogError) Unwrap() error { return e.err }

func firstLine(s string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(s), "\n")
	return line[:min(len(line), 200)]
}

// plainText replaces what a dialog may not show literally: mark-up, escapes, characters
// that move the cursor or change the direction of the text. AWS's serials have none.
func plainText(question string) string {
	question = strings.Map(func(c rune) rune {
		if strings.ContainsRune(`<>&\`, c) || !unicode.IsPrint(c) {
			return '?'
		}
		return c
	}, question)
	if strings.HasPrefix(question, "-") {
		question = " " + question // so that it is not an option
	}
	return question
}
