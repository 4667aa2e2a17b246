package store

// This file reads and writes the name of a store on a command line, BACKEND or
// BACKEND:PLACE, and compares two such names.

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// place returns the setting that says where o's back end keeps its items.
func (o Options) place() (Setting, bool) {
	b, _ := Lookup(o.Backend)
	return b.Place()
}

// At returns o for the store that spec names: a back end, and after a colon its folder,
// collection, keychain or helper. Without that it is the place that o has. Whether the
// back end exists on this system, Open says.
func (o Options) At(spec string) (Options, error) {
	name, where, given := strings.Cut(spec, ":")
	if name == "" {
		return o, fmt.Errorf("%q does not begin with a back end, as file:/some/folder does", spec)
	}
	o.Backend = name
	if !given {
		return o, nil
	}
	b, known := Lookup(name)
	place, has := b.Place()
	switch {
	case !known:
		return o, fmt.Errorf("%q: there is no back end named %s", spec, name)
	case !has:
		return o, fmt.Errorf("%q: the back end %s has one place only, which cannot be named", spec, name)
	case where == "" || strings.ContainsRune(where, 0):
		return o, fmt.Errorf("%q: no place is named after the colon", spec)
	}
	if place.Kind.isFolder() {
		dir, err := expand(where)
		if err != nil {
			return o, err
		}
		// A relative folder is that of whoever typed it, also for pass.
		if where, err = filepath.Abs(dir); err != nil {
			return o, err
		}
	}
	*place.Value(&o) = where
	return o, nil
}

// Spec is the name of the store in the form At reads, with every default filled in.
func (o Options) Spec() string {
	o = o.withDefaults()
	place, has := o.place()
	if !has || *place.Value(&o) == "" {
		return o.Backend
	}
	where := *place.Value(&o)
	if place.Kind.isFolder() {
		if dir, err := expand(where); err == nil {
			where = filepath.Clean(dir)
		}
	}
	return o.Backend + ":" + where
}

// Same reports whether two Options, each with its Backend, are of one store: by
// whatever path or symlink its folder is named.
func Same(a, b Options) bool {
	a, b = a.withDefaults(), b.withDefaults()
	if a.Backend != b.Backend {
		return false
	}
	place, has := a.place()
	switch {
	case !has:
		return true
	case place.Kind.isFolder():
		return sameFolder(a.folder(), b.folder())
	}
	return *place.Value(&a) == *place.Value(&b)
}

// folder is the absolute path of the folder that the items are in.
func (o Options) folder() string {
	b, _ := Lookup(o.Backend)
	var dir string
	for _, s := range b.Settings { // the place, and below it the subfolder
		value := *s.Value(&o)
		if s.Kind.isFolder() {
			if full, err := expand(value); err == nil {
				value = full
			}
		}
		if s.Kind.isFolder() || s.Kind == Subfolder {
			dir = filepath.Join(dir, value)
		}
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
// back end that AWS Vault chooses too, in the place that o says and in the place that AWS
// Vault takes by default. Each store is listed once.
func Usual(o Options) []Options {
	asAWSVault := o
	for _, s := range Settings() {
		*s.Value(&asAWSVault) = ""
	}
	var list []Options
	for _, b := range All() {
		if !b.AWSVault || !b.isAutomatic() {
			continue
		}
		for _, at := range []Options{o, asAWSVault} {
			at.Backend = b.Name
			if !slices.ContainsFunc(list, func(x Options) bool { return Same(x, at) }) {
				list = append(list, at)
			}
		}
	}
	return list
}
