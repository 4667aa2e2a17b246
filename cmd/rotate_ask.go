package cmd

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/d44b7504/vault/internal/app"
	"github.com/d44b7504/vault/internal/creds"
	"github.com/d44b7504/vault/internal/display"
	"github.com/d44b7504/vault/internal/rotation"
	"github.com/d44b7504/vault/internal/sessions"
)

// This file asks a person about keys that exist beside the one that is rotated. A key
// that is deleted cannot be had back: what is known of it is shown first, and one that was
// used recently needs more than a yes.

// anyOther is --delete-other without a value.
const anyOther = "any"

// recentUse is how recent a use must be for a yes not to be enough.
const recentUse = 24 * time.Hour

// makeRoom shows the two keys of a user and finds out whether the other may be deleted.
func (x rotating) makeRoom(ctx context.Context, keys []rotation.Owned) (string, error) {
	x.MarkStored(ctx, keys)
	x.say("the user has %d keys, as many as there may be:", len(keys))
	x.printKeys(keys)
	var spare []rotation.Owned
	for _, k := range keys {
		if k.Stored == "" {
			spare = append(spare, k)
		}
	}
	switch {
	case len(spare) == 0:
		return "", app.WithHint(errors.New("both keys of the user are stored here, so none is deleted"), "vault remove the one that is not needed, then rotate the other")
	case len(spare) == len(keys):
		return "", errors.New("neither of the two is the key that is stored, so none is deleted")
	}
	other := spare[0]
	return other.ID, x.mayDelete(ctx, other)
}

// mayDelete asks, on the terminal or by flag.
func (x rotating) mayDelete(ctx context.Context, k rotation.Owned) error {
	recent := k.UseErr == nil && !k.Use.At.IsZero() && x.Now().Sub(k.Use.At) < recentUse
	named := x.o.deleteOther != "" && x.o.deleteOther != anyOther
	if named && x.o.deleteOther != k.ID && x.o.deleteOther != creds.Last4(k.ID) {
		return app.Usage("vault rotate", fmt.Errorf("--delete-other=%s is not the other key, %s", x.o.deleteOther, creds.Tail(k.ID)))
	}
	used := lastUse(k, x.Now(), "with a last use that AWS does not tell")
	switch {
	case x.o.deleteOther != "" && x.o.yes && (named || !recent):
		return nil
	case x.task.Ask == nil:
		return x.cannotAsk(k, used, recent)
	case recent && !named:
		return x.askForName(ctx, k, used)
	}
	return x.confirm(ctx, "vault rotate", fmt.Sprintf("delete the key %s, %s", creds.Tail(k.ID), used), "no key was made: there is no room for one")
}

func (x rotating) cannotAsk(k rotation.Owned, used string, recent bool) error {
	flags := "--delete-other --yes"
	if recent {
		flags = "--delete-other=" + creds.Last4(k.ID) + " --yes"
	}
	return app.WithHint(&sessions.NeedsUserError{Profile: x.Profile.Name, What: fmt.Sprintf("an answer about the other key %s, %s", creds.Tail(k.ID), used)},
		"vault rotate %s %s deletes that key first", flags, app.Word(x.Profile.Name))
}

// askForName wants the key to be named: it was used a short while ago.
func (x rotating) askForName(ctx context.Context, k rotation.Owned, used string) error {
	question := fmt.Sprintf("the key %s was %s. To delete it nevertheless, type its last four characters: ", creds.Tail(k.ID), used)
	answer, err := x.task.Ask(ctx, question, false)
	if err != nil {
		return err
	}
	if !answer.Equal(creds.New(creds.Last4(k.ID))) {
		return errors.New("no key was made: there is no room for one")
	}
	return nil
}

// mayDiscard asks about a key that an earlier run seems to have made and not stored.
func (x rotating) mayDiscard(ctx context.Context, k rotation.Owned) error {
	x.say("the key %s was made %s, when the rotation was interrupted, and is not stored; AWS does not say whether it was used",
		creds.Tail(k.ID), display.Ago(x.Now().Sub(k.Created)))
	if x.o.yes {
		return nil
	}
	if x.task.Ask == nil {
		return app.WithHint(&sessions.NeedsUserError{Profile: x.Profile.Name, What: "an answer about that key"}, "--yes deletes it")
	}
	return x.confirm(ctx, "vault rotate", "delete it", "nothing was deleted")
}

// giveUp ends a rotation that the stored key no longer belongs to, if that is agreed to,
// and returns the state then.
func (x rotating) giveUp(ctx context.Context, s rotation.State) (rotation.State, error) {
	replaced := &rotation.ReplacedError{Journal: s.Journal, Stored: s.Key.ID}
	if s.Journal.User != x.Rotation.User || s.Journal.Backend != x.Rotation.Backend {
		return s, replaced
	}
	x.say("%s", replaced)
	if !x.o.yes {
		if x.task.Ask == nil {
			return s, replaced
		}
		if err := x.confirm(ctx, "vault rotate", "give up that rotation and delete the key it made", "nothing was changed"); err != nil {
			return s, err
		}
	}
	if err := x.Rotation.Abandon(ctx, s); err != nil {
		return s, err
	}
	return x.Rotation.Look(ctx)
}
