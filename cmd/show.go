package cmd

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/d44b7504/vault/env"
	"github.com/d44b7504/vault/internal/app"
	"github.com/d44b7504/vault/internal/display"
	"github.com/d44b7504/vault/internal/profiles"
	"github.com/d44b7504/vault/internal/sessions"
)

type showOptions struct {
	region, roleARN string
	duration        time.Duration
	noSession, json bool
}

// shown is the answer for one profile. Its form is documented in the command's help.
type shown struct {
	Profile  string         `json:"profile"`
	Region   string         `json:"region,omitempty"`
	Chain    []app.Hop      `json:"chain"`
	Needs    []app.Need     `json:"needs"`
	Network  *shownNetwork  `json:"network,omitempty"`
	CacheKey string         `json:"cache_key,omitempty"`
	Origins  []origin       `json:"origins"`
	Settings map[string]any `json:"settings"`
	Hidden   []string       `json:"hidden"`
	Warnings []string       `json:"warnings"`
	Error    string         `json:"error,omitempty"`
}

// origin is a setting that counts and where it comes from.
type origin struct {
	Profile  string `json:"profile"`
	Key      string `json:"key"`
	Value    string `json:"value"`
	Hidden   bool   `json:"hidden,omitempty"` // the value, or all of it but a program's name
	File     string `json:"file,omitempty"`
	Line     int    `json:"line,omitempty"`
	Section  string `json:"section,omitempty"`
	Variable string `json:"variable,omitempty"`
	Flag     string `json:"flag,omitempty"`
	Default  bool   `json:"default,omitempty"`
}

