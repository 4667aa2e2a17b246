package app

import (
	"context"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/d44b7504/vault/env"
	"github.com/d44b7504/vault/internal/profiles"
	"github.com/d44b7504/vault/refresh"
	"github.com/d44b7504/vault/store"
)

// Inventory is what there is, by names alone: nothing is decrypted.
type Inventory struct {
	Profiles []InventoryRow `json:"profiles"`
	// HiddenKeys are in the store under names that are encrypted, and belong to none
	// of the profiles.
	HiddenKeys int `json:"hidden_keys"`
	// OtherSessions are of profiles that are not known any more: their names are hashed.
	OtherSessions int `json:"other_sessions"`
	SignIns       int `json:"sign_ins"`
	// Foreign are sessions and sign-ins that AWS Vault has cached.
	Foreign int `json:"aws_vault_sessions"`
}

// InventoryRow is a profile, whether a key is stored for it, and the sessions cached for it.
type InventoryRow struct {
	Profile    string     `json:"profile"`
	Configured bool       `json:"configured"`
	Credential bool       `json:"credential"`
	PlainText  string     `json:"plain_text,omitempty"` // where a file has the key, if it is not stored
	Sessions   int        `json:"sessions"`
	Expires    *time.Time `json:"expires,omitempty"`
	// Whose session the profile gives, as far as the config file tells; of a stored key it tells
	// the region only.
	Account string `json:"account,omitempty"`
	Role    string `json:"role,omitempty"`
	Region  string `json:"region,omitempty"`
	Active  bool   `json:"active,omitempty"` // in the caller's shell

	Guard *GuardFacts `json:"guard,omitempty"`
}

// InventoryOf lists the profiles of the config file, the keys and the sessions. The store is
// read while the config file is. whose says that account, role and region of each profile are
// wanted, for which each has to be resolved.
func InventoryOf(ctx context.Context, t *Task, whose bool) (Inventory, error) {
	configured := make(chan []string, 1)
	defer close(configured)
	stored := readStore(ctx, t, configured)
	set, err := t.Profiles()
	if err != nil {
		return Inventory{}, err
	}
	names := set.Names()
	configured <- names
	set.Problems() // reads all sections, which are needed below, while the store is read
	s := <-stored
	if s.err != nil {
		return Inventory{}, s.err
	}
	return joinInventory(t, set, names, s, whose), nil
}

// storeContents is what can be read while the config file is read.
type storeContents struct {
	names store.Names
	err   error
	marks refresh.Marks
}

// readStore reads the store's names and the generation files in another goroutine. It waits
// for the names in the config file only where those of the store are encrypted.
func readStore(ctx context.Context, t *Task, configured <-chan []string) <-chan storeContents {
	result := make(chan storeContents, 1)
	options, dir := t.StoreOptions(), t.Env.Runtime()
	go func() {
		c := storeContents{marks: dir.Marks()}
		var s store.Store
		if s, c.err = t.OpenStore(ctx, options); c.err == nil {
			c.names, c.err = store.ReadNames(ctx, s, func() []string { return <-configured })
		}
		result <- c
	}()
	return result
}

// joinInventory joins the config file with what the store has.
func joinInventory(t *Task, set *profiles.Set, configured []string, c storeContents, whose bool) Inventory {
	n := c.names
	keys := make(map[string]bool, len(n.Keys))
	for _, name := range n.Keys {
		keys[name] = true
	}
	rows := make([]InventoryRow, 0, len(configured)+len(n.Keys)) // an empty list in JSON, not null
	plain := set.PlainKeys()
	for _, name := range configured {
		row := InventoryRow{Profile: name, Configured: true, Credential: keys[name]}
		if at, ok := plain[name]; ok && !row.Credential {
			row.PlainText = at.String()
		}
		rows = append(rows, row)
	}
	for _, name := range n.Keys {
		if !set.Has(name) {
			rows = append(rows, InventoryRow{Profile: name, Credential: true})
		}
	}
	if !whose {
		set = nil
	}
	active, _ := t.Env.Active()
	known := facts{t, set, n.CountSessions(), c.marks, func(name string) bool { return keys[name] }, active.Request.Profile}.addTo(rows)
	return Inventory{
		Profiles: rows, HiddenKeys: n.Hidden, OtherSessions: len(n.Sessions) - known, SignIns: len(n.Tokens), Foreign: len(n.AWSVault),
	}
}

