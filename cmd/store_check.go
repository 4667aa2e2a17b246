package cmd

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/d44b7504/vault/internal/display"
	"github.com/d44b7504/vault/store"
)

// checked is the answer of check in JSON.
type checked struct {
	Store   string   `json:"store"` // BACKEND or BACKEND:PLACE
	Items   int      `json:"items"`
	Read    bool     `json:"read"`    // the items were read and decoded
	Skipped int      `json:"skipped"` // not read, because they may be another program's
	Defects []defect `json:"defects"`
}

type defect struct {
	Where   string        `json:"where"` // an item's name or a file
	Problem store.Problem `json:"problem"`
	Error   string        `json:"error,omitempty"`
}

func newStoreCheck(r *run) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "check",
		Short: "check that every item in the store can be read",
		Long: `Reads every item in the store in use and changes nothing: that it can be read, and
is what its name says. Of a folder of this program's own it checks that no other
user can read it, and of an age store that every key is encrypted to exactly the
recipients on the list, and that no change of them was interrupted.

Where other programs keep items in the same place, only those with the name of a
profile are read. Where what opens the store cannot be asked for, it checks
what can be seen without that, and says so.

Exit status: 0 all is well, 1 something is wrong, 2 usage, 3 a person is needed.`,
		Args: args(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error { return storeCheck(c.Context(), r, asJSON) },
	}
	boolFlag(c.Flags(), &asJSON, "json", "", false, "as JSON")
	return c
}

func storeCheck(ctx context.Context, r *run, asJSON bool) error {
	s, o, err := r.storeInUse(ctx)
	if err != nil {
		return err
	}
	var isOwn func(string) bool
	if store.Of(s).Shared(o) {
		set, err := r.task.Profiles()
		if err != nil {
			return err
		}
		isOwn = set.Has
	}
	report, err := store.Check(ctx, s, isOwn)
	if err != nil {
		return err
	}
	if asJSON {
		err = checkJSON(r, o, report)
	} else {
		checkText(r, s, o, report)
	}
	if err == nil && len(report.Defects) > 0 {
		err = statusError(exitFailed)
	}
	return err
}

// storeInUse opens the store in which items are kept, and says which it is.
func (r *run) storeInUse(ctx context.Context) (store.Store, store.Options, error) {
	o := r.task.StoreOptions()
	s, err := r.OpenStore(ctx, o)
	if err == nil {
		o.Backend = store.Of(s).Name
	}
	return s, o, err
}

func checkJSON(r *run, o store.Options, report store.CheckReport) error {
	c := checked{o.Spec(), report.Items, report.Read, report.Skipped, []defect{}}
	for _, d := range report.Defects {
		c.Defects = append(c.Defects, defect{d.Where, d.Problem, reasonOf(d)})
	}
	return display.JSON(r.Stdout, c)
}

func reasonOf(d store.Defect) string {
	if d.Err == nil {
		return ""
	}
	return d.Err.Error()
}

// problemWords says what is wrong, and what to do about it.
func problemWords(p store.Problem) (text, cure string) {
	switch p {
	case store.ProblemUnreadable:
		return "cannot be read: it is damaged, or not encrypted to you", "take it from git or a backup, or let a person who can read it run vault store age reencrypt"
	case store.ProblemForeign:
		return "was not stored by this program", ""
	case store.ProblemExposed:
		return "can be read or changed by other users", "chmod go= prevents that"
	case store.ProblemLeftover:
		return "was left by a process that was killed", "the next key you store removes it"
	case store.ProblemMoved:
		return "is not the key that its name says: it was moved or replaced", "take it from git or a backup"
	case store.ProblemOutdated:
		return "is not encrypted to the recipients that are on the list now", "vault store age reencrypt"
	case store.ProblemUnfinished:
		return "shows that a change of recipients was interrupted", "vault store age reencrypt finishes it"
	case store.ProblemNotIgnored:
		return "is not kept out of git by an ignore file of its own", "the next key you store writes one; git rm -r --cached own takes out what git has already"
	case store.ProblemNotMember:
		return "does not have you on it", "one of the recipients has to run vault store age add-recipient with yours, which vault store age create prints"
	}
	return string(p), ""
}

// sayDefects tells what is wrong, and once for each kind what to do about it.
func sayDefects(r *run, list []store.Defect) {
	hinted := map[store.Problem]bool{}
	for _, d := range list {
		if d.Err != nil {
			r.say("%s: %v", d.Where, d.Err)
			continue
		}
		text, cure := problemWords(d.Problem)
		r.say("%s %s", d.Where, text)
		if cure != "" && !hinted[d.Problem] {
			r.hint("%s", cure)
			hinted[d.Problem] = true
		}
	}
}

func checkText(r *run, s store.Store, o store.Options, report store.CheckReport) {
	sayDefects(r, report.Defects)
	b := store.Of(s)
	things := "item"
	if b.HidesNames() {
		things = "key" // a name does not show what kind of item it is
	}
	if report.Skipped > 0 {
		r.say("%s not read: they may be another program's", display.CountOf(report.Skipped, "item was", "items were"))
	}
	if !report.Read && report.Items > 0 {
		r.say("what opens the store cannot be asked for here: the content of %s was not checked", display.Count(report.Items, things))
	}
	if !b.HasRecipients() {
		r.say("who else can read the items is not checked: %s is readable by %s", o.Spec(), b.Readers)
	}
	if len(report.Defects) == 0 {
		r.say("%s, nothing wrong", display.Count(report.Items, things))
	}
}
