package cmd

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/fatih/color"
	"github.com/spf13/cobra"

	"github.com/d44b7504/vault/env"
	"github.com/d44b7504/vault/internal/app"
	"github.com/d44b7504/vault/internal/display"
	"github.com/d44b7504/vault/refresh"
)

func newStatus(r *run) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "status",
		Short: "say who this shell is, and until when",
		Long: `Says what is active in this shell, without asking AWS or the keyring.

Exit status: 0 valid, 3 expired, or a person must sign in; 1 no profile is active.`,
		Args: args(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error { return runStatus(c.Context(), r, asJSON) },
	}
	c.Flags().BoolVar(&asJSON, "json", false, "as JSON")
	return c
}

func runStatus(ctx context.Context, r *run, asJSON bool) error {
	st, active := r.task.Env.Active()
	foreign, isForeign := r.task.Env.Foreign()
	switch {
	case isForeign:
	case !active && asJSON:
		if err := display.JSON(r.Stdout, map[string]any{"profile": nil}); err != nil {
			return err
		}
		return statusError(exitFailed)
	case !active:
		return errInactive(r)
	}
	var s app.Status
	if st.Request.Unhooked = st.Request.Unhooked || lacksRenewal(r); isForeign {
		s = app.StatusOfForeign(r.task, foreign)
	} else {
		s = app.StatusOf(r.task, st)
	}
	running := agentNow(ctx, r)
	s.Agent = running.words(r)
	if st.Lease != nil {
		s = running.addLease(r, s, st.Lease.ID)
	}
	show := printStatus
	if asJSON {
		show = func(r *run, s app.Status) error { return display.JSON(r.Stdout, s) }
	}
	if err := show(r, s); err != nil {
		return err
	}
	if s.Expired || s.Note.Meaning().SignIn {
		return statusError(exitSignIn)
	}
	return nil
}

func printStatus(r *run, s app.Status) error {
	var t display.Table
	row := func(name, value string) {
		if value != "" {
			t.Row(name, value)
		}
	}
	row("profile", s.Profile)
	row("account", accountText(s.Account, r.task.AccountName(s.Account)))
	row("role", s.Role)
	row("chained", s.RoleARN)
	row("narrowed", narrowed(s))
	row("region", s.Region)
	row("source", s.Source)
	row("mode", s.Mode)
	lastingRows(r, &t, s)
	row("note", noteText(r, s))
	row("changed", strings.Join(s.ChangedBy, ", "))
	if s.Guard != nil {
		row("held by", s.Guard.Words)
	}
	row("project", projectText(r, s.Project))
	row("coding agent", codingAgentText(s))
	row("inside", strings.Join(s.Inside, " > "))
	row("nested", depthText(s.Depth))
	if s.Agent != noAgent {
		row("agent", s.Agent)
	}
	err := t.Write(r.Stdout)
	if len(s.ChangedBy) > 0 {
		r.hint("another program has set these since; vault use %s sets them again", app.Word(s.Profile))
	}
	return err
}

// noteText says why the session is not renewed, "" where nothing is wrong.
func noteText(r *run, s app.Status) string {
	switch {
	case s.Note == "":
		return ""
	case s.Locked:
		return string(s.Note) + " " + r.named("vault lock has locked it; vault refresh goes on, at the same address")
	}
	return string(s.Note) + " " + r.named(s.Note.Meaning().Text())
}

// lastingRows says until when the session lasts, and what renews it.
func lastingRows(r *run, t *display.Table, s app.Status) {
	switch {
	case s.Foreign:
		foreignRows(r, t, s)
	case s.ServedTo > 0:
		servedRows(r, t, s)
	case s.Mode == env.ModeServer, s.Mode == env.ModeEC2:
		t.Row("renews", r.ours("by itself: vault exec serves it while this shell lives"))
	case s.Expires != nil:
		now := r.Now()
		t.PaintedRow(r.paint(urgency(s)), "expires", fmt.Sprintf("%s (%s)", display.Clock(*s.Expires, now), display.Left(s.Expires.Sub(now))))
		if text := renewalText(r, s); text != "" {
			t.Row("renews", text)
		}
	default:
		t.Row("expires", "never: this is a long-lived key")
	}
}

