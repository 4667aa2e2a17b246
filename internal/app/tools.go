package app

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/d44b7504/vault/env"
	"github.com/d44b7504/vault/internal/profiles"
)

// This file finds out whether the AWS tools come to the same session as this program if
// they are given nothing but the name of a profile.

// sourceKeys are the settings that say where the credentials of a profile come from.
var sourceKeys = []string{
	"role_arn", "source_profile", "credential_source", "credential_process", "web_identity_token_file",
	"sso_session", "sso_start_url", "sso_account_id", "sso_role_name", "login_session",
}

// CheckToolsFollow returns an error with a cure if the AWS tools cannot get the credentials
// of a profile by themselves: if its key is in a keyring, or if it needs a setting that
// only this program knows.
func (t *Task) CheckToolsFollow(ctx context.Context, q env.Request) error {
	p, err := t.Resolve(ctx, q)
	if err != nil {
		return err
	}
	why, err := obstacle(t, q, p)
	if err != nil || why == "" {
		return err
	}
	name := Word(q.Profile)
	return WithHint(fmt.Errorf("the AWS tools cannot use profile %q by its name: %s", q.Profile, why),
		"vault use %s --mode env; or give the tools a profile with the line credential_process = vault export --format json %s, and use that one", name, name)
}

// obstacle says why the AWS tools cannot follow a profile, "" if they can.
func obstacle(t *Task, q env.Request, p profiles.Profile) (string, error) {
	set, err := t.Profiles()
	if err != nil {
		return "", err
	}
	switch from := Origin(p); {
	case p.Guard.ReadOnly, p.Guard.Max != 0, p.Guard.Lapses:
		return "they do not know " + guardWords(p.Guard), nil
	case !set.Has(q.Profile):
		return "it has no section in the config file", nil
	case from.WebIdentity != nil && from.WebIdentity.Process != "":
		return "its web_identity_token_process is a setting of this program", nil
	case from.Stored != nil:
		known, err := toolsHaveKey(t, set, from.Stored.Profile)
		if err != nil || !known {
			return fmt.Sprintf("the key of %q is in a keyring", from.Stored.Profile), err
		}
	}
	o := overrides(t, q)
	o.HasKey, o.HasOwnKey = anyKey, func(string) bool { return false }
	x, err := set.Explain(q.Profile, o)
	if err != nil {
		return "", err
	}
	for _, step := range x.Steps {
		for _, from := range step.Origins {
			if slices.Contains(sourceKeys, from.Key) && from.Variable == "" && elsewhere(from.Section, step.Profile) {
				return fmt.Sprintf("%s comes from [%s] by an include_profile, a setting of this program", from.Key, from.Section), nil
			}
		}
	}
	return "", nil
}

// elsewhere reports whether a section is another profile's.
func elsewhere(section, profile string) bool {
	return section != "" && section != profile && section != "profile "+profile && !strings.HasPrefix(section, "sso-session ")
}

// toolsHaveKey reports whether the AWS tools find a key of a profile in their own files.
func toolsHaveKey(t *Task, set *profiles.Set, name string) (bool, error) {
	for _, load := range []func() (*profiles.KeyFile, error){
		func() (*profiles.KeyFile, error) { return profiles.LoadCredentials(t.Env.CredentialsFile()) },
		func() (*profiles.KeyFile, error) { return profiles.LoadKeys(set.Path()) },
	} {
		file, err := load()
		if err != nil {
			return false, err
		}
		has := slices.ContainsFunc(file.Keys(), func(k profiles.Plain) bool { return k.Profile == name })
		file.Wipe()
		if has {
			return true, nil
		}
	}
	return false, nil
}
