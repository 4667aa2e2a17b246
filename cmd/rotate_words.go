package cmd

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/d44b7504/vault/internal/app"
	"github.com/d44b7504/vault/internal/creds"
	"github.com/d44b7504/vault/internal/display"
	"github.com/d44b7504/vault/internal/rotation"
	"github.com/d44b7504/vault/internal/sessions"
)

// This file has the words of a rotation: what happens, how it ended, and what an error
// leaves behind.

type rotateOptions struct {
	profile                                 string
	mfaToken, deleteOther                   string
	noSession, resume, keepOld, yes, asJSON bool
	dryRun, list                            bool
}

// rotating is one run of the command, once it is known which key it is about.
type rotating struct {
	*run
	*app.Rotator
	o rotateOptions
}

func (x rotating) announceKey(key string) {
	_, name := app.UserOf(x.Rotation.User)
	verb := "rotating the"
	if x.o.dryRun {
		verb = "the"
	}
	x.say("%s key %s of user %s in account %s, stored for %s", verb, creds.Tail(key), name, app.AccountOf(x.Rotation.User), x.Item)
}

// announceResumed says that an earlier rotation is continued.
func (x rotating) announceResumed(j rotation.Journal) {
	begun := display.Ago(x.Now().Sub(j.Begun))
	switch {
	case j.Begun.IsZero():
		x.say("a new key is stored beside the one of %s: continuing the rotation that it is from", x.Item)
	case x.o.dryRun:
		x.say("the rotation of %s that was begun %s is not finished", x.Item, begun)
	default:
		x.say("continuing the rotation of %s that was begun %s", x.Item, begun)
	}
}

// event says what happens, a line each.
func (x rotating) event(e rotation.Event, id string) {
	key := creds.Tail(id)
	switch e {
	case rotation.Made:
		x.say("made the key %s and stored it beside the old one", key)
	case rotation.Waiting:
		x.say("waiting until all of AWS knows the key %s", key)
	case rotation.Verified:
		x.say("the key %s works", key)
	case rotation.Switched:
		x.say("the key %s is now the one stored for %s", key, x.Item)
	case rotation.Deactivated:
		x.say("deactivated the old key %s", key)
	case rotation.Deleted:
		x.say("deleted the old key %s", key)
	case rotation.Kept:
		x.say("the old key %s stays active: iam:UpdateAccessKey is not allowed", key)
	case rotation.Discarded:
		x.say("deleted the key %s, which was made and not stored", key)
	case rotation.Removed:
		x.say("deleted the other key %s", key)
	case rotation.Unlisted:
		x.say("iam:ListAccessKeys is not allowed; continuing without knowing which other keys there are")
	case rotation.Readopted:
		x.say("AWS no longer knows the key that was stored for %s; the new one, %s, is in its place", x.Item, key)
	}
}

func (x rotating) finished(res rotation.Result) {
	now, old := creds.Tail(res.New), creds.Tail(res.Old)
	switch {
	case res.Resumed && res.OldNow == "":
		x.say("%s has the key %s; which one it had before is not known any more", x.Item, now)
		x.hint("vault rotate %s shows the keys that are left, should there be two", app.Word(x.Profile.Name))
	default:
		x.say("done: %s has the key %s, and the key %s is %s", x.Item, now, old, res.OldNow)
	}
	if made := x.Now().Sub(res.Begun); res.Resumed && !res.Begun.IsZero() && made > 24*time.Hour {
		x.hint("that key was made %s; for a new one run it again", display.Ago(made))
	}
}

// preview says what would be done.
func (x rotating) preview(ctx context.Context, s rotation.State) error {
	old, ending := creds.Tail(s.Key.ID), "delete"
	if x.o.keepOld {
		ending = "keep"
	}
	switch s.Phase {
	case rotation.Fresh:
		if len(s.Keys) > 1 {
			x.say("the user has two keys, as many as there may be; one would have to be deleted first")
			x.printKeys(x.UserKeys(ctx, s))
		}
		x.say("would make a new key, store it, wait until it works, deactivate %s and %s it", old, ending)
	case rotation.Unclear:
		x.say("would delete the key that was made and not stored, if there is one, and make another")
	case rotation.Staged:
		x.say("would store the key %s for %s in the place of %s", creds.Tail(s.Staged.ID), x.Item, old)
	case rotation.Stored:
		old = creds.Tail(s.Journal.Old)
		if slices.ContainsFunc(s.Keys, func(k rotation.Key) bool { return k.ID == s.Journal.Old && !k.Active }) {
			x.say("would %s %s, which is inactive", ending, old)
		} else {
			x.say("would deactivate %s and %s it", old, ending)
		}
	case rotation.Replaced:
		return &rotation.ReplacedError{Journal: s.Journal, Stored: s.Key.ID}
	}
	return nil
}

