package cmd

// This file has the formats in which credentials are printed for other programs.

import (
	"errors"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/d44b7504/vault/env"
	"github.com/d44b7504/vault/internal/app"
	"github.com/d44b7504/vault/internal/creds"
	"github.com/d44b7504/vault/internal/display"
	"github.com/d44b7504/vault/shells"
)

func exportFormats() []string {
	list := []string{"env", "export-env", "json", "ini"}
	for _, sh := range shells.All() {
		list = append(list, sh.Programs()...)
	}
	return append(list, "dotenv", "github")
}

// printCredentials prints a session in one of the formats.
func printCredentials(r *run, s creds.Session, format string) error {
	text, err := credentialsText(r, s, format)
	if err != nil {
		return err
	}
	_, err = io.WriteString(r.Stdout, text)
	return err
}

// credentialsText renders the whole text before any of it is printed.
func credentialsText(r *run, s creds.Session, format string) (string, error) {
	if err := s.Check(); err != nil {
		return "", err
	}
	vars := credentialVariables(s, r.task.Env.User)
	switch format {
	case "json":
		return processJSON(s)
	case "ini":
		return iniSection(s)
	case "github":
		return github(r.getenv("GITHUB_ENV"), vars)
	case "env", "dotenv":
		return assignments(vars, format == "dotenv"), nil
	case "export-env":
		format = "bash"
	}
	sh, err := shells.For(format)
	if err != nil {
		return "", err
	}
	return sh.Render(env.Alone(env.Parse(r.Environ), vars))
}

// credentialVariables are the variables of a session for whoever reads them, in an
// environment that the user has made.
func credentialVariables(s creds.Session, user map[string]string) []env.Change {
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
	more := env.Settings(user, s)
	for _, n := range slices.Sorted(maps.Keys(more)) {
		add(n, creds.New(more[n]))
	}
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
	var b strings.Builder
	err := display.JSON(&b, out)
	return b.String(), err
}

func iniSection(s creds.Session) (string, error) {
	if strings.Contains(s.Profile, "]") {
		return "", errors.New("the profile's name has a ], which this format cannot hold")
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

// assignments are lines of NAME=value. In a .env file a value is put between double quotes when
// it has a character that some reader of such files would act on.
func assignments(vars []env.Change, dotenv bool) string {
	var b strings.Builder
	for _, c := range vars {
		v := c.Value.Reveal()
		if dotenv && strings.ContainsAny(v, " \t#\"'\\$`") {
			v = `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, `$`, `\$`, "`", "\\`").Replace(v) + `"`
		}
		b.WriteString(c.Name + "=" + v + "\n")
	}
	return b.String()
}

// github hands the variables to the later steps of a GitHub Actions job, by the file
// that $GITHUB_ENV names. What is returned goes to the step's log: commands that mask
// the secrets there.
func github(file string, vars []env.Change) (string, error) {
	if file == "" {
		return "", app.WithHint(errors.New("GITHUB_ENV is not set"), "the github format is for a step of GitHub Actions")
	}
	f, err := os.OpenFile(file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return "", err
	}
	_, err = f.WriteString(assignments(vars, false))
	if err = errors.Join(err, f.Close()); err != nil {
		return "", err
	}
	var masks strings.Builder
	for _, c := range vars {
		if strings.Contains(c.Name, "SECRET") || strings.Contains(c.Name, "TOKEN") || strings.Contains(c.Name, "KEY") {
			masks.WriteString("::add-mask::" + c.Value.Reveal() + "\n")
		}
	}
	return masks.String(), nil
}
