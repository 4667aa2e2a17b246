package cmd

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/d44b7504/vault/internal/app"
	"github.com/d44b7504/vault/internal/display"
	"github.com/d44b7504/vault/internal/profiles"
	"github.com/d44b7504/vault/internal/sessions"
)

type syncOptions struct {
	names                []string
	name, prefix, region string
	prune, yes, dryRun   bool
}

func newSSOSync(r *run) *cobra.Command {
	o := syncOptions{}
	c := &cobra.Command{
		Use:   "sync [SESSION]",
		Short: "write a profile for every role you have",
		Long: `Writes a profile into the AWS config file for every role of every account that
Identity Center gives you. They stand between two comments; what is outside of
them is never touched, and a profile that is written there already stays yours.
The change is shown first, and made when you agree.

In --name these are filled in: {account} its name, {id} its number, {role},
{session}. A character that does not belong into a profile's name becomes "-".
Where two profiles would have one name, the account's number is added.`,
		Args: args(cobra.MaximumNArgs(1)),
		RunE: func(c *cobra.Command, a []string) error {
			o.names = a
			return ssoSync(c.Context(), r, o)
		},
	}
	fs := c.Flags()
	fs.StringVar(&o.name, "name", "{account}-{role}", "how the profiles are called")
	fs.StringVar(&o.prefix, "prefix", "", "what every name begins with")
	fs.StringVar(&o.region, "region", "", "region, for every profile; the directory's if not given")
	boolFlag(fs, &o.prune, "prune", "", false, "remove profiles whose role you no longer have")
	boolFlag(fs, &o.yes, "yes", "y", false, "do not ask")
	boolFlag(fs, &o.dryRun, "dry-run", "", false, "show the change and make none")
	_ = c.RegisterFlagCompletionFunc("region", completeRegions)
	return c
}

func ssoSync(ctx context.Context, r *run, o syncOptions) error {
	s, list, err := r.accounts(ctx, o.names)
	if err != nil {
		return err
	}
	if s.Session == "" {
		return app.WithHint(errors.New("profiles are written for an sso-session, and this profile has none"), "aws configure sso-session writes one")
	}
	makePlan := func() (*profiles.Sync, error) {
		return profiles.PlanSync(r.task.Env.ConfigFile(), s.Session, o.stanzas(*s, list, r.caller()), o.prune)
	}
	plan, err := makePlan()
	if err != nil {
		return err
	}
	for _, n := range plan.Foreign {
		r.say("%s is a profile of your own, it stays as it is", n)
	}
	if plan.Empty() {
		r.say("nothing to change: %d roles", roles(list))
		return nil
	}
	if err := r.showChange(plan); err != nil || o.dryRun {
		return err
	}
	if !o.yes {
		if err := r.confirm(ctx, "vault sso sync", "write "+counts(plan)+" in "+plan.Path, "nothing was written"); err != nil {
			return err
		}
	}
	if err := r.writeChange(ctx, plan, makePlan); err != nil {
		return err
	}
	r.say("wrote %s", counts(plan)+" in "+plan.Path)
	return nil
}

// writeChange makes the change that was shown. The file is read again under the lock:
// another program may have changed another part of it since.
func (r *run) writeChange(ctx context.Context, shown *profiles.Sync, makePlan func() (*profiles.Sync, error)) error {
	unlock, err := r.task.LockFiles(ctx, shown.Path)
	if err != nil {
		return err
	}
	defer unlock()
	now, err := makePlan()
	switch {
	case err != nil:
		return err
	case now.Diff() != shown.Diff():
		return &profiles.ChangedError{File: shown.Path}
	}
	return now.Write()
}

// showChange prints the change as a diff, safe for a terminal line by line.
func (r *run) showChange(plan *profiles.Sync) error {
	for line := range strings.Lines(plan.Diff()) {
		if _, err := io.WriteString(r.Stdout, display.Clean(strings.TrimSuffix(line, "\n"))+"\n"); err != nil {
			return err
		}
	}
	if f, ok := r.Stdout.(interface{ Flush() error }); ok {
		return f.Flush() // it is read before the question is answered
	}
	return nil
}

func counts(plan *profiles.Sync) string {
	return fmt.Sprintf("%d new, %d changed, %d removed", len(plan.Added), len(plan.Changed), len(plan.Removed))
}

func roles(list []sessions.Account) int {
	n := 0
	for _, a := range list {
		n += len(a.Roles)
	}
	return n
}

// caller is how other programs run us.
func (r *run) caller() string {
	if strings.ContainsAny(r.Program, " \t\"'\\$`") {
		return `"` + r.Program + `"`
	}
	return r.Program
}

// stanzas are the profiles for what the directory gives.
func (o syncOptions) stanzas(s profiles.SSO, list []sessions.Account, caller string) []profiles.Stanza {
	type choice struct{ id, role, name string }
	var choices []choice
	times := map[string]int{}
	for _, a := range list {
		for _, role := range a.Roles {
			name := profileName(o.prefix + strings.NewReplacer(
				"{account}", cmp.Or(a.Name, a.ID), "{id}", a.ID, "{role}", role, "{session}", s.Session,
			).Replace(o.name))
			choices = append(choices, choice{a.ID, role, name})
			times[name]++
		}
	}
	all := make([]profiles.Stanza, 0, len(choices))
	for _, c := range choices {
		if times[c.name] > 1 {
			c.name += "-" + c.id
		}
		s.Account, s.Role = c.id, c.role
		command := caller + " export " + c.name + " --format json"
		all = append(all, profiles.Stanza{Name: c.name, Settings: profiles.SyncedSettings(s, cmp.Or(o.region, s.Region), command)})
	}
	return all
}

// profileName keeps what no shell and no tool of AWS has to quote.
func profileName(s string) string {
	s = strings.Map(func(c rune) rune {
		if strings.ContainsRune("-_./@+=:", c) || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' {
			return c
		}
		return '-'
	}, s)
	return strings.TrimLeft(s, "-")
}
