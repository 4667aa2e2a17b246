package cmd

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/d44b7504/vault/internal/app"
	"github.com/d44b7504/vault/internal/display"
)

type listOptions struct{ profiles, credentials, sessions, json bool }

func newList(r *run) *cobra.Command {
	var o listOptions
	c := &cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   "list profiles, stored keys and cached sessions",
		Long: `Lists the profiles of the config file, the keys in the keyring and the sessions
that are cached. Nothing is decrypted, and you are asked for nothing.

With --json it is one object: profiles, each with profile, configured (it has a
section), credential (a key is stored), plain_text (the line of an AWS file that has
the key, if it is not stored), sessions (how many are cached) and expires
(when the usual one expires); and hidden_keys, other_sessions, sign_ins and
aws_vault_sessions, the numbers of what has no profile's name.`,
		Args: args(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error { return runList(c.Context(), r, o) },
	}
	boolFlag(c.Flags(), &o.profiles, "profiles", "", false, "only the names of profiles, one a line")
	boolFlag(c.Flags(), &o.credentials, "credentials", "", false, "only the names of stored keys, one a line")
	boolFlag(c.Flags(), &o.sessions, "sessions", "", false, "only the profiles with a cached session, one a line")
	boolFlag(c.Flags(), &o.json, "json", "", false, "as JSON")
	return c
}

func runList(ctx context.Context, r *run, o listOptions) error {
	endsSoon()
	r.task.Quiet = true
	if o.profiles && !o.credentials && !o.json {
		return listProfiles(r)
	}
	in, err := app.InventoryOf(ctx, r.task, o.json || !o.credentials && !o.sessions)
	sayProblems(r)
	if err != nil {
		return err
	}
	switch {
	case o.json:
		return printInventoryJSON(r, in)
	case o.credentials:
		err = printNames(r, inventoryNames(in, func(row app.InventoryRow) bool { return row.Credential }))
	case o.sessions:
		return printNames(r, inventoryNames(in, func(row app.InventoryRow) bool { return row.Sessions > 0 }))
	default:
		err = printInventory(r, in)
		sayPlainKeys(r, in)
	}
	if in.HiddenKeys > 0 {
		_ = r.flush() // Main does it again, and tells
		r.say("and %s whose names are encrypted: vault store list", display.Count(in.HiddenKeys, "more key"))
	}
	return err
}

func listProfiles(r *run) error {
	set, err := r.task.Profiles()
	if err != nil {
		return err
	}
	sayProblems(r)
	return printNames(r, set.Names())
}

// sayProblems tells what is wrong in the AWS files, if they can be read.
func sayProblems(r *run) {
	if text := r.task.Env.NoConfigFile(); text != "" {
		r.say("%s", text)
	}
	if set, err := r.task.Profiles(); err == nil {
		for _, problem := range set.Problems() {
			r.say("%s", problem)
		}
	}
}

func inventoryNames(in app.Inventory, want func(app.InventoryRow) bool) []string {
	var names []string
	for _, row := range in.Profiles {
		if want(row) {
			names = append(names, row.Profile)
		}
	}
	return names
}

// printInventory prints AWS Vault's table, with more columns at its right and rows at its end
// for what has no profile.
func printInventory(r *run, in app.Inventory) error {
	var t display.Table
	t.Grow(len(in.Profiles)+5, 6)
	head := []string{"Profile", "Credentials", "Sessions", "Account", "Role", "Region"}
	if slices.ContainsFunc(in.Profiles, func(row app.InventoryRow) bool { return row.Guard != nil }) {
		head = append(head, "Held by")
	}
	t.Row(head...)
	for i, word := range head {
		head[i] = strings.Repeat("=", len(word))
	}
	t.Row(head...)
	for _, row := range in.Profiles {
		cells := []string{
			dash(row.Configured, row.Profile), credentialText(row), cmp.Or(sessionText(row, r.Now), "-"),
			cmp.Or(row.Account, "-"), cmp.Or(row.Role, "-"), cmp.Or(row.Region, "-"),
		}
		if row.Guard != nil {
			cells = append(cells, row.Guard.Words)
		}
		t.Row(cells...)
	}
	other := func(n int, one, many string) {
		if n > 0 {
			t.Row("-", "-", display.CountOf(n, one, many))
		}
	}
	other(in.OtherSessions, "of another profile", "of other profiles")
	other(in.SignIns, "sign-in to Identity Center", "sign-ins to Identity Center")
	other(in.Foreign, "of AWS Vault", "of AWS Vault")
	return t.Write(r.Stdout)
}

