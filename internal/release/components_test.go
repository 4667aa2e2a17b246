package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/xeipuuv/gojsonschema"
)

// schema is CycloneDX's own, which its Go module has, with those that it refers to.
func schema(t *testing.T) *gojsonschema.Schema {
	t.Helper()
	dir := strings.TrimSpace(prints(t, "go", "list", "-m", "-f", "{{.Dir}}", "github.com/CycloneDX/cyclonedx-go"))
	loader := gojsonschema.NewSchemaLoader()
	file := func(pattern string) gojsonschema.JSONLoader {
		names, err := filepath.Glob(filepath.Join(dir, "schema", pattern))
		if err != nil || len(names) != 1 {
			t.Fatal(pattern, names, err)
		}
		text, err := os.ReadFile(names[0])
		if err != nil {
			t.Fatal(err)
		}
		return gojsonschema.NewBytesLoader(text)
	}
	const place = "http://cyclonedx.org/schema/"
	for name, pattern := range map[string]string{"spdx.schema.json": "spdx.schema.json", "jsf-0.82.schema.json": "jsf-0.82.*.json"} {
		if err := loader.AddSchema(place+name, file(pattern)); err != nil {
			t.Fatal(err)
		}
	}
	s, err := loader.Compile(file("bom-1.6.schema.json"))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// The list is read from a program, so that one is built.
func TestTheListOfComponentsIsOneOfCycloneDX(t *testing.T) {
	r := &release{root: filepath.Join("..", ".."), work: t.TempDir(), version: "1.2.3", date: time.Unix(1, 0), targets: []target{{runtime.GOOS, runtime.GOARCH}}}
	must(t, r.programs, r.components)
	text, err := os.ReadFile(r.finished(r.stem(r.targets[0]) + ".cdx.json"))
	if err != nil {
		t.Fatal(err)
	}
	s := schema(t)
	result, err := s.Validate(gojsonschema.NewBytesLoader(text))
	if err != nil || !result.Valid() {
		t.Fatalf("%v %v\n%s", err, result, text)
	}
	changed := strings.Replace(string(text), `"type": "library"`, `"type": "module"`, 1)
	if result, err := s.Validate(gojsonschema.NewStringLoader(changed)); err != nil || result.Valid() {
		t.Errorf("a component of no kind is taken: %v", err)
	}
	var bom struct {
		Metadata struct {
			Component struct{ Name, Version string }
		}
		Components []struct {
			Name, Version, PURL string
			Hashes              []struct{ Alg, Content string }
			Licenses            []struct{ License struct{ ID string } }
		}
	}
	if err := json.Unmarshal(text, &bom); err != nil {
		t.Fatal(err)
	}
	if bom.Metadata.Component.Name != module || bom.Metadata.Component.Version != "v1.2.3" || len(bom.Components) < 10 {
		t.Errorf("it is of %+v, with %d components", bom.Metadata.Component, len(bom.Components))
	}
	for _, c := range bom.Components {
		if c.Version == "" || !strings.HasPrefix(c.PURL, "pkg:golang/") || len(c.Licenses) != 1 || c.Licenses[0].License.ID == "" || len(c.Hashes) == 0 && c.Name != "std" {
			t.Errorf("%+v", c)
		}
	}
}
