package cmd

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/d44b7504/vault/env"
	"github.com/d44b7504/vault/internal/profiles"
	"github.com/d44b7504/vault/refresh"
	"github.com/d44b7504/vault/store"
)

type listOptions struct{ profiles, credentials, sessions, json bool }

// inventory is what there is, by names alone.
type inventory struct {
	Profiles []listed `json:"profiles"`
	// HiddenKeys are in the store under names that are encrypted, and belong to none
	// of the profiles.
	HiddenKeys int `json:"hidden_keys"`
	// OtherSessions are of profiles nobody knows any more: their names are hashed.
	OtherSessions int `json:"other_sessions"`
	SignIns       int `json:"sign_ins"`
	// Foreign are sessions and sign-ins that AWS Vault has cached.
	Foreign int `json:"aws_vault_sessions"`
}

// listed is one row: a profile, the key stored for it, the sessions cached for it.
type listed struct {
	Profile    string     `json:"profile"`
	Configured bool       `json:"configured"`
	Credential bool       `json:"credential"`
	Sessions   int        `json:"sessions"`
	Expires    *time.Time `json:"expires,omitempty"`
}

func newList(r *run) *cobra.Command {
	var o listOptions
	c := &cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   "list profiles, stored keys and cached sessions",
		Long: `Lists the profiles of the config file, the keys in the keyring and the sessions
that are cached. Nothing is decrypted and nobody is asked.

With --json it is one object: profiles, each with profile, configured (it has a
section), credential (a key is stored), sessions (how many are cached) and expires
(when the usual one lapses); and hidden_keys, other_sessions, sign_ins and
aws_vault_sessions, the numbers of what has no profile's name.`,
		Args: args(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error { return list(c.Context(), r, o) },
	}
	boolFlag(c.Flags(), &o.profiles, "profiles", "", false, "only the names of profiles, one a line")
	boolFlag(c.Flags(), &o.credentials, "credentials", "", false, "only the names of stored keys, one a line")
	boolFlag(c.Flags(), &o.sessions, "sessions", "", false, "only the profiles with a cached session, one a line")
	boolFlag(c.Flags(), &o.json, "json", "", false, "as JSON")
	return c
}

func list(ctx context.Context, r *run, o listOptions) error {
	r.task.Quiet = true
	var look <-chan seen
	configured := make(chan []string, 1)
	defer close(configured)
	if !o.profiles || o.credentials || o.json {
		look = r.lookAside(ctx, configured)
	}
	set, err := r.task.Profiles()
	if err != nil {
		return err
	}
	names := set.Names()
	configured <- names
	for _, problem := range set.Problems() {
		r.say("%s", printable(problem.Error()))
	}
	if look == nil {
		return r.names(names)
	}
	l := <-look
	if l.err != nil {
		return l.err
	}
	in := r.inventory(set, names, l)
	switch {
	case o.json:
		return r.inventoryJSON(in)
	case o.credentials:
		err = r.names(pickNames(in.Profiles, func(l listed) bool { return l.Credential }))
		r.sayHidden(in)
		return err
	case o.sessions:
		return r.names(pickNames(in.Profiles, func(l listed) bool { return l.Sessions > 0 }))
	}
	err = r.inventoryTable(in)
	r.sayHidden(in)
	return err
}

// seen is what can be looked at while the config file is read.
type seen struct {
	names store.Names
	err   error
	marks refresh.Marks
}

// lookAside reads the keyring's names and the generation files on the side. It waits for
// the names in the config file only where those of the keyring are encrypted.
func (r *run) lookAside(ctx context.Context, configured <-chan []string) <-chan seen {
	look := make(chan seen, 1)
	go func() {
		l := seen{marks: r.task.Env.Runtime().Marks()}
		var s store.Store
		if s, l.err = r.OpenStore(ctx, r.task.StoreOptions()); l.err == nil {
			l.names, l.err = store.ReadNames(ctx, s, func() []string { return <-configured })
		}
		look <- l
	}()
	return look
}

// inventory joins the config file with what was seen: one listing, and no item read.
func (r *run) inventory(set *profiles.Set, configured []string, look seen) inventory {
	n := look.names
	keys := make(map[string]bool, len(n.Keys))
	for _, name := range n.Keys {
		keys[name] = true
	}
	rows := make([]listed, 0, len(configured)+len(n.Keys)) // an empty list in JSON, not null
	for _, name := range configured {
		rows = append(rows, listed{Profile: name, Configured: true, Credential: keys[name]})
	}
	for _, name := range n.Keys {
		if !set.Has(name) {
			rows = append(rows, listed{Profile: name, Credential: true})
		}
	}
	known := r.addSessions(rows, n.CountSessions(), look.marks)
	return inventory{
		Profiles: rows, HiddenKeys: n.Hidden, OtherSessions: len(n.Sessions) - known, SignIns: len(n.Tokens), Foreign: len(n.Foreign),
	}
}

// addSessions fills in how many sessions each profile has and until when, and returns
// how many there are in all. A hash for each of thousands of profiles is work for every
// core there is.
func (r *run) addSessions(rows []listed, sessions store.Counts, marks refresh.Marks) int {
	if len(sessions) == 0 {
		return 0
	}
	var known atomic.Int64
	var wg sync.WaitGroup
	for part := range slices.Chunk(rows, max(len(rows)/runtime.GOMAXPROCS(0)+1, 256)) {
		wg.Go(func() {
			for i := range part {
				l := &part[i]
				if l.Sessions = sessions.Of(l.Profile); l.Sessions > 0 {
					known.Add(int64(l.Sessions))
					l.Expires = r.expiryOf(l.Profile, marks)
				}
			}
		})
	}
	wg.Wait()
	return int(known.Load())
}

