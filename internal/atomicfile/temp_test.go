package atomicfile

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/d44b7504/vault/internal/testenv"
)

func TestATemporaryNameIsRecognised(t *testing.T) {
	for range 100 {
		if name := filepath.Base(tempName("x")); !IsTemp(name) {
			t.Fatal(name)
		}
	}
}

// Another process may write into the same directory, and the clock may be wrong.
func TestASweepLeavesWhatIsBeingWritten(t *testing.T) {
	dir := t.TempDir()
	f, err := createTemp(dir)
	if err != nil {
		t.Fatal(err)
	}
	old := time.Now().Add(-time.Hour)
	if err := os.Chtimes(f.Name(), old, old); err != nil {
		t.Fatal(err)
	}
	Sweep(dir)
	if left := Leftovers(dir); len(left) != 1 || filepath.Clean(left[0]) != filepath.Clean(f.Name()) {
		t.Errorf("while it is open: %q", left)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	Sweep(dir)
	if left := Leftovers(dir); len(left) > 0 {
		t.Errorf("once its writer has gone: %q", left)
	}
}

// A sweep may come between the creation of a file and the lock on it.
func TestAFileThatASweepHasTakenIsNotClaimed(t *testing.T) {
	f, err := os.Create(tempName(t.TempDir()))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	if !claim(f) {
		t.Error("a file that is there")
	}
	if err := os.Remove(f.Name()); err != nil {
		testenv.Missing(t, "unix", "an open file cannot be deleted: "+err.Error())
	}
	if claim(f) {
		t.Error("a file that is no longer there")
	}
}
