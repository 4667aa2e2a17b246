package cmd

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

type exportOptions struct {
	sessionFlags
	profile, format string
}

const exportHelp = `Prints credentials for another program. The json format is what the AWS tools
expect of a credential_process. For a key that is stored under the profile's name:

  [profile iam]
  credential_process = vault export iam --format json

and roles with source_profile = iam work in the AWS tools and here. To have vault
assume the role too, and ask for its MFA code, give the AWS tools a second profile:

  [profile admin]
  role_arn = arn:aws:iam::111122223333:role/admin
  source_profile = iam
  [profile admin-tools]
  credential_process = vault export admin --format json

In a profile with a role_arn the AWS tools do not look at a credential_process.

A sign-in to Identity Center is not begun then, while another program reads standard
error: the answer is exit status 3 and what to run.

env prints NAME=value as it is; export-env, bash, zsh, fish and powershell print
quoted code to evaluate; dotenv quotes for .env files; github writes to the files
of a GitHub Actions step and masks the secrets in its log.`

func newExport(r *run) *cobra.Command {
	var o exportOptions
	c := &cobra.Command{
		Use:               "export [PROFILE]",
		Short:             "print a profile's credentials",
		Long:              exportHelp,
		Args:              args(cobra.MaximumNArgs(1)),
		ValidArgsFunction: completeProfile(r),
		RunE: func(c *cobra.Command, a []string) error {
			o.profile = firstArg(a)
			if !slices.Contains(exportFormats(), o.format) {
				return usage(c, fmt.Errorf("--format is one of %s, not %q", strings.Join(exportFormats(), ", "), o.format))
			}
			return runExport(c.Context(), r, o)
		},
	}
	o.bind(c, r)
	o.bindRole(c)
	c.Flags().StringVar(&o.format, "format", "env", strings.Join(exportFormats(), ", "))
	_ = c.RegisterFlagCompletionFunc("format", fixed(exportFormats()...))
	return c
}

func runExport(ctx context.Context, r *run, o exportOptions) error {
	q, err := o.choose(ctx, r, o.profile, "")
	if err != nil {
		return err
	}
	r.task.SignIn.Never = o.format == "json" && !r.StderrIsTerm
	_, l, err := o.session(ctx, r, &q)
	if err != nil {
		return err
	}
	return printCredentials(r, l.Session, o.format)
}
