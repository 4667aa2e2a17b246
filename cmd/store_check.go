package cmd

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/d44b7504/vault/internal/display"
	"github.com/d44b7504/vault/store"
)

func newStorePassphrase(r *run) *cobra.Command {
	return &cobra.Command{
		Use:   "passphrase",
		Short: "change the passphrase of your identity",
		Long: `Asks for the passphrase of your identity, then twice for a new one. The keys are
not touched: they are encrypted to the identity. A copy of the old file still
opens with the old passphrase.`,
		Args: args(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error { return storePassphrase(c.Context(), r) },
	}
}

func storePassphrase(ctx context.Context, r *run) error {
	s, err := r.ageStore()
	if err != nil {
		return err
	}
	if err := s.ChangePassphrase(ctx); err != nil {
		return err
	}
	r.say("the passphrase is changed")
	if r.task.Env.Secret("AWS_VAULT_AGE_PASSPHRASE") != nil {
		r.hint("AWS_VAULT_AGE_PASSPHRASE still holds the old one")
	}
	return nil
}

// checked is the answer of check in JSON.
type checked struct {
	Directory string  `json:"directory"`
	Items     int     `json:"items"`
	Decrypted bool    `json:"decrypted"`
	Findings  []found `json:"findings"`
}

type found struct {
	File    string           `json:"file"`
	Problem store.AgeProblem `json:"problem"`
}

func newStoreCheck(r *run) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "check",
		Short: "check that every key can be read by those who should",
		Long: `Checks the whole store and changes nothing: that every key decrypts, is the one
its file's name says, and is encrypted to exactly those on the list; that nobody
else on this machine can read what is yours; that no change was left half done.

Your identity is needed for the inside. Where nobody can be asked for it, what can
be seen from outside is checked, and the answer says so.

Exit status: 0 all is well, 1 something is wrong, 2 usage.`,
		Args: args(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error { return storeCheck(c.Context(), r, asJSON) },
	}
	boolFlag(c.Flags(), &asJSON, "json", "", false, "as JSON")
	return c
}

func storeCheck(ctx context.Context, r *run, asJSON bool) error {
	s, err := r.ageStore()
	if err != nil {
		return err
	}
	report, err := s.Check(ctx)
	if err != nil {
		return err
	}
	if asJSON {
		err = checkJSON(r, s, report)
	} else {
		r.checkText(report)
	}
	if err == nil && len(report.Findings) > 0 {
		err = statusError(exitFailed)
	}
	return err
}

func checkJSON(r *run, s *store.AgeStore, report store.AgeReport) error {
	c := checked{s.Dir(), report.Items, report.Read, []found{}}
	for _, f := range report.Findings {
		c.Findings = append(c.Findings, found{f.File, f.Problem})
	}
	return display.JSON(r.Stdout, c)
}

// problemWords says what is wrong, and what to do about it.
func problemWords(p store.AgeProblem) (text, cure string) {
	switch p {
	case store.AgeUnreadable:
		return "cannot be read: it is damaged, or not encrypted to you", "take it from git or a backup, or let a person who can read it run vault store reencrypt"
	case store.AgeMoved:
		return "is another key than its name says: it was moved or replaced", "take it from git or a backup"
	case store.AgeOutdated:
		return "is not encrypted to those who are on the list now", "vault store reencrypt"
	case store.AgeForeign:
		return "is not an item of this store", ""
	case store.AgeExposed:
		return "can be read or changed by other users", "chmod go= takes that away"
	case store.AgeLeftover:
		return "is what a killed process left", "the next key you store removes it"
	case store.AgeUnfinished:
		return "is the mark of a change of recipients that was interrupted", "vault store reencrypt finishes it"
	case store.AgeNoMember:
		return "does not have you on it", "one of the recipients runs vault store add-recipient with yours, which vault store create prints"
	}
	return string(p), ""
}

func (r *run) checkText(report store.AgeReport) {
	said := map[store.AgeProblem]bool{}
	for _, f := range report.Findings {
		text, cure := problemWords(f.Problem)
		r.say("%s %s", f.File, text)
		if cure != "" && !said[f.Problem] {
			r.hint("%s", cure)
			said[f.Problem] = true
		}
	}
	if !report.Read && report.Items > 0 {
		r.say("without your identity: the inside of %s was not checked", display.Count(report.Items, "key"))
	}
	if len(report.Findings) == 0 {
		r.say("%s, nothing wrong", display.Count(report.Items, "key"))
	}
}

func newStoreList(r *run) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   "list the names of the keys in the store",
		Long: `Decrypts the names of the keys in the store, one a line. On the disk they are
hashed, which is why vault list can only show those it guesses from your config file.`,
		Args: args(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error { return storeList(c.Context(), r, asJSON) },
	}
	boolFlag(c.Flags(), &asJSON, "json", "", false, "as JSON")
	return c
}

func storeList(ctx context.Context, r *run, asJSON bool) error {
	s, err := r.ageStore()
	if err != nil {
		return err
	}
	names, unreadable, err := s.Names(ctx)
	if err != nil {
		return err
	}
	if asJSON {
		err = display.JSON(r.Stdout, append([]string{}, names...))
	} else {
		for i := range names {
			names[i] = display.Clean(names[i]) // a person who can write to the directory chose them
		}
		err = printNames(r, names)
	}
	r.checkUnreadable(unreadable)
	if err == nil && len(unreadable) > 0 {
		err = statusError(exitFailed)
	}
	return err
}

func (r *run) checkUnreadable(list []store.AgeFinding) {
	for _, f := range list {
		text, _ := problemWords(f.Problem)
		r.say("%s %s", f.File, text)
	}
}
