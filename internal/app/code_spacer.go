package app

import (
	"context"
	"time"

	"github.com/d44b7504/vault/internal/creds"
	"github.com/d44b7504/vault/internal/sessions"
)

// This file makes sure that no MFA code is given twice. AWS accepts each once, and a device
// shows the same one for half a minute; a second one asked for too early is refused, which
// would leave a rotation half done.

// codeLife is how long a device shows a code, from each full and half minute on.
const codeLife = 30 * time.Second

// codeSpacer hands out codes, and waits for the next one where the last was used.
type codeSpacer struct {
	now   func() time.Time
	sleep func(context.Context, time.Duration) error
	say   func(format string, args ...any)

	at    time.Time // when the last code was obtained; zero for never
	typed bool      // by a person, who can give another one at once
	used  bool      // AWS has accepted it, or refused it
}

// ask is next with the waiting before it.
func (c *codeSpacer) ask(next sessions.Asker) sessions.Asker {
	if next == nil {
		return nil
	}
	return func(ctx context.Context, serial, question string) (creds.Secret, bool, error) {
		if err := c.wait(ctx); err != nil {
			return creds.Secret{}, false, err
		}
		code, typed, err := next(ctx, serial, question)
		c.got(typed)
		return code, typed, err
	}
}

// run is next, an mfa_process, with the waiting before it.
func (c *codeSpacer) run(next func(context.Context, string) (creds.Secret, error)) func(context.Context, string) (creds.Secret, error) {
	return func(ctx context.Context, command string) (creds.Secret, error) {
		if err := c.wait(ctx); err != nil {
			return creds.Secret{}, err
		}
		code, err := next(ctx, command)
		c.got(false)
		return code, err
	}
}

func (c *codeSpacer) got(typed bool) { c.at, c.typed, c.used = c.now(), typed, false }

// markUsed notes that the last code cannot be used again.
func (c *codeSpacer) markUsed() { c.used = !c.at.IsZero() }

// wait returns when a device shows another code than the last one.
func (c *codeSpacer) wait(ctx context.Context) error {
	now := c.now()
	next := c.at.Truncate(codeLife).Add(codeLife + time.Second) // a device is a little late
	if left := next.Sub(now); c.used && left > 0 && left <= codeLife+time.Second {
		c.say("waiting %d s for the next MFA code: each works once", int((left+time.Second-1)/time.Second))
		return c.sleep(ctx, left)
	}
	return nil
}
