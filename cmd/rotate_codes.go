package cmd

import (
	"context"
	"fmt"
	"time"

	"github.com/d44b7504/vault/internal/creds"
	"github.com/d44b7504/vault/internal/sessions"
)

// This file sees to it that no MFA code is given twice. AWS takes each once, and a device
// shows the same one for half a minute; a second one asked for too early is refused, and
// that has left many a rotation half-done.

// codeLife is how long a device shows a code, from each full and half minute on.
const codeLife = 30 * time.Second

// codeDesk hands out codes, and waits for the next one where the last was spent.
type codeDesk struct {
	now   func() time.Time
	sleep func(context.Context, time.Duration) error
	say   func(string)

	at    time.Time // when the last code was obtained; zero for never
	typed bool      // by a person, who can give another one at once
	spent bool      // AWS has taken it, or will not
}

// ask is next with the waiting before it.
func (d *codeDesk) ask(next sessions.Asker) sessions.Asker {
	if next == nil {
		return nil
	}
	return func(ctx context.Context, serial, question string) (creds.Secret, bool, error) {
		if err := d.wait(ctx); err != nil {
			return creds.Secret{}, false, err
		}
		code, typed, err := next(ctx, serial, question)
		d.got(typed)
		return code, typed, err
	}
}

// run is next, an mfa_process, with the waiting before it.
func (d *codeDesk) run(next func(context.Context, string) (creds.Secret, error)) func(context.Context, string) (creds.Secret, error) {
	return func(ctx context.Context, command string) (creds.Secret, error) {
		if err := d.wait(ctx); err != nil {
			return creds.Secret{}, err
		}
		code, err := next(ctx, command)
		d.got(false)
		return code, err
	}
}

func (d *codeDesk) got(typed bool) { d.at, d.typed, d.spent = d.now(), typed, false }

// spend notes that the last code is of no more use.
func (d *codeDesk) spend() { d.spent = !d.at.IsZero() }

// wait returns when a device shows another code than the last one.
func (d *codeDesk) wait(ctx context.Context) error {
	now := d.now()
	next := d.at.Truncate(codeLife).Add(codeLife + time.Second) // a device is a little late
	if left := next.Sub(now); d.spent && left > 0 && left <= codeLife+time.Second {
		d.say(fmt.Sprintf("waiting %d s for the next MFA code: each works once", int((left+time.Second-1)/time.Second)))
		return d.sleep(ctx, left)
	}
	return nil
}
