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

// This file finds the access keys that stand in clear in the files of the AWS tools:
// the shared credentials file, where a section is called by the profile's name alone,
// and the config file, whose profiles may hold keys too.

// The settings that make credentials. The AWS tools take either word for the token.
const (
	settingID     = "aws_access_key_id"
	settingSecret = "aws_secret_access_key"
	settingToken  = "aws_session_token"
	oldToken      = "aws_security_token"
)

// KeyFile is a file that may hold keys, as it was when it was read.
type KeyFile struct {
	Path  string
	Mode  fs.FileMode // 0 when there is no file
	Links int         // names that the file has, hard links; 0 when there is none

	data        []byte
	set         *Set
	credentials bool // and not the config file
}

// LoadCredentials reads a shared credentials file, following symlinks. A file that does
// not exist holds nothing.
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
		return nil, f.set.problems[0]
	}
	return f, nil
}

// Reload reads the file again.
func (f *KeyFile) Reload() (*KeyFile, error) { return loadKeys(f.Path, f.credentials) }

func (f *KeyFile) parse(data []byte) *Set {
	p := newParser(f.Path)
	if f.credentials {
		p.names = credentialsHeader
	}
	return p.parse(data)
}

// credentialsHeader: every section is a profile, but for the one all others share.
func credentialsHeader(text string) (sectionKind, string) {
	if text == "DEFAULT" {
		return sharedSection, text
	}
	return profileSection, text
}

// Wipe overwrites what was read. Every Plain of the file loses its key.
func (f *KeyFile) Wipe() { clear(f.data) }

// Has reports whether the file has a section for a profile.
func (f *KeyFile) Has(profile string) bool { return f.set.Has(profile) }

// Plain is an access key that stands in a file, or as much of one as there is.
type Plain struct {
	Profile  string
	Line     int       // where it begins
	Key      creds.Key // only the ID, if any, when Err is set
	Err      error     // why it cannot be used as it stands; creds.ErrTemporary for one
	Settings []Setting // what else its section says, without what may be secret
}

// Keys lists the keys in file order. Of [DEFAULT], whose settings every section has,
// the name is DEFAULT.
func (f *KeyFile) Keys() []Plain {
	var list []Plain
	lends := anyKey(f.set.defaults)
	if lends {
		p := plainOf("DEFAULT", f.set.defaults)
		p.Err = errors.New("[DEFAULT] lends it to every profile; give each profile its own")
		p.Key.Secret = creds.Secret{}
		list = append(list, p)
	}
	for i := range f.set.sections {
		sec := &f.set.sections[i]
		own := f.set.entries[sec.from:sec.to]
		if sec.kind != profileSection || !anyKey(own) {
			continue
		}
		p := plainOf(sec.name, own)
		if err := f.distrust(i); err != nil {
			p.Err = err
		} else if lends {
			p.Err = errors.New("without it the profile would take the one in [DEFAULT]")
		}
		if p.Err != nil {
			p.Key.Secret = creds.Secret{}
		}
		list = append(list, p)
	}
	return list
}

// distrust says why the key in a section is not the one the AWS tools use for the
// profile of that name.
func (f *KeyFile) distrust(at int) error {
	sec := &f.set.sections[at]
	bad := sec.bad
	if bad == nil {
		bad = f.set.shared.bad
	}
	switch rest, prefixed := strings.CutPrefix(sec.name, "profile "); {
	case bad != nil:
		return fmt.Errorf("line %d cannot be read: %s", bad.Line, bad.Why)
	case f.set.profiles.section(sec.name) != at:
		return errors.New("a section below has the same name, and counts")
	case f.credentials && prefixed:
		return fmt.Errorf("the AWS tools want the section called [%s] in this file", rest)
	}
	if why := unusableName(sec.name); why != "" {
		return errors.New(why)
	}
	return nil
}

func anyKey(list []Setting) bool {
	return slices.ContainsFunc(list, func(x Setting) bool {
		return (x.Key == settingID || x.Key == settingSecret) && x.Value != ""
	})
}

// plainOf makes copies of what is no secret, which outlive Wipe.
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
	case strings.Contains(id+secret, "\n"): // more than one line, or a block under the key
		id, p.Err = "", creds.ErrMalformed
	case token:
		p.Err = creds.ErrTemporary
	}
	p.Key.ID = id
	return p
}
