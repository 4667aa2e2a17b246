package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/d44b7504/vault/env"
	"github.com/d44b7504/vault/internal/creds"
	"github.com/d44b7504/vault/internal/profiles"
	"github.com/d44b7504/vault/internal/progress"
	"github.com/d44b7504/vault/internal/sessions"
	"github.com/d44b7504/vault/store"
)

// This file works out what an import will do. It writes nothing.

// ImportOptions say which keys are imported from files, and how.
type ImportOptions struct {
	Profiles  []string // only these; nil: all
	File      string   // another file, instead of AWS's own two; "": those
	KeepFiles bool     // the keys stay in the files too
	Overwrite bool     // a different key in the keyring is replaced
	DryRun    bool     // nothing is going to be stored
	Volatile  bool     // the keyring may be one that a restart empties
}

// Import is an import of the keys that are in plain text in the AWS files.
type Import struct {
	ImportOptions
	Credentials, Config *profiles.KeyFile
	Steps               []*ImportStep

	OnStored  func(*ImportStep)                // is called when a key was stored
	OnRemoved func(f *profiles.KeyFile, n int) // is called when n keys were removed from a file

	task *Task
	set  *profiles.Set
}

// ImportStep is a key in a file and what happens to it.
type ImportStep struct {
	profiles.Plain
	File     *profiles.KeyFile
	Action   ImportAction
	Reason   string // why it is left
	Problem  bool   // it is left, and a person has to do something about that
	Conflict bool   // it is left because the keyring has another one
	Before   StoredKey
	Owner    sessions.Identity // what AWS says; zero when it was not asked

	Stored, Removed bool
	StoreErr        error // why it could not be stored
}

// ImportAction is what happens to a key.
type ImportAction int

// The actions.
const (
	ImportLeave   ImportAction = iota
	ImportStore                // the keyring has none of that name
	ImportReplace              // it has another one
	ImportRemove               // it has the same one: only the file has to be changed
)

func (a ImportAction) String() string {
	return [...]string{"leave", "store", "replace", "remove"}[a]
}

func (s *ImportStep) leave(format string, args ...any) {
	s.Action, s.Reason, s.Problem = ImportLeave, fmt.Sprintf(format, args...), true
}

