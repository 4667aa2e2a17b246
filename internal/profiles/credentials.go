package profiles

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/d44b7504/vault/internal/atomicfile"
	"github.com/d44b7504/vault/internal/creds"
)

// This file finds access keys in plain text in the files of the AWS tools: the shared
// credentials file, where the header of a section is the profile's name alone, and the
// config file, whose profiles may have keys too.

// The settings that make credentials. The AWS tools accept both words for the token.
const (
	settingID     = "aws_access_key_id"
	settingSecret = "aws_secret_access_key"
	settingToken  = "aws_session_token"
	oldToken      = "aws_security_token"
)

// KeyFile is a file that may contain keys, as it was when it was read.
type KeyFile struct {
	Path  string
	Mode  fs.FileMode // 0 when there is no file
	Links int         // names that the file has, hard links; 0 when there is none

	data        []byte
	set         *Set
	credentials bool // and not the config file
}

// LoadCredentials reads a shared credentials file, following symlinks. A file that does not
// exist is empty.
func LoadCredentials(path string) (*KeyFile, error) { return loadKeys(path, true) }

// LoadKeys reads the keys in a config file, in the same way.
func LoadKeys(path string) (*KeyFile, error) { return loadKeys(path, false) }

func loadKeys(path string, credentials bool) (*KeyFile, error) {
	f := &KeyFile{Path: path, credentials: credentials}
	data, err := ReadFile(path)
	if err != nil {
		return nil, err
	}
	if info, err := os.Stat(path); err == nil {
		f.Mode = info.Mode()
	}
	if info, err := atomicfile.Inspect(path); err == nil {
		f.Links = info.Links
	}
	f.data = data
	f.set = f.parse(data)
	if why := notText(string(data)); why != "" {
		return nil, f.set.notText
	}
	return f, nil
}

// Reload reads the file again.
func (f *KeyFile) Reload() (*KeyFile, error) { return loadKeys(f.Path, f.credentials) }

func (f *KeyFile) parse(data []byte) *Set {
	if f.credentials {
		return parseCredentials(f.Path, data)
	}
	return Parse(f.Path, data)
}

// parseCredentials is Parse for a credentials file.
func parseCredentials(path string, data []byte) *Set {
	s := newSet(path, credentialsHeader)
	s.bare = true
	return s.parse(data)
}

// credentialsHeader reads a header of a credentials file, where every section is a profile
// except [DEFAULT].
func credentialsHeader(text string) (sectionKind, string) {
	if text == "DEFAULT" {
		return sharedSection, text
	}
	return profileSection, text
}

// Wipe overwrites what was read. The secrets in the Plain values of the file are then gone
// too.
func (f *KeyFile) Wipe() { clear(f.data) }

// Has reports whether the file has a section for a profile.
func (f *KeyFile) Has(profile string) bool { return f.set.Has(profile) }

// Roles lists the profiles of the file that assume a role with the key of a profile: their
// Source is that key.
func (f *KeyFile) Roles() []Role {
	var list []Role
	for _, name := range f.set.Names() {
		p, err := f.set.Resolve(name, Overrides{HasKey: func(string) bool { return true }})
		if r := p.Source.Role; err == nil && r != nil && r.Source.Stored != nil {
			list = append(list, *r)
		}
	}
	return list
}

// Plain is an access key in a file, or a part of one.
type Plain struct {
	Profile  string
	Line     int       // its first line
	Key      creds.Key // without the secret when Err is set
	Err      error     // why it cannot be used, such as creds.ErrTemporary
	Settings []Setting // the other settings of its section, without those that may be secret
}

// Keys lists the keys in the order of the file. The one of [DEFAULT], whose settings every
// section has, has the profile DEFAULT.
func (f *KeyFile) Keys() []Plain {
	var list []Plain
	lends := anyKey(f.set.defaults.settings)
	if lends {
		p := plainOf("DEFAULT", f.set.defaults.settings)
		p.Err = errors.New("every profile has it, because it is in [DEFAULT]; give each profile its own")
		p.Key.Secret = creds.Secret{}
		list = append(list, p)
	}
	for i := range f.set.sections {
		sec := &f.set.sections[i]
		own := f.set.read(sec).settings
		kind, name := f.set.meaning(sec)
		if kind != profileSection || !anyKey(own) {
			continue
		}
		p := plainOf(name, own)
		if err := f.distrust(i); err != nil {
			p.Err = err
		} else if lends {
			p.Err = errors.New("without it the profile would have the one in [DEFAULT]")
		}
		if p.Err != nil {
			p.Key.Secret = creds.Secret{}
		}
		list = append(list, p)
	}
	return list
}

// distrust returns why the key in a section may not be the one that the AWS tools use for
// the profile, nil if it is.
func (f *KeyFile) distrust(at int) error {
	sec := &f.set.sections[at]
	bad := f.set.damage(sec)
	if bad == nil {
		bad = f.set.damage(&f.set.shared)
	}
	_, name := f.set.meaning(sec)
	switch rest, prefixed := strings.CutPrefix(name, "profile "); {
	case bad != nil:
		return fmt.Errorf("line %d cannot be read: %s", bad.Line, bad.Why)
	case f.set.last(sec) != at:
		return errors.New("a section below has the same name, and is the one that is used")
	case f.credentials && prefixed:
		return fmt.Errorf("in this file the AWS tools look for a section [%s]", rest)
	}
	if why := unusableName(name); why != "" {
		return errors.New(why)
	}
	return nil
}

// anyKey reports whether a key, or a part of one, is among settings.
func anyKey(list []Setting) bool {
	return slices.ContainsFunc(list, func(x Setting) bool {
		return (x.Key == settingID || x.Key == settingSecret) && x.Value != ""
	})
}

// plainOf makes a Plain of the settings of a section. It copies what is not secret, so that
// Wipe leaves that.
func plainOf(name string, list []Setting) Plain {
	p := Plain{Profile: strings.Clone(name)}
	var id, secret string
	token := false
	for _, x := range list {
		switch x.Key {
		case settingID:
			id = strings.Clone(x.Value)
		case settingSecret:
			secret = x.Value
		case settingToken, oldToken:
			token = token || x.Value != ""
			continue
		default:
			if _, whole := Show(x.Key, x.Value); whole && unwritable(x) == "" {
				p.Settings = append(p.Settings, Setting{Key: strings.Clone(x.Key), Value: strings.Clone(x.Value), Line: x.Line})
			}
			continue
		}
		if p.Line == 0 || x.Line < p.Line {
			p.Line = x.Line
		}
	}
	p.Key, p.Err = creds.NewKey(id, secret)
	switch {
	case strings.Contains(id+secret, "\n"): // several lines, or a block below the key
		id, p.Err = "", creds.ErrMalformed
	case token:
		p.Err = creds.ErrTemporary
	}
	p.Key.ID = id
	return p
}
