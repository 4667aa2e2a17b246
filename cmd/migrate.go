package cmd

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/d44b7504/vault/internal/app"
	"github.com/d44b7504/vault/internal/display"
	"github.com/d44b7504/vault/shells"
	"github.com/d44b7504/vault/store"
)

type migrateOptions struct {
	from, to                              string
	profiles                              []string
	overwrite, deleteSource, dryRun, json bool
	volatile                              bool
}

func newMigrate(r *run) *cobra.Command {
	o := migrateOptions{}
	c := &cobra.Command{
		Use:     "migrate [PROFILE…]",
		Aliases: []string{"migrate-backend"}, // as AWS Vault's fork calls it
		Short:   "move keys from one keyring to another",
		Long: `Copies the keys of IAM users, all or those that are named, from one store to
another, and reads each back. A store is a back end, or a back end and a place:

` + placesHelp() + `

Without --to it is the store that vault uses. Without --from, AWS Vault's own stores
on this machine are searched for keys. A key that the new store has already is not
copied, and one that differs is not replaced unless --overwrite is given; so it can be
interrupted and run again. With --delete-source the keys are deleted from the old
store, after all of them were read back from the new one. Sessions are not moved: they
are made again.

Two stores with a passphrase can have different ones: $AWS_VAULT_FROM_PASSPHRASE is
that of the old one. Exit status 1: not every key was moved.`,
		ValidArgsFunction: completeProfile(r),
		RunE: func(c *cobra.Command, a []string) error {
			o.profiles = append(o.profiles, a...)
			return runMigrate(c.Context(), r, o)
		},
	}
	fs := c.Flags()
	fs.StringVar(&o.from, "from", "", "the old store, BACKEND or BACKEND:PLACE")
	fs.StringVar(&o.to, "to", "", "the new store, BACKEND or BACKEND:PLACE")
	fs.StringArrayVar(&o.profiles, "profile", nil, "move the key of this profile; may be repeated")
	boolFlag(fs, &o.overwrite, "overwrite", "", false, "replace a different key in the new store")
	boolFlag(fs, &o.deleteSource, "delete-source", "", false, "delete the keys from the old store once all are in the new one")
	boolFlag(fs, &o.dryRun, "dry-run", "", false, "read and compare, and change nothing")
	boolFlag(fs, &o.volatile, "volatile", "", false, volatileUsage)
	boolFlag(fs, &o.json, "json", "", false, "the outcome as JSON")
	_ = c.RegisterFlagCompletionFunc("from", fixed(store.Backends()...))
	_ = c.RegisterFlagCompletionFunc("to", fixed(store.Backends()...))
	_ = c.RegisterFlagCompletionFunc("profile", completeProfile(r))
	return c
}

// placesHelp lists the stores that can be named with a place, three to a line.
func placesHelp() string {
	var lines []string
	for i, s := range store.Examples() {
		if i%3 == 0 {
			lines = append(lines, " ")
		}
		lines[len(lines)-1] += fmt.Sprintf(" %-28s", s)
	}
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	return strings.Join(lines, "\n")
}

// migration is a move of keys, and what came of it.
type migration struct {
	migrateOptions
	*app.Migration
	moved []store.Moved
}

func runMigrate(ctx context.Context, r *run, o migrateOptions) error {
	m, err := r.task.NewMigration(ctx, o.from, o.to)
	if err != nil {
		return err
	}
	names, err := m.Keys(ctx, o.profiles)
	if err != nil {
		return err
	}
	if o.deleteSource && !o.dryRun && !o.volatile {
		if err := app.CheckSurvivesRestart("vault migrate", store.Of(m.To.Store)); err != nil {
			return err
		}
	}
	job := store.Migration{From: m.From.Store, To: m.To.Store, Overwrite: o.overwrite, DeleteSource: o.deleteSource, DryRun: o.dryRun, Lock: m.LockForMove}
	if !o.json {
		r.say("from %s to %s", m.From.Spec(), m.To.Spec())
		job.Tell = func(x store.Moved) { printMoved(r, x, o.dryRun) }
	}
	moved, err := job.Run(ctx, names)
	return concludeMigration(ctx, r, migration{o, m, moved}, err)
}

// outcomeText is the words for what became of an item: in JSON, and for a person.
type outcomeText struct{ key, did, would string }

func outcomeWords(o store.Outcome) outcomeText {
	switch o {
	case store.Copied:
		return outcomeText{"copied", "copied", "would be copied"}
	case store.Replaced:
		return outcomeText{"overwritten", "overwritten", "would be overwritten"}
	case store.Present:
		return outcomeText{"present", "is there already", "is there already"}
	case store.Conflict:
		return outcomeText{"conflict", "the new store has another key of that name", "the new store has another key of that name"}
	case store.Foreign:
		return outcomeText{"foreign", "not moved, it is not an access key", "would not be moved, it is not an access key"}
	}
	return outcomeText{"failed", "failed", "failed"}
}