// expiryOf finds when a profile's usual session lapses: its generation file says so.
func (r *run) expiryOf(name string, marks refresh.Marks) *time.Time {
	p, err := r.task.ResolveUnopened(env.Request{Profile: name})
	if err != nil {
		return nil
	}
	if m, ok := marks.Of(refresh.Key(p)); ok && !m.Expires.IsZero() {
		t := m.Expires.UTC()
		return &t
	}
	return nil
}

// names prints names one a line: as they are for a program, and for a terminal without
// what it would act on.
func (r *run) names(list []string) error {
	var b bytes.Buffer
	for _, n := range list {
		if r.StdoutIsTerm {
			n = printable(n)
		}
		b.WriteString(n)
		b.WriteByte('\n')
	}
	_, err := r.Stdout.Write(b.Bytes())
	return err
}

func pickNames(rows []listed, want func(listed) bool) []string {
	var names []string
	for _, l := range rows {
		if want(l) {
			names = append(names, l.Profile)
		}
	}
	return names
}

// sayHidden says how many keys are not in the table, after it.
func (r *run) sayHidden(in inventory) {
	if in.HiddenKeys > 0 {
		if w, ok := r.Stdout.(interface{ Flush() error }); ok {
			_ = w.Flush() // Main does it again, and tells
		}
		r.say("and %s whose names are encrypted: vault store list", numberOf(in.HiddenKeys, "more key", "more keys"))
	}
}

// inventoryJSON writes one profile a line, for people and for diff.
func (r *run) inventoryJSON(in inventory) error {
	rows := in.Profiles
	in.Profiles = []listed{}
	frame, err := json.MarshalIndent(in, "", "  ")
	if err != nil {
		return err
	}
	before, after, _ := bytes.Cut(frame, []byte("[]"))
	w := bufio.NewWriterSize(r.Stdout, 32<<10)
	_, _ = w.Write(before) // a failure to write is Flush's to report
	between := "[\n    "
	for _, l := range rows {
		_, _ = w.WriteString(between)
		_, _ = w.Write(l.appendJSON(w.AvailableBuffer()))
		between = ",\n    "
	}
	if len(rows) > 0 {
		between = "\n  ]"
	} else {
		between = "[]"
	}
	_, _ = w.WriteString(between)
	_, _ = w.Write(after)
	_ = w.WriteByte('\n')
	return w.Flush()
}

// appendJSON is what the library makes of a row. For thousands of them the library takes
// longer than all the rest.
func (l listed) appendJSON(b []byte) []byte {
	b = appendText(append(b, `{"profile":`...), l.Profile)
	b = strconv.AppendBool(append(b, `,"configured":`...), l.Configured)
	b = strconv.AppendBool(append(b, `,"credential":`...), l.Credential)
	b = strconv.AppendInt(append(b, `,"sessions":`...), int64(l.Sessions), 10)
	if l.Expires != nil {
		b = append(l.Expires.AppendFormat(append(b, `,"expires":"`...), time.RFC3339Nano), '"')
	}
	return append(b, '}')
}

// appendText is a string in JSON.
func appendText(b []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || strings.IndexByte(`"\<>&`, c) >= 0 {
			text, _ := json.Marshal(s) // a string can always be written
			return append(b, text...)
		}
	}
	return append(append(append(b, '"'), s...), '"')
}

// inventoryTable is AWS Vault's table, with rows at its end for what has no profile.
func (r *run) inventoryTable(in inventory) error {
	w := newColumns(r.Stdout, in.Profiles)
	w.row("Profile", "Credentials", "Sessions")
	w.row("=======", "===========", "========")
	for _, l := range in.Profiles {
		name := printable(l.Profile)
		w.row(dash(l.Configured, name), dash(l.Credential, name), dash(l.Sessions > 0, r.sessionText(l)))
	}
	rest := func(n int, one, many string) {
		if n > 0 {
			w.row("-", "-", numberOf(n, one, many))
		}
	}
	rest(in.OtherSessions, "of another profile", "of other profiles")
	rest(in.SignIns, "sign-in to Identity Center", "sign-ins to Identity Center")
	rest(in.Foreign, "of AWS Vault", "of AWS Vault")
	return w.w.Flush()
}

func dash(b bool, s string) string {
	if b {
		return s
	}
	return "-"
}

func (r *run) sessionText(l listed) string {
	switch {
	case l.Sessions == 0:
		return ""
	case l.Expires == nil:
		return fmt.Sprintf("%d cached", l.Sessions)
	}
	return left(l.Expires.Sub(r.Now()))
}

// columns aligns the table. The library that aligns shorter ones keeps every cell, and
// takes longer for five thousand rows than all the rest.
type columns struct {
	w      *bufio.Writer
	width  [2]int
	blanks string
}

// newColumns makes room for the names there are, and the titles.
func newColumns(w io.Writer, rows []listed) *columns {
	c := &columns{w: bufio.NewWriterSize(w, 32<<10), width: [2]int{len("Profile"), len("Credentials")}}
	for _, l := range rows {
		n := utf8.RuneCountInString(l.Profile)
		if l.Configured {
			c.width[0] = max(c.width[0], n)
		}
		if l.Credential {
			c.width[1] = max(c.width[1], n)
		}
	}
	c.blanks = strings.Repeat(" ", max(c.width[0], c.width[1])+2)
	return c
}

// row writes one row. A failure to write is Flush's to report.
func (c *columns) row(cells ...string) {
	for i, width := range c.width {
		_, _ = c.w.WriteString(cells[i])
		_, _ = c.w.WriteString(c.blanks[:max(width+2-utf8.RuneCountInString(cells[i]), 0)])
	}
	_, _ = c.w.WriteString(cells[2])
	_ = c.w.WriteByte('\n')
}
