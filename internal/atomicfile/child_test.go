package atomicfile_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/d44b7504/vault/internal/atomicfile"
)

// The tests run themselves once more, as a child that makes one change: it can be killed,
// and have another user or other mounts.

// changes are what a child of the tests can be told to do in a directory.
var changes = map[string]func(dir string) error{
	"write": func(dir string) error { return atomicfile.Write(filepath.Join(dir, "link"), []byte(newText)) },
	"make": func(dir string) error {
		return atomicfile.Write(filepath.Join(dir, "a", "b", "config"), []byte(newText))
	},
	"rename": func(dir string) error {
		next := filepath.Join(dir, "next")
		if err := atomicfile.Write(next, []byte(newText)); err != nil {
			return err
		}
		return atomicfile.Rename(next, filepath.Join(dir, "config"))
	},
	"mark": func(dir string) error { return atomicfile.Mark(filepath.Join(dir, "mark"), time.Unix(1e9, 0)) },
}

const (
	oldText = "[old]\n"
	newText = "[new]\naws_secret_access_key = fake/secret\n"
	theMode = 0o640
)

func TestMain(m *testing.M) {
	change, dir, is := strings.Cut(os.Getenv("VAULT_TEST_CHANGE"), ":")
	if !is {
		os.Exit(m.Run())
	}
	if err := changes[change](dir); err != nil {
		fmt.Fprintln(os.Stderr, atomicfile.IsFull(err), atomicfile.IsReadOnly(err), err)
		os.Exit(1)
	}
}

// before makes what is there before a change.
func before(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	config := filepath.Join(dir, "config")
	if err := errors.Join(os.WriteFile(config, []byte(oldText), 0o600), os.Chmod(config, theMode), os.Symlink("config", filepath.Join(dir, "link"))); err != nil {
		t.Fatal(err)
	}
	return dir
}
