package app

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/d44b7504/vault/env"
	"github.com/d44b7504/vault/internal/creds"
	"github.com/d44b7504/vault/internal/profiles"
	"github.com/d44b7504/vault/refresh"
	"github.com/d44b7504/vault/store"
)

// This file is about the session that is active in the caller's shell: what is known of
// it, its renewal in the background, and what the shell should have now.

// Active is how the session of the caller's shell was asked for, and false when no
// profile is active in it.
func (e Environment) Active() (env.State, bool) { return env.StateOf(e.Current) }

// Status is what is known of the active session without a network and without the keyring.
type Status struct {
	Profile   string       `json:"profile"`
	Account   string       `json:"account,omitempty"`
	Role      string       `json:"role,omitempty"`
	Region    string       `json:"region,omitempty"`
	Source    string       `json:"-"`
	Chain     []Hop        `json:"chain,omitempty"`
	Mode      string       `json:"mode"`
	Expires   *time.Time   `json:"expires,omitempty"`
	Left      int          `json:"seconds_left,omitempty"`
	Expired   bool         `json:"expired"`
	RenewsAt  *time.Time   `json:"renews_at,omitempty"`
	Renews    Renewal      `json:"renews,omitempty"`
	Note      refresh.Note `json:"note,omitempty"`
	ChangedBy []string     `json:"changed_by_others,omitempty"`
	Inside    []string     `json:"inside,omitempty"`
	Depth     int          `json:"depth,omitempty"`   // of commands of vault exec around the shell
	Foreign   bool         `json:"foreign,omitempty"` // it is a session of the program aws-vault, and not ours
	// How the session differs from the profile's own: one more role, and what narrows it.
	Qualifier  string   `json:"qualifier,omitempty"`
	RoleARN    string   `json:"chained_role,omitempty"`
	PolicyARNs []string `json:"narrowed_to,omitempty"`
	Policy     string   `json:"narrowed_by_policy,omitempty"`
	Agent      string   `json:"agent"`
	// ServedTo is the process of the shell for which the agent serves the session; 0: it serves none.
	ServedTo int `json:"served_to,omitempty"`
	// Locked says that vault lock has taken away what is served, until a person goes on.
	Locked bool `json:"locked,omitempty"`

	Project     *ProjectFacts `json:"project,omitempty"` // nil: no directory's file has named the profile
	Guard       *GuardFacts   `json:"guard,omitempty"`
	CodingAgent *CodingAgent  `json:"coding_agent,omitempty"` // that has started the shell
	ForAgent    string        `json:"for_agent,omitempty"`    // the one that the session was made for
}

// StatusOf says who the caller's shell is, and until when.
func StatusOf(t *Task, st env.State) Status {
	s := Status{
		Profile: st.Request.Profile, Mode: cmp.Or(st.Request.Mode, env.ModeEnv),
		Region: cmp.Or(t.Env.Get("AWS_REGION"), t.Env.Get("AWS_DEFAULT_REGION")),
		Inside: around(t.Env.Current), Depth: env.Depth(t.Env.Current), ChangedBy: st.Changed(t.Env.Current), Agent: "none",
		Qualifier: st.Request.Qualifier(), RoleARN: st.Request.RoleARN, PolicyARNs: st.Request.PolicyARNs, Policy: st.Request.Policy,
	}
	s.Account, s.Role = roleOf(st.ARN)
	s.Project = ProjectOf(st.Request.Visit)
	if s.Account == "" {
		s.Account = creds.AccountOf(t.Env.Get("AWS_ACCESS_KEY_ID"))
	}
	s.addTimes(t)
	if p, err := resolveActive(t, st.Request); err == nil {
		s.addProfile(t, st, p)
	} else {
		s.Renews, s.RenewsAt = NotRenewedUnknown, nil
	}
	return s
}

// addTimes adds when the session in the environment ends, and when it would be renewed.
func (s *Status) addTimes(t *Task) {
	exported := exportedSession(t, profiles.Profile{Name: s.Profile})
	if exported.Expires.IsZero() {
		return
	}
	s.Expires, s.Expired = &exported.Expires, exported.Expired(t.Now())
	s.Left = max(0, int(exported.Expires.Sub(t.Now())/time.Second))
	when := t.Policy.When(exported).UTC()
	s.RenewsAt = &when
}

// addProfile adds what follows from the profile: where its credentials come from, who may use
// it, and what becomes of its session.
func (s *Status) addProfile(t *Task, st env.State, p profiles.Profile) {
	s.Source, s.Chain, s.Guard = SourceText(p), Chain(p), guardFacts(p.Guard)
	if a, err := t.codingAgent(p.Guard); a.Name != "" && err == nil {
		s.CodingAgent, s.ForAgent = &a, st.Request.Agent
	}
	if sso := p.Source.SSO; sso != nil { // its sessions do not say whose they are
		s.Account, s.Role = sso.Account, sso.Role
	}
	if m, ok := t.Env.Runtime().Mark(refresh.Key(p)); ok {
		s.Note = m.Note
	}
	if s.Expires != nil {
		s.Renews, s.RenewsAt = renewal(t, st.Request, p, *s)
	}
	if l := st.Lease; l != nil {
		s.ServedTo, s.Renews = l.PID, servedRenewal(p)
		s.Note, s.Locked = LeaseNote(t, *l)
	}
	if len(s.ChangedBy) > 0 {
		s.Note = refresh.Changed // as the prompt has it
	}
}

