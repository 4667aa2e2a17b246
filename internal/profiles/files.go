package profiles

import (
	"fmt"
	"os"
)

// This file joins the two files of the AWS tools. As for these, a setting of a profile in
// the credentials file goes before the same setting in the config file.

// LoadFiles reads a config file and a credentials file, following symlinks. A file that does
// not exist is empty; "" names none. A config file that cannot be read is an error; a
// credentials file that cannot be read is left out, and Unread says so.
func LoadFiles(config, credentials string) (*Set, error) {
	set, err := Load(config)
	if err != nil || credentials == "" {
		return set, err
	}
	set.keysAt = credentials
	data, err := ReadCredentials(credentials)
	if err != nil {
		set.unread = err
		return set, nil
	}
	if len(data) > 0 {
		set.credentials = parseCredentials(credentials, data)
	}
	return set, nil
}

// ReadCredentials is ReadFile for a credentials file. As for the AWS tools, only a regular
// file counts; a pipe in its place could keep the reader waiting.
func ReadCredentials(path string) ([]byte, error) {
	if path == os.DevNull {
		return nil, nil // the usual way to have none
	}
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not read: it is not a regular file", path)
	}
	return ReadFile(path)
}

// Names lists the profiles in the order of the files, each once: first those of the config
// file, then those that are in the credentials file only. It leaves out what is Ignored: for
// the AWS tools [profile a] in a credentials file is a profile called "profile a".
func (s *Set) Names() []string {
	list := append([]string(nil), s.namesOf(profileSection)...)
	if s.credentials == nil {
		return list
	}
	for _, name := range s.credentials.namesOf(profileSection) {
		if _, both := s.find(profileSection, name); !both && !meantOtherwise(name) {
			list = append(list, name)
		}
	}
	return list
}

// Has reports whether there is a section for a profile.
func (s *Set) Has(name string) bool { return len(s.layer(name)) > 0 }

// Configured reports whether there is a section for a profile in the config file.
func (s *Set) Configured(name string) bool {
	_, ok := s.find(profileSection, name)
	return ok
}

// Problems lists the lines that cannot be read, in the order of the files. For any of them
// the AWS CLI would refuse the whole file.
func (s *Set) Problems() []*SyntaxError {
	if s.credentials == nil || s.credentials.path == s.path {
		return s.damaged()
	}
	return append(append([]*SyntaxError(nil), s.damaged()...), s.credentials.damaged()...)
}

// part is a section in the file that it is in. The zero value is none.
type part struct {
	file *Set
	*section
}

// own are the settings that are in the section itself.
func (p part) own() []Setting { return p.file.read(p.section).settings }

// layer is all that the files say of one profile. A setting in an earlier part goes before
// the same setting in a later one, also if it is empty.
type layer []part

// layer returns the sections of a profile: first that of the credentials file.
func (s *Set) layer(name string) layer {
	var l layer
	for _, file := range [...]*Set{s.credentials, s} {
		if file == nil {
			continue
		}
		if at, ok := file.find(profileSection, name); ok {
			l = append(l, part{file, &file.sections[at]})
		}
	}
	return l
}

// only returns a layer of one section of the config file.
func (s *Set) only(at int) layer { return layer{{s, &s.sections[at]}} }

// damage returns why the settings of a layer cannot be relied on, nil if they can.
func (l layer) damage() error {
	for _, p := range l {
		for _, sec := range [...]*section{p.section, &p.file.shared} {
			if e := p.file.damage(sec); e != nil {
				return e
			}
		}
	}
	return nil
}

// lookup finds a setting, which may be empty.
func (l layer) lookup(key string) (found, bool) {
	for _, p := range l {
		if e, ok := p.lookup(key); ok {
			return e, true
		}
	}
	return found{}, false
}

// lookup finds a setting in a section, or in the [DEFAULT] of its file.
func (p part) lookup(key string) (found, bool) {
	for _, e := range p.own() {
		if e.Key == key {
			return found{Setting: e, from: p}, true
		}
	}
	for _, e := range p.file.defaults.settings {
		if e.Key == key {
			return found{Setting: e, from: part{p.file, &p.file.shared}}, true
		}
	}
	return found{}, false
}

// settings lists the settings of the layer, each once: those of the first part, in the order
// of the file, those that its [DEFAULT] adds, and then those that the other parts add.
func (l layer) settings() []Setting {
	var list []Setting
	seen := map[string]bool{}
	for _, p := range l {
		for _, from := range [...][]Setting{p.own(), p.file.defaults.settings} {
			fresh := len(list)
			for _, e := range from {
				if !seen[e.Key] {
					list = append(list, e)
				}
			}
			for _, e := range list[fresh:] {
				seen[e.Key] = true
			}
		}
	}
	return list
}
