//go:build !windows

package store

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/d44b7504/vault/internal/creds"
)

func TestFilePutThatRunsOutOfSpaceLeavesTheOldItem(t *testing.T) {
	o := fileOptions(t, "pp")
	s := open(t, o)
	put(t, s, "k", "old")
	before := snapshot(t, o.FileDir)
	out, err := child(t, "STORE_TEST_CHILD=small-files", "STORE_TEST_BACKEND=file", "STORE_TEST_DIR="+o.FileDir).CombinedOutput()
	if err != nil || !strings.Contains(string(out), "refused: ") {
		t.Fatalf("%v\n%s", err, out)
	}
	if after := snapshot(t, o.FileDir); !slices.Equal(before, after) {
		t.Errorf("the folder changed from %q to %q", before, after)
	}
	wantValue(t, s, "k", "old")
}

// putWithSmallFiles is a process whose files cannot grow beyond 600 bytes: a Put of
// more is cut off in the middle of its write, as on a disk that is full.
func putWithSmallFiles() int {
	signal.Ignore(syscall.SIGXFSZ)
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: 600, Max: 600}); err != nil {
		fmt.Println(err)
		return 1
	}
	dir := os.Getenv("STORE_TEST_DIR")
	o := Options{Backend: os.Getenv("STORE_TEST_BACKEND"), FileDir: dir, AgeDir: dir, FilePassphrase: phrase("pp")}
	s, err := Open(context.Background(), o)
	if err != nil {
		fmt.Println(err)
		return 1
	}
	if err := s.Put(context.Background(), "k", creds.New(strings.Repeat("new ", 500))); err != nil {
		fmt.Println("refused:", err)
		return 0
	}
	fmt.Println("written")
	return 1
}
