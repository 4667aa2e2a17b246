package app

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/d44b7504/vault/internal/testenv"
)

// What is half-written may hold keys.
func TestLockFilesDeletesWhatAKilledChangeLeftAndNothingElse(t *testing.T) {
	dir := t.TempDir()
	link := filepath.Join(t.TempDir(), "credentials")
	if err := os.Symlink(filepath.Join(dir, "credentials"), link); err != nil {
		testenv.Missing(t, "symlinks", err.Error())
	}
	left := ".vault-tmp-ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	theirs := []string{"credentials", ".credentials20260102", ".credentials5577006791947779410", ".vault-tmp-keys"}
	for _, name := range append(theirs, left) {
		path, old := filepath.Join(dir, name), time.Now().Add(-time.Hour) // Windows cannot tell that its writer is dead
		if err := errors.Join(os.WriteFile(path, nil, 0o600), os.Chtimes(path, old, old)); err != nil {
			t.Fatal(err)
		}
	}
	task := (&Core{}).Task(Caller{Env: NewEnvironment([]string{"XDG_RUNTIME_DIR=" + t.TempDir(), "LOCALAPPDATA=" + t.TempDir()}, nil)})
	unlock, err := task.LockFiles(t.Context(), link, filepath.Join(dir, "credentials"))
	if err != nil {
		t.Fatal(err)
	}
	unlock()
	for _, name := range theirs {
		if _, err := os.Lstat(filepath.Join(dir, name)); err != nil {
			t.Error(err)
		}
	}
	if _, err := os.Lstat(filepath.Join(dir, left)); err == nil {
		t.Errorf("%s is still there", left)
	}
}
