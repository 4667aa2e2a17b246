package store

// This file runs the programs that keep or guard secrets for us: what they are told
// of us, how long they may take, how much they may say.

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"
	"unicode"
)

// ofAWS are AWS's variables with secrets. No program that keeps items has a use for them.
var ofAWS = []string{
	"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN", "AWS_CONTAINER_AUTHORIZATION_TOKEN",
}

// environ is the environment without what is secret and meant for us or for AWS.
func environ() []string {
	return slices.DeleteFunc(os.Environ(), func(kv string) bool {
		name, _, _ := strings.Cut(kv, "=")
		return slices.Contains(passphraseVariables, name) || slices.Contains(ofAWS, name)
	})
}

// unseen is an environment in which a program finds no display and no terminal to
// ask on, and in which gpg below it is told not to ask.
func unseen(environ []string) []string {
	var gpg string
	environ = slices.DeleteFunc(environ, func(kv string) bool {
		name, value, _ := strings.Cut(kv, "=")
		switch name {
		case "PASSWORD_STORE_GPG_OPTS":
			gpg = value
			return true
		case "DISPLAY", "WAYLAND_DISPLAY", "GPG_TTY", "SSH_ASKPASS", "SUDO_ASKPASS":
			return true
		}
		return false
	})
	return append(environ, "PASSWORD_STORE_GPG_OPTS="+strings.TrimSpace(gpg+" --pinentry-mode error"))
}

// tool is one run of another program.
type tool struct {
	path  string
	args  []string
	stdin []byte
	// most is how many bytes it may print; one more and it is ended.
	most int
	// quiet says that it must not ask: it gets a session of its own, without a
	// terminal, and it is ended together with all it has started.
	quiet bool
}

// errFlood says that a program printed more than any answer has.
var errFlood = errors.New("it printed more than an answer has")

// run runs the program and returns what it printed, whatever became of it. The error
// is ctx's, errFlood, or what os/exec says of the way it ended.
func (p tool) run(ctx context.Context) (out, complaint []byte, err error) {
	within, end := context.WithCancelCause(ctx)
	defer end(nil)
	stdout, stderr := &bounds{left: p.most, end: end}, &bounds{left: p.most, end: end}
	cmd := exec.CommandContext(within, p.path, p.args...)
	cmd.WaitDelay = 100 * time.Millisecond
	cmd.Env = environ()
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(p.stdin), stdout, stderr
	if p.quiet {
		cmd.Env = unseen(cmd.Env)
		detach(cmd)
	}
	err = cmd.Run()
	switch {
	case ctx.Err() != nil:
		err = ctx.Err()
	case errors.Is(context.Cause(within), errFlood):
		err = errFlood
	case errors.Is(err, exec.ErrWaitDelay):
		err = nil // it is done; something it started still has its output open
	}
	return stdout.kept, stderr.kept, err
}

// bounds keeps what is written to it, and ends the program when that is too much.
type bounds struct {
	kept []byte
	left int
	end  context.CancelCauseFunc
}

func (b *bounds) Write(p []byte) (int, error) {
	if b.left -= len(p); b.left < 0 {
		b.end(errFlood)
		return 0, errFlood
	}
	b.kept = append(b.kept, p...)
	return len(p), nil
}

// sayable is what a program said as the end of an error's line: one line, not long,
// nothing a terminal would obey, nothing of the secret that the program was given.
func sayable(words []byte, secret []byte) string {
	words = conceal(words[:min(len(words), 4<<10)], secret)
	line := strings.Join(strings.Fields(strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case !unicode.IsPrint(r):
			return -1
		}
		return r
	}, strings.ToValidUTF8(string(words), "?"))), " ")
	if runes := []rune(line); len(runes) > 200 {
		line = string(runes[:199]) + "…"
	}
	return line
}

// giveAway is how many bytes in a row of a secret are too many to show.
const giveAway = 8

// conceal replaces whatever words have in common with the secret.
func conceal(words, secret []byte) []byte {
	if len(secret) == 0 {
		return words
	}
	n := min(giveAway, len(secret))
	known := map[string]bool{}
	for i := 0; i+n <= len(secret); i++ {
		known[string(secret[i:i+n])] = true
	}
	hidden := make([]bool, len(words))
	for i := 0; i+n <= len(words); i++ {
		for j := i; known[string(words[i:i+n])] && j < i+n; j++ {
			hidden[j] = true
		}
	}
	var shown []byte
	for i, b := range words {
		switch {
		case !hidden[i]:
			shown = append(shown, b)
		case i == 0 || !hidden[i-1]:
			shown = append(shown, "[redacted]"...)
		}
	}
	return shown
}

// locked is the error for what gpg and password managers say when a person is what is
// missing, nil for anything else. said is the part of it to show.
func locked(complaint, said string, quiet bool) error {
	lower := strings.ToLower(complaint)
	for _, words := range []string{
		"no pinentry", "no passphrase", "operation cancelled", "inappropriate ioctl", "timeout", // gpg
		"is locked", "not signed in", "not currently signed in", "not logged in", "user interaction",
	} {
		if strings.Contains(lower, words) {
			return fmt.Errorf("%w: %s", ErrLocked, said)
		}
	}
	// gpg says this of a key it lacks and of one whose passphrase it may not ask for.
	if quiet && strings.Contains(lower, "no secret key") {
		return fmt.Errorf("%w: gpg may need a passphrase (%s)", ErrLocked, said)
	}
	return nil
}