// PlanImport reads the files and what the keyring has of the keys in them.
func (t *Task) PlanImport(ctx context.Context, o ImportOptions) (*Import, error) {
	m := &Import{ImportOptions: o, task: t}
	if err := m.read(); err != nil {
		return nil, err
	}
	if err := m.choose(); err != nil || len(m.Steps) == 0 {
		return m, err
	}
	keys, err := t.Keyring(ctx)
	if err != nil {
		return nil, err
	}
	if !o.KeepFiles && !o.DryRun && !o.Volatile {
		if err := CheckSurvivesRestart("vault import", store.Of(keys)); err != nil {
			return nil, err
		}
	}
	used := m.keysInUse()
	const what = "looking at keys"
	defer progress.Step(ctx, what, len(m.Steps), len(m.Steps))
	for i, s := range m.Steps {
		progress.Step(ctx, what, i, len(m.Steps))
		if err := m.decide(ctx, s, used); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// Files are those that keys are looked for in.
func (m *Import) Files() []*profiles.KeyFile {
	if m.File != "" {
		return []*profiles.KeyFile{m.Credentials}
	}
	return []*profiles.KeyFile{m.Credentials, m.Config}
}

// read loads both files. Another file that was named must exist.
func (m *Import) read() (err error) {
	t := m.task
	if m.set, err = t.Profiles(); err != nil {
		return err
	}
	path := t.Env.CredentialsFile()
	if m.File != "" {
		path = t.Env.Expand(m.File)
	}
	if m.Credentials, err = profiles.LoadCredentials(path); err != nil {
		return err
	}
	if m.File != "" && m.Credentials.Mode == 0 {
		return &fs.PathError{Op: "open", Path: path, Err: fs.ErrNotExist}
	}
	m.Config, err = profiles.LoadKeys(t.Env.ConfigFile())
	return err
}

// choose makes a step of every key that is wanted.
func (m *Import) choose() error {
	found := map[string]bool{}
	for _, f := range m.Files() {
		for _, k := range f.Keys() {
			if len(m.Profiles) == 0 || slices.Contains(m.Profiles, k.Profile) {
				m.Steps = append(m.Steps, &ImportStep{Plain: k, File: f})
				found[k.Profile] = true
			}
		}
	}
	for _, name := range m.Profiles {
		if !found[name] {
			return WithHint(fmt.Errorf("there is no key in plain text for %q", name), "vault import --dry-run shows those that there are")
		}
	}
	return nil
}

// keysInUse are the profiles whose keys a profile will use, as far as they can be resolved.
func (m *Import) keysInUse() map[string]bool {
	used := map[string]bool{}
	moved := func(name string) bool {
		return slices.ContainsFunc(m.Steps, func(s *ImportStep) bool { return s.Profile == name && s.Plain.Err == nil })
	}
	for _, n := range m.set.Names() {
		p, err := m.task.resolveKnowing(env.Request{Profile: n}, moved)
		if err != nil {
			used[n] = true // it may be
			continue
		}
		used[sessions.NewPlan(p).Key] = true
	}
	return used
}

// decide says what happens to a key, without asking AWS.
func (m *Import) decide(ctx context.Context, s *ImportStep, used map[string]bool) error {
	switch {
	case errors.Is(s.Plain.Err, creds.ErrTemporary):
		s.leave("it is temporary and expires by itself")
		s.Problem = false
		return nil
	case s.Plain.Err != nil:
		s.leave("%s", s.Plain.Err)
		return nil
	}
	if other := m.rival(s); other != nil {
		s.leave("%s:%d has another key for it, %s: remove the one that you do not use", other.File.Path, other.Line, other.Key.Tail())
		return nil
	}
	if from := settingOf(s.Settings, "source_profile"); from != "" && from != s.Profile && settingOf(s.Settings, "role_arn") != "" {
		s.leave("it takes its credentials from %q, so no profile would use the key", from)
		return nil
	}
	if m.set.Has(s.Profile) && !used[s.Profile] {
		s.leave("it takes its credentials from somewhere else (vault show says where), so no profile would use the key")
		return nil
	}
	return m.compare(ctx, s)
}

// compare decides by what the keyring has.
func (m *Import) compare(ctx context.Context, s *ImportStep) (err error) {
	if s.Before, err = m.task.StoredKey(ctx, s.Profile); err != nil {
		return err
	}
	switch {
	case !s.Before.Exists:
		s.Action = ImportStore
	case s.Before.Key.Equal(s.Key):
		s.Action = ImportRemove
	case m.Overwrite:
		s.Action = ImportReplace
	default:
		s.leave("the keyring has %s under that name", s.Before.Shown())
		s.Conflict = true
	}
	return nil
}

// rival is a usable key for the same profile that is another one.
func (m *Import) rival(s *ImportStep) *ImportStep {
	for _, o := range m.Steps {
		if o != s && o.Profile == s.Profile && o.Plain.Err == nil && !o.Key.Equal(s.Key) {
			return o
		}
	}
	return nil
}

// settingOf is the value of a setting, "" when it is not there.
func settingOf(list []profiles.Setting, key string) string {
	for _, s := range list {
		if s.Key == key {
			return s.Value
		}
	}
	return ""
}

// AskOwners asks AWS whom the keys belong to. One that AWS does not know is left; where
// AWS cannot be asked, the error says so.
func (m *Import) AskOwners(ctx context.Context) error {
	const what = "asking AWS about keys"
	defer progress.Step(ctx, what, len(m.Steps), len(m.Steps))
	for i, s := range m.Steps {
		progress.Step(ctx, what, i, len(m.Steps))
		if s.Action != ImportStore && s.Action != ImportReplace {
			continue
		}
		owner, elsewhere, err := m.task.KeyOwner(ctx, m.set, s.Profile, settingOf(s.Settings, "region"), s.Key)
		var call *sessions.CallError
		switch {
		case err == nil:
			s.Owner = owner
			if elsewhere != "" {
				s.Settings = append(s.Settings, profiles.Setting{Key: "region", Value: elsewhere})
			}
		case errors.As(err, &call) && call.WrongSecret():
			s.leave("%s", call.Reason())
		case call != nil && !passing(call.Kind):
			s.leave("%s; --no-check imports it without asking AWS", call.Reason())
		case call != nil:
			return WithHint(fmt.Errorf("nothing was imported: %s", call.Reason()), "vault import --no-check does not ask AWS")
		default:
			return err
		}
	}
	return nil
}

// passing reports whether a failure says nothing about the key.
func passing(k sessions.Kind) bool {
	return slices.Contains([]sessions.Kind{
		sessions.Unreachable, sessions.NotAWS, sessions.Untrusted, sessions.BadSetting, sessions.Throttled, sessions.ClockSkew,
	}, k)
}

// Count returns how many steps there are of a kind.
func (m *Import) Count(is func(*ImportStep) bool) (n int) {
	for _, s := range m.Steps {
		if is(s) {
			n++
		}
	}
	return n
}

// Wipe removes the keys from memory.
func (m *Import) Wipe() {
	m.Credentials.Wipe()
	m.Config.Wipe()
}
