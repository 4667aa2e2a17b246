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

	"github.com/d44b7504/vault/internal/testenv"
)

func TestOpenNamesTheBackEndsThereAreWhenAskedForAnother(t *testing.T) {
	_, err := Open(soon(t), Options{Backend: "floppy"})
	if !errors.Is(err, ErrUnavailable) || !strings.Contains(err.Error(), strings.Join(Backends(), ", ")) {
		t.Error(err)
	}
}

func TestBackendsEndWithOnesThatNeedNoDesktop(t *testing.T) {
	names := Backends()
	if !slices.Contains(names, "file") || slices.Index(names, "keyctl") > 0 && slices.Index(names, "keyctl") < slices.Index(names, "file") {
		t.Errorf("%q", names)
	}
}

func TestOpenSaysOfEachBackEndWhyItCannotBeUsed(t *testing.T) {
	if runtime.GOOS == "windows" {
		testenv.Missing(t, "unix", "Windows' own keyring is always there")
	}
	notAFolder := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(notAFolder, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", t.TempDir())
	_, err := Open(soon(t), Options{FileDir: notAFolder, AgeDir: notAFolder, PassDir: t.TempDir()})
	var un *UnavailableError
	if !errors.As(err, &un) || !errors.Is(err, ErrUnavailable) {
		t.Fatal(err)
	}
	for _, a := range un.Tried {
		if a.Backend == "keyctl" {
			t.Error("the kernel's keyring was tried without being named")
		}
		if a.Err.Error() == "" || !strings.Contains(err.Error(), a.Backend+": "+a.Err.Error()) {
			t.Errorf("%s is not in %q", a.Backend, err)
		}
	}
	if last := un.Tried[len(un.Tried)-1]; last.Backend != "file" {
		t.Errorf("last tried was %s", last.Backend)
	}
}

func TestOpenStopsWhenItsContextEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Open(ctx, Options{}); !errors.Is(err, context.Canceled) || !errors.Is(err, ErrUnavailable) {
		t.Error(err)
	}
}

func TestExpandKnowsTheHomeFolderOnly(t *testing.T) {
	home, err := os.UserHomeDir()
	if err != nil {
		t.Fatal(err)
	}
	for dir, want := range map[string]string{
		"~": home, "~/.awsvault/keys/": filepath.Join(home, ".awsvault/keys"), "~other/x": "~other/x", "/a/~": "/a/~", "": "",
	} {
		if got, err := expand(dir); err != nil || got != want {
			t.Errorf("expand(%q) = %q, %v", dir, got, err)
		}
	}
}
