package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	gomodule "golang.org/x/mod/module"
	"golang.org/x/mod/zip"
)

// goModule writes the source as a version of its module, in the layout of a module proxy:
// with GOPROXY=file://DIRECTORY, "go install" finds it as if it had been tagged. Go's own rules say
// which files belong to a module, and refuse a name that some system cannot have.
func (r *release) goModule() error {
	v := gomodule.Version{Path: module, Version: "v" + r.version}
	dir := filepath.Join(r.out, filepath.FromSlash(v.Path), "@v")
	gomod, err := os.ReadFile(filepath.Join(r.root, "go.mod"))
	if err != nil {
		return err
	}
	info, err := json.Marshal(struct {
		Version string
		Time    time.Time
	}{v.Version, r.date})
	if err != nil {
		return err
	}
	for name, text := range map[string][]byte{"list": []byte(v.Version + "\n"), v.Version + ".mod": gomod, v.Version + ".info": info} {
		if err := write(filepath.Join(dir, name), text, 0o644); err != nil {
			return err
		}
	}
	if err := create(filepath.Join(dir, v.Version+".zip"), func(w io.Writer) error { return zip.CreateFromDir(w, v, r.root) }); err != nil {
		return fmt.Errorf("pack the module: %w", err)
	}
	return nil
}
