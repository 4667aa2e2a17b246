package cmd

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/d44b7504/vault/env"
	"github.com/d44b7504/vault/internal/display"
	"github.com/d44b7504/vault/internal/profiles"
	"github.com/d44b7504/vault/refresh"
)

// promptSegment is what a prompt shows of the session.
type promptSegment struct {
	Profile string `json:"profile"`
	Label   string `json:"label"` // the profile's name as it is shown, and what is special about the session
	Left    string `json:"left"`  // "" for a session that does not expire
	Seconds int    `json:"seconds_left,omitempty"`
	Note    string `json:"note"`
	State   string `json:"state"` // ok, warn or alarm
}

func newPrompt(r *run) *cobra.Command {
	var asJSON bool
	var format string
	c := &cobra.Command{
		Use:   "prompt",
		Short: "print what a prompt shows, for programs that draw the prompt",
		Long: `Prints what the hook shows in the prompt, such as "prod 42m", for starship,
oh-my-posh and others that draw the prompt themselves. It looks at the environment
and at an empty file, and at nothing else; with AWS_VAULT_PROMPT_ACCOUNT at the config
file and the list of accounts too, for the account's name.

In --format these are filled in: {profile}, {label}, {left}, {note} and {state},
which is ok, warn or alarm. Exit status 1, and no output: no profile is active.`,
		Args: args(cobra.NoArgs),
		RunE: func(*cobra.Command, []string) error { return runPrompt(r, asJSON, format) },
	}
	c.Flags().BoolVar(&asJSON, "json", false, "as JSON")
	c.Flags().StringVar(&format, "format", "", "the text, as in '{label} {left}'")
	return c
}

func runPrompt(r *run, asJSON bool, format string) error {
	s, active := segmentOf(r)
	switch {
	case !active:
		return statusError(exitFailed)
	case asJSON:
		return display.JSON(r.Stdout, s)
	case format != "":
		text := strings.NewReplacer("{profile}", s.Profile, "{label}", s.Label, "{left}", s.Left, "{note}", s.Note, "{state}", s.State).Replace(format)
		return r.print("%s", text)
	}
	return r.print("%s", strings.Join(strings.Fields(fmt.Sprint(s.Label, " ", s.Left, " ", s.Note)), " "))
}

// segmentOf is what the environment says of the session, and whether there is one.
func segmentOf(r *run) (s promptSegment, active bool) {
	current := r.task.Env.Current
	st, active := r.task.Env.Active()
	if !active {
		return s, false
	}
	var p profiles.Profile
	if r.isOn(promptAccount) {
		p, _ = r.task.ResolveUnopened(st.Request) // without it only the account's name is missing
	}
	s = promptSegment{Profile: st.Request.Profile, Label: r.labelOf(st.Request, p), State: "ok"}
	m, _ := r.task.Env.Runtime().MarkBeside(current[env.GenerationFile])
	if s.Note = string(m.Note); len(st.Changed(current)) > 0 {
		s.Note = string(refresh.Changed)
	}
	left := time.Hour
	if expires := r.task.ExportedExpiry(); !expires.IsZero() && !st.Request.Served() && s.Note != string(refresh.Changed) {
		left = expires.Sub(r.Now())
		s.Left, s.Seconds = display.Left(left), max(0, int(left/time.Second))
	}
	switch {
	case left < time.Minute || s.Note == string(refresh.Changed):
		s.State = "alarm"
	case left < 5*time.Minute || s.Note != "":
		s.State = "warn"
	}
	return s, true
}