func credentialText(row app.InventoryRow) string {
	if row.PlainText != "" {
		return "in plain text"
	}
	return dash(row.Credential, row.Profile)
}

// sayPlainKeys names the keys that are in plain text in the AWS files.
func sayPlainKeys(r *run, in app.Inventory) {
	_ = r.flush() // Main does it again, and tells
	for _, row := range in.Profiles {
		if row.PlainText != "" {
			r.say("the key of %q is in plain text in %s: vault import moves it into the keyring", row.Profile, row.PlainText)
		}
	}
}

func dash(b bool, s string) string {
	if b {
		return s
	}
	return "-"
}

// sessionText says what is cached for a profile, and whether it is the active one in this
// shell; "" for neither.
func sessionText(row app.InventoryRow, now func() time.Time) string {
	text, active := "", "active"
	switch {
	case row.Sessions == 0:
	case row.Expires == nil:
		text = strconv.Itoa(row.Sessions) + " cached"
	default:
		text = display.Left(row.Expires.Sub(now()))
	}
	switch {
	case !row.Active:
		return text
	case text == "":
		return active
	}
	return text + ", " + active
}

// printInventoryJSON writes one profile a line, for people and for diff.
func printInventoryJSON(r *run, in app.Inventory) error {
	rows := in.Profiles
	in.Profiles = []app.InventoryRow{}
	var frame bytes.Buffer
	if err := display.JSON(&frame, in); err != nil {
		return err
	}
	before, after, _ := bytes.Cut(frame.Bytes(), []byte("[]"))
	w := bufio.NewWriterSize(r.Stdout, 32<<10)
	_, _ = w.Write(before) // a failure to write is Flush's to report
	between := "[\n    "
	for _, row := range rows {
		_, _ = w.WriteString(between)
		_, _ = w.Write(appendRow(w.AvailableBuffer(), row))
		between = ",\n    "
	}
	if len(rows) > 0 {
		between = "\n  ]"
	} else {
		between = "[]"
	}
	_, _ = w.WriteString(between)
	_, _ = w.Write(after)
	return w.Flush()
}

// appendRow appends what the library makes of a row. For thousands of them the library
// takes longer than all the rest.
func appendRow(b []byte, row app.InventoryRow) []byte {
	b = display.AppendJSONString(append(b, `{"profile":`...), row.Profile)
	b = strconv.AppendBool(append(b, `,"configured":`...), row.Configured)
	b = strconv.AppendBool(append(b, `,"credential":`...), row.Credential)
	if row.PlainText != "" {
		b = display.AppendJSONString(append(b, `,"plain_text":`...), row.PlainText)
	}
	b = strconv.AppendInt(append(b, `,"sessions":`...), int64(row.Sessions), 10)
	if row.Expires != nil {
		b = append(row.Expires.AppendFormat(append(b, `,"expires":"`...), time.RFC3339Nano), '"')
	}
	for _, fact := range [...]struct{ key, value string }{{"account", row.Account}, {"role", row.Role}, {"region", row.Region}} {
		if fact.value != "" {
			b = display.AppendJSONString(append(append(append(b, `,"`...), fact.key...), `":`...), fact.value)
		}
	}
	if row.Active {
		b = append(b, `,"active":true`...)
	}
	if row.Guard != nil {
		b = display.AppendJSON(append(b, `,"guard":`...), row.Guard)
	}
	return append(b, '}')
}
