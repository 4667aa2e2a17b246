package cmd

import (
	"cmp"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/d44b7504/vault/env"
	"github.com/d44b7504/vault/internal/app"
	"github.com/d44b7504/vault/internal/mfa"
	"github.com/d44b7504/vault/internal/profiles"
)

// variables looks for what this shell's variables say against each other. What we
// exported ourselves is not looked at, only whether it is still there.
func (d *doctor) variables(context.Context) []finding {
	var list []finding
	for _, look := range []func() []finding{d.state, d.identities, d.lapsed, d.named, d.places, d.settings, d.universal} {
		list = append(list, look()...)
	}
	if len(list) == 0 {
		return []finding{fine("none contradicts another")}
	}
	return list
}

// state looks at what the hook keeps in this shell.
func (d *doctor) state() []finding {
	st, active := env.StateOf(d.task.Env.Current)
	switch {
	case !active && d.getenv(env.StateVar) != "":
		return []finding{warned("open a new shell", "%s cannot be read: it is of another version of this program, or damaged", env.StateVar)}
	case !active && d.getenv(env.Profile) != "":
		return []finding{noted("exit leaves it", "this shell is inside aws-vault exec %s, or another tool has set %s", d.getenv(env.Profile), env.Profile)}
	case !active:
		return nil
	}
	if names := st.Changed(d.task.Env.Current); len(names) > 0 {
		return []finding{warned("vault use "+app.Word(st.Request.Profile), "%s %s changed by somebody else since %s became active",
			all(names), plural(len(names), "was", "were"), st.Request.Profile)}
	}
	return nil
}

// identities looks for more than one way in which AWS's tools are told who to be.
func (d *doctor) identities() []finding {
	id, secret, token := d.task.Env.User["AWS_ACCESS_KEY_ID"], d.task.Env.User["AWS_SECRET_ACCESS_KEY"], d.task.Env.User["AWS_SESSION_TOKEN"]
	profile := cmp.Or(d.task.Env.User["AWS_PROFILE"], d.task.Env.User["AWS_DEFAULT_PROFILE"])
	var list []finding
	switch {
	case id == "" && secret == "" && token == "":
	case (id == "") != (secret == ""):
		list = append(list, wrong("unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN",
			"half a key is exported: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY belong together"))
	case id == "":
		list = append(list, warned("unset AWS_SESSION_TOKEN", "AWS_SESSION_TOKEN is exported without the key it belongs to"))
	case longLived(id) && token != "":
		list = append(list, wrong("unset AWS_SESSION_TOKEN", "AWS_SESSION_TOKEN is exported beside a key that does not expire (…%s): AWS refuses the two together", last4(id)))
	case longLived(id):
		list = append(list, warned("vault add NAME --env keeps it; then take it out of where it is exported",
			"a key that does not expire (…%s) is exported: every program started here gets it", last4(id)))
	case token == "":
		list = append(list, wrong("unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY", "a temporary key (…%s) is exported without its AWS_SESSION_TOKEN: AWS refuses it", last4(id)))
	}
	if id != "" && profile != "" {
		list = append(list, warned("unset the one that is not meant", "a key (…%s) and AWS_PROFILE=%s are exported together, and AWS's tools do not agree on which of them counts", last4(id), profile))
	}
	if a, b := d.task.Env.User["AWS_PROFILE"], d.task.Env.User["AWS_DEFAULT_PROFILE"]; a != "" && b != "" && a != b {
		list = append(list, warned("unset AWS_DEFAULT_PROFILE", "AWS_PROFILE is %s and AWS_DEFAULT_PROFILE is %s", a, b))
	}
	if a, b := d.task.Env.User["AWS_REGION"], d.task.Env.User["AWS_DEFAULT_REGION"]; a != "" && b != "" && a != b {
		list = append(list, warned("set both, or neither", "AWS_REGION is %s and AWS_DEFAULT_REGION is %s: boto3 reads the second, other tools the first", a, b))
	}
	return list
}

// longLived tells a user's key from a session's by what it begins with.
func longLived(id string) bool { return !strings.HasPrefix(id, "ASIA") }

// lapsed finds a session that is over and still exported, of ours or another's.
func (d *doctor) lapsed() []finding {
	_, active := env.StateOf(d.task.Env.Current)
	at, err := time.Parse(time.RFC3339, cmp.Or(d.getenv(env.Expiration), d.getenv("AWS_SESSION_EXPIRATION")))
	if err != nil || at.After(d.Now()) || d.getenv("AWS_ACCESS_KEY_ID") == "" {
		return nil
	}
	if active {
		return []finding{warned("vault refresh", "the session of this shell has lapsed, at %s", clock(at, d.Now()))}
	}
	return []finding{wrong("unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN "+env.Expiration, "the session that is exported has lapsed, at %s", clock(at, d.Now()))}
}

