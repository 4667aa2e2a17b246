package cmd

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/d44b7504/vault/internal/app"
	"github.com/d44b7504/vault/internal/display"
)

func newClear(r *run) *cobra.Command {
	return &cobra.Command{
		Use:   "clear [PROFILE...]",
		Short: "delete cached sessions and sign-ins",
		Long: `Deletes the sessions and the Identity Center sign-ins that are cached in the keyring,
or those of the profiles that are named, AWS Vault's too. Stored keys stay.

A session that is deleted here stays valid at AWS until it expires. A shell that uses
one makes a new one if that needs no person, and else keeps what it has until that
expires; vault off, in that shell, leaves it. vault sso logout ends a sign-in at AWS
too.`,
		ValidArgsFunction: completeProfiles(r),
		RunE:              func(c *cobra.Command, a []string) error { return runClear(c.Context(), r, distinct(a)) },
	}
}

func runClear(ctx context.Context, r *run, names []string) error {
	done, err := r.task.ClearCaches(ctx, names)
	nothing := done.Sessions+done.SignIns+done.Foreign == 0
	if err == nil || !nothing {
		r.say("%s", clearedText(done, names))
	}
	if err != nil {
		return err
	}
	if done.Base != "" {
		r.say("the session with MFA that several roles share was kept: it is that of %s", done.Base)
		r.hint("vault clear %s", app.Word(done.Base))
	}
	if done.Sessions > 0 {
		r.hint("a shell that uses one keeps it until it expires, or renews it by itself; vault off leaves it")
	}
	return nil
}

// clearedText says what was deleted. Nothing is not a failure: that is what was wanted.
func clearedText(done app.Cleared, names []string) string {
	var parts []string
	add := func(n int, one, many string) {
		if n > 0 {
			parts = append(parts, display.CountOf(n, one, many))
		}
	}
	add(done.Sessions, "session", "sessions")
	add(done.SignIns, "sign-in", "sign-ins")
	add(done.Foreign, "item that AWS Vault had cached", "items that AWS Vault had cached")
	whose := ""
	if len(names) > 0 {
		whose = " of " + display.List(names)
	}
	if len(parts) == 0 {
		return "nothing" + whose + " was cached"
	}
	return "cleared " + display.List(parts) + whose
}
