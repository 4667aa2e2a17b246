package cmd

import (
	"cmp"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/d44b7504/vault/env"
	"github.com/d44b7504/vault/internal/app"
	"github.com/d44b7504/vault/internal/display"
)

type showOptions struct {
	region, roleARN string
	duration        time.Duration
	noSession, json bool
}

func newShow(r *run) *cobra.Command {
	var o showOptions
	c := &cobra.Command{
		Use:   "show PROFILE...",
		Short: "explain what a profile means, and why",
		Long: `Says what a profile resolves to: the chain of roles down to where its credentials
come from, what signing in will ask for, and for each setting that counts the
file and line, the variable or the flag it comes from. It reads the config file
and the environment, and asks neither AWS nor the keyring. Values that may hold a
secret are not shown; of a command only the program is.

With --json each profile is one object:
  profile, region, cache_key (its beginning), warnings, error (if there is one)
  chain     from the profile down; each has a kind (role, stored_key,
            identity_center, credential_process, web_identity,
            credential_source, aws_login) and what belongs to it
  needs     of a sign-in when nothing is cached: kind is mfa_code or mfa_process
            (with its device), browser (with its url), aws_login or
            credential_process
  guard     protected, read_only, max_duration_seconds, not_renewed, agents
  network   endpoints by service, use_fips_endpoint, ca_bundle and the like
  origins   profile, key, value, and file, line and section, or variable, or
            flag, or default
  settings  everything in the profile's section, as the AWS tools read it:
            a string, an object for a nested block, null if it is in hidden
  hidden    the keys whose values are not shown, or only in part

Exit status: 0 done, 1 a profile cannot be resolved, 2 usage.`,
		Args:              args(cobra.MinimumNArgs(1)),
		ValidArgsFunction: completeProfile(r),
		RunE:              func(_ *cobra.Command, names []string) error { return runShow(r, o, names) },
	}
	o.bind(c)
	return c
}

func (o *showOptions) bind(c *cobra.Command) {
	fs := c.Flags()
	boolFlag(fs, &o.json, "json", "", false, "as JSON")
	regionFlag(c, &o.region, "as if this region had been given")
	fs.StringVar(&o.roleARN, "role-arn", "", "as if one more role were assumed: an ARN or ACCOUNT:ROLE")
	durationFlag(fs, &o.duration, "duration", "d", "as if this duration had been given")
	boolFlag(fs, &o.noSession, "no-session", "n", false, "as if the long-lived key itself were used")
	_ = c.RegisterFlagCompletionFunc("duration", fixed("15m", "1h", "4h", "8h", "12h"))
}

// runShow explains each profile, and goes on after one that cannot be resolved. The last
// error makes the exit status.
func runShow(r *run, o showOptions, names []string) error {
	var last error
	for i, name := range names {
		e, err := app.Explain(r.task, env.Request{
			Profile: name, Region: o.region, RoleARN: o.roleARN, Seconds: int(o.duration / time.Second), NoSession: o.noSession,
		})
		if err != nil && last != nil { // the last one is reported with its hint
			r.say("%s", app.Text(last))
		}
		last = cmp.Or(err, last)
		switch {
		case e.Settings == nil: // the config file cannot be read
			return err
		case o.json:
			err = display.JSON(r.Stdout, e)
		default:
			if i > 0 {
				_ = r.print("")
			}
			err = printExplanation(r, e)
		}
		if err != nil {
			return err
		}
	}
	return last
}

// printExplanation writes the answer for a person.
func printExplanation(r *run, e app.Explanation) error {
	_ = r.print("%s", e.Profile) // a failure to write is also the table's
	facts := display.Table{Indent: "  "}
	if e.Error == "" {
		facts.Row("region", e.Region)
		for i, h := range e.Chain {
			facts.Row([]string{"is", "over"}[min(i, 1)], h.Words())
		}
		for _, n := range e.Needs {
			facts.Row("needs", n.Words())
		}
		if len(e.Needs) == 0 {
			facts.Row("needs", "nothing from you")
		}
		if e.Guard != nil {
			facts.Row("held by", e.Guard.Words)
		}
		facts.Row("cache key", e.CacheKey)
	}
	for _, w := range e.Warnings {
		facts.Row("note", w)
	}
	origins := display.Table{Indent: "  "}
	for _, s := range e.Origins {
		origins.Row(settingPlace(s), s.Profile, s.Key+" = "+settingText(s))
	}
	return errors.Join(facts.Write(r.Stdout), origins.Write(r.Stdout))
}

// settingPlace is where a setting comes from, as a person looks for it.
func settingPlace(s app.SettingFrom) string {
	switch {
	case s.File != "":
		return fmt.Sprintf("%s:%d", s.File, s.Line)
	case s.Variable != "":
		return "$" + s.Variable
	case s.Flag != "":
		return s.Flag
	}
	return "default"
}

func settingText(s app.SettingFrom) string {
	value := s.Value
	if s.Hidden {
		value = strings.TrimSpace(value + " (not shown)")
	}
	if own := s.Section == "" || s.Section == "profile "+s.Profile || s.Section == s.Profile; !own {
		value += "  [" + s.Section + "]"
	}
	return value
}
