package profiles

import (
	"errors"
	"maps"
	"runtime"
	"slices"
	"strconv"
	"strings"
)

// This file reads the settings that say where credentials come from, other than from
// another profile.

// ownKeys lists the settings that make a source of credentials: first the one that only
// this program writes, then in the order in which botocore tries them. For Identity Center
// botocore looks for an account or a role. keyInCredentials and keyInConfig stand for access
// keys in the files. Those below the key in the config file are a source only if there is no other, so that an error
// can say what is missing.
var ownKeys = [...]string{
	syncedKey,
	"web_identity_token_file", "web_identity_token_process",
	"sso_account_id", "sso_role_name",
	keyInCredentials, "login_session", "credential_process", keyInConfig,
	"credential_source", "sso_session", "sso_start_url", grantedAccount, grantedRole, renewCommand,
}

// ownKey returns the first of them that is set; "" when none is, so that the key is in the
// keyring. A key that is stored there has the place of one in the credentials file.
func (c *chain) ownKey(v *view) string {
	for _, key := range ownKeys {
		switch key {
		case keyInCredentials:
			if v.hasFileKey(true) {
				return key
			}
			if c.outranked(v) && c.hasOwnKey(v.name) {
				return ""
			}
		case keyInConfig:
			if v.hasFileKey(false) {
				return key
			}
		case "credential_process":
			if v.has(key) && !v.runsItself() {
				return key
			}
		case renewCommand: // whose file has no key yet
			if v.has(key) && !v.has("source_profile") && !c.hasOwnKey(v.name) {
				return key
			}
		default:
			if v.has(key) {
				return key
			}
		}
	}
	return ""
}

// outranked reports whether a profile has a source that a stored key would go before.
func (c *chain) outranked(v *view) bool {
	return v.has("login_session") || v.has("credential_process") && !v.runsItself()
}

// bearsToken reports whether a profile is a web identity. Its role_arn is part of that.
func (v *view) bearsToken() bool {
	return v.has("web_identity_token_file") || v.has("web_identity_token_process")
}

// own returns the source of a profile that no source_profile names.
func (c *chain) own(v *view) (link, error) {
	if call, ok := v.vaultCall(); ok && c.ownKey(v) == "credential_process" {
		if call.plain {
			v.str("credential_process") // for the explanation
			return c.follow(call.profile, "credential_process")
		}
		if err := c.circle(call.profile); err != nil {
			return link{}, err
		}
	}
	if name := c.grantedFor(v); name != "" {
		v.str("credential_process")
		return c.follow(name, "credential_process")
	}
	source, err := c.ownSource(v)
	return link{source: source}, err
}

// circle returns an error if a profile that another process of vault is asked for leads back
// to this chain.
func (c *chain) circle(name string) error {
	other := &chain{set: c.set, over: c.over, path: slices.Clone(c.path), on: maps.Clone(c.on)}
	_, err := other.follow(name, "credential_process")
	var loop *LoopError
	if errors.As(err, &loop) {
		return loop
	}
	return nil // any other error is for that process to tell
}

// ownSource returns the source that a profile's own settings make.
func (c *chain) ownSource(v *view) (Source, error) {
	key := c.ownKey(v)
	if v.has("role_arn") && v.has("credential_source") && !v.bearsToken() {
		key = "credential_source"
	}
	switch key {
	case "":
		return c.stored(v)
	case keyInCredentials, keyInConfig:
		return c.fileKey(v, key == keyInCredentials)
	case "web_identity_token_file", "web_identity_token_process":
		return c.webIdentity(v, key)
	case syncedKey:
		return c.synced(v)
	case "credential_process":
		return c.process(v, key)
	case "credential_source":
		return c.host(v, key)
	case "login_session":
		return c.login(v, key)
	case grantedAccount, grantedRole:
		return c.granted(v)
	case renewCommand:
		return c.unwritten(v)
	}
	return c.sso(v, key)
}

func (c *chain) process(v *view, key string) (Source, error) {
	if source, ok, err := c.center(v); ok || err != nil {
		return source, err
	}
	p := &Process{Profile: v.name, Command: v.str(key)}
	if _, ok := commandWords(p.Command, runtime.GOOS == "windows"); v.err == nil && !ok {
		v.rejectKey(key, unclosed)
	}
	return Source{Process: p}, v.err
}

func (c *chain) stored(v *view) (Source, error) {
	s := &Stored{
		Profile:    v.name,
		MFASerial:  v.serial(),
		MFAProcess: v.str("mfa_process"),
		NoSession:  c.over.NoSession,
		ForItself:  v.runsItself(),
	}
	return Source{Stored: s}, v.err
}

