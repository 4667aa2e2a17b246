package profiles

import (
	"runtime"
	"strings"
	"time"

	"github.com/d44b7504/vault/internal/creds"
)

// This file reads the access keys that are in the files of the AWS tools. A temporary key is
// a source of credentials. A long-lived one is not used: it belongs in the keyring, and the
// profile is one whose key is stored, with the place where the key is now.

// Temporary is a temporary key that another program has written to a file of the AWS tools.
type Temporary struct {
	Profile string
	At      Place         // of its access key id; only the file if there is no key yet
	Session creds.Session // a zero Expires: the file does not say; a zero one: there is no key yet
	Renewer Renewer
}

// Renewer is the program that writes a new temporary key into the file, with the settings
// vault_renew_command and vault_renew_silently.
type Renewer struct {
	Command string // "": it is not known
	Silent  bool   // it asks nothing, so that it may be run where there is no person
}

// Words are the program and its arguments, split as those of a credential_process.
func (r Renewer) Words() []string { return Process{Command: r.Command}.Words() }

// ForShell reports whether the command looks as if it were written for a shell.
func (r Renewer) ForShell() bool { return Process{Command: r.Command}.ForShell() }

const (
	renewCommand  = "vault_renew_command"
	renewSilently = "vault_renew_silently"
)

// renewer reads how the temporary key of a profile is renewed.
func (v *view) renewer() Renewer {
	r := Renewer{Command: v.str(renewCommand), Silent: v.flag(renewSilently, false)}
	if _, ok := commandWords(r.Command, runtime.GOOS == "windows"); r.Command != "" && !ok {
		v.rejectKey(renewCommand, unclosed)
	}
	return r
}

// unwritten is the temporary key of a profile into whose file no program has written one yet.
func (c *chain) unwritten(v *view) (Source, error) {
	return Source{Temporary: &Temporary{Profile: v.name, At: Place{File: c.set.keysAt}, Renewer: v.renewer()}}, v.err
}

// Origin returns the source that a chain of roles begins with. It is never a role.
func (s Source) Origin() Source {
	for s.Role != nil {
		s = s.Role.Source
	}
	return s
}

// Place is a line of a file. The zero value is none.
type Place struct {
	File string
	Line int
}

// String is the form that editors understand.
func (p Place) String() string { return place(p.File, p.Line) }

// The names in ownKeys of an access key in the credentials file and in the config file.
const (
	keyInCredentials = "access key in the credentials file"
	keyInConfig      = "access key in the config file"
)

// expiryKeys are the settings in which the programs that write temporary keys say when they
// expire. The AWS tools ignore them.
var expiryKeys = [...]string{
	"x_security_token_expires", "aws_session_expiration", "aws_expiration", "aws_credential_expiration", "expiration",
}

// fileKeyParts are the sections of a profile's own, and not of an included one, that are in
// the credentials file, or in the config file.
func (v *view) fileKeyParts(credentials bool) layer {
	var l layer
	if len(v.layers) > 0 {
		for _, p := range v.layers[0] {
			if p.file.bare == credentials {
				l = append(l, p)
			}
		}
	}
	return l
}

// hasFileKey reports whether a file has an access key, or a part of one, for the profile.
func (v *view) hasFileKey(credentials bool) bool {
	l := v.fileKeyParts(credentials)
	return l.text(settingID) != "" || l.text(settingSecret) != ""
}

// PlainKeys lists the long-lived access keys that the files have in plain text, by profile.
func (s *Set) PlainKeys() map[string]Place {
	list := map[string]Place{}
	for _, file := range [...]*Set{s, s.credentials} {
		if file == nil {
			continue
		}
		lends := anyKey(file.defaults.settings)
		for i, at := range file.index().profiles.sections {
			p := part{file, &file.sections[at]}
			if o := file.outlines()[at]; !lends && o.sound && !o.key {
				continue
			}
			e, ok := p.lookup(settingID)
			if !ok || e.Value == "" {
				continue
			}
			if l := (layer{p}); l.text(settingSecret) != "" && !isTemporary(e.Value, or(l.text(oldToken), l.text(settingToken))) {
				list[file.index().profiles.list[i]] = Place{file.path, e.Line}
			}
		}
	}
	return list
}

func isTemporary(id, token string) bool { return token != "" || strings.HasPrefix(id, "ASIA") }

// text returns a setting, "" when it is not set.
func (l layer) text(key string) string {
	e, _ := l.lookup(key)
	return e.Value
}

// fileKey reads the access key of a profile from a file. If one is stored for the profile,
// that is used.
func (c *chain) fileKey(v *view, credentials bool) (Source, error) {
	l := v.fileKeyParts(credentials)
	id, secret := l.text(settingID), l.text(settingSecret)
	token := or(l.text(oldToken), l.text(settingToken)) // in the order of the AWS tools
	e, _ := l.lookup(settingID)
	if id == "" {
		e, _ = l.lookup(settingSecret)
	}
	at := Place{e.from.file.path, e.Line}
	parts := [][2]string{{id, settingID}, {secret, settingSecret}}
	if isTemporary(id, token) {
		parts = append(parts, [2]string{token, settingToken})
	} else if id != "" && secret != "" {
		source, err := c.stored(v)
		source.Stored.InFile = at
		return source, err
	}
	if c.hasOwnKey(v.name) {
		return c.stored(v)
	}
	for _, x := range parts {
		if x[0] == "" {
			v.reject(e, x[1]+" is missing, and without it the key cannot be used")
			return Source{}, v.err
		}
	}
	t := &Temporary{Profile: v.name, At: at, Session: creds.Session{
		AccessKeyID: id, SecretKey: creds.New(secret), Token: creds.New(token), Expires: c.expiry(v, l),
	}, Renewer: v.renewer()}
	return Source{Temporary: t}, v.err
}

// expiry reads when a temporary key expires; zero when the file does not say, or says it in
// an unknown form.
func (c *chain) expiry(v *view, l layer) time.Time {
	for _, key := range expiryKeys {
		e, ok := l.lookup(key)
		if !ok || e.Value == "" {
			continue
		}
		v.note(key, e)
		if at, zoned, ok := creds.ParseTime(e.Value); ok {
			if !zoned && l.ofAwsume() {
				at = time.Date(at.Year(), at.Month(), at.Day(), at.Hour(), at.Minute(), at.Second(), 0, time.Local).UTC()
			}
			return at
		}
		c.warnings = append(c.warnings, Warning{
			File: e.from.file.path, Line: e.Line, Profile: v.name, Key: key, Why: "it is not a time, so it is not known when the temporary key expires",
		})
	}
	return time.Time{}
}

// ofAwsume reports whether awsume has written a section. It writes the time of this machine, where
// others write UTC.
func (l layer) ofAwsume() bool { return l.text("manager") == "awsume" || l.text("autoawsume") != "" }
