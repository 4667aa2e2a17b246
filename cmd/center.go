package cmd

// This file has the flags that name a role of Identity Center for which there is no profile.

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/d44b7504/vault/internal/app"
	"github.com/d44b7504/vault/internal/profiles"
	"github.com/d44b7504/vault/internal/sessions"
)

// centerRole is such a role. What is left out is chosen from a list, if it is not clear.
type centerRole struct {
	session, account, role string

	of *cobra.Command
}

func (o *centerRole) bind(c *cobra.Command, r *run) {
	o.of = c
	fs := c.Flags()
	fs.StringVar(&o.session, "sso", "", "in place of a profile: a role of this sso-session")
	fs.StringVar(&o.account, "account", "", "with --sso: the account's id, its name or its alias")
	fs.StringVar(&o.role, "role", "", "with --sso: the role's name")
	_ = c.RegisterFlagCompletionFunc("sso", completeSessions(r))
	_ = c.RegisterFlagCompletionFunc("account", o.completeAccounts(r))
	_ = c.RegisterFlagCompletionFunc("role", o.completeRoles(r))
}

// given reports whether one of the flags is, if only with an empty value: that comes from a
// variable that is not set, and must not lead to another profile.
func (o centerRole) given() bool {
	if o.of == nil {
		return false
	}
	fs := o.of.Flags()
	return fs.Changed("sso") || fs.Changed("account") || fs.Changed("role")
}

// profile is the name of the role as a profile, or the one that was named without these
// flags. A person may be asked to sign in, and to choose.
func (o centerRole) profile(ctx context.Context, r *run, named string) (string, error) {
	if !o.given() {
		return named, nil
	}
	if named != "" {
		return "", usage(o.of, fmt.Errorf("%q is a profile, and --sso, --account and --role stand for one", named))
	}
	for _, f := range [...]struct{ name, value string }{{"sso", o.session}, {"account", o.account}, {"role", o.role}} {
		if o.of.Flags().Changed(f.name) && f.value == "" {
			return "", usage(o.of, fmt.Errorf("--%s has no value", f.name))
		}
	}
	d, err := r.task.RoleDirectory(ctx, o.session)
	if err != nil {
		return "", err
	}
	if o.account != "" && o.role != "" && isDigits(o.account) {
		if err := profiles.CheckRole(o.account, o.role); err != nil {
			return "", usage(o.of, err)
		}
		return profiles.RoleName(d.Session, o.account, o.role), nil
	}
	if err := profiles.CheckRole("000000000000", cmp.Or(o.role, "any")); err != nil {
		return "", usage(o.of, err)
	}
	return o.choose(ctx, r, d)
}

func isDigits(text string) bool { return strings.Trim(text, "0123456789") == "" }

// choose is the only role that fits, or the one that a person chooses. Where none fits of those that
// are known, Identity Center is asked whether there are others now.
func (o centerRole) choose(ctx context.Context, r *run, d app.Directory) (string, error) {
	known, err := d.Known(ctx)
	if err != nil {
		return "", err
	}
	list := o.fitting(r, d, known.Accounts)
	if len(list) == 0 && !known.Asked.IsZero() && known.Failed == nil {
		if known.Accounts, err = d.Accounts(ctx); err != nil {
			return "", err
		}
		known, list = app.AccountList{Accounts: known.Accounts}, o.fitting(r, d, known.Accounts)
	}
	switch {
	case len(list) == 0:
		return "", o.noRole(r, d, known)
	case len(list) == 1:
		return list[0].Name, nil
	case r.task.Ask == nil:
		return "", app.WithHint(usage(o.of, errors.New("--account and --role are needed, and there is no terminal to choose them on")),
			"vault sso list %s shows them", app.Word(d.Session))
	}
	sayAge(r, d, known)
	at, err := choose(ctx, r, list)
	if err != nil {
		return "", err
	}
	return list[at].Name, nil
}

// fitting are the roles among those of a directory that the flags leave to choose from.
func (o centerRole) fitting(r *run, d app.Directory, accounts []sessions.Account) (list []app.Choice) {
	for _, a := range accounts {
		if o.account != "" && !r.task.IsAccount(a, o.account) {
			continue
		}
		for _, role := range a.Roles {
			if o.role == "" || strings.EqualFold(o.role, role) {
				list = append(list, app.Choice{Detail: profiles.Detail{
					Name: profiles.RoleName(d.Session, a.ID, role), Account: a.ID, Role: role, Text: a.Email,
				}, AccountName: a.Name})
			}
		}
	}
	return list
}

// noRole says that no role fits, with the accounts or roles that were probably meant.
func (o centerRole) noRole(r *run, d app.Directory, known app.AccountList) error {
	wrong := fmt.Errorf("%s does not give you such a role", d.Name())
	var names []string
	if o.account != "" && len(centerRole{account: o.account}.fitting(r, d, known.Accounts)) == 0 {
		wrong = fmt.Errorf("%s does not give you an account %q", d.Name(), o.account)
		for _, a := range known.Accounts {
			names = append(names, a.Name)
		}
		names = profiles.Near(o.account, distinct(names))
	} else if o.role != "" {
		for _, c := range (centerRole{account: o.account}).fitting(r, d, known.Accounts) {
			names = append(names, c.Role)
		}
		names = profiles.Near(o.role, distinct(names))
	}
	if known.Failed != nil {
		wrong = fmt.Errorf("%w, as far as is known: %s", wrong, app.Text(known.Failed))
	}
	if len(names) > 0 {
		return app.WithHint(wrong, "%s", app.DidYouMean(names))
	}
	return app.WithHint(wrong, "vault sso list %s shows those that it does", app.Word(d.Session))
}

// completeAccounts offers the accounts that are known, by their names, or by their ids where digits
// are typed. It makes no call.
func (o *centerRole) completeAccounts(r *run) cobra.CompletionFunc {
	return func(_ *cobra.Command, _ []string, word string) (list []cobra.Completion, _ cobra.ShellCompDirective) {
		for _, a := range r.task.KnownAccounts(o.session) {
			first, second := cmp.Or(strings.TrimSpace(a.Name), a.ID), a.ID
			if word != "" && strings.HasPrefix(a.ID, word) {
				first, second = a.ID, a.Name
			}
			if c := cobra.CompletionWithDesc(first, second); !slices.Contains(list, c) {
				list = append(list, c)
			}
		}
		return list, cobra.ShellCompDirectiveNoFileComp
	}
}

// completeRoles offers the roles that are known, of the account if that is on the line.
func (o *centerRole) completeRoles(r *run) cobra.CompletionFunc {
	return func(*cobra.Command, []string, string) (list []cobra.Completion, _ cobra.ShellCompDirective) {
		for _, a := range r.task.KnownAccounts(o.session) {
			if o.account == "" || r.task.IsAccount(a, o.account) {
				list = append(list, a.Roles...)
			}
		}
		slices.Sort(list)
		return slices.Compact(list), cobra.ShellCompDirectiveNoFileComp
	}
}
