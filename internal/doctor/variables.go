package doctor

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
	"github.com/d44b7504/vault/internal/creds"
	"github.com/d44b7504/vault/internal/display"
	"github.com/d44b7504/vault/internal/mfa"
	"github.com/d44b7504/vault/internal/profiles"
	"github.com/d44b7504/vault/refresh"
)

// variables looks for variables of this shell that conflict. Of what vault exported only
// whether it is still there is looked at.
func (x *examination) variables(context.Context) []Finding {
	var list []Finding
	for _, look := range []func() []Finding{x.state, x.keyVariables, x.otherIdentities, x.expired, x.profileVariables, x.fileVariables, x.settings, x.universal} {
		list = append(list, look()...)
	}
	if len(list) == 0 {
		return []Finding{ok("no variable conflicts with another one")}
	}
	return list
}

// state looks at what the hook keeps in this shell, and why its session is not renewed.
func (x *examination) state() []Finding {
	st, active := env.StateOf(x.Env.Current)
	switch {
	case !active && x.Env.Get(env.StateVar) != "":
		return []Finding{warning("open a new shell", "%s cannot be read: it is of another version of this program, or damaged", env.StateVar)}
	case !active && x.Env.Get(env.ActiveProfile) != "":
		return []Finding{note("exit leaves it", "this shell is inside aws-vault exec %s, or another tool has set %s", x.Env.Get(env.ActiveProfile), env.ActiveProfile)}
	case !active:
		return nil
	}
	var list []Finding
	if names := st.Changed(x.Env.Current); len(names) > 0 {
		list = append(list, warning("vault use "+app.Word(st.Request.Profile)+" sets them again", "%s: %s",
			refresh.Changed.Meaning().Sentence, display.List(names)))
	}
	if st.Lease != nil {
		return append(list, x.served(st))
	}
	if p, err := x.ResolveUnopened(st.Request); err == nil {
		if m, known := x.Env.Runtime().Mark(refresh.Key(p)); known && m.Note != "" {
			meaning := m.Note.Meaning()
			list = append(list, warning(meaning.Advice(), "the session of %s is not renewed: %s", st.Request.Profile, meaning.Sentence))
		}
	}
	return list
}

// served says how it is with what the agent serves to the programs of this shell.
func (x *examination) served(st env.State) Finding {
	profile := st.Request.Profile
	switch note, locked := app.LeaseNote(x.Task, *st.Lease); {
	case locked:
		return warning("vault refresh goes on, at the same address", "vault lock has locked what the agent serves of %s to this shell: its programs get an error", profile)
	case note == refresh.NoAgent:
		return warning(note.Meaning().Advice(), "the agent that served %s to this shell has ended: what was started before gets no credentials any more", profile)
	case note != "":
		return warning(note.Meaning().Advice(), "the session of %s that the agent serves to this shell is not renewed: %s", profile, note.Meaning().Sentence)
	}
	return ok("the agent serves %s to the programs of this shell", profile)
}

const unsetKeys = "unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN"

// keyVariables looks at the key that the user has exported, which may lack a part.
func (x *examination) keyVariables() []Finding {
	id, secret, token := x.Env.User["AWS_ACCESS_KEY_ID"], x.Env.User["AWS_SECRET_ACCESS_KEY"], x.Env.User["AWS_SESSION_TOKEN"]
	key := creds.Tail(id)
	switch {
	case id == "" && secret == "" && token == "":
		return nil
	case (id == "") != (secret == ""):
		return []Finding{problem(unsetKeys, "only one of AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY is exported: they belong together")}
	case id == "":
		return []Finding{warning("unset AWS_SESSION_TOKEN", "AWS_SESSION_TOKEN is exported without the key it belongs to")}
	case longLived(id) && token != "":
		return []Finding{problem("unset AWS_SESSION_TOKEN", "AWS_SESSION_TOKEN is exported together with a key that does not expire (%s): AWS refuses the two together", key)}
	case longLived(id):
		return []Finding{warning("vault add NAME --env stores it; then remove the line that exports it",
			"a key that does not expire (%s) is exported: every program started here gets it", key)}
	case token == "":
		return []Finding{problem("unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY", "a temporary key (%s) is exported without its AWS_SESSION_TOKEN: AWS refuses it", key)}
	}
	return nil
}

// otherIdentities looks for variables that name different identities or regions.
func (x *examination) otherIdentities() []Finding {
	user := x.Env.User
	profile := x.Env.NamedProfile()
	var list []Finding
	if id := user["AWS_ACCESS_KEY_ID"]; id != "" && profile != "" {
		list = append(list, warning("unset the one that you do not want", "a key (%s) and AWS_PROFILE=%s are exported together, and the AWS tools do not agree on which of them counts", creds.Tail(id), profile))
	}
	if a, b := user["AWS_PROFILE"], user["AWS_DEFAULT_PROFILE"]; a != "" && b != "" && a != b {
		list = append(list, warning("unset AWS_DEFAULT_PROFILE", "AWS_PROFILE is %s and AWS_DEFAULT_PROFILE is %s", a, b))
	}
	if a, b := user["AWS_REGION"], user["AWS_DEFAULT_REGION"]; a != "" && b != "" && a != b {
		list = append(list, warning("set both to the same region, or neither", "AWS_REGION is %s and AWS_DEFAULT_REGION is %s: boto3 reads the second, other tools the first", a, b))
	}
	return list
}

