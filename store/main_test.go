package store

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/d44b7504/vault/internal/creds"
)

// inherited is the environment as it was, for building: the caches are in it.
var inherited = os.Environ()

// TestMain gives every test a home of its own and no AWS or keyring setting of the
// person who runs it. As a child it plays the parts the tests need from a process.
func TestMain(m *testing.M) {
	if filepath.Base(os.Args[0]) == "age-plugin-"+pluginName {
		os.Exit(playPlugin())
	}
	if part := os.Getenv("STORE_TEST_CHILD"); part != "" {
		os.Exit(play(part))
	}
	home, err := os.MkdirTemp("", "vault-store-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	for _, kv := range os.Environ() {
		if name, _, _ := strings.Cut(kv, "="); strings.HasPrefix(name, "AWS_") && !strings.HasPrefix(name, "AWS_VAULT_TEST_") ||
			strings.HasPrefix(name, "PASSWORD_STORE_") || name == "DISPLAY" || name == "WAYLAND_DISPLAY" {
			_ = os.Unsetenv(name)
		}
	}
	for _, name := range []string{"HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME"} {
		_ = os.Setenv(name, home)
	}
	code := m.Run()
	_ = os.RemoveAll(home)
	os.Exit(code)
}

// parts are what this program can play, by name.
var parts = map[string]func() int{"small-files": putWithSmallFiles, "environ": func() int {
	for _, kv := range os.Environ() {
		fmt.Println(kv)
	}
	return 0
}}

func play(part string) int {
	if f := parts[part]; f != nil {
		return f()
	}
	return 2
}

// child is this test binary, about to run with the variables added to a bare environment.
func child(t *testing.T, environ ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self, "-test.run=^$")
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "GORACE=atexit_sleep_ms=0"}, environ...)
	return cmd
}

func open(t *testing.T, o Options) Store {
	t.Helper()
	s, err := Open(soon(t), o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// entryOf is the entry of a back end in the table.
func entryOf(t *testing.T, name string) Backend {
	t.Helper()
	b, ok := Lookup(name)
	if !ok {
		t.Fatalf("there is no back end %q", name)
	}
	return b
}

// backendOf is the name of what Open chose.
func backendOf(s Store) string { return fmt.Sprint(s) }

func put(t *testing.T, s Store, key, value string) {
	t.Helper()
	if err := s.Put(soon(t), key, creds.New(value)); err != nil {
		t.Fatalf("Put(%.60q): %v", key, err)
	}
}

func wantValue(t *testing.T, s Store, key, value string) {
	t.Helper()
	got, err := s.Get(soon(t), key)
	if err != nil {
		t.Fatalf("Get(%.60q): %v", key, err)
	}
	if got.Reveal() != value {
		t.Errorf("Get(%.60q) gave %d bytes, not the %d that were put", key, len(got.Reveal()), len(value))
	}
}

// soon is a context no test should see the end of.
func soon(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func phrase(s string) *creds.Secret {
	p := creds.New(s)
	return &p
}
