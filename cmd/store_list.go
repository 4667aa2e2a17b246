package cmd

import (
	"cmp"
	"context"

	"github.com/spf13/cobra"

	"github.com/d44b7504/vault/internal/display"
	"github.com/d44b7504/vault/store"
)

// storeContent is the answer of list in JSON.
type storeContent struct {
	Store      string       `json:"store"` // BACKEND or BACKEND:PLACE
	Items      []store.Item `json:"items"`
	Readers    string       `json:"readers"`              // who can read them, in words
	Recipients []string     `json:"recipients,omitempty"` // the same, of a store with recipients
}

func newStoreList(r *run) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   "list the items in the store and what each of them is",
		Long: `Lists every item in the store in use, with what it is: a key, a cached session, a
sign-in, the new key of a rotation that is not finished, or what AWS Vault has
cached. It says who can read the items.

The names of keys in an age store are encrypted. They are decrypted here, which
takes your identity; vault list shows only those that are in your config file.`,
		Args: args(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error { return storeList(c.Context(), r, asJSON) },
	}
	boolFlag(c.Flags(), &asJSON, "json", "", false, "as JSON")
	return c
}

func storeList(ctx context.Context, r *run, asJSON bool) error {
	s, o, err := r.storeInUse(ctx)
	if err != nil {
		return err
	}
	recipients, err := store.Recipients(s)
	if err != nil {
		return err
	}
	items, unreadable, err := store.Items(ctx, s)
	if err != nil {
		return err
	}
	content := storeContent{Store: o.Spec(), Items: append([]store.Item{}, items...), Readers: store.Of(s).Readers}
	for _, a := range recipients {
		content.Recipients = append(content.Recipients, cmp.Or(a.Name, a.Recipient))
	}
	if asJSON {
		err = display.JSON(r.Stdout, content)
	} else {
		err = listText(r, content)
	}
	sayDefects(r, unreadable)
	if err == nil && len(unreadable) > 0 {
		err = statusError(exitFailed)
	}
	return err
}

// kindWords says what an item is.
func kindWords(k store.ItemKind) string {
	switch k {
	case store.SignInItem:
		return "sign-in to Identity Center"
	case store.StagedItem:
		return "new key of a rotation that is not finished"
	case store.AWSVaultItem:
		return "cached by AWS Vault"
	case store.UnknownItem:
		return "of a later version of this program"
	}
	return string(k)
}

func listText(r *run, c storeContent) error {
	var t display.Table
	t.Row("Name", "Item")
	t.Row("====", "====")
	for _, item := range c.Items {
		t.Row(item.Name, kindWords(item.Kind))
	}
	if err := t.Write(r.Stdout); err != nil {
		return err
	}
	if len(c.Recipients) > 0 {
		r.say("%s is readable by %s", c.Store, display.List(c.Recipients))
		return nil
	}
	r.say("%s is readable by %s", c.Store, c.Readers)
	return nil
}
