package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sort"

	cdx "github.com/CycloneDX/cyclonedx-go"
	"github.com/CycloneDX/cyclonedx-gomod/pkg/generate/bin"
	"github.com/CycloneDX/cyclonedx-gomod/pkg/licensedetect/local"
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
		generator, err := bin.NewGenerator(r.binary(t), bin.WithIncludeStdlib(true), bin.WithVersionOverride("v"+r.version))
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
			if found := licenses[c.Name]; found != nil {
				(*bom.Components)[i].Licenses = &cdx.Licenses{{License: &cdx.License{ID: found.ID}}}
			}
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
func (r *release) licenses() (map[string]*cdx.License, error) {
	found := map[string]*cdx.License{}
	detector := local.NewDetector(zerolog.Nop())
	for _, t := range r.targets {
		text, err := output(r.root, []string{"CGO_ENABLED=0", "GOOS=" + t.os, "GOARCH=" + t.arch}, "go", "list", "-deps", "-json=Module", ".")
		if err != nil {
			return nil, err
		}
		modules, err := modulesOf(text)
		if err != nil {
			return nil, err
		}
		for path, dir := range modules {
			if _, known := found[path]; known {
				continue
			}
			all, err := detector.Detect(path, "", dir)
			if err != nil {
				return nil, fmt.Errorf("the license of %s: %w", path, err)
			}
			if len(all) == 0 {
				return nil, fmt.Errorf("the license of %s is not a known one", path)
			}
			sort.Slice(all, func(i, j int) bool { return all[i].ID < all[j].ID })
			found[path] = &all[0]
		}
	}
	return found, nil
}

// modulesOf reads what "go list" prints, and returns where each other module is.
func modulesOf(text []byte) (map[string]string, error) {
	dirs := map[string]string{}
	for d := json.NewDecoder(bytes.NewReader(text)); ; {
		var p struct {
			Module *struct {
				Path, Dir string
				Main      bool
			}
		}
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return dirs, nil
		} else if err != nil {
			return nil, err
		}
		if p.Module != nil && !p.Module.Main {
			dirs[p.Module.Path] = p.Module.Dir
		}
	}
}
