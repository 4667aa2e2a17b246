package cmd

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/d44b7504/vault/internal/app"
	"github.com/d44b7504/vault/store"
)

func newStore(r *run) *cobra.Command {
	c := &cobra.Command{
		Use:   "store",
		Short: "list and check the store in use, and administer an age store",
		Long: `Lists and checks the store in which vault keeps its items, whichever back end it
is: the operating system's keyring, pass, a folder of files. vault store age is for
the one back end with recipients.`,
		Args: args(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(newStoreList(r), newStoreCheck(r), newStoreAge(r))
	for _, old := range ageCommands(r) {
		c.AddCommand(oldSpelling(r, old))
	}
	return c
}

// ageCommands are those that administer an age store.
func ageCommands(r *run) []*cobra.Command {
	return []*cobra.Command{
		newStoreCreate(r), newStoreRecipients(r), newStoreAdd(r), newStoreRemove(r), newStorePassphrase(r), newStoreReencrypt(r),
	}
}

func newStoreAge(r *run) *cobra.Command {
	c := &cobra.Command{
		Use:   "age",
		Short: "administer an age store: who can read it, and your passphrase",
		Long: `Administers the directory of the age back end (--age-dir), which keeps keys
encrypted to age recipients. vault uses it by itself on a Linux machine without a
keyring. A team can share it through git.

recipients.txt and items/ are for everyone on the list of recipients. own/, which
git is told to ignore, has your identity, encrypted with your passphrase, and your
own sessions. The first key that you store creates it all.

To share it, one person runs git init in the directory and pushes it. The next one
clones it to the same place, runs vault store age create, and gives the recipient
that it prints to a person on the list, who runs vault store age add-recipient and
pushes.`,
		Args: args(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(ageCommands(r)...)
	return c
}

// oldSpelling makes "vault store NAME" of "vault store age NAME", as it was once called. It is
// for people whose store is an age store; others are told where the command is.
func oldSpelling(r *run, c *cobra.Command) *cobra.Command {
	carryOut := c.RunE
	c.Hidden = true
	c.RunE = func(c *cobra.Command, a []string) error {
		o := r.task.StoreOptions()
		o.Quiet = true
		s, err := r.OpenStore(c.Context(), o)
		if err != nil {
			return err
		}
		if b := store.Of(s); !b.HasRecipients() {
			return app.WithHint(fmt.Errorf("the store in use is %s, which has no recipients", b.Name),
				"vault store age %s is for the age store; --backend age or AWS_VAULT_BACKEND=age makes that the store in use", c.Name())
		}
		return carryOut(c, a)
	}
	return c
}