type shownNetwork struct {
	Endpoints   map[string]string `json:"endpoints,omitempty"`
	FIPS        bool              `json:"use_fips_endpoint,omitempty"`
	DualStack   bool              `json:"use_dualstack_endpoint,omitempty"`
	CABundle    string            `json:"ca_bundle,omitempty"`
	LegacySTS   bool              `json:"legacy_sts,omitempty"`
	MaxAttempts int               `json:"max_attempts,omitempty"`
	RetryMode   string            `json:"retry_mode,omitempty"`
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
  needs     of a sign-in from nothing: kind is mfa_code or mfa_process (with its
            device), browser (with its url), aws_login or credential_process
  network   endpoints by service, use_fips_endpoint, ca_bundle and the like
  origins   profile, key, value, and file, line and section, or variable, or
            flag, or default
  settings  all that stands in the profile's section, as AWS's tools read it:
            a string, an object for a nested block, null if it is in hidden
  hidden    the keys whose values are not shown, or not whole

Exit status: 0 done, 1 a profile cannot be resolved, 2 usage.`,
		Args:              args(cobra.MinimumNArgs(1)),
		ValidArgsFunction: completeProfile(r),
		RunE:              func(_ *cobra.Command, names []string) error { return show(r, o, names) },
	}
	fs := c.Flags()
	boolFlag(fs, &o.json, "json", "", false, "as JSON")
	fs.StringVar(&o.region, "region", "", "as if this region were asked for")
	fs.StringVar(&o.roleARN, "role-arn", "", "as if one more role were: an ARN or ACCOUNT:ROLE")
	durationFlag(fs, &o.duration, "duration", "d", "as if the session should last this long")
	boolFlag(fs, &o.noSession, "no-session", "n", false, "as if the long-lived key itself were wanted")
	_ = c.RegisterFlagCompletionFunc("region", completeRegions)
	_ = c.RegisterFlagCompletionFunc("duration", fixed("15m", "1h", "4h", "8h", "12h"))
	return c
}

func show(r *run, o showOptions, names []string) error {
	set, err := r.task.Profiles()
	if err != nil {
		return err
	}
	var failed error
	for i, name := range names {
		s, err := r.explain(set, o, name)
		if err != nil && failed != nil { // the last one is reported with its hint
			r.say("%s", app.Text(failed))
		}
		failed = cmp.Or(err, failed)
		if !o.json {
			if i > 0 {
				fmt.Fprintln(r.Stdout)
			}
			r.showText(s)
			continue
		}
		if err := display.JSON(r.Stdout, s); err != nil {
			return err
		}
	}
	return failed
}

// explain resolves a profile and words what there is to say of it.
func (r *run) explain(set *profiles.Set, o showOptions, name string) (shown, error) {
	over := r.task.Overrides(env.Request{
		Profile: name, Region: o.region, RoleARN: o.roleARN, Seconds: int(o.duration / time.Second), NoSession: o.noSession,
	})
	unwritten := map[string]bool{}
	over.HasKey = func(source string) bool { // the keyring is not asked
		unwritten[source] = source != name
		return source != name
	}
	x, err := set.Explain(name, over)
	s := shown{Profile: name, Chain: []app.Hop{}, Needs: []app.Need{}, Origins: []origin{}, Warnings: []string{}}
	s.Settings, s.Hidden = settingsOf(set, name)
	for _, step := range x.Steps {
		for _, from := range step.Origins {
			s.Origins = append(s.Origins, originOf(step.Profile, from))
		}
		if unwritten[step.Profile] {
			s.Warnings = append(s.Warnings, fmt.Sprintf("profile %q has no section, so it must be the name of a stored key", step.Profile))
		}
	}
	if err == nil {
		before := app.Chain(x.Profile)
		if err = r.task.Finish(&x.Profile); err == nil {
			s.fill(x.Profile)
			s.Origins = append(s.Origins, durations(before, s.Chain)...)
		}
	}
	if err != nil {
		s.Error = app.Text(err)
	}
	return s, err
}

func (s *shown) fill(p profiles.Profile) {
	s.Region, s.Chain, s.Needs, s.CacheKey = p.Region, app.Chain(p), app.Needs(p), p.CacheKey()[:12]
	n := p.Network
	s.Network = &shownNetwork{nil, n.FIPS, n.DualStack, n.CABundle, n.LegacySTS, n.MaxAttempts, n.RetryMode}
	for service, url := range n.Endpoints {
		if s.Network.Endpoints == nil {
			s.Network.Endpoints = map[string]string{}
		}
		s.Network.Endpoints[service], _ = profiles.Show("endpoint_url", url)
	}
	for _, w := range p.Warnings {
		s.Warnings = append(s.Warnings, w.String())
	}
}

// settingsOf is a profile's section as AWS's tools read it, without what may be secret.
func settingsOf(set *profiles.Set, name string) (settings map[string]any, hidden []string) {
	settings, hidden = map[string]any{}, []string{}
	for _, x := range set.Settings(name) {
		text, whole := profiles.Show(x.Key, x.Value)
		switch block := x.Nested(); {
		case !whole:
			settings[x.Key] = nil
			hidden = append(hidden, x.Key)
		case block != nil:
			settings[x.Key] = block
		default:
			settings[x.Key] = text
		}
	}
	slices.Sort(hidden)
	return settings, hidden
}

// flags are the names of what an origin without a place was given by.
var flags = map[string]string{"region": "--region", "role_arn": "--role-arn", "duration": "--duration"}

func originOf(profile string, x profiles.Origin) origin {
	key, _, _ := strings.Cut(x.Key, " ")
	value, whole := profiles.Show(key, x.Value)
	o := origin{
		Profile: profile, Key: x.Key, Value: value, Hidden: !whole, File: x.File, Line: x.Line, Section: x.Section,
		Variable: x.Variable, Default: x.Default,
	}
	if x.File == "" && x.Variable == "" && !x.Default {
		o.Flag = flags[x.Key]
	}
	return o
}

// durations says where those durations come from that the file does not give.
func durations(before, after []app.Hop) []origin {
	var list []origin
	for i, h := range after {
		o := origin{Profile: h.Profile, Key: "duration", Value: display.Duration(time.Duration(h.Seconds) * time.Second)}
		switch stored := h.Kind == app.HopStored; {
		case before[i].Seconds != 0 || h.Kind != app.HopRole && h.Kind != app.HopWeb && !stored:
			continue // said already, or not for us to say
		case h.Seconds == 0 && stored:
			continue // depends on what it is used for
		case h.Seconds == 0:
			o.Value, o.Default = display.Duration(sessions.RoleDefault), true
		case stored && i > 0:
			o.Variable = "AWS_CHAINED_SESSION_TOKEN_TTL"
		case stored:
			o.Variable = "AWS_SESSION_TOKEN_TTL"
		default:
			o.Variable = "AWS_ASSUME_ROLE_TTL"
		}
		list = append(list, o)
	}
	return list
}

// showText writes the answer for a person.
func (r *run) showText(s shown) {
	fmt.Fprintln(r.Stdout, display.Clean(s.Profile))
	w := tabwriter.NewWriter(r.Stdout, 0, 0, 2, ' ', 0)
	row := func(name, value string) { fmt.Fprintf(w, "  %s\t%s\n", name, display.Clean(value)) }
	if s.Error == "" {
		row("region", s.Region)
		for i, h := range s.Chain {
			row([]string{"is", "over"}[min(i, 1)], h.Words())
		}
		for _, n := range s.Needs {
			row("needs", n.Words())
		}
		if len(s.Needs) == 0 {
			row("needs", "nothing from you")
		}
		row("cache key", s.CacheKey)
	}
	for _, note := range s.Warnings {
		row("note", note)
	}
	_ = w.Flush()
	w = tabwriter.NewWriter(r.Stdout, 0, 0, 2, ' ', 0)
	for _, o := range s.Origins {
		fmt.Fprintf(w, "  %s\t%s\t%s = %s\n", display.Clean(o.place()), display.Clean(o.Profile), display.Clean(o.Key), display.Clean(o.text()))
	}
	_ = w.Flush()
}

// place is where a setting comes from, as a person looks for it.
func (o origin) place() string {
	switch {
	case o.File != "":
		return fmt.Sprintf("%s:%d", o.File, o.Line)
	case o.Variable != "":
		return "$" + o.Variable
	case o.Flag != "":
		return o.Flag
	}
	return "default"
}

func (o origin) text() string {
	value := o.Value
	if o.Hidden {
		value = strings.TrimSpace(value + " (not shown)")
	}
	if own := o.Section == "" || o.Section == "profile "+o.Profile || o.Section == o.Profile; !own {
		value += "  [" + o.Section + "]"
	}
	return value
}
