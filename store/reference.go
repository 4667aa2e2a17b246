package store

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
)

// Reference says which store is meant and has nothing that opens it, so that it can be
// sent to another process of the same user. Folders in it are absolute.
type Reference struct {
	Backend  string
	Settings map[string]string `json:",omitempty"` // by their flags
}

// ReferenceTo returns the reference to a store that was opened with o.
func ReferenceTo(s Store, o Options) Reference {
	o.Backend = Of(s).Name
	o = o.withDefaults()
	b, _ := Lookup(o.Backend)
	r := Reference{Backend: b.Name, Settings: map[string]string{}}
	for _, setting := range b.Settings {
		value := *setting.Value(&o)
		if value != "" && (setting.Kind.isFolder() || setting.Kind == File) {
			value = absolute(value)
		}
		if value != "" {
			r.Settings[setting.Flag] = value
		}
	}
	return r
}

func absolute(path string) string {
	if full, err := expand(path); err == nil {
		path = full
	}
	if full, err := filepath.Abs(path); err == nil {
		path = full
	}
	return path
}

// Options are what opens the store that is meant, without its passphrase. The error says
// which back end or setting does not exist.
func (r Reference) Options() (Options, error) {
	b, known := Lookup(r.Backend)
	if !known {
		return Options{}, fmt.Errorf("there is no back end named %q", r.Backend)
	}
	o := Options{Backend: r.Backend}
	for flag, value := range r.Settings {
		i := slices.IndexFunc(b.Settings, func(s Setting) bool { return s.Flag == flag })
		if i < 0 {
			return Options{}, fmt.Errorf("the back end %q has no setting %q", r.Backend, flag)
		}
		*b.Settings[i].Value(&o) = value
	}
	return o, nil
}

// Key is the same for two references to one store with the same settings.
func (r Reference) Key() string {
	parts := []string{r.Backend}
	for _, flag := range slices.Sorted(maps.Keys(r.Settings)) {
		parts = append(parts, flag, r.Settings[flag])
	}
	return strings.Join(parts, "\x00")
}

// String is the back end and its place, for people.
func (r Reference) String() string {
	o, err := r.Options()
	if err != nil {
		return r.Backend
	}
	return o.Spec()
}
