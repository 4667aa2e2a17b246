package cmd

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/d44b7504/vault/internal/app"
	"github.com/d44b7504/vault/internal/display"
	"github.com/d44b7504/vault/store"
)

// recipient is one row: one that can read the store.
type recipient struct {
	Name      string `json:"name"`
	Recipient string `json:"recipient"`
	Mine      bool   `json:"mine"`
}

func newStoreRecipients(r *run) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "recipients",
		Short: "list who can read the store",
		Long: `Lists the recipients that every key in the store is encrypted to. Only the recipient
counts; the name is there for people. Nothing is decrypted.`,
		Args: args(cobra.NoArgs),
		RunE: func(*cobra.Command, []string) error { return storeRecipients(r, asJSON) },
	}
	boolFlag(c.Flags(), &asJSON, "json", "", false, "as JSON")
	return c
}

func storeRecipients(r *run, asJSON bool) error {
	s, err := r.ageStore()
	if err != nil {
		return err
	}
	all, unfinished, err := s.Recipients()
	if err != nil {
		return err
	}
	if unfinished {
		r.unfinished()
	}
	rows := make([]recipient, 0, len(all))
	for _, a := range all {
		rows = append(rows, recipient{a.Name, a.Recipient, isMine(s, a)})
	}
	if asJSON {
		return display.JSON(r.Stdout, rows)
	}
	var t display.Table
	t.Row("Name", "Recipient")
	t.Row("====", "=========")
	for _, row := range rows {
		t.Row(cmp.Or(row.Name, "-"), row.Recipient, map[bool]string{true: "you"}[row.Mine])
	}
	return t.Write(r.Stdout)
}

func isMine(s *store.AgeStore, a store.AgeRecipient) bool {
	return slices.ContainsFunc(s.Mine(), func(m store.AgeRecipient) bool { return m.Recipient == a.Recipient })
}

func (r *run) unfinished() {
	r.say("a change of the recipients was interrupted: some items are encrypted as they were before")
	r.hint("vault store age reencrypt finishes it")
}

func newStoreAdd(r *run) *cobra.Command {
	var who store.AgeRecipient
	c := &cobra.Command{
		Use:     "add-recipient RECIPIENT",
		Aliases: []string{"add"},
		Short:   "let another recipient read the store",
		Long: `Adds an age recipient (age1…) to the list and encrypts every key again, for which
your own identity is needed. A recipient of a plugin works where the plugin is
installed. Post-quantum recipients (age1pq1…) and others cannot be mixed.

Be sure whose recipient it is: whoever has its identity can read every key in the
store.`,
		Args:              args(cobra.ExactArgs(1)),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(c *cobra.Command, a []string) error {
			who.Recipient = a[0]
			return storeAdd(c.Context(), r, who)
		},
	}
	c.Flags().StringVar(&who.Name, "name", "", "name of the recipient, for people")
	return c
}

func storeAdd(ctx context.Context, r *run, who store.AgeRecipient) error {
	s, err := r.ageStore()
	if err != nil {
		return err
	}
	n, err := s.Add(ctx, who)
	if err != nil {
		return err
	}
	r.say("%s can read %s", called(who), display.Count(n, "key"))
	r.shared(s)
	return nil
}

// called is a recipient by name, or by the beginning of it.
func called(a store.AgeRecipient) string {
	short := a.Recipient
	if len(short) > 20 {
		short = short[:20] + "…"
	}
	if a.Name != "" {
		short = a.Name + " (" + short + ")"
	}
	return display.Clean(short)
}

func newStoreRemove(r *run) *cobra.Command {
	var yes bool
	c := &cobra.Command{
		Use:     "remove-recipient RECIPIENT | NAME",
		Aliases: []string{"remove", "rm"},
		Short:   "take a recipient off the list",
		Long: `Takes a recipient off the list and encrypts every key again to the others.

That does not take back what the recipient has read, nor older copies of the files,
as in git's history: rotate the keys.`,
		Args:              args(cobra.ExactArgs(1)),
		ValidArgsFunction: completeRecipient(r),
		RunE:              func(c *cobra.Command, a []string) error { return storeRemove(c.Context(), r, a[0], yes) },
	}
	boolFlag(c.Flags(), &yes, "yes", "y", false, "do not ask")
	return c
}

func storeRemove(ctx context.Context, r *run, name string, yes bool) error {
	s, err := r.ageStore()
	if err != nil {
		return err
	}
	who, err := s.Find(name)
	if err != nil {
		return err
	}
	question := "Remove " + called(who)
	if isMine(s, who) {
		question = "This is your own recipient: you will not be able to read the store any more. " + question
	}
	if !yes {
		if err := r.confirm(ctx, "vault store age remove-recipient", question, "no recipient was removed"); err != nil {
			return err
		}
	}
	n, err := s.Remove(ctx, who)
	if errors.Is(err, store.ErrLast) {
		return app.WithHint(fmt.Errorf("%s is the only recipient: %w without it", called(who), err), "add another one first")
	}
	if err != nil {
		return err
	}
	r.say("%s is removed; %s encrypted again", called(who), display.Count(n, "key"))
	r.hint("older copies of the files stay readable to that recipient: rotate the keys")
	r.shared(s)
	return nil
}

// completeRecipient offers the names on the list, or the recipients that have none.
func completeRecipient(r *run) cobra.CompletionFunc {
	return func(_ *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
		var list []cobra.Completion
		if s, err := r.ageStore(); err == nil && len(args) == 0 {
			all, _, _ := s.Recipients()
			for _, a := range all {
				list = append(list, cobra.CompletionWithDesc(cmp.Or(a.Name, a.Recipient), a.Recipient))
			}
		}
		return list, cobra.ShellCompDirectiveNoFileComp
	}
}

func newStoreReencrypt(r *run) *cobra.Command {
	var yes bool
	c := &cobra.Command{
		Use:   "reencrypt",
		Short: "encrypt every key to the recipients on the list",
		Long: `Encrypts every key to the recipients that recipients.txt lists now: after git has
brought a file with a new one, or when a change was interrupted. The list is shown
first: all recipients on it will be able to read every key.`,
		Args: args(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error { return storeReencrypt(c.Context(), r, yes) },
	}
	boolFlag(c.Flags(), &yes, "yes", "y", false, "do not ask")
	return c
}

func storeReencrypt(ctx context.Context, r *run, yes bool) error {
	s, err := r.ageStore()
	if err != nil {
		return err
	}
	all, _, err := s.Recipients()
	if err != nil {
		return err
	}
	for _, a := range all {
		r.say("%s", called(a))
	}
	if !yes {
		question := "Encrypt every key to " + display.Count(len(all), "recipient")
		if err := r.confirm(ctx, "vault store age reencrypt", question, "nothing was changed"); err != nil {
			return err
		}
	}
	n, err := s.Reencrypt(ctx)
	if err != nil {
		return err
	}
	r.say("%s encrypted again", display.Count(n, "key"))
	r.shared(s)
	return nil
}