// facts are where what a row says of its profile comes from.
type facts struct {
	task     *Task
	set      *profiles.Set // nil: whose session a profile gives is not wanted
	sessions store.Counts
	marks    refresh.Marks
	stored   func(string) bool
	active   string // the profile that is active in the caller's shell
}

// addTo fills in whose session each profile gives, how many are cached and until when, and
// returns how many there are in all. For thousands of profiles this is work for every core
// there is, in small parts: the rows with a session cost most, and are often next to each other.
func (f facts) addTo(rows []InventoryRow) int {
	const part = 32
	var known, next atomic.Int64
	var wg sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(rows)/(4*part)+1) {
		wg.Go(func() {
			for end := int(next.Add(part)); end-part < len(rows); end = int(next.Add(part)) {
				for i := range rows[end-part : min(end, len(rows))] {
					known.Add(f.add(&rows[end-part+i]))
				}
			}
		})
	}
	wg.Wait()
	return int(known.Load())
}

// add fills in a row, and returns how many sessions are cached for it.
func (f facts) add(row *InventoryRow) int64 {
	row.Active = row.Profile == f.active
	if f.set != nil {
		row.Account, row.Role, row.Region = belongings(f.set, row.Profile, f.stored)
		row.Guard = guardFacts(f.set.GuardOf(row.Profile))
	}
	if row.Sessions = f.sessions.Of(row.Profile); row.Sessions > 0 {
		row.Expires = expiryOf(f.task, row.Profile, f.marks, f.stored)
	}
	return int64(row.Sessions)
}

// belongings are the account and the role whose session a profile gives, and its own region.
// "" is what is not known, or wrong in the config file.
func belongings(set *profiles.Set, name string, stored func(string) bool) (account, role, region string) {
	if o, complete := set.Owner(name); complete {
		return o.Account, o.Role[strings.LastIndexByte(o.Role, '/')+1:], o.Region
	}
	p, err := set.Resolve(name, profiles.Overrides{HasKey: anyKey, HasOwnKey: stored})
	if err != nil {
		return "", "", ""
	}
	account, role = accountAndRole(p)
	return account, role, p.Region
}

// ProfileAccount is the id of a profile's account as far as its settings tell it, "" if they do not.
func ProfileAccount(p profiles.Profile) string {
	account, _ := accountAndRole(p)
	if s := p.Source.Stored; account == "" && s != nil {
		account = AccountOf(s.MFASerial)
	}
	return account
}

// accountAndRole are those of the session that a profile gives, "" where the config file does not tell.
func accountAndRole(p profiles.Profile) (account, role string) {
	switch s := p.Source; {
	case s.Role != nil:
		return iamRoleOf(s.Role.ARN)
	case s.SSO != nil:
		return s.SSO.Account, s.SSO.Role
	case s.WebIdentity != nil:
		return iamRoleOf(s.WebIdentity.ARN)
	}
	return "", ""
}

// expiryOf finds when a profile's usual session expires: its generation file says so.
func expiryOf(t *Task, name string, marks refresh.Marks, stored func(string) bool) *time.Time {
	p, err := t.resolveKnowing(env.Request{Profile: name}, stored)
	if err != nil {
		return nil
	}
	if m, ok := marks.Of(refresh.Key(p)); ok && !m.Expires.IsZero() {
		expires := m.Expires.UTC()
		return &expires
	}
	return nil
}