// printMoved prints what became of one item, as it happens.
func printMoved(r *run, x store.Moved, dryRun bool) {
	words := outcomeWords(x.Outcome)
	text := words.did
	if dryRun {
		text = words.would
	}
	_ = r.print("%s: %s", x.Name, text)
	_ = r.flush()
}

// concludeMigration counts, and says what else there is to do.
func concludeMigration(ctx context.Context, r *run, m migration, err error) error {
	if m.json {
		if err := printMigrationJSON(r, m); err != nil {
			return err
		}
	} else {
		r.say("%s", m.summary())
	}
	undone := m.count(isNotMoved)
	if m.outcomes(store.Failed)+m.outcomes(store.Conflict) > 0 && m.count(isDeleted) == 0 && m.deleteSource && !m.dryRun && err == nil {
		r.say("not every key was moved, so none was deleted from %s", m.From.Spec())
	}
	for _, x := range m.moved {
		if x.Err != nil && x.Outcome != store.Foreign {
			r.say("%s: %s", x.Name, app.OneLine(x.Err))
		}
	}
	switch {
	case errors.Is(err, store.ErrSameStore):
		return app.WithHint(fmt.Errorf("%s and %s: %w; nothing was deleted", m.From.Spec(), m.To.Spec(), err), "leave --delete-source out")
	case err != nil:
		r.say("stopped: run vault migrate again")
		return err
	}
	if m.outcomes(store.Conflict) > 0 && !m.overwrite {
		r.hint("--overwrite replaces what the new store has")
	}
	if undone > 0 {
		return statusError(exitFailed)
	}
	if m.to != "" && !m.dryRun && len(m.moved) > 0 {
		if settings := m.Settings(ctx, quotedWord); settings != "" {
			r.hint("to use it from now on: export %s", settings)
		}
	}
	return nil
}

func isDeleted(x store.Moved) bool { return x.Deleted }

func isNotMoved(x store.Moved) bool {
	return x.Outcome == store.Conflict || x.Err != nil && x.Outcome != store.Foreign
}

func (m migration) count(is func(store.Moved) bool) (n int) {
	for _, x := range m.moved {
		if is(x) {
			n++
		}
	}
	return n
}

func (m migration) outcomes(o store.Outcome) int {
	return m.count(func(x store.Moved) bool { return x.Outcome == o })
}

// summary counts what became of the items.
func (m migration) summary() string {
	var parts []string
	for _, x := range []struct {
		n    int
		what string
	}{
		{m.outcomes(store.Copied), "copied"}, {m.outcomes(store.Replaced), "overwritten"}, {m.outcomes(store.Present), "there already"},
		{m.outcomes(store.Conflict), "that differ"}, {m.outcomes(store.Foreign), "that are not access keys"}, {m.outcomes(store.Failed), "failed"},
		{m.count(isDeleted), "deleted from the old store"},
	} {
		if x.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", x.n, x.what))
		}
	}
	switch {
	case len(parts) == 0:
		return "there are no keys in " + m.From.Spec()
	case m.dryRun:
		return "nothing was changed; it would be: " + strings.Join(parts, ", ")
	}
	return strings.Join(parts, ", ")
}

// migrationJSON is the JSON form of a migration.
type migrationJSON struct {
	From   string      `json:"from"`
	To     string      `json:"to"`
	DryRun bool        `json:"dry_run"`
	Items  []movedItem `json:"items"`
}

type movedItem struct {
	Name    string `json:"name"`
	Outcome string `json:"outcome"` // copied, overwritten, present, conflict, foreign or failed
	Deleted bool   `json:"deleted"` // from the old store
	Error   string `json:"error,omitempty"`
}

func printMigrationJSON(r *run, m migration) error {
	j := migrationJSON{From: m.From.Spec(), To: m.To.Spec(), DryRun: m.dryRun, Items: []movedItem{}}
	for _, x := range m.moved {
		item := movedItem{Name: x.Name, Outcome: outcomeWords(x.Outcome).key, Deleted: x.Deleted}
		if x.Err != nil {
			item.Error = app.Text(x.Err)
		}
		j.Items = append(j.Items, item)
	}
	return display.JSON(r.Stdout, j)
}

// quotedWord is a word for a shell of the Bourne family.
func quotedWord(s string) string {
	if app.Word(s) == s {
		return s
	}
	if sh, err := shells.For("bash"); err == nil {
		if q, err := sh.Quote(s); err == nil {
			return q
		}
	}
	return "…"
}