// webIdentity reads a role for a token. A file goes before a command.
func (c *chain) webIdentity(v *view, key string) (Source, error) {
	w := &WebIdentity{
		Profile:     v.name,
		ARN:         v.roleARN(),
		SessionName: v.sessionName(),
		Duration:    v.seconds("duration_seconds"),
	}
	if w.ARN == "" {
		v.rejectKey(key, "role_arn is missing")
	}
	if text := v.str(key); key == "web_identity_token_file" {
		w.TokenFile, w.TokenFileAt = c.file(v, key), v.placeOf(key)
	} else {
		w.Process = text
	}
	if v.err != nil {
		return Source{}, v.err
	}
	region, err := c.region(v)
	w.Region = regionFor(w.ARN, region)
	return Source{WebIdentity: w}, err
}

// roleARN reads role_arn.
func (v *view) roleARN() string {
	arn := v.str("role_arn")
	if arn != "" && !IsRoleARN(arn) {
		v.rejectKey("role_arn", or(decorated(arn), wantRole))
		return ""
	}
	return arn
}

// host reads a credential_source, which needs a role.
func (c *chain) host(v *view, key string) (Source, error) {
	h := &Host{Kind: v.choice(key, HostEnvironment, HostContainer, HostInstance)}
	if v.err == nil && !v.has("role_arn") {
		v.rejectKey(key, "role_arn is missing")
	}
	return Source{Host: h}, v.err
}

func (c *chain) login(v *view, key string) (Source, error) {
	l := &Login{Session: v.str(key)}
	region, err := c.region(v)
	if l.Region = region; l.Region == "" {
		l.Region = DefaultRegion(arnPartition(l.Session))
	}
	return Source{Login: l}, err
}

// sso reads a role of Identity Center. The settings of the sso-session go before those of
// the profile itself.
func (c *chain) sso(v *view, clue string) (Source, error) {
	w, err := c.session(v)
	if err != nil {
		return Source{}, err
	}
	if v.has("sso_session") {
		clue = "sso_session"
	}
	s := &SSO{
		Session:  v.str("sso_session"),
		StartURL: w.str("sso_start_url"), Region: w.label("sso_region"),
		Account: w.str("sso_account_id"), Role: w.str("sso_role_name"),
		Scopes: w.list("sso_registration_scopes"),
	}
	w.checkSSO(s)
	if missing := s.missing(); missing != "" && w.err == nil {
		v.rejectKey(clue, missing)
	}
	if w.err != nil {
		return Source{}, w.err
	}
	return Source{SSO: s}, v.err
}

// session is a view of a profile in which the settings of its sso-session go first.
func (c *chain) session(v *view) (*view, error) {
	w := *v
	name, ok := v.find("sso_session")
	if !ok || v.err != nil {
		return &w, v.err
	}
	at, known := c.set.find(ssoSection, name.Value)
	if !known {
		v.reject(name, c.set.noSection("sso-session", name.Value, c.set.namesOf(ssoSection)))
		return nil, v.err
	}
	l := c.set.only(at)
	if err := l.damage(); err != nil {
		return nil, err
	}
	c.misspelt = append(c.misspelt, l.misspelt()...)
	w.layers = append([]layer{l}, v.layers...)
	for _, key := range [...]string{"sso_start_url", "sso_region", "sso_account_id", "sso_role_name"} {
		inline, ok := v.find(key)
		if used, _ := w.find(key); ok && used.Value != inline.Value {
			c.warnings = append(c.warnings, Warning{
				File: inline.from.file.path, Line: inline.Line, Profile: v.name, Key: key,
				Why: "it has no effect, because the sso-session has another value",
			})
		}
	}
	return &w, nil
}

// checkSSO refuses values for which Identity Center would give an unclear error.
func (v *view) checkSSO(s *SSO) {
	if s.StartURL != "" && !isURL(s.StartURL) {
		v.rejectKey("sso_start_url", notURL)
	}
	if s.Account != "" && !isAccount(s.Account) {
		v.rejectKey("sso_account_id", "an account id has 12 digits")
	}
}

// missing says which settings are missing, "" when none is.
func (s *SSO) missing() string {
	var keys []string
	for _, x := range [...][2]string{
		{s.StartURL, "sso_start_url"}, {s.Region, "sso_region"}, {s.Account, "sso_account_id"}, {s.Role, "sso_role_name"},
	} {
		if x[0] == "" {
			keys = append(keys, x[1])
		}
	}
	switch n := len(keys); n {
	case 0:
		return ""
	case 1:
		return keys[0] + " is missing"
	default:
		return strings.Join(keys[:n-1], ", ") + " and " + keys[n-1] + " are missing"
	}
}

// Directory is the start URL without an end that has no meaning:
// https://d-1.awsapps.com/start, …/start/ and …/start/#/ are one directory.
func (s SSO) Directory() string { return strings.TrimRight(s.StartURL, "#/") }

// String names the account and the role, for messages.
func (s SSO) String() string { return s.Account + "/" + s.Role + " of " + strconv.Quote(s.Directory()) }
