package cmd

// This file has the flags that name a role of Identity Center for which there is no profile.

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/d44b7504/vault/internal/app"
	"github.com/d44b7504/vault/internal/profiles"
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
	fs.StringVar(&o.account, "account", "", "with --sso: the account's id")
	fs.StringVar(&o.role, "role", "", "with --sso: the role's name")
	_ = c.RegisterFlagCompletionFunc("sso", completeSessions(r))
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
	if o.account == "" || o.role == "" {
		return o.choose(ctx, r, d)
	}
	if err := profiles.CheckRole(o.account, o.role); err != nil {
		return "", usage(o.of, err)
	}
	return profiles.RoleName(d.Session, o.account, o.role), nil
}

// choose is the only role that fits, or the one that a person chooses.
func (o centerRole) choose(ctx context.Context, r *run, d app.Directory) (string, error) {
	accounts, err := d.Accounts(ctx)
	if err != nil {
		return "", err
	}
	var list []app.Choice
	for _, a := range accounts {
		for _, role := range a.Roles {
			if (o.account == "" || o.account == a.ID) && (o.role == "" || o.role == role) {
				list = append(list, app.Choice{Detail: profiles.Detail{
					Name: profiles.RoleName(d.Session, a.ID, role), Account: a.ID, Role: role, Text: a.Email,
				}, AccountName: a.Name})
			}
		}
	}
	switch {
	case len(list) == 0:
		return "", app.WithHint(fmt.Errorf("%s does not give you such a role", d.Name()), "vault sso list %s shows those that it does", app.Word(d.Session))
	case len(list) == 1:
		return list[0].Name, nil
	case r.task.Ask == nil:
		return "", app.WithHint(usage(o.of, errors.New("--account and --role are needed, and there is no terminal to choose them on")),
			"vault sso list %s shows them", app.Word(d.Session))
	}
	at, err := choose(ctx, r, list)
	if err != nil {
		return "", err
	}
	return list[at].Name, nil
}
