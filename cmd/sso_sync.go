package cmd

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/d44b7504/vault/internal/app"
	"github.com/d44b7504/vault/internal/display"
	"github.com/d44b7504/vault/internal/profiles"
	"github.com/d44b7504/vault/internal/sessions"
)

type syncOptions struct {
	app.SyncOptions
	session     string
	yes, dryRun bool
}

func newSSOSync(r *run) *cobra.Command {
	o := syncOptions{}
	c := &cobra.Command{
		Use:   "sync [SESSION]",
		Short: "write a profile for every role you have",
		Long: `Writes a profile into the AWS config file for every role of every account that
Identity Center gives you. They are between two comments; what is outside of them
is never changed, and a profile that is there already stays yours. The change is
shown first, and made when you agree.

In --name these are filled in: {account} its name, {id} its number, {role},
{session}. A character that does not belong into a profile's name becomes "-".
Where two profiles would have one name, the account's number is added.`,
		Args: args(cobra.MaximumNArgs(1)),
		RunE: func(c *cobra.Command, a []string) error {
			o.session = firstArg(a)
			return runSSOSync(c.Context(), r, o)
		},
	}
	fs := c.Flags()
	fs.StringVar(&o.Name, "name", "{account}-{role}", "the names of the profiles")
	fs.StringVar(&o.Prefix, "prefix", "", "the beginning of every name")
	regionFlag(c, &o.Region, "region, for every profile; the directory's if not given")
	boolFlag(fs, &o.Native, "native", "", false, "with the sso_* settings of the AWS tools, which then sign in by themselves")
	boolFlag(fs, &o.Prune, "prune", "", false, "remove profiles whose role you no longer have")
	boolFlag(fs, &o.yes, "yes", "y", false, "do not ask")
	boolFlag(fs, &o.dryRun, "dry-run", "", false, "show the change and make none")
	return c
}

func runSSOSync(ctx context.Context, r *run, o syncOptions) error {
	d, err := r.task.Directory(ctx, o.session)
	if err != nil {
		return err
	}
	accounts, err := d.Accounts(ctx)
	if err != nil {
		return err
	}
	o.Program = callableProgram(r.Program)
	makePlan := func() (*profiles.Sync, error) { return d.PlanSync(accounts, o.SyncOptions) }
	plan, err := makePlan()
	if err != nil {
		return err
	}
	for _, n := range plan.Foreign {
		r.say("%s is a profile of your own, it is not changed", n)
	}
	if plan.Empty() {
		r.say("nothing to change: %s", display.Count(countRoles(accounts), "role"))
		return nil
	}
	if err := printCleanLines(r.Stdout, plan.Diff()); err != nil {
		return err
	}
	if err := r.flush(); err != nil || o.dryRun { // it is read before the question is answered
		return err
	}
	change := fmt.Sprintf("%d new, %d changed, %d removed in %s", len(plan.Added), len(plan.Changed), len(plan.Removed), plan.Path)
	if !o.yes {
		if err := r.confirm(ctx, "vault sso sync", "write "+change, "nothing was written"); err != nil {
			return err
		}
	}
	if err := d.WriteSync(ctx, plan, makePlan); err != nil {
		return err
	}
	r.say("wrote %s", change)
	return nil
}

func countRoles(accounts []sessions.Account) (n int) {
	for _, a := range accounts {
		n += len(a.Roles)
	}
	return n
}

// callableProgram is how other programs run this one.
func callableProgram(program string) string {
	if strings.ContainsAny(program, " \t\"'\\$`") {
		return `"` + program + `"`
	}
	return program
}