// longLived tells a user's key from a session's by how its id begins.
func longLived(id string) bool { return !strings.HasPrefix(id, "ASIA") }

// expired finds a session that has expired and is still exported, by vault or another tool.
func (x *examination) expired() []Finding {
	_, active := env.StateOf(x.Env.Current)
	at, err := time.Parse(time.RFC3339, cmp.Or(x.Env.Get(env.Expiration), x.Env.Get("AWS_SESSION_EXPIRATION")))
	if err != nil || at.After(x.Now()) || x.Env.Get("AWS_ACCESS_KEY_ID") == "" {
		return nil
	}
	clock := display.Clock(at, x.Now())
	if active {
		return []Finding{warning("vault refresh", "the session of this shell has expired, at %s", clock)}
	}
	return []Finding{problem(unsetKeys+" "+env.Expiration, "the session that is exported has expired, at %s", clock)}
}

// profileVariables looks for profiles that variables name and that do not exist.
func (x *examination) profileVariables() []Finding {
	var list []Finding
	for _, variable := range []string{"AWS_PROFILE", "AWS_DEFAULT_PROFILE"} {
		name := x.Env.User[variable]
		if name == "" || x.set.Has(name) || x.setErr != nil {
			continue
		}
		cure := "unset " + variable
		if near := profiles.Near(name, x.set.Names()); len(near) > 0 {
			cure = app.DidYouMean(near)
		}
		list = append(list, problem(cure, "%s is %q, and there is no profile of that name", variable, name))
	}
	for _, variable := range []string{"AWSU_PROFILE", "AWSUME_PROFILE"} {
		if x.Env.User[variable] != "" {
			list = append(list, note("unset "+variable, "%s is set by another tool, and starship shows it instead of vault's profile", variable))
		}
	}
	return list
}

// fileVariables looks at variables that say where files and services are.
func (x *examination) fileVariables() []Finding {
	var list []Finding
	for _, variable := range []string{"AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "AWS_CA_BUNDLE"} {
		path := x.Env.Expand(x.Env.User[variable])
		if path == "" {
			continue
		}
		// A credentials file that does not exist is as it should be.
		if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) && variable != "AWS_SHARED_CREDENTIALS_FILE" {
			list = append(list, warning("", "%s names a file that does not exist: %s", variable, x.Env.Tilde(path)))
		}
	}
	if x.Env.User["AWS_ENDPOINT_URL"] != "" {
		list = append(list, note("", "AWS_ENDPOINT_URL is set: requests go to that address, and not to AWS"))
	}
	return list
}

// settings looks at vault's own variables: what cannot be read, and what should not be
// exported.
func (x *examination) settings() []Finding {
	var list []Finding
	for _, variable := range []string{"AWS_SESSION_TOKEN_TTL", "AWS_CHAINED_SESSION_TOKEN_TTL", "AWS_ASSUME_ROLE_TTL", "AWS_VAULT_DURATION", "AWS_MIN_TTL"} {
		if _, err := x.Env.Duration(variable); err != nil {
			list = append(list, problem("", "%s", app.Text(err)))
		}
	}
	if _, err := mfa.Parse(x.Env.Get("AWS_VAULT_PROMPT")); err != nil {
		list = append(list, problem("choose from "+strings.Join(mfa.Drivers(), ", "), "AWS_VAULT_PROMPT: %s", app.Text(err)))
	}
	for _, variable := range []string{"AWS_VAULT_FILE_PASSPHRASE", "AWS_VAULT_AGE_PASSPHRASE"} {
		if x.Env.Secret(variable) != nil {
			list = append(list, warning("unset "+variable+"; the passphrase is asked for", "%s is exported: every program started here gets the passphrase of your keys", variable))
		}
	}
	return list
}

// universal looks at what fish exports into every shell. vault use hides it, and vault off
// brings it back.
func (x *examination) universal() []Finding {
	file := filepath.Join(cmp.Or(x.Env.Get("XDG_CONFIG_HOME"), x.Env.InHome(".config")), "fish", "fish_variables")
	var list []Finding
	for _, line := range lines(read(file)) {
		name, is := universalName(line)
		switch {
		case !is:
		case slices.Contains(env.SecretsIn(map[string]string{name: ""}), name):
			list = append(list, problem("set --erase --universal "+name, "fish keeps %s in plain text in %s, as a universal variable", name, x.Env.Tilde(file)))
		case slices.Contains(env.Identity, name), name == env.ActiveProfile, name == "AWS_REGION", name == "AWS_DEFAULT_REGION", strings.HasPrefix(name, "__VAULT_"):
			list = append(list, warning("set --erase --universal "+name, "%s is a universal variable of fish: every fish shell starts with it, and vault off brings it back", name))
		}
	}
	return list
}

// universalName reads a line of fish_variables: SETUVAR --export NAME:value. The value,
// which fish has escaped, is not looked at.
func universalName(line string) (name string, is bool) {
	rest, is := strings.CutPrefix(line, "SETUVAR ")
	for strings.HasPrefix(rest, "-") {
		_, rest, _ = strings.Cut(rest, " ")
	}
	name, _, colon := strings.Cut(rest, ":")
	return name, is && colon && name != ""
}
