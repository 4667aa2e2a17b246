package store

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/d44b7504/vault/internal/testenv"
)

// The tests of the Windows build, run under Wine: its Credential Manager is not
// Microsoft's, but it is reached by the same calls and has the same limits. Opt-in by
// being there, since it takes 1.2 GB of Debian packages.
//
// AWS_VAULT_TEST_WINE names a folder to keep Wine's files in between runs; making them
// takes ten seconds.
func TestTheWindowsBuildUnderWine(t *testing.T) {
	testenv.OnlyLong(t, "builds the tests for Windows")
	testenv.Require(t, "wincred", "go", "wine", "wineserver", "x86_64-w64-mingw32-gcc")
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	run := func(environ []string, name string, args ...string) string {
		t.Helper()
		cmd := exec.CommandContext(ctx, name, args...)
		cmd.Env = environ
		log, err := os.CreateTemp(t.TempDir(), "log") // no pipe, which Wine's server would keep open
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = log.Close() }()
		cmd.Stdout, cmd.Stderr = log, log
		ended := cmd.Run()
		out, err := os.ReadFile(log.Name())
		if err := errors.Join(ended, err); err != nil {
			t.Fatalf("%s %q: %v\n%s", name, args, err, out)
		}
		return string(out)
	}
	exe := filepath.Join(t.TempDir(), "store.test.exe")
	run(append(slices.Clone(inherited), "GOOS=windows", "GOARCH=amd64", "CGO_ENABLED=0"), "go", "test", "-c", "-o", exe, ".")

	home := t.TempDir()
	prefix := os.Getenv("AWS_VAULT_TEST_WINE")
	if prefix == "" {
		prefix = filepath.Join(home, "wine")
	}
	wine := []string{"PATH=" + os.Getenv("PATH"), "HOME=" + home, "WINEPREFIX=" + prefix, "WINEDEBUG=-all", "LC_ALL=C.UTF-8", "WINEDLLOVERRIDES=mscoree,mshtml=;winemenubuilder.exe=d",
		"CI_MARK=" + os.Getenv("CI_MARK"), "AWS_VAULT_TEST_REQUIRE=" + os.Getenv("AWS_VAULT_TEST_REQUIRE"), "AWS_VAULT_TEST_LONG=" + os.Getenv("AWS_VAULT_TEST_LONG")}
	t.Cleanup(func() { // of this prefix alone
		for _, how := range []string{"-k", "-w"} {
			end := exec.Command("wineserver", how)
			end.Env = wine
			_ = end.Run()
		}
	})
	system := filepath.Join(prefix, "drive_c/windows/system32")
	if _, err := os.Stat(system); err != nil {
		run(wine, "wineboot", "-i")
		run(wine, "wineserver", "-w")
	}
	if _, err := os.Stat(filepath.Join(system, "bcryptprimitives.dll")); err != nil {
		run(inherited, "x86_64-w64-mingw32-gcc", "-shared", "-O2", "-o", filepath.Join(system, "bcryptprimitives.dll"),
			"testdata/wine/bcryptprimitives.c", "-ladvapi32")
	}
	out := run(wine, "wine", exe, "-test.v", "-test.run=^TestWincred|^TestParts|^TestMemory|^TestEveryBackendConforms$/^(wincred|file)$")
	for _, name := range []string{"TestEveryBackendConforms/wincred", "TestEveryBackendConforms/file",
		"TestWincredItemsAreWhereAWSVaultLooks", "TestWincredItemsOutliveTheProcess"} {
		if !strings.Contains(out, "--- PASS: "+name) {
			t.Errorf("%s did not pass:\n%s", name, out)
		}
	}
}