// named looks for profiles that variables name and nobody has.
func (d *doctor) named() []finding {
	var list []finding
	for _, variable := range []string{"AWS_PROFILE", "AWS_DEFAULT_PROFILE"} {
		name := d.task.Env.User[variable]
		if name == "" || d.set.Has(name) || d.setErr != nil {
			continue
		}
		text := "unset " + variable
		if near := profiles.Near(name, d.set.Names()); len(near) > 0 {
			text = app.DidYouMean(near)
		}
		list = append(list, wrong(text, "%s is %q, and there is no such profile", variable, name))
	}
	for _, variable := range []string{"AWSU_PROFILE", "AWSUME_PROFILE"} {
		if d.task.Env.User[variable] != "" {
			list = append(list, noted("unset "+variable, "%s is set by another tool, and starship shows it instead of ours", variable))
		}
	}
	return list
}

// places looks at variables that say where files and services are.
func (d *doctor) places() []finding {
	var list []finding
	for _, variable := range []string{"AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "AWS_CA_BUNDLE"} {
		path := d.task.Env.User[variable]
		if rest, ok := strings.CutPrefix(path, "~/"); ok {
			path = d.below(rest)
		}
		if path == "" {
			continue
		}
		// A credentials file that is not there is how it should be.
		if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) && variable != "AWS_SHARED_CREDENTIALS_FILE" {
			list = append(list, warned("", "%s names a file that does not exist: %s", variable, d.tilde(path)))
		}
	}
	if d.task.Env.User["AWS_ENDPOINT_URL"] != "" {
		list = append(list, noted("", "AWS_ENDPOINT_URL is set: it is not AWS that is asked"))
	}
	return list
}

// settings looks at our own: what cannot be read, and what is better not exported.
func (d *doctor) settings() []finding {
	var list []finding
	for _, variable := range []string{"AWS_SESSION_TOKEN_TTL", "AWS_CHAINED_SESSION_TOKEN_TTL", "AWS_ASSUME_ROLE_TTL", "AWS_MIN_TTL"} {
		if _, err := d.task.Env.Duration(variable); err != nil {
			list = append(list, wrong("", "%s", err))
		}
	}
	if _, err := mfa.Parse(d.getenv("AWS_VAULT_PROMPT")); err != nil {
		list = append(list, wrong("choose from "+strings.Join(mfa.Drivers(), ", "), "AWS_VAULT_PROMPT: %s", err))
	}
	for _, variable := range []string{"AWS_VAULT_FILE_PASSPHRASE", "AWS_VAULT_AGE_PASSPHRASE"} {
		if d.task.Env.Secret(variable) != nil {
			list = append(list, warned("unset "+variable+": it is asked for", "%s is exported: every program started here gets the passphrase of your keys", variable))
		}
	}
	return list
}

// universal looks at what fish exports into every shell of its own accord. vault use
// hides it, and vault off brings it back.
func (d *doctor) universal() []finding {
	file := filepath.Join(cmp.Or(d.getenv("XDG_CONFIG_HOME"), d.below(".config")), "fish", "fish_variables")
	var list []finding
	for _, line := range eachLine(readRegular(file)) {
		name, ok := universalName(line)
		switch {
		case !ok:
		case slices.Contains(env.Stashed, name):
			list = append(list, wrong("set --erase --universal "+name, "fish keeps %s in plain text in %s, as a universal variable", name, d.tilde(file)))
		case slices.Contains(env.Family, name), name == env.Profile, name == "AWS_REGION", name == "AWS_DEFAULT_REGION", strings.HasPrefix(name, "__VAULT_"):
			list = append(list, warned("set --erase --universal "+name, "%s is a universal variable of fish: every fish has it from its start, and vault off brings it back", name))
		}
	}
	return list
}

// universalName reads a line of fish_variables: SETUVAR --export NAME:value. The value,
// which fish has escaped, is not looked at.
func universalName(line string) (string, bool) {
	rest, ok := strings.CutPrefix(line, "SETUVAR ")
	for strings.HasPrefix(rest, "-") {
		_, rest, _ = strings.Cut(rest, " ")
	}
	name, _, is := strings.Cut(rest, ":")
	return name, ok && is && name != ""
}
