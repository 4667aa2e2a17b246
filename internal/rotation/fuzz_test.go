package rotation_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/d44b7504/vault/internal/rotation"
)

// Whatever a journal has become, it is read as it was written or said to be damaged.
func FuzzJournal(f *testing.F) {
	f.Add([]byte(`{"version":1,"item":"work","old":"AKIA1"}`))
	f.Add([]byte(`{"Version":1}`))
	f.Add([]byte(`[`))
	f.Fuzz(func(t *testing.T, text []byte) {
		b := rotation.Book{Dir: t.TempDir()}
		if err := b.Write(rotation.Journal{Item: "work", Old: "AKIA1", New: "AKIA2"}); err != nil {
			t.Fatal(err)
		}
		files, _ := filepath.Glob(filepath.Join(b.Dir, "*"))
		if len(files) != 1 {
			t.Fatalf("%q", files)
		}
		if err := os.WriteFile(files[0], text, 0o600); err != nil {
			t.Fatal(err)
		}
		j, found, err := b.Read("work")
		var damaged *rotation.DamagedError
		if err != nil && !errors.As(err, &damaged) {
			t.Errorf("%v", err)
		}
		if found && (j.Item != "work" || j.Old == "" && j.New == "") {
			t.Errorf("%q is %+v", text, j)
		}
		_, _ = b.List()
	})
}
