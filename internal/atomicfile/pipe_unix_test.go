//go:build unix

package atomicfile

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// A file that a person names may be a named pipe. One that a program writes to is read; at one
// that no program writes to, the read ends.
func TestANamedPipeIsReadButNotWaitedForForEver(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pipe")
	if err := unix.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	pipeWait = time.Millisecond
	t.Cleanup(func() { pipeWait = 5 * time.Second })
	if _, err := Read(path, 99); !errors.Is(err, errNoWriter) || !strings.Contains(err.Error(), path) {
		t.Errorf("without a writer: %v", err)
	}
	pipeWait = time.Minute
	go func() { _ = os.WriteFile(path, []byte("text"), 0) }()
	if text, err := Read(path, 99); err != nil || string(text) != "text" {
		t.Errorf("with a writer: %q, %v", text, err)
	}
}
