package cmd

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/d44b7504/vault/store"
)

func newStore(r *run) *cobra.Command {
	c := &cobra.Command{
		Use:   "store",
		Short: "look after the age store: who can read it, passphrase, check",
		Long: `Looks after the directory of the age back end (--age-dir), which keeps keys
encrypted to age recipients. It is what a machine without a usable keyring uses by
itself, and can be shared by a team through git.

The directory has two parts. recipients.txt and items/ are for everyone on the
list of recipients; in own/, which git is told to ignore, are your identity under
its passphrase and your own sessions. The first key you store creates all of it.

A team: one runs git init in the directory and pushes it; the next one clones it
to the same place, runs vault store create, and hands the recipient it prints to
one of the recipients, who runs vault store add-recipient and pushes.`,
		Args: args(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(newStoreCreate(r), newStoreRecipients(r), newStoreAdd(r), newStoreRemove(r), newStorePassphrase(r),
		newStoreReencrypt(r), newStoreCheck(r), newStoreList(r))
	return c
}

func newStoreCreate(r *run) *cobra.Command {
	var p store.AgePlan
	c := &cobra.Command{
		Use:   "create",
		Short: "make a store, or your identity in one that others made",
		Long: `Makes an age identity under a passphrase, which is asked for twice, and a list of
recipients with you on it. In a directory that came from others (git clone) it
makes the identity only, and one of the recipients has to add you.

Your recipient is printed. It is public. What already is there stays: run again,
it prints the recipient once more.

With --identity the store gets an identity you have: the file of a plugin, such as
age-plugin-yubikey or age-plugin-tpm makes, is copied; a key in plain text is put under
a passphrase. It is tried before anything is written.`,
		Args: args(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error { return storeCreate(c.Context(), r, p) },
	}
	fs := c.Flags()
	fs.StringVar(&p.Identity, "identity", "", "file with an age identity to use")
	fs.StringVar(&p.Recipient, "recipient", "", "the recipient that belongs to it, if the file does not say")
	fs.StringVar(&p.Name, "name", "", "your name on the list of recipients")
	_ = c.RegisterFlagCompletionFunc("identity", completeFiles)
	return c
}

func storeCreate(ctx context.Context, r *run, p store.AgePlan) error {
	s, err := r.ageStore()
	if err != nil {
		return err
	}
	if p.Name == "" {
		user, host := r.Who()
		p.Name = strings.TrimSuffix(user+"@"+host, "@")
	}
	mine, member, err := s.Create(ctx, p)
	if err != nil {
		return err
	}
	r.say("your identity is in %s", s.Dir())
	if member {
		r.unusedStore(ctx)
	} else {
		r.hint("you cannot read this store yet: one of its recipients has to run vault store add-recipient with this")
	}
	for _, m := range mine {
		if err := r.print("%s", m.Recipient); err != nil {
			return err
		}
	}
	return nil
}

// unusedStore says so when keys go elsewhere than into the store just made.
func (r *run) unusedStore(ctx context.Context) {
	o := r.task.StoreOptions()
	o.Quiet = true
	s, err := r.OpenStore(ctx, o)
	if err == nil && store.Of(s).Name != "age" {
		r.hint("keys are kept in %v here; --backend age or AWS_VAULT_BACKEND=age keeps them in this store", s)
	}
}
