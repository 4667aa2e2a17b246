package cmd

import (
	"cmp"
	"encoding/json"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/fatih/color"
	"github.com/spf13/cobra"

	"github.com/d44b7504/vault/env"
	"github.com/d44b7504/vault/internal/app"
	"github.com/d44b7504/vault/internal/creds"
	"github.com/d44b7504/vault/internal/profiles"
	"github.com/d44b7504/vault/refresh"
)

// status is what is known without a network and without the keyring.
type status struct {
	Profile   string       `json:"profile"`
	Account   string       `json:"account,omitempty"`
	Role      string       `json:"role,omitempty"`
	Region    string       `json:"region,omitempty"`
	Source    string       `json:"source,omitempty"`
	Mode      string       `json:"mode"`
	Expires   *time.Time   `json:"expires,omitempty"`
	Left      int          `json:"seconds_left,omitempty"`
	Expired   bool         `json:"expired"`
	RenewsAt  *time.Time   `json:"renews_at,omitempty"`
	Note      refresh.Note `json:"note,omitempty"`
	ChangedBy []string     `json:"changed_by_others,omitempty"`
	Inside    []string     `json:"inside,omitempty"`
	Agent     string       `json:"agent"`
}

func newStatus(r *run) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "status",
		Short: "say who this shell is, and until when",
		Long: `Says what is active in this shell, without asking AWS or the keyring.

Exit status: 0 valid, 3 expired, or a person must sign in; 1 no profile is active.`,
		Args: args(cobra.NoArgs),
		RunE: func(*cobra.Command, []string) error { return showStatus(r, asJSON) },
	}
	c.Flags().BoolVar(&asJSON, "json", false, "as JSON")
	return c
}

func showStatus(r *run, asJSON bool) error {
	st, active := env.StateOf(r.task.Env.Current)
	if !active {
		if asJSON {
			fmt.Fprintln(r.Stdout, `{"profile":null}`)
			return statusError(exitFailed)
		}
		return errInactive
	}
	s := r.status(st)
	if asJSON {
		e := json.NewEncoder(r.Stdout)
		e.SetIndent("", "  ")
		if err := e.Encode(s); err != nil {
			return err
		}
	} else {
		r.table(s)
	}
	if s.Expired || s.Note.Meaning().SignIn {
		return statusError(exitSignIn)
	}
	return nil
}

func (r *run) status(st env.State) status {
	s := status{
		Profile: st.Request.Profile, Mode: cmp.Or(st.Request.Mode, env.ModeEnv),
		Region: cmp.Or(r.getenv("AWS_REGION"), r.getenv("AWS_DEFAULT_REGION")),
		Inside: st.Outer, ChangedBy: st.Changed(r.task.Env.Current), Agent: "none",
	}
	s.Account, s.Role = app.RoleOf(st.ARN)
	if s.Account == "" {
		s.Account = creds.AccountOf(r.getenv("AWS_ACCESS_KEY_ID"))
	}
	held := r.held(profiles.Profile{Name: s.Profile})
	if !held.Expires.IsZero() {
		s.Expires, s.Expired = &held.Expires, held.Expired(r.Now())
		s.Left = max(0, int(held.Expires.Sub(r.Now())/time.Second))
		when := r.Policy.When(held).UTC()
		s.RenewsAt = &when
	}
	p, err := r.task.ResolveUnopened(st.Request)
	if err != nil {
		return s
	}
	s.Source = app.SourceText(p)
	if sso := p.Source.SSO; sso != nil { // its sessions do not say whose they are
		s.Account, s.Role = sso.Account, sso.Role
	}
	if m, ok := r.task.Env.Runtime().Mark(refresh.Key(p)); ok {
		s.Note = m.Note
	}
	return s
}

func (r *run) table(s status) {
	w := tabwriter.NewWriter(r.Stdout, 0, 0, 2, ' ', 0)
	row := func(name, value string) {
		if value != "" {
			fmt.Fprintf(w, "%s\t%s\n", name, value)
		}
	}
	row("profile", printable(s.Profile))
	row("account", s.Account)
	row("role", s.Role)
	row("region", printable(s.Region))
	row("source", printable(s.Source))
	row("mode", s.Mode)
	if s.Expires != nil {
		row("expires", r.urgency(s))
		row("renews", r.renewal(s))
	} else {
		row("expires", "never: this is a long-lived key")
	}
	if s.Note != "" {
		row("note", s.Note.Meaning().Text())
	}
	row("changed", strings.Join(s.ChangedBy, ", "))
	row("inside", printable(strings.Join(s.Inside, " > ")))
	_ = w.Flush()
	if len(s.ChangedBy) > 0 {
		r.hint("someone else set these since; vault use %s takes them back", app.Word(s.Profile))
	}
}

// coloured says whether what goes to standard output may have colour.
func (r *run) coloured() bool {
	return r.StdoutIsTerm && r.getenv("NO_COLOR") == "" && r.getenv("TERM") != "dumb"
}

// urgency colours the expiry. The words say the same without the colour.
func (r *run) urgency(s status) string {
	text := fmt.Sprintf("%s (%s)", clock(*s.Expires, r.Now()), left(s.Expires.Sub(r.Now())))
	if !r.coloured() {
		return text
	}
	c := color.New(color.FgGreen)
	switch {
	case s.Expired:
		c = color.New(color.FgRed)
	case s.Note != "":
		c = color.New(color.FgYellow)
	}
	c.EnableColor()
	return c.Sprint(text)
}

func (r *run) renewal(s status) string {
	switch {
	case s.Expired:
		return "when you run vault refresh"
	case s.Note != "" && !s.Note.Meaning().Retries:
		return "not by itself"
	case s.RenewsAt.After(r.Now()):
		return "from " + clock(*s.RenewsAt, r.Now())
	}
	return "now"
}
