package store

// This file knows how a store is named on a command line, BACKEND or BACKEND:LOCATION,
// and when two names are of one store.

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// location says where a back end keeps its items, nil for one that has a single place.
func (o *Options) location() *string {
	switch o.Backend {
	case "file":
		return &o.FileDir
	case "age":
		return &o.AgeDir
	case "pass":
		return &o.PassDir
	case "secret-service":
		return &o.Collection
	case "keychain":
		return &o.KeychainName
	case "helper":
		return &o.Helper
	}
	return nil
}

// isFolder: the location is a folder, and one folder has many names.
func (o *Options) isFolder() bool {
	return slices.Contains([]string{"file", "age", "pass"}, o.Backend)
}

// At returns o for the store that spec names: a back end, and after a colon its folder,
// collection, keychain or helper. Without a location that of o is meant. Whether there
// is such a back end here, Open says.
func (o Options) At(spec string) (Options, error) {
	name, place, given := strings.Cut(spec, ":")
	if name == "" {
		return o, fmt.Errorf("%q does not begin with a back end, as file:/some/folder does", spec)
	}
	o.Backend = name
	if !given {
		return o, nil
	}
	where := o.location()
	switch {
	case where == nil:
		return o, fmt.Errorf("%q: the back end %s takes no location", spec, name)
	case place == "" || strings.ContainsRune(place, 0):
		return o, fmt.Errorf("%q: nothing usable stands after the colon", spec)
	}
	*where = place
	if o.isFolder() {
		dir, err := expand(place)
		if err != nil {
			return o, err
		}
		// A relative folder is that of whoever typed it, also for pass.
		if *where, err = filepath.Abs(dir); err != nil {
			return o, err
		}
	}
	return o, nil
}

// Spec is the name of the store in the form At reads, with every default filled in.
func (o Options) Spec() string {
	o = o.withDefaults()
	where := o.location()
	if where == nil || *where == "" {
		return o.Backend
	}
	if o.isFolder() {
		if dir, err := expand(*where); err == nil {
			return o.Backend + ":" + filepath.Clean(dir)
		}
	}
	return o.Backend + ":" + *where
}

// Same reports whether two Options, each with its Backend, are of one store: by
// whatever path or symlink its folder is named.
func Same(a, b Options) bool {
	a, b = a.withDefaults(), b.withDefaults()
	if a.Backend != b.Backend {
		return false
	}
	if a.isFolder() {
		return sameFolder(a.folder(), b.folder())
	}
	where, other := a.location(), b.location()
	return where == nil || *where == *other
}

func (o Options) folder() string {
	dir, err := expand(*o.location())
	if err != nil {
		dir = *o.location()
	}
	if o.Backend == "pass" {
		dir = filepath.Join(dir, o.PassPrefix)
	}
	if abs, err := filepath.Abs(dir); err == nil {
		return abs
	}
	return dir
}

func sameFolder(a, b string) bool {
	x, err := os.Stat(a)
	y, other := os.Stat(b)
	if err != nil || other != nil {
		return a == b
	}
	return os.SameFile(x, y)
}

// Usual lists the stores in which AWS Vault may have kept keys on this machine: every
// back end it can open, where o has it and where AWS Vault has it unless it is told
// otherwise, each store once.
func Usual(o Options) []Options {
	var list []Options
	for _, b := range platform() {
		if b.explicit || b.name == "age" || b.name == "helper" {
			continue // these are not AWS Vault's
		}
		for _, at := range []Options{o, {FilePassphrase: o.FilePassphrase, Ask: o.Ask, Quiet: o.Quiet, Deadline: o.Deadline}} {
			at.Backend = b.name
			if !slices.ContainsFunc(list, func(x Options) bool { return Same(x, at) }) {
				list = append(list, at)
			}
		}
	}
	return list
}
