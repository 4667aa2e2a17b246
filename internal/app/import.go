package app

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/d44b7504/vault/internal/profiles"
	"github.com/d44b7504/vault/internal/progress"
	"github.com/d44b7504/vault/store"
)

// This file moves access keys out of the files that they are in plain text in. The order is
// what makes it safe to be killed: a key is stored, read back and compared; its profile is
// in the config file; and only then its lines are removed, of all keys in one replacement.

// Store stores each key, and goes on after one that fails.
func (m *Import) Store(ctx context.Context) error {
	stored := map[string]bool{}
	const what = "storing keys"
	defer progress.Step(ctx, what, len(m.Steps), len(m.Steps))
	for i, s := range m.Steps {
		progress.Step(ctx, what, i, len(m.Steps))
		if err := ctx.Err(); err != nil {
			return err
		}
		switch {
		case s.Action == ImportLeave:
			continue
		case stored[s.Profile]: // both files have it
			s.Stored = true
			continue
		}
		if s.StoreErr = m.storeOne(ctx, s); s.StoreErr != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			continue
		}
		s.Stored, stored[s.Profile] = true, true
		if s.Action != ImportReplace {
			continue
		}
		if err := m.task.ForgetUsers(ctx, m.set, s.Profile); err != nil {
			return fmt.Errorf("delete the sessions of the old key: %w", err)
		}
	}
	return nil
}

// storeOne returns nil when the keyring has the key, as read back just now.
func (m *Import) storeOne(ctx context.Context, s *ImportStep) error {
	unlock, err := m.task.lockKey(ctx, s.Profile)
	if err != nil {
		return err
	}
	defer unlock()
	now, err := m.task.StoredKey(ctx, s.Profile) // it may have changed while a person was asked
	switch {
	case err != nil:
		return err
	case now.Exists != s.Before.Exists || !now.Key.Equal(s.Before.Key):
		return errors.New("the key in the keyring was changed in the meantime")
	case s.Action == ImportRemove:
		return nil
	}
	keys, err := m.task.Keyring(ctx)
	if err != nil {
		return err
	}
	if err := store.KeepKey(ctx, keys, s.Profile, s.Key); err != nil {
		return err
	}
	m.OnStored(s)
	return nil
}

// maxTries is how often a file is read again that other programs keep changing.
const maxTries = 5

// Rewrite adds the missing profiles to the config file and removes the keys that were
// stored from the files, once they survive a loss of power.
func (m *Import) Rewrite(ctx context.Context) error {
	if err := m.flush(ctx); err != nil {
		return err
	}
	unlock, err := m.task.LockFiles(ctx, m.Config.Path, m.Credentials.Path)
	if err != nil {
		return err
	}
	defer unlock()
	for _, f := range []*profiles.KeyFile{m.Config, m.Credentials} {
		for tries := 1; ; tries++ {
			err := m.rewriteFile(f)
			var changed *profiles.ChangedError
			if err == nil {
				break
			}
			if tries == maxTries || !errors.As(err, &changed) {
				return err
			}
		}
	}
	return nil
}

func (m *Import) flush(ctx context.Context) error {
	keys, err := m.task.Keyring(ctx)
	if err != nil || m.KeepFiles {
		return err
	}
	return store.Flush(ctx, keys)
}

// Sweep removes what an import that was killed may have left beside the files, where there
// is nothing to write.
func (m *Import) Sweep(ctx context.Context) error {
	unlock, err := m.task.LockFiles(ctx, m.Config.Path, m.Credentials.Path)
	if err == nil {
		unlock()
	}
	return err
}

