package cmd

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/d44b7504/vault/internal/app"
	"github.com/d44b7504/vault/internal/display"
	"github.com/d44b7504/vault/internal/sessions"
)

type ssoListOptions struct {
	name            string
	asJSON, refresh bool
}

func newSSOList(r *run) *cobra.Command {
	var o ssoListOptions
	c := &cobra.Command{
		Use:   "list [PROFILE | SESSION]",
		Short: "list the accounts and roles you have",
		Long: `Lists every account you may enter and the roles you have there. Identity Center is
asked when it was not asked within a day, or with --refresh; until then the list is
the one that it gave, and its age is said. You may have to sign in first.`,
		Args:              args(cobra.MaximumNArgs(1)),
		ValidArgsFunction: completeProfile(r),
		RunE: func(c *cobra.Command, a []string) error {
			o.name = firstArg(a)
			return runSSOList(c.Context(), r, o)
		},
	}
	boolFlag(c.Flags(), &o.asJSON, "json", "", false, "as JSON")
	boolFlag(c.Flags(), &o.refresh, "refresh", "", false, "ask Identity Center, whatever is known")
	return c
}

func runSSOList(ctx context.Context, r *run, o ssoListOptions) error {
	d, err := r.task.Directory(ctx, o.name)
	if err != nil {
		return err
	}
	var list app.AccountList
	if o.refresh {
		list.Accounts, err = d.Accounts(ctx)
	} else {
		list, err = d.Known(ctx)
	}
	if err != nil {
		return err
	}
	sayAge(r, d, list)
	if o.asJSON {
		return printAccountsJSON(r, list.Accounts)
	}
	return printAccounts(r, list.Accounts)
}

// sayAge tells how old a list is that Identity Center was not asked for just now, and why it was
// not.
func sayAge(r *run, d app.Directory, list app.AccountList) {
	if list.Asked.IsZero() {
		return
	}
	age := display.Ago(r.Now().Sub(list.Asked))
	if list.Failed != nil {
		r.say("%s", app.Text(list.Failed))
		r.say("the list is what %s gave %s", d.Name(), age)
		return
	}
	r.say("what %s gave %s; vault sso list %s --refresh asks again", d.Name(), age, app.Word(d.Name()))
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
