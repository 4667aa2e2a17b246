package store

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/godbus/dbus"
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

// closedWallet is KDE's wallet with a person who dismisses its dialog: opening gives
// no handle, and the calls made with it succeed and do nothing.
var closedWallet = canned{
	"isEnabled": true, "isOpen": false, "open": int32(-1),
	"entryList": []string{}, "readEntry": []byte{}, "writeEntry": int32(-1), "removeEntry": int32(-1),
}

func walletRefused(t *testing.T) {
	own(t, privateBus(t, dbus.WithHandler(closedWallet)), kwalletName)
	for _, quiet := range []bool{true, false} {
		s := open(t, Options{Backend: "kwallet", Quiet: quiet})
		for call, err := range everyCall(soon(t), s) {
			if !errors.Is(err, ErrLocked) {
				t.Errorf("quiet %v, %s: %v", quiet, call, err)
			}
		}
	}
}

// canned answers each method with one value, whatever its arguments.
type canned map[string]any

func (c canned) LookupObject(dbus.ObjectPath) (dbus.ServerObject, bool) { return c, true }
func (c canned) LookupInterface(string) (dbus.Interface, bool)          { return c, true }
func (c canned) LookupMethod(name string) (dbus.Method, bool) {
	v, ok := c[name]
	return reply{v}, ok
}

type reply struct{ value any }

func (r reply) Call(...any) ([]any, error) { return []any{r.value}, nil }
func (r reply) NumArguments() int          { return 0 }
func (r reply) NumReturns() int            { return 1 }
func (r reply) ArgumentValue(int) any      { return nil }
func (r reply) ReturnValue(int) any        { return r.value }
func (r reply) DecodeArguments(*dbus.Conn, string, *dbus.Message, []any) ([]any, error) {
	return nil, nil
}
