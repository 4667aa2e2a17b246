package cmd

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/d44b7504/vault/internal/app"
	"github.com/d44b7504/vault/internal/creds"
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
on this machine are looked through for keys. A key that is there already is passed
over, and one that differs stays unless --overwrite is given; so it can be stopped
and run again. With --delete-source the keys leave the old store, after all of them
were read back from the new one. Sessions are not moved: they are made again.

Two stores with a passphrase can have different ones: $AWS_VAULT_FROM_PASSPHRASE is
that of the old one. Exit status 1: not every key was moved.`,
		ValidArgsFunction: completeProfile(r),
		RunE: func(c *cobra.Command, a []string) error {
			o.profiles = append(o.profiles, a...)
			return migrate(c.Context(), r, o)
		},
	}
	fs := c.Flags()
	fs.StringVar(&o.from, "from", "", "the old store, BACKEND or BACKEND:PLACE")
	fs.StringVar(&o.to, "to", "", "the new store, BACKEND or BACKEND:PLACE")
	fs.StringArrayVar(&o.profiles, "profile", nil, "move the key of this profile; may be repeated")
	boolFlag(fs, &o.overwrite, "overwrite", "", false, "replace a different key in the new store")
	boolFlag(fs, &o.deleteSource, "delete-source", "", false, "remove the keys from the old store once all are in the new one")
	boolFlag(fs, &o.dryRun, "dry-run", "", false, "read and compare, and change nothing")
	boolFlag(fs, &o.volatile, "volatile", "", false, volatileUsage)
	boolFlag(fs, &o.json, "json", "", false, "the outcome as JSON")
	_ = c.RegisterFlagCompletionFunc("from", fixed(store.Backends()...))
	_ = c.RegisterFlagCompletionFunc("to", fixed(store.Backends()...))
	_ = c.RegisterFlagCompletionFunc("profile", completeProfile(r))
	return c
}

// side is one end of a move.
type side struct {
	store.Options
	store store.Store
}

func (s side) backend() store.Backend { return store.Of(s.store) }

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

func migrate(ctx context.Context, r *run, o migrateOptions) error {
	to, err := r.newEnd(ctx, o.to)
	if err != nil {
		return err
	}
	from, err := r.oldEnd(ctx, o.from, to)
	if err != nil {
		return err
	}
	if store.Same(from.Options, to.Options) {
		return app.WithHint(fmt.Errorf("%s is the old store and the new one", to.Spec()), "--from and --to name two different stores")
	}
	from, names, err := r.keysToMove(ctx, from, o.profiles)
	if err != nil {
		return err
	}
	if err := unrotated(ctx, from, names); err != nil {
		return err
	}
	if o.deleteSource && !o.dryRun && !o.volatile {
		if err := survivesRestart("vault migrate", to.backend()); err != nil {
			return err
		}
	}
	m := store.Migration{From: from.store, To: to.store, Overwrite: o.overwrite, DeleteSource: o.deleteSource, DryRun: o.dryRun}
	if !o.json {
		r.say("from %s to %s", from.Spec(), to.Spec())
		m.Tell = func(x store.Moved) { r.tellMoved(x, o.dryRun) }
	}
	moved, err := m.Run(ctx, names)
	return r.concludeMove(ctx, o, from, to, moved, err)
}

const volatileUsage = "move keys also into a keyring that a restart of this machine empties (keyctl)"

// survivesRestart refuses a keyring that would be the only place of a key until the next
// restart.
func survivesRestart(command string, b store.Backend) error {
	if !b.Volatile {
		return nil
	}
	return app.WithHint(app.Usage(command, fmt.Errorf("a restart of this machine loses what is in %s, and the keys would be nowhere else", b.Name)),
		"--volatile moves them all the same")
}

// unrotated refuses a key whose rotation was cut off: the key that is to take its place
// lies beside it, and would stay behind.
func unrotated(ctx context.Context, from side, names []string) error {
	n, err := store.ReadNames(ctx, from.store, func() []string { return names })
	if err != nil {
		return err
	}
	for _, name := range names {
		if n.Rotating(name) {
			return app.WithHint(fmt.Errorf("nothing was moved: the rotation of the key of %q was not finished", name), "vault rotate --resume %s", app.Word(name))
		}
	}
	return nil
}

// newEnd opens the store that is moved to.
func (r *run) newEnd(ctx context.Context, spec string) (side, error) {
	o := r.task.StoreOptions()
	if spec != "" {
		var err error
		if o, err = o.At(spec); err != nil {
			return side{}, app.Usage("vault migrate", fmt.Errorf("--to %w", err))
		}
	}
	return r.openEnd(ctx, o)
}

// openEnd opens a store and finds out which it is.
func (r *run) openEnd(ctx context.Context, o store.Options) (side, error) {
	s, err := r.OpenStore(ctx, o)
	if err != nil {
		return side{}, err
	}
	if name := store.Of(s).Name; name != "" {
		o.Backend = name
	}
	return side{o, s}, nil
}

// oldEnd opens the store that is moved from, or finds it.
func (r *run) oldEnd(ctx context.Context, spec string, to side) (side, error) {
	o := r.task.StoreOptions()
	if p := r.task.Env.Secret("AWS_VAULT_FROM_PASSPHRASE"); p != nil {
		o.SetPassphrases(func(string) *creds.Secret { return p })
	}
	if spec == "" {
		return r.findKeys(ctx, o, to)
	}
	o, err := o.At(spec)
	if err != nil {
		return side{}, app.Usage("vault migrate", fmt.Errorf("--from %w", err))
	}
	if store.Same(o, to.Options) {
		return side{Options: o}, nil // which is refused, and not opened twice
	}
	return r.openEnd(ctx, o)
}

// findKeys looks through AWS Vault's own stores, without asking anything, for the one
// that has keys.
func (r *run) findKeys(ctx context.Context, o store.Options, to side) (side, error) {
	var found []store.Options
	var told []string
	for _, at := range store.Usual(o) {
		if store.Same(at, to.Options) {
			continue
		}
		quiet := at
		quiet.Quiet = true
		n, err := r.countKeys(ctx, quiet)
		switch {
		case ctx.Err() != nil:
			return side{}, ctx.Err()
		case err == nil && n > 0:
			found = append(found, at)
			told = append(told, fmt.Sprintf("%s has %s", at.Spec(), display.Count(n, "item")))
		case errors.Is(err, store.ErrLocked):
			told = append(told, at.Spec()+" is locked")
		}
	}
	switch {
	case len(found) == 1:
		return r.openEnd(ctx, found[0])
	case len(told) > 0:
		return side{}, app.WithHint(fmt.Errorf("which store to move from has to be said: %s", strings.Join(told, "; ")), "--from names it")
	}
	return side{}, app.WithHint(fmt.Errorf("no keys were found in AWS Vault's stores on this machine, apart from %s", to.Spec()), "--from names another store")
}

func (r *run) countKeys(ctx context.Context, o store.Options) (int, error) {
	s, err := r.OpenStore(ctx, o)
	if err != nil {
		return 0, err
	}
	names, hidden, err := store.KeyNames(ctx, s)
	return len(names) + hidden, err
}

// keysToMove lists the keys in the old store, and makes sure that it can be read before
// anything is written. Where our passphrase does not open it a person is asked for the
// other one.
func (r *run) keysToMove(ctx context.Context, from side, wanted []string) (side, []string, error) {
	names, err := readable(ctx, from)
	if errors.Is(err, store.ErrLocked) && from.backend().Passphrase.Variable != "" {
		if r.task.AskHidden() == nil || r.task.Env.Secret("AWS_VAULT_FROM_PASSPHRASE") != nil {
			return from, nil, app.WithHint(err, "AWS_VAULT_FROM_PASSPHRASE is the passphrase of the store that is moved from")
		}
		o := from.Options
		o.SetPassphrases(func(string) *creds.Secret { return nil })
		if from, err = r.openEnd(ctx, o); err == nil {
			names, err = readable(ctx, from)
		}
	}
	if err != nil || len(wanted) == 0 {
		return from, names, err
	}
	for _, name := range wanted {
		if !slices.Contains(names, name) {
			return from, nil, app.WithHint(fmt.Errorf("%s has no key named %q", from.Spec(), name), "vault migrate --dry-run lists those there are")
		}
	}
	slices.Sort(wanted)
	return from, slices.Compact(wanted), nil
}

// readable lists the keys and, in a store under one passphrase that is not needed to list
// them, reads one.
func readable(ctx context.Context, from side) ([]string, error) {
	names, err := store.AllKeyNames(ctx, from.store)
	if b := from.backend(); err == nil && len(names) > 0 && b.Passphrase.Variable != "" && !b.HidesNames() {
		if _, first := from.store.Get(ctx, names[0]); errors.Is(first, store.ErrLocked) {
			err = first
		}
	}
	return names, err
}

// outcomes are the words for what became of an item: in JSON, and for a person.
var outcomes = map[store.Outcome]struct{ key, did, would string }{
	store.Copied:   {"copied", "copied", "would be copied"},
	store.Replaced: {"overwritten", "overwritten", "would be overwritten"},
	store.Present:  {"present", "is there already", "is there already"},
	store.Conflict: {"conflict", "the new store has another key of that name", "the new store has another key of that name"},
	store.Foreign:  {"foreign", "left alone, it is no access key", "would be left alone, it is no access key"},
	store.Failed:   {"failed", "failed", "failed"},
}

// tellMoved prints what became of one item, as it happens.
func (r *run) tellMoved(x store.Moved, rehearsal bool) {
	words := outcomes[x.Outcome].did
	if rehearsal {
		words = outcomes[x.Outcome].would
	}
	fmt.Fprintf(r.Stdout, "%s: %s\n", display.Clean(x.Name), display.Clean(words))
	if f, ok := r.Stdout.(interface{ Flush() error }); ok {
		_ = f.Flush()
	}
}

// concludeMove counts, and says what else there is to do.
func (r *run) concludeMove(ctx context.Context, o migrateOptions, from, to side, moved []store.Moved, err error) error {
	count, deleted, undone := map[store.Outcome]int{}, 0, 0
	for _, x := range moved {
		count[x.Outcome]++
		if x.Deleted {
			deleted++
		}
		if x.Outcome == store.Conflict || x.Err != nil && x.Outcome != store.Foreign {
			undone++
		}
	}
	if o.json {
		if failed := r.printMoved(o, from, to, moved); failed != nil {
			return failed
		}
	} else {
		r.say("%s", countMoved(count, deleted, o, from))
	}
	if undone > 0 && deleted == 0 && o.deleteSource && !o.dryRun && err == nil {
		r.say("not every key was moved, so none was deleted from %s", from.Spec())
	}
	r.sayUndone(moved)
	switch {
	case errors.Is(err, store.ErrSameStore):
		return app.WithHint(fmt.Errorf("%s and %s: %w; nothing was deleted", from.Spec(), to.Spec(), err), "leave --delete-source out")
	case err != nil:
		r.say("stopped: vault migrate goes on from here")
		return err
	}
	if count[store.Conflict] > 0 && !o.overwrite {
		r.hint("--overwrite replaces what the new store has")
	}
	if undone > 0 {
		return statusError(exitFailed)
	}
	if o.to != "" && !o.dryRun && len(moved) > 0 {
		r.hintDefault(ctx, to)
	}
	return nil
}

func countMoved(count map[store.Outcome]int, deleted int, o migrateOptions, from side) string {
	words := []string{}
	for _, x := range []struct {
		n    int
		what string
	}{
		{count[store.Copied], "copied"}, {count[store.Replaced], "overwritten"}, {count[store.Present], "there already"},
		{count[store.Conflict], "that differ"}, {count[store.Foreign], "that are no keys"}, {count[store.Failed], "failed"},
		{deleted, "deleted from the old store"},
	} {
		if x.n > 0 {
			words = append(words, fmt.Sprintf("%d %s", x.n, x.what))
		}
	}
	switch {
	case len(words) == 0:
		return "there are no keys in " + from.Spec()
	case o.dryRun:
		return "nothing was changed; it would be: " + strings.Join(words, ", ")
	}
	return strings.Join(words, ", ")
}

// sayUndone says why a key was not moved, or not deleted.
func (r *run) sayUndone(moved []store.Moved) {
	for _, x := range moved {
		if x.Err != nil && x.Outcome != store.Foreign {
			r.say("%s: %s", x.Name, strings.Join(strings.Fields(app.Text(x.Err)), " "))
		}
	}
}

// movement is the JSON form of a move.
type movement struct {
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

func (r *run) printMoved(o migrateOptions, from, to side, moved []store.Moved) error {
	m := movement{From: from.Spec(), To: to.Spec(), DryRun: o.dryRun, Items: []movedItem{}}
	for _, x := range moved {
		item := movedItem{Name: x.Name, Outcome: outcomes[x.Outcome].key, Deleted: x.Deleted}
		if x.Err != nil {
			item.Error = app.Text(x.Err)
		}
		m.Items = append(m.Items, item)
	}
	return display.JSON(r.Stdout, m)
}

// hintDefault says how the new store is used from now on, unless it is already.
func (r *run) hintDefault(ctx context.Context, to side) {
	now, err := r.openEnd(ctx, r.task.StoreOptions())
	if err == nil && store.Same(now.Options, to.Options) {
		return
	}
	settings := "AWS_VAULT_BACKEND=" + to.Backend
	usual, err := r.task.StoreOptions().At(to.Backend)
	if _, place, elsewhere := strings.Cut(to.Spec(), ":"); elsewhere && (err != nil || !store.Same(usual, to.Options)) {
		setting, _ := to.backend().Place()
		settings += " " + setting.Variable + "=" + quoted(place)
	}
	r.hint("to use it from now on: export %s", settings)
}

// quoted is a word for a shell of the Bourne family.
func quoted(s string) string {
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