// printKeys shows keys side by side.
func (x rotating) printKeys(keys []rotation.Owned) {
	t := display.Table{Indent: x.name + ":   "}
	for _, k := range keys {
		where, status := "not stored here", "active"
		if k.Stored != "" {
			where = "stored for " + k.Stored
		}
		if !k.Active {
			status = "inactive"
		}
		t.Row(creds.Tail(k.ID), where, status, "made "+display.Ago(x.Now().Sub(k.Created)), lastUse(k, x.Now(), "last use not known"))
	}
	_ = t.Write(x.Stderr)
}

// lastUse says when a key was last used; unknown is the text where AWS did not say.
func lastUse(k rotation.Owned, now time.Time, unknown string) string {
	if k.UseErr != nil {
		return unknown
	}
	return useWords(k.Use, now)
}

func useWords(u rotation.Use, now time.Time) string {
	if u.At.IsZero() {
		return "never used"
	}
	words := "last used " + display.Ago(now.Sub(u.At))
	if u.Service != "" && u.Service != "N/A" {
		words += " for " + u.Service
	}
	if u.Region != "" && u.Region != "N/A" {
		words += " in " + u.Region
	}
	return words
}

// explain adds to an error what state it leaves, and how to continue.
func (x rotating) explain(err error) error {
	again := "vault rotate --resume " + app.Word(x.Profile.Name)
	j, open, readErr := x.Rotation.Book.Read(x.Item)
	if hinted := x.explainKind(err, again, readErr == nil && open); hinted != nil {
		return hinted
	}
	var call *sessions.CallError
	switch {
	case readErr != nil || !open:
		return err
	case errors.Is(err, context.Canceled):
		x.say("stopped; a key that works is stored for %s", x.Item)
		x.hint("%s continues", again)
		return err
	case errors.As(err, &call) && call.Action == "iam:DeleteAccessKey" && call.Kind == sessions.Denied && j.Step == rotation.Retiring:
		return app.WithHint(err, "the new key is in use and the old one is inactive. %s tries again; with --keep-old it leaves it so", again)
	}
	return app.WithHint(err, "a key that works is stored for %s; %s continues", app.Word(x.Item), again)
}

// explainKind is for the errors that have a cure of their own, nil for others. open says that
// the rotation has begun.
func (x rotating) explainKind(err error, again string, open bool) error {
	var damaged *rotation.DamagedError
	var replaced *rotation.ReplacedError
	var orphan *rotation.OrphanError
	var used *rotation.UsedError
	var needs *sessions.NeedsUserError
	var call *sessions.CallError
	switch {
	case errors.As(err, &damaged):
		return app.WithHint(err, "move it away; %s then relies on what is stored and on what AWS lists", again)
	case errors.As(err, &replaced):
		return app.WithHint(err, "%s", x.replacedHint(replaced))
	case errors.As(err, &used):
		return app.WithHint(fmt.Errorf("%w %s; it is not deleted", err, useWords(used.Use, x.Now())),
			"if it is not needed, delete it in the console; then %s", again)
	case errors.As(err, &orphan):
		return app.WithHint(err, "%s deletes it", again)
	case errors.As(err, &needs) && needs.Need == sessions.NeedsCode && !app.HasHint(err):
		hint := "run it in a terminal: vault rotate " + app.Word(x.Profile.Name)
		if open {
			hint = "a key that works is stored for " + app.Word(x.Item) + "; in a terminal " + again + " continues"
		}
		return app.WithHint(err, "%s", hint)
	case errors.As(err, &call) && call.Kind == sessions.Full:
		return app.WithHint(errors.New("the user has two access keys already, which is as many as there may be"), "delete one of them, or let your policies allow iam:ListAccessKeys to choose here")
	}
	return nil
}

func (x rotating) replacedHint(e *rotation.ReplacedError) string {
	if e.Journal.User != x.Rotation.User || e.Journal.Backend != x.Rotation.Backend {
		return fmt.Sprintf("it began with a key of %s in the store %q: name that with --backend", e.Journal.User, e.Journal.Backend)
	}
	return "vault rotate --yes " + app.Word(x.Profile.Name) + " gives that rotation up, and rotates the key that is stored"
}
