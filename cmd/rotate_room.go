package cmd

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/d44b7504/vault/internal/app"
	"github.com/d44b7504/vault/internal/creds"
	"github.com/d44b7504/vault/internal/display"
	"github.com/d44b7504/vault/internal/rotation"
	"github.com/d44b7504/vault/internal/sessions"
)

// This file asks a person about keys that exist beside the one that is rotated. A key
// that is deleted is gone: what is known of it is shown first, and one that was used
// lately needs more than a yes.

// anyOther is --delete-other without a value.
const anyOther = "any"

// lately is how recent a use must be for a yes not to be enough.
const lately = 24 * time.Hour

// makeRoom shows the two keys of a user and finds out whether the other may go.
func (j *rotationJob) makeRoom(ctx context.Context, keys []rotation.Owned) (string, error) {
	j.findStored(ctx, keys)
	j.say("the user has %d keys, as many as there may be:", len(keys))
	j.keyTable(keys)
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
	if err := j.mayDelete(ctx, other); err != nil {
		return "", err
	}
	return other.ID, nil
}

// findStored looks for the keys under the names of other profiles too: what is stored
// there is somebody's.
func (j *rotationJob) findStored(ctx context.Context, keys []rotation.Owned) {
	set, err := j.task.Profiles()
	if err != nil {
		return
	}
	j.eachKey(ctx, set, func(name string, k creds.Key) {
		if at := slices.IndexFunc(keys, func(o rotation.Owned) bool { return o.ID == k.ID }); at >= 0 && keys[at].Stored == "" {
			keys[at].Stored = name
		}
	})
}

// keyTable shows keys side by side.
func (j *rotationJob) keyTable(keys []rotation.Owned) {
	w := tabwriter.NewWriter(j.Stderr, 0, 0, 2, ' ', 0)
	for _, k := range keys {
		where := "not stored here"
		if k.Stored != "" {
			where = "stored for " + display.Clean(k.Stored)
		}
		status := "active"
		if !k.Active {
			status = "inactive"
		}
		used := usedWords(k.Use, j.Now())
		if k.Unseen != nil {
			used = "last use not known"
		}
		fmt.Fprintf(w, "vault:   …%s\t%s\t%s\tmade %s\t%s\n", creds.Last4(k.ID), where, status, display.Ago(j.Now().Sub(k.Created)), used)
	}
	_ = w.Flush()
}

// mayDelete asks, on the terminal or by flag.
func (j *rotationJob) mayDelete(ctx context.Context, k rotation.Owned) error {
	recent := k.Unseen == nil && !k.Use.At.IsZero() && j.Now().Sub(k.Use.At) < lately
	named := j.o.deleteOther != "" && j.o.deleteOther != anyOther
	if named && j.o.deleteOther != k.ID && j.o.deleteOther != creds.Last4(k.ID) {
		return app.Usage("vault rotate", fmt.Errorf("--delete-other=%s is not the other key, …%s", j.o.deleteOther, creds.Last4(k.ID)))
	}
	used := usedWords(k.Use, j.Now())
	if k.Unseen != nil {
		used = "with a last use that AWS does not tell"
	}
	switch {
	case j.o.deleteOther != "" && j.o.yes && (named || !recent):
		return nil
	case j.task.Ask == nil:
		return j.nobodyToAsk(k, used, recent)
	case recent && !named:
		return j.insist(ctx, k, used)
	}
	return j.confirm(ctx, "vault rotate", fmt.Sprintf("delete the key …%s, %s", creds.Last4(k.ID), used), "no key was made: there is no room for one")
}

func (j *rotationJob) nobodyToAsk(k rotation.Owned, used string, recent bool) error {
	flags := "--delete-other --yes"
	if recent {
		flags = "--delete-other=" + creds.Last4(k.ID) + " --yes"
	}
	return app.WithHint(&sessions.NeedsUserError{Profile: j.profile.Name, What: fmt.Sprintf("a word on the other key …%s, %s", creds.Last4(k.ID), used)},
		"vault rotate %s %s deletes that key first", flags, app.Word(j.profile.Name))
}

// insist wants the key to be named: it was used a short while ago.
func (j *rotationJob) insist(ctx context.Context, k rotation.Owned, used string) error {
	question := fmt.Sprintf("the key …%s was %s. To delete it all the same type its last four characters: ", creds.Last4(k.ID), used)
	answer, err := j.task.Ask(ctx, display.Clean(question), false)
	if err != nil {
		return err
	}
	if !answer.Equal(creds.New(creds.Last4(k.ID))) {
		return errors.New("no key was made: there is no room for one")
	}
	return nil
}

// mayDiscard asks about a key that an earlier run seems to have made and lost.
func (j *rotationJob) mayDiscard(ctx context.Context, k rotation.Owned) error {
	j.say("the key …%s was made %s, when the rotation was interrupted, and is not stored; AWS will not say whether it was used",
		creds.Last4(k.ID), display.Ago(j.Now().Sub(k.Created)))
	if j.o.yes {
		return nil
	}
	if j.task.Ask == nil {
		return app.WithHint(&sessions.NeedsUserError{Profile: j.profile.Name, What: "a word on that key"}, "--yes deletes it")
	}
	return j.confirm(ctx, "vault rotate", "delete it", "nothing was deleted")
}

// giveUp ends a rotation that the stored key no longer belongs to, if that is agreed to,
// and says where things stand then.
func (j *rotationJob) giveUp(ctx context.Context, s rotation.State) (rotation.State, error) {
	replaced := &rotation.ReplacedError{Journal: s.Journal, Stored: s.Key.ID}
	if s.Journal.User != j.rot.User || s.Journal.Backend != j.rot.Backend {
		return s, replaced
	}
	j.say("%s", replaced.Error())
	if !j.o.yes {
		if j.task.Ask == nil {
			return s, replaced
		}
		if err := j.confirm(ctx, "vault rotate", "give up that rotation and delete the key it made", "nothing was changed"); err != nil {
			return s, err
		}
	}
	if err := j.rot.Abandon(ctx, s); err != nil {
		return s, err
	}
	return j.rot.Look(ctx)
}

func (j *rotationJob) replacedHint(e *rotation.ReplacedError) string {
	if e.Journal.User != j.rot.User || e.Journal.Backend != j.rot.Backend {
		return fmt.Sprintf("it began with a key of %s in the store %q: name that with --backend", e.Journal.User, e.Journal.Backend)
	}
	return "vault rotate --yes " + app.Word(j.profile.Name) + " gives that rotation up, and rotates the key that is stored"
}

// usedWords says when a key was last used.
func usedWords(u rotation.Use, now time.Time) string {
	if u.At.IsZero() {
		return "never used"
	}
	words := "last used " + display.Ago(now.Sub(u.At))
	if u.Service != "" && u.Service != "N/A" {
		words += " for " + display.Clean(u.Service)
	}
	if u.Region != "" && u.Region != "N/A" {
		words += " in " + display.Clean(u.Region)
	}
	return words
}
