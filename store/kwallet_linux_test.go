package store

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// kwalletrc makes a wallet that opens without a dialog, for this tool alone.
const kwalletrc = `[Wallet]
First Use=false
Enabled=true
Default Wallet=aws-vault
Use One Wallet=true
Prompt on Open=false
[Auto Allow]
aws-vault=aws-vault
`

func TestKWallet(t *testing.T) {
	needs(t, "kwallet", "kwalletd5")
	if !onABus(t, "kwallet") {
		return
	}
	if err := os.WriteFile(filepath.Join(os.Getenv("XDG_CONFIG_HOME"), "kwalletrc"), []byte(kwalletrc), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(soon(t), Options{Backend: "kwallet"}); !errors.Is(err, ErrUnavailable) {
		t.Errorf("a wallet that does not run, without a display: %v", err)
	}
	daemon := exec.CommandContext(t.Context(), "kwalletd5")
	if err := daemon.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = daemon.Process.Kill(); _ = daemon.Wait() })
	w := kwallet{bus: privateBus(t)}
	for w.running(soon(t)) != nil {
		time.Sleep(5 * time.Millisecond)
	}
	quiet := open(t, Options{Backend: "kwallet", Quiet: true})
	for call, err := range everyCall(soon(t), quiet) {
		if !errors.Is(err, ErrLocked) {
			t.Errorf("%s of a wallet nobody has opened: %v", call, err)
		}
	}
	if err := w.call(soon(t), "pamOpen", serviceName, make([]byte, 56), int32(0)).Err; err != nil {
		t.Fatal(err)
	}
	conforms(t, open(t, Options{Backend: "kwallet"}), 0, 1, 100, 100_000)
	put(t, quiet, "k", "v")
	wantValue(t, quiet, "k", "v")
}
