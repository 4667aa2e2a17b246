package store

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/d44b7504/vault/internal/testenv"
)

// The tests of the Windows build, run under Wine. They run where it is installed, since it takes 1.2 GB of
// Debian packages.
func TestTheWindowsBuildUnderWine(t *testing.T) {
	testenv.OnlyLong(t, "builds the tests for Windows")
	w := testenv.NewWine(t, "store", inherited)
	exe := filepath.Join(t.TempDir(), "store.test.exe")
	w.Go("test", "-c", "-o", exe, ".")
	out, err := w.Run(nil, exe, "-test.v", "-test.run=^TestWincred|^TestParts|^TestMemory|^TestEveryBackendConforms$/^(wincred|file)$")
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, name := range []string{"TestEveryBackendConforms/wincred", "TestEveryBackendConforms/file",
		"TestWincredItemsAreWhereAWSVaultLooks", "TestWincredItemsOutliveTheProcess"} {
		if !strings.Contains(out, "--- PASS: "+name) {
			t.Errorf("%s did not pass:\n%s", name, out)
		}
	}
}
