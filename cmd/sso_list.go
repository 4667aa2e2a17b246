package cmd

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/d44b7504/vault/internal/display"
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
		RunE:              func(c *cobra.Command, a []string) error { return runSSOList(c.Context(), r, firstArg(a), asJSON) },
	}
	boolFlag(c.Flags(), &asJSON, "json", "", false, "as JSON")
	return c
}

func runSSOList(ctx context.Context, r *run, name string, asJSON bool) error {
	d, err := r.task.Directory(ctx, name)
	if err != nil {
		return err
	}
	accounts, err := d.Accounts(ctx)
	switch {
	case err != nil:
		return err
	case asJSON:
		return printAccountsJSON(r, accounts)
	}
	return printAccounts(r, accounts)
}

// accountRoles is an account in the JSON form.
type accountRoles struct {
	Account string   `json:"account"`
	Name    string   `json:"name"`
	Email   string   `json:"email,omitempty"`
	Roles   []string `json:"roles"`
}

func printAccountsJSON(r *run, accounts []sessions.Account) error {
	rows := []accountRoles{}
	for _, a := range accounts {
		rows = append(rows, accountRoles{a.ID, a.Name, a.Email, append([]string{}, a.Roles...)})
	}
	return display.JSON(r.Stdout, rows)
}

func printAccounts(r *run, accounts []sessions.Account) error {
	var t display.Table
	t.Row("Account", "Name", "Role")
	t.Row("=======", "====", "====")
	for _, a := range accounts {
		for _, role := range a.Roles {
			t.Row(a.ID, a.Name, role)
		}
	}
	return t.Write(r.Stdout)
}
