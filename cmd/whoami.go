package cmd

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/d44b7504/vault/internal/app"
	"github.com/d44b7504/vault/internal/display"
)

func newWhoami(r *run) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "whoami [PROFILE]",
		Short: "ask AWS who you are",
		Long: `Asks STS which identity a profile has. Without a profile it is the identity that
programs in this shell have: the AWS tools find it in the keys of the environment, the
active profile, AWS_PROFILE, a web identity or the address of a container, and this
command looks there in the same order. That needs no permission. If the session of a
profile has expired, a new one is made first. IAM is asked once for the alias of the
account, if you have permission; lists and prompts show it where no name is known.`,
		Args:              args(cobra.MaximumNArgs(1)),
		ValidArgsFunction: completeProfile(r),
		RunE:              func(c *cobra.Command, a []string) error { return runWhoami(c.Context(), r, firstArg(a), asJSON) },
	}
	boolFlag(c.Flags(), &asJSON, "json", "", false, "as JSON")
	return c
}

func runWhoami(ctx context.Context, r *run, name string, asJSON bool) error {
	i, err := identity(ctx, r, name)
	switch {
	case err != nil:
		return err
	case asJSON:
		return display.JSON(r.Stdout, i)
	}
	return printIdentity(r, i)
}

// identity is that of a profile, of the credentials in the environment, or of the active
// profile.
func identity(ctx context.Context, r *run, name string) (app.Identity, error) {
	if given := app.GivenIn(r.task.Env); name == "" && given != "" {
		return app.IdentityGiven(ctx, r.task, given)
	}
	q, err := sessionFlags{}.choose(ctx, r, name, "")
	if err != nil {
		return app.Identity{}, err
	}
	return app.IdentityOf(ctx, r.task, q)
}

func printIdentity(r *run, i app.Identity) error {
	var t display.Table
	row := func(name, value string) {
		if value != "" {
			t.Row(name, value)
		}
	}
	row("profile", i.Profile)
	row("account", accountText(i.Account, i.Name))
	row("arn", i.ARN)
	row("role", i.Role)
	row("region", i.Region)
	row("source", i.Source)
	if i.Expires != nil {
		row("expires", display.Clock(*i.Expires, r.Now())+", "+display.Left(i.Expires.Sub(r.Now()))+" left")
	}
	return t.Write(r.Stdout)
}
