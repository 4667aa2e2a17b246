package refresh

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Whatever a file among the generation files is called, and whatever path a shell has in its
// variable, nothing outside the directory is looked at, and a note is one of the table.
func FuzzGenerationFileName(f *testing.F) {
	key := fileKey("prod")
	for _, name := range []string{key + ".00112233", key + ".00112233.mfa", key + ".x.\x1b[2J", "..", "../../etc/passwd", key + "." + strings.Repeat("a", 300), ""} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		d := Directory{t.TempDir()}
		if err := os.MkdirAll(d.path("g"), 0o700); err != nil {
			t.Fatal(err)
		}
		file := d.path("g") + "/" + name
		if filepath.Dir(filepath.Clean(file)) == d.path("g") && !strings.Contains(name, "/") {
			_ = os.WriteFile(file, nil, 0o600) // some names no file can have
		}
		for _, find := range []func() (Mark, bool){func() (Mark, bool) { return d.Mark("prod") }, func() (Mark, bool) { return d.MarkBeside(file) }} {
			m, ok := find()
			if !ok {
				continue
			}
			if filepath.Dir(m.File) != d.path("g") {
				t.Errorf("%q leads to %q", name, m.File)
			}
			if m.Note != "" && !known(m.Note) {
				t.Errorf("%q has the note %q", name, m.Note)
			}
		}
	})
}

func known(n Note) bool {
	for _, m := range Meanings() {
		if m.Note == n {
			return true
		}
	}
	return false
}
