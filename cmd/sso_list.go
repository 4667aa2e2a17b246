package cmd

import (
	"context"
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/d44b7504/vault/internal/display"
	"github.com/d44b7504/vault/internal/profiles"
	"github.com/d44b7504/vault/internal/sessions"
)

func newSSOList(r *run) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "list [PROFILE | SESSION]",
		Short: "list the accounts and roles you have",
		Long: `Asks Identity Center for every account you may enter and the roles you have
there. You may have to sign in first.`,
		Args:              args(cobra.MaximumNArgs(1)),
		ValidArgsFunction: completeProfile(r),
		RunE: func(c *cobra.Command, a []string) error {
			_, list, err := r.accounts(c.Context(), a)
			if err != nil {
				return err
			}
			if asJSON {
				return listJSON(r, list)
			}
			return listAccounts(r, list)
		},
	}
	boolFlag(c.Flags(), &asJSON, "json", "", false, "as JSON")
	return c
}

// accounts lists a directory. The person who wants that may be sent to the browser.
func (r *run) accounts(ctx context.Context, names []string) (*profiles.SSO, []sessions.Account, error) {
	name := ""
	if len(names) > 0 {
		name = names[0]
	}
	p, s, err := r.directory(ctx, name)
	if err != nil {
		return nil, nil, err
	}
	m, err := r.task.Maker(ctx)
	if err != nil {
		return nil, nil, err
	}
	list, err := m.Accounts(ctx, p, s)
	return s, list, err
}

func listJSON(r *run, list []sessions.Account) error {
	type row struct {
		Account string   `json:"account"`
		Name    string   `json:"name"`
		Email   string   `json:"email,omitempty"`
		Roles   []string `json:"roles"`
	}
	rows := []row{}
	for _, a := range list {
		rows = append(rows, row{a.ID, a.Name, a.Email, append([]string{}, a.Roles...)})
	}
	return display.JSON(r.Stdout, rows)
}

func listAccounts(r *run, list []sessions.Account) error {
	w := tabwriter.NewWriter(r.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "Account\tName\tRole")
	fmt.Fprintln(w, "=======\t====\t====")
	for _, a := range list {
		for _, role := range a.Roles {
			fmt.Fprintf(w, "%s\t%s\t%s\n", display.Clean(a.ID), display.Clean(a.Name), display.Clean(role))
		}
	}
	return w.Flush()
}