// servedRows says how the agent serves the session to the programs of this shell.
func servedRows(r *run, t *display.Table, s app.Status) {
	if s.Note == refresh.NoAgent {
		t.Row("served", "not any more")
		return
	}
	t.Row("served", fmt.Sprintf("by the agent, as long as the shell with process %d lives", s.ServedTo))
	if s.Expires != nil {
		t.PaintedRow(r.paint(urgency(s)), "expires", fmt.Sprintf("%s (%s)", display.Clock(*s.Expires, r.Now()), display.Left(s.Expires.Sub(r.Now()))))
	}
	switch {
	case s.Note != "" && !s.Note.Meaning().Retries: // the note says how
	case s.Renews == app.RenewsForTheCommand:
		t.Row("renews", "by itself, before it expires")
	default:
		t.Row("renews", renewalText(r, s))
	}
}

// foreignRows says what is known of a session of aws-vault.
func foreignRows(r *run, t *display.Table, s app.Status) {
	t.Row("given by", "aws-vault, and not by vault")
	if s.Expires != nil {
		t.PaintedRow(r.paint(urgency(s)), "expires", fmt.Sprintf("%s (%s)", display.Clock(*s.Expires, r.Now()), display.Left(s.Expires.Sub(r.Now()))))
	}
	t.Row("renews", r.ours("not here: leave this shell with exit, or switch in place with vault use "+app.Word(s.Profile)))
}

// codingAgentText says which coding agent has started the shell, and what it was given.
func codingAgentText(s app.Status) string {
	switch a := s.CodingAgent; {
	case a == nil:
		return ""
	case a.Rule == "":
		return a.Name + ", which is not held back: neither vault_agents nor AWS_VAULT_AGENTS is set"
	case s.ForAgent == "":
		return a.Name + ": " + a.Rule + ", as " + a.At + " says, but the session was there before"
	default:
		return a.Name + ": " + a.Rule + ", as " + a.At + " says"
	}
}

// depthText says how many shells a person leaves with exit before the first one.
func depthText(depth int) string {
	switch depth {
	case 0:
		return ""
	case 1:
		return "in one vault exec, which exit leaves"
	}
	return fmt.Sprintf("%d deep in vault exec, and each exit leaves one", depth)
}

// narrowed says what a session policy leaves of the role, "" if there is none.
func narrowed(s app.Status) string {
	list := slices.Clone(s.PolicyARNs)
	if s.Policy != "" {
		list = append(list, "the policy given with --policy")
	}
	if len(list) == 0 {
		return ""
	}
	return "to what it shares with " + strings.Join(list, ", ")
}

// urgency is the colour of the expiry. The words say the same without it.
func urgency(s app.Status) color.Attribute {
	switch {
	case s.Expired:
		return color.FgRed
	case s.Note != "":
		return color.FgYellow
	}
	return color.FgGreen
}

// renewalText says when and how the session is renewed.
func renewalText(r *run, s app.Status) string {
	switch s.Renews {
	case app.RenewsItself:
		return "by itself, from " + display.Clock(*s.RenewsAt, r.Now())
	case app.RetriesLater:
		return "tried again from " + display.Clock(*s.RenewsAt, r.Now())
	case app.RenewsAtPrompt:
		return "by itself, at the next prompt"
	case app.RenewsByCode, app.RenewsByPassphrase, app.RenewsByProgram:
		return r.ours("when you run vault refresh, which " + asks(s.Renews, app.RenewProgram(s.Chain)))
	case app.Lapses:
		return r.ours("never: vault refresh makes another, because of vault_auto_renew = false")
	case app.RenewsFromFile:
		return "once the file has a new key"
	case app.NotRenewedHere:
		return "not in this shell, whose prompt does not run the hook"
	case app.NotRenewedUnknown:
		return "not by itself: the profile cannot be resolved any more"
	}
	return "not by itself"
}

// asks says what a person is asked for at a renewal, or that a program is run, by its name.
func asks(how app.Renewal, program string) string {
	switch how {
	case app.RenewsByPassphrase:
		return "asks for the passphrase"
	case app.RenewsByProgram:
		return "runs " + cmp.Or(program, "the vault_renew_command of the profile")
	}
	return "asks for an MFA code"
}

// accountText is an account's id, with its name where that is known.
func accountText(id, name string) string {
	if name != "" {
		return id + " (" + name + ")"
	}
	return id
}
