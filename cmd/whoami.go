package cmd

import (
	"context"
	"encoding/json"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/d44b7504/vault/internal/app"
	"github.com/d44b7504/vault/internal/profiles"
	"github.com/d44b7504/vault/internal/sessions"
	"github.com/d44b7504/vault/refresh"
)

// identified is what AWS says of a session, and what we know of it.
type identified struct {
	Profile string     `json:"profile"`
	Account string     `json:"account"`
	ARN     string     `json:"arn"`
	UserID  string     `json:"user_id"`
	Role    string     `json:"role,omitempty"`
	Region  string     `json:"region,omitempty"`
	Source  string     `json:"source,omitempty"`
	Expires *time.Time `json:"expires,omitempty"`
}

func newWhoami(r *run) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "whoami [PROFILE]",
		Short: "ask AWS who you are",
		Long: `Asks STS who the active profile, or the one that is named, is. That needs no
permission. If its session has lapsed a new one is made first.`,
		Args:              args(cobra.MaximumNArgs(1)),
		ValidArgsFunction: r.completeProfile,
		RunE: func(c *cobra.Command, a []string) error {
			name := ""
			if len(a) > 0 {
				name = a[0]
			}
			who, err := whoami(c.Context(), r, name)
			if err != nil {
				return err
			}
			if asJSON {
				e := json.NewEncoder(r.Stdout)
				e.SetIndent("", "  ")
				return e.Encode(who)
			}
			return r.identity(who)
		},
	}
	boolFlag(c.Flags(), &asJSON, "json", "", false, "as JSON")
	return c
}

func whoami(ctx context.Context, r *run, name string) (identified, error) {
	q, err := r.childRequest(ctx, identity{}, name, "")
	if err != nil {
		return identified{}, err
	}
	p, l, err := r.task.Session(ctx, q, refresh.Want{})
	if err != nil {
		return identified{}, err
	}
	who, err := sessions.WhoAmI(ctx, app.Endpoint(p, profiles.ServiceSTS, p.Region), l.Session)
	if err != nil {
		return identified{}, err
	}
	i := identified{Profile: p.Name, Account: who.Account, ARN: who.ARN, UserID: who.UserID, Region: p.Region, Source: app.SourceText(p)}
	_, i.Role = app.RoleOf(who.ARN)
	if t := l.Session.Expires; !t.IsZero() {
		i.Expires = &t
	}
	return i, nil
}

func (r *run) identity(i identified) error {
	w := tabwriter.NewWriter(r.Stdout, 0, 0, 2, ' ', 0)
	row := func(name, value string) {
		if value != "" {
			fmt.Fprintf(w, "%s\t%s\n", name, printable(value))
		}
	}
	row("profile", i.Profile)
	row("account", i.Account)
	row("arn", i.ARN)
	row("role", i.Role)
	row("region", i.Region)
	row("source", i.Source)
	if i.Expires != nil {
		row("expires", clock(*i.Expires, r.Now())+", "+left(i.Expires.Sub(r.Now()))+" left")
	}
	return w.Flush()
}