// rewriteFile changes one of the files. It reads the file again: since the plan was made
// another program may have written to it, or this one has, where both paths lead to the
// same file.
func (m *Import) rewriteFile(f *profiles.KeyFile) error {
	now, err := f.Reload()
	if err != nil {
		return err
	}
	defer now.Wipe()
	edit, removed, err := m.Edit(f, now, func(s *ImportStep) bool { return s.Stored })
	if err != nil {
		return err
	}
	if err := edit.Write(); err != nil {
		return err
	}
	if removed > 0 {
		m.OnRemoved(f, removed)
	}
	for _, s := range m.Steps {
		if s.File == f && s.Stored && !m.KeepFiles {
			s.conclude(now)
		}
	}
	return nil
}

// conclude notes what became of a stored key in its file, which was read as now before it
// was changed.
func (s *ImportStep) conclude(now *profiles.KeyFile) {
	_, same, other := s.keyIn(now)
	if s.Removed = same || !other; !s.Removed {
		s.leave("the file has another key for it by now")
	}
}

// keyIn looks for the key of a step in its file now: the same one, or another one
// for the same profile.
func (s *ImportStep) keyIn(now *profiles.KeyFile) (found profiles.Plain, same, other bool) {
	for _, k := range now.Keys() {
		switch {
		case k.Profile != s.Profile:
		case k.Err == nil && k.Key.Equal(s.Key):
			return k, true, false
		default:
			other = true
		}
	}
	return found, false, other
}

// Edit works out the change of a file for the chosen steps. now is the file as it is by
// now; removed is how many keys are removed.
func (m *Import) Edit(f, now *profiles.KeyFile, chosen func(*ImportStep) bool) (e *profiles.Edit, removed int, err error) {
	e = now.Edit()
	var keys []profiles.Plain
	for _, s := range m.Steps {
		if s.File != f || s.Action == ImportLeave || m.KeepFiles || !chosen(s) {
			continue
		}
		if k, same, _ := s.keyIn(now); same {
			keys = append(keys, k)
		}
	}
	if err := e.Remove(keys); err != nil {
		return nil, 0, err
	}
	for _, s := range m.Steps {
		if f == m.Config && s.File == m.Credentials && s.Action != ImportLeave && chosen(s) && !now.Has(s.Profile) {
			if err := e.Append(s.Profile, s.carried()); err != nil {
				return nil, 0, err
			}
		}
	}
	return e, len(keys), nil
}

// carriedKeys are the settings that a profile's new section gets.
var carriedKeys = [...]string{
	"region", "output", "mfa_serial", "role_arn", "source_profile", "external_id", "role_session_name", "duration_seconds",
}

// carried are the settings for the profile's new section. They stay in the credentials
// file too, where the AWS tools look first.
func (s *ImportStep) carried() []profiles.Setting {
	var list []profiles.Setting
	for _, x := range s.Settings {
		if slices.Contains(carriedKeys[:], x.Key) {
			list = append(list, x)
		}
	}
	return list
}

// UnreadRoles lists the profiles of another file than AWS's own two that assume a role with one of
// the imported keys, and that no file which vault reads has.
func (m *Import) UnreadRoles() []profiles.Role {
	if m.File == "" {
		return nil
	}
	var list []profiles.Role
	for _, r := range m.Credentials.Roles() {
		used := slices.ContainsFunc(m.Steps, func(s *ImportStep) bool { return s.Action != ImportLeave && s.Profile == r.Source.Stored.Profile })
		if used && !m.set.Has(r.Profile) {
			list = append(list, r)
		}
	}
	return list
}

// UnreadSettings lists the settings of a step that are in another file than AWS's own two,
// which vault does not read: the profile has a section in the config file already, which
// belongs to the user and is not changed.
func (m *Import) UnreadSettings(s *ImportStep) []profiles.Setting {
	if s.Action == ImportLeave || m.File == "" || !m.set.Has(s.Profile) {
		return nil
	}
	var list []profiles.Setting
	for _, x := range s.carried() {
		if !slices.ContainsFunc(m.set.Settings(s.Profile), func(y profiles.Setting) bool { return y.Key == x.Key }) {
			list = append(list, x)
		}
	}
	return list
}
