package store

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/d44b7504/vault/internal/creds"
	"github.com/d44b7504/vault/internal/testenv"
)

// finding returns what was found of one back end, among findings in the order of Backends.
func finding(t *testing.T, found []Finding, name string) Finding {
	t.Helper()
	var names []string
	for _, f := range found {
		names = append(names, f.Backend)
	}
	if !slices.Equal(names, Backends()) {
		t.Fatalf("found %q, want %q", names, Backends())
	}
	return found[slices.Index(names, name)]
}

func TestProbeSaysWhichBackEndWouldBeOpenedAndWhyNotTheOthers(t *testing.T) {
	if runtime.GOOS == "windows" {
		testenv.Missing(t, "unix", "Windows' own keyring is always there")
	}
	t.Setenv("PATH", t.TempDir())
	dir := t.TempDir()
	o := Options{FileDir: dir, PassDir: t.TempDir(), FilePassphrase: phrase("testpw")}
	put(t, open(t, Options{Backend: "file", FileDir: dir, FilePassphrase: o.FilePassphrase}), "k", "v")
	found := Probe(soon(t), o)
	for _, f := range found {
		if f.Chosen != (f.Backend == "file") {
			t.Errorf("%s: chosen %v", f.Backend, f.Chosen)
		}
		if f.Err != nil && (f.Where != "" || f.Items != -1 || strings.Contains(f.Err.Error(), "\n")) {
			t.Errorf("%s cannot be used, and yet: %+v", f.Backend, f)
		}
	}
	f := finding(t, found, "file")
	if f.Err != nil || f.Where != dir || f.Items != 1 || !strings.Contains(f.Remark, "passphrase") {
		t.Errorf("%+v", f)
	}
	if f := finding(t, found, "pass"); f.Err == nil || !strings.Contains(f.Err.Error(), "not on the PATH") {
		t.Errorf("%+v", f)
	}
	o.Backend = "pass"
	for _, f := range Probe(soon(t), o) {
		if f.Chosen {
			t.Errorf("pass was named and cannot be used, but %s is chosen", f.Backend)
		}
	}
}

func TestProbeReadsNoItemAndMakesNothing(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "keys")
	asked := func(context.Context, string) (s creds.Secret, err error) {
		t.Error("a question was asked")
		return s, errors.New("no")
	}
	f := finding(t, Probe(soon(t), Options{FileDir: dir, Ask: asked}), "file")
	if f.Err != nil || f.Items != 0 || f.Remark != "" {
		t.Errorf("%+v", f)
	}
	if _, err := os.Stat(dir); err == nil {
		t.Error("the folder was made")
	}
}

func TestProbeStopsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, f := range Probe(ctx, Options{FileDir: t.TempDir()}) {
		if !errors.Is(f.Err, context.Canceled) || f.Chosen {
			t.Errorf("%+v", f)
		}
	}
}
