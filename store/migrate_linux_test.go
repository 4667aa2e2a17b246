package store

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/d44b7504/vault/internal/testenv"
)

// From one real keyring to another: gnome-keyring to a folder of files and back.
func TestAMigrationBetweenRealKeyrings(t *testing.T) {
	testenv.Require(t, "secret-service", "gnome-keyring-daemon")
	if !onABus(t, "secret-service") {
		return
	}
	daemon := exec.CommandContext(soon(t), "gnome-keyring-daemon", "--unlock", "--components=secrets")
	daemon.Stdin = strings.NewReader("testpw")
	if out, err := daemon.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	login, err := Options{}.At("secret-service:login")
	if err != nil {
		t.Fatal(err)
	}
	files, err := Options{FilePassphrase: phrase("pp")}.At("file:" + filepath.Join(t.TempDir(), "keys"))
	if err != nil {
		t.Fatal(err)
	}
	from, to := filled(t, open(t, login), "a", "b c", "d/e", "-f"), open(t, files)
	if got, _ := move(t, Migration{From: from, To: to, DeleteSource: true}); len(got) != 4 || got["d/e"] != Copied {
		t.Errorf("there: %v", got)
	}
	if left, err := AllKeyNames(soon(t), from); err != nil || len(left) != 0 {
		t.Errorf("left in the keyring: %q, %v", left, err)
	}
	if got, _ := move(t, Migration{From: to, To: from}); len(got) != 4 || got["-f"] != Copied {
		t.Errorf("back: %v", got)
	}
	wantValue(t, from, "b c", keyItem("AKIAb c"))
}
