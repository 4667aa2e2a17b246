package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	cdx "github.com/CycloneDX/cyclonedx-go"
	"github.com/CycloneDX/cyclonedx-gomod/pkg/generate/bin"
	"github.com/rs/zerolog"
)

// components writes, for each target, the list of the modules that are in its program, with
// versions, hashes and licenses, in the format of CycloneDX. The list is read from the program.
func (r *release) components() error {
	licenses, err := r.licenses()
	if err != nil {
		return err
	}
	for _, t := range r.targets {
		generator, err := bin.NewGenerator(r.binary(t), bin.WithLogger(zerolog.Nop()), bin.WithIncludeStdlib(true), bin.WithVersionOverride("v"+r.version))
		if err != nil {
			return err
		}
		bom, err := generator.Generate()
		if err != nil {
			return fmt.Errorf("the components of %s: %w", t, err)
		}
		if bom.Components == nil {
			return fmt.Errorf("%s has no components", t)
		}
		for i, c := range *bom.Components {
			(*bom.Components)[i].Licenses = &cdx.Licenses{{License: &cdx.License{ID: licenses[c.Name]}}}
		}
		bom.Metadata.Component.Licenses = &cdx.Licenses{{License: &cdx.License{ID: "MIT"}}}
		bom.Metadata.Timestamp = r.date.Format("2006-01-02T15:04:05Z")
		err = create(r.finished(r.stem(t)+".cdx.json"), func(w io.Writer) error {
			return cdx.NewBOMEncoder(w, cdx.BOMFileFormatJSON).SetPretty(true).EncodeVersion(bom, cdx.SpecVersion1_6)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// licenses finds out under which license each module is that the program can be built from,
// by the module's path.
func (r *release) licenses() (map[string]string, error) {
	found := map[string]string{"std": "BSD-3-Clause"}
	for _, t := range r.targets {
		text, err := output(r.root, []string{"CGO_ENABLED=0", "GOOS=" + t.os, "GOARCH=" + t.arch}, "go", "list", "-deps", "-f", "{{with .Module}}{{if not .Main}}{{.Path}}\t{{.Dir}}{{end}}{{end}}", ".")
		if err != nil {
			return nil, err
		}
		for line := range strings.Lines(string(text)) {
			path, dir, ok := strings.Cut(strings.TrimSpace(line), "\t")
			if _, known := found[path]; known || !ok {
				continue
			}
			if found[path], err = licenseOf(dir); err != nil {
				return nil, fmt.Errorf("%s: %w", path, err)
			}
		}
	}
	return found, nil
}

// licenseTexts are the sentences by which the licenses are known that the program's modules have,
// and their names in the list of SPDX. The first whose sentences are all there is the one.
var licenseTexts = []struct {
	id        string
	sentences []string
}{
	{"Apache-2.0", []string{"Apache License Version 2.0, January 2004"}},
	{"MIT", []string{"Permission is hereby granted, free of charge, to any person obtaining a copy", "The above copyright notice and this permission notice shall be included"}},
	{"BSD-3-Clause", []string{"Redistributions of source code must retain", "Redistributions in binary form must reproduce", "may be used to endorse or promote products derived from"}},
	{"BSD-2-Clause", []string{"Redistributions of source code must retain", "Redistributions in binary form must reproduce"}},
}

// licenseOf reads the license of the module in dir. One that is not known is an error, so that a
// person looks at it: THIRD_PARTY_NOTICES has all texts.
func licenseOf(dir string) (string, error) {
	for _, pattern := range []string{"LICEN[SC]E*", "COPYING*"} {
		names, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			return "", err
		}
		for _, name := range names {
			text, err := os.ReadFile(name)
			if err != nil {
				return "", err
			}
			words := strings.Join(strings.Fields(string(text)), " ")
			for _, l := range licenseTexts {
				if !slices.ContainsFunc(l.sentences, func(s string) bool { return !strings.Contains(words, s) }) {
					return l.id, nil
				}
			}
		}
	}
	return "", errors.New("no file says under which license it is")
}
