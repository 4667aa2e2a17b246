package cmd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/d44b7504/vault/env"
	"github.com/d44b7504/vault/internal/creds"
	"github.com/d44b7504/vault/refresh"
	"github.com/d44b7504/vault/shells"
)

var exportFormats = slices.Concat([]string{"env", "export-env", "json", "ini"}, shellFormats(), []string{"dotenv", "github"})

// shellFormats are the names and other names of the shells.
func shellFormats() []string {
	var names []string
	for _, sh := range shells.All() {
		names = append(names, sh.Programs()...)
	}
	return names
}

type exportOptions struct {
	identity
	profile, format string
}

func newExport(r *run) *cobra.Command {
	var o exportOptions
	c := &cobra.Command{
		Use:   "export [PROFILE]",
		Short: "print a profile's credentials",
		Long: `Prints credentials for another program. The json format is what the AWS tools
expect of a credential_process:

  [profile prod]
  credential_process = vault export prod --format json

env prints NAME=value as it is; export-env, bash, zsh, fish and powershell print
quoted code to evaluate; dotenv quotes for .env files; github writes to the files
of a GitHub Actions step and masks the secrets in its log.`,
		Args:              args(cobra.MaximumNArgs(1)),
		ValidArgsFunction: r.completeProfile,
		RunE: func(c *cobra.Command, a []string) error {
			if len(a) > 0 {
				o.profile = a[0]
			}
			if !slices.Contains(exportFormats, o.format) {
				return usage(c, fmt.Errorf("--format is one of %s, not %q", strings.Join(exportFormats, ", "), o.format))
			}
			return export(c.Context(), r, o)
		},
	}
	o.bind(c)
	o.bindRole(c)
	c.Flags().StringVar(&o.format, "format", "env", strings.Join(exportFormats, "|"))
	_ = c.RegisterFlagCompletionFunc("format", fixed(exportFormats...))
	return c
}

func export(ctx context.Context, r *run, o exportOptions) error {
	q, err := r.childRequest(ctx, o.identity, o.profile, "")
	if err != nil {
		return err
	}
	r.task.MFACode = creds.New(o.mfaToken)
	_, l, err := r.task.Session(ctx, q, refresh.Want{IgnoreCache: o.anew})
	if err != nil {
		return err
	}
	text, err := r.exported(l.Session, o.format)
	if err != nil {
		return err
	}
	_, err = io.WriteString(r.Stdout, text)
	return err
}

// exported renders the whole text before any of it is printed.
func (r *run) exported(s creds.Session, format string) (string, error) {
	vars := exportVariables(s)
	switch format {
	case "json":
		return processJSON(s)
	case "ini":
		return iniSection(s)
	case "github":
		return r.github(vars)
	case "env", "dotenv":
		return lines(vars, format == "dotenv")
	case "export-env":
		format = "bash"
	}
	sh, err := shells.For(format)
	if err != nil {
		return "", err
	}
	return sh.Render(vars)
}

func exportVariables(s creds.Session) []env.Change {
	var list []env.Change
	add := func(name string, v creds.Secret) {
		if !v.IsZero() {
			list = append(list, env.Change{Name: name, Value: v})
		}
	}
	add("AWS_ACCESS_KEY_ID", creds.New(s.AccessKeyID))
	add("AWS_SECRET_ACCESS_KEY", s.SecretKey)
	add("AWS_SESSION_TOKEN", s.Token)
	if !s.Expires.IsZero() {
		add(env.Expiration, creds.New(s.Expires.UTC().Format(time.RFC3339)))
	}
	add("AWS_REGION", creds.New(s.Region))
	add("AWS_DEFAULT_REGION", creds.New(s.Region))
	return list
}

// processJSON is the contract of credential_process, version 1.
func processJSON(s creds.Session) (string, error) {
	out := struct {
		Version         int
		AccessKeyId     string //nolint:revive // the contract's own name
		SecretAccessKey string
		SessionToken    string `json:",omitempty"`
		Expiration      string `json:",omitempty"`
	}{Version: 1, AccessKeyId: s.AccessKeyID, SecretAccessKey: s.SecretKey.Reveal(), SessionToken: s.Token.Reveal()}
	if !s.Expires.IsZero() {
		out.Expiration = s.Expires.UTC().Format(time.RFC3339)
	}
	b, err := json.MarshalIndent(out, "", "  ")
	return string(b) + "\n", err
}

var errLineBreak = errors.New("a value has a line break, which this format cannot carry")

func iniSection(s creds.Session) (string, error) {
	if strings.ContainsAny(s.Profile, "\r\n]") {
		return "", errLineBreak
	}
	b := "[" + s.Profile + "]\n"
	for _, kv := range [][2]string{
		{"aws_access_key_id", s.AccessKeyID}, {"aws_secret_access_key", s.SecretKey.Reveal()},
		{"aws_session_token", s.Token.Reveal()}, {"region", s.Region},
	} {
		if kv[1] != "" {
			b += kv[0] + " = " + kv[1] + "\n"
		}
	}
	if !s.Expires.IsZero() {
		b += "aws_credential_expiration = " + s.Expires.UTC().Format(time.RFC3339) + "\n"
	}
	return b, nil
}

// lines prints NAME=value. In a .env file a value stands between double quotes when
// it has a character that some reader of such files would act on.
func lines(vars []env.Change, dotenv bool) (string, error) {
	var b strings.Builder
	for _, c := range vars {
		v := c.Value.Reveal()
		if strings.ContainsAny(v, "\r\n\x00") {
			return "", errLineBreak
		}
		if dotenv && strings.ContainsAny(v, " \t#\"'\\$`") {
			v = `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, `$`, `\$`, "`", "\\`").Replace(v) + `"`
		}
		b.WriteString(c.Name + "=" + v + "\n")
	}
	return b.String(), nil
}
