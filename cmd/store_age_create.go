package cmd

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/d44b7504/vault/store"
)

func newStoreCreate(r *run) *cobra.Command {
	var p store.AgePlan
	c := &cobra.Command{
		Use:   "create",
		Short: "create a store, or your identity in one that others created",
		Long: `Creates an age identity with a passphrase, which is asked for twice, and a list of
recipients with you on it. In a directory that came from other people (git clone)
it creates the identity only, and a person on the list has to add you.

It prints your recipient, which is public. It changes nothing that exists: run
again, it prints the recipient again.

With --identity the store gets an identity that you have. The file of a plugin, as
age-plugin-yubikey or age-plugin-tpm writes it, is copied; a secret key that is not
encrypted gets a passphrase. The identity is tried before anything is written.`,
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
		r.hint("you cannot read this store yet: a person on its list has to run vault store age add-recipient with this")
	}
	for _, m := range mine {
		if err := r.print("%s", m.Recipient); err != nil {
			return err
		}
	}
	return nil
}

// unusedStore says so when keys are stored elsewhere than in the store just created.
func (r *run) unusedStore(ctx context.Context) {
	o := r.task.StoreOptions()
	o.Quiet = true
	s, err := r.OpenStore(ctx, o)
	if err == nil && !store.Of(s).HasRecipients() {
		r.hint("keys are kept in %v here; --backend age or AWS_VAULT_BACKEND=age keeps them in this store", s)
	}
}

func newStorePassphrase(r *run) *cobra.Command {
	return &cobra.Command{
		Use:   "passphrase",
		Short: "change the passphrase of your identity",
		Long: `Asks for the passphrase of your identity, then twice for a new one. The keys are
not touched: they are encrypted to the identity. A copy of the old file still
opens with the old passphrase.`,
		Args: args(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error { return storePassphrase(c.Context(), r) },
	}
}

func storePassphrase(ctx context.Context, r *run) error {
	s, err := r.ageStore()
	if err != nil {
		return err
	}
	if err := s.ChangePassphrase(ctx); err != nil {
		return err
	}
	r.say("the passphrase is changed")
	if r.task.Env.Secret("AWS_VAULT_AGE_PASSPHRASE") != nil {
		r.hint("AWS_VAULT_AGE_PASSPHRASE still holds the old one")
	}
	return nil
}
