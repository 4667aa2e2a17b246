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
		Long: `Asks STS who the active profile, or the one that is named, is. That needs no
permission. If its session has expired a new one is made first.`,
		Args:              args(cobra.MaximumNArgs(1)),
		ValidArgsFunction: completeProfile(r),
		RunE:              func(c *cobra.Command, a []string) error { return runWhoami(c.Context(), r, firstArg(a), asJSON) },
	}
	boolFlag(c.Flags(), &asJSON, "json", "", false, "as JSON")
	return c
}

func runWhoami(ctx context.Context, r *run, name string, asJSON bool) error {
	q, err := sessionFlags{}.choose(ctx, r, name, "")
	if err != nil {
		return err
	}
	i, err := app.IdentityOf(ctx, r.task, q)
	switch {
	case err != nil:
		return err
	case asJSON:
		return display.JSON(r.Stdout, i)
	}
	return printIdentity(r, i)
}

func printIdentity(r *run, i app.Identity) error {
	var t display.Table
	row := func(name, value string) {
		if value != "" {
			t.Row(name, value)
		}
	}
	row("profile", i.Profile)
	row("account", i.Account)
	row("arn", i.ARN)
	row("role", i.Role)
	row("region", i.Region)
	row("source", i.Source)
	if i.Expires != nil {
		row("expires", display.Clock(*i.Expires, r.Now())+", "+display.Left(i.Expires.Sub(r.Now()))+" left")
	}
	return t.Write(r.Stdout)
}