// LeaseNote is what the prompt of a shell says which the agent serves. locked says that vault lock is
// the reason.
func LeaseNote(t *Task, l env.Lease) (note refresh.Note, locked bool) {
	m, there := t.Env.Runtime().Mark(refresh.LeaseKey(l.ID))
	if !there { // sudo and a container have another directory, in which to look for the file of the shell
		m, there = refresh.LeaseMark(t.Env.Get(env.GenerationFile), l.ID)
	}
	if !there {
		return refresh.NoAgent, false
	}
	return m.Note, m.Note == refresh.Locked && !m.Served
}

// RenewIfDue renews the active session if that is due. It asks nobody: t must be quiet. A
// failure is noted for every terminal.
func (t *Task) RenewIfDue(ctx context.Context) error {
	st, active := t.Env.Active()
	if !active || t.Env.Get(env.Expiration) == "" {
		return nil
	}
	p, err := t.Resolve(ctx, st.Request)
	if err != nil {
		return err
	}
	if p.Guard.Lapses {
		return nil
	}
	k, err := t.Keeper(ctx, p)
	if err == nil {
		err = k.IfDue(ctx, p)
		if !errors.Is(err, store.ErrLocked) {
			return err
		}
	}
	// The keyring could not be opened, or did not let us read: that is why nothing is renewed.
	_, setErr := t.Env.Runtime().Set(refresh.Key(p), exportedSession(t, p), NoteFor(err))
	return errors.Join(err, setErr)
}

// Current returns what the caller's shell should have, without waiting: the session in the
// store, or one without its secret when the environment has the right one already or
// the store cannot give another.
func (t *Task) Current(ctx context.Context, p profiles.Profile) refresh.Lease {
	exported := exportedSession(t, p)
	m, known := t.Env.Runtime().Mark(refresh.Key(p))
	if st, _ := t.Env.Active(); st.Request.Served() { // another process renews it
		return refresh.Lease{Session: exported, Note: m.Note, File: cmp.Or(m.File, t.Env.Get(env.GenerationFile))}
	}
	if p.Guard.Lapses {
		return t.asLapsing(p, refresh.Lease{Session: exported})
	}
	if known && m.File == t.Env.Get(env.GenerationFile) {
		return leaseOf(t, p, exported, m.Note)
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	if exported.Expires.IsZero() {
		return mark(t, p, exported, "")
	}
	l, err := storedLease(ctx, t, p)
	if err == nil {
		return l
	}
	note := m.Note
	if !errors.Is(err, refresh.ErrNoSession) && !errors.Is(err, store.ErrNotFound) {
		note = NoteFor(err)
	}
	l = leaseOf(t, p, exported, note)
	if l.File = m.File; !known {
		l = mark(t, p, exported, note)
	} // else the file stays: two shells that each said what they have would never agree
	if note == "" {
		l.RefreshAt = t.Now() // nothing is cached: make one soon
	}
	return l
}

// storedLease is the session in the store.
func storedLease(ctx context.Context, t *Task, p profiles.Profile) (refresh.Lease, error) {
	k, err := t.Keeper(ctx, p)
	if err != nil {
		return refresh.Lease{}, err
	}
	l, err := k.Current(ctx, p)
	l.Session = asOf(l.Session, p)
	return l, err
}

// Exported is the lease of the session in the caller's environment as it is, with a note
// that says why it stays.
func (t *Task) Exported(p profiles.Profile, note refresh.Note) refresh.Lease {
	return refresh.Lease{Session: exportedSession(t, p), Note: note}
}

// ExportedExpiry is when the session in the caller's environment ends, by this machine's clock;
// zero for never.
func (t *Task) ExportedExpiry() time.Time { return exportedSession(t, profiles.Profile{}).Expires }

// exportedSession is the session in the caller's environment, without its secrets: enough for a
// label.
func exportedSession(t *Task, p profiles.Profile) creds.Session {
	st, _ := t.Env.Active()
	s := creds.Session{Profile: p.Name, Region: p.Region, AccessKeyID: t.Env.Get("AWS_ACCESS_KEY_ID"), ARN: st.ARN, Expires: st.Expires(t.Env.Current)}
	if st.Issued > 0 {
		s.Issued, s.Clock = time.Unix(st.Issued, 0), st.Clock()
	}
	return s.By(t.Now(), t.Started())
}

// mark makes the generation file say what the shell has. The path is right even where the
// disk refuses it; the shell then asks again, rarely.
func mark(t *Task, p profiles.Profile, s creds.Session, note refresh.Note) refresh.Lease {
	l := leaseOf(t, p, s, note)
	l.File, _ = t.Env.Runtime().Set(refresh.Key(p), s, note)
	return l
}

func leaseOf(t *Task, p profiles.Profile, s creds.Session, note refresh.Note) refresh.Lease {
	l := refresh.Lease{Session: s, Note: note, RefreshAt: t.Policy.When(s), File: t.Env.Get(env.GenerationFile)}
	if failures, next := t.Env.Runtime().Retry(refresh.Key(p)); failures > 0 && note != "" {
		l.RefreshAt = next
	}
	return l
}
