package store

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/99designs/keyring"
	"github.com/godbus/dbus"

	"github.com/d44b7504/vault/internal/testenv"
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

var walletd5 = walletDaemons[1]

// runningWallet starts KDE's daemon, with the wallet closed, and returns a connection
// of the test's own.
func runningWallet(t *testing.T) *dbus.Conn {
	t.Helper()
	configureWallet(t, kwalletrc)
	if _, err := Open(soon(t), Options{Backend: "kwallet"}); !errors.Is(err, ErrUnavailable) {
		t.Errorf("a wallet that does not run, without a display: %v", err)
	}
	daemon := exec.CommandContext(t.Context(), "kwalletd5")
	if err := daemon.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = daemon.Process.Kill(); _ = daemon.Wait() })
	bus := privateBus(t)
	for ctx := soon(t); ; time.Sleep(5 * time.Millisecond) {
		if _, err := findWallet(ctx, bus); err == nil {
			return bus
		} else if ctx.Err() != nil {
			t.Fatal(err)
		}
	}
}

func configureWallet(t *testing.T, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(os.Getenv("XDG_CONFIG_HOME"), "kwalletrc"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// unlockWallet opens the wallet as signing in to the machine does.
func unlockWallet(t *testing.T, bus *dbus.Conn) {
	t.Helper()
	w := &wallet{bus: bus, daemon: walletd5}
	if err := w.call(soon(t), nil, "pamOpen", serviceName, make([]byte, 56), int32(0)); err != nil {
		t.Fatal(err)
	}
}

func init() {
	stages["kwallet"] = func(t *testing.T) {
		testenv.Require(t, "kwallet", "kwalletd5")
		if !onABus(t, "kwallet") {
			return
		}
		unlockWallet(t, runningWallet(t))
		conforms(t, open(t, Options{Backend: "kwallet"}), 0, 1, 100, 100_000)
	}
}

func TestKWallet(t *testing.T) {
	testenv.Require(t, "kwallet", "kwalletd5")
	if !onABus(t, "kwallet") {
		return
	}
	bus := runningWallet(t)
	quiet := open(t, Options{Backend: "kwallet", Quiet: true})
	for call, err := range everyCall(soon(t), quiet) {
		if !errors.Is(err, ErrLocked) {
			t.Errorf("%s of a wallet that is not open: %v", call, err)
		}
	}
	f := finding(t, Probe(soon(t), Options{FileDir: t.TempDir()}), "kwallet")
	if f.Err != nil || f.Where != `wallet "aws-vault" of kwalletd5` || f.Remark != "it is closed" || f.Items != -1 {
		t.Errorf("%+v", f)
	}
	unlockWallet(t, bus)
	s := open(t, Options{Backend: "kwallet"})
	t.Run("quiet", func(t *testing.T) {
		put(t, quiet, "k", "v")
		wantValue(t, quiet, "k", "v")
	})
	t.Run("shares its items with the library", func(t *testing.T) { sharedWallet(t, s) })
	t.Run("asks before each program", func(t *testing.T) {
		configureWallet(t, strings.Replace(strings.Split(kwalletrc, "[Auto")[0], "Open=false", "Open=true", 1))
		defer configureWallet(t, kwalletrc)
		if err := getErr(t, open(t, Options{Backend: "kwallet", Quiet: true}), "k"); !errors.Is(err, ErrLocked) || !strings.Contains(err.Error(), "asks a person before each program") {
			t.Error(err)
		}
	})
	t.Run("opens it again when it was closed", func(t *testing.T) {
		w := &wallet{bus: bus, daemon: walletd5}
		if err := w.call(soon(t), nil, "close", serviceName, true); err != nil {
			t.Fatal(err)
		}
		if err := getErr(t, quiet, "k"); !errors.Is(err, ErrLocked) {
			t.Errorf("closed: %v", err)
		}
		unlockWallet(t, bus)
		wantValue(t, quiet, "k", "v")
	})
}

// AWS Vault, which the library is from, finds our items and we find its.
func sharedWallet(t *testing.T, s Store) {
	lib, err := keyring.Open(config(keyring.KWalletBackend, Options{}))
	if err != nil {
		t.Fatal(err)
	}
	put(t, s, "ours", "value")
	if item, err := lib.Get("ours"); err != nil || string(item.Data) != "value" || item.Label != "aws-vault (ours)" {
		t.Errorf("%s, %v", item.Label, err)
	}
	if err := lib.Set(keyring.Item{Key: "theirs", Data: []byte("value")}); err != nil {
		t.Fatal(err)
	}
	wantValue(t, s, "theirs", "value")
}

// Debian has no kwalletd6 yet. What speaks under its name here is the real kwalletd5:
// calls to the new name and path are passed on to the old ones, and the answers back.
// So this proves that we find and address the new daemon; that it answers as the old
// one does is KDE's promise, since the interface is the same, and is not proved here.
func TestKWallet6(t *testing.T) {
	testenv.Require(t, "kwallet", "kwalletd5")
	if !onABus(t, "kwallet") {
		return
	}
	bus := runningWallet(t)
	unlockWallet(t, bus)
	own(t, privateBus(t, dbus.WithHandler(&forwarder{to: bus})), walletDaemons[0].name)
	s := open(t, Options{Backend: "kwallet"})
	if d := s.(*bounded).d.(*wallet).daemon; d != walletDaemons[0] {
		t.Fatalf("of two daemons %s was taken", d.name)
	}
	conforms(t, s, 0, 1, 100, 100_000)
	put(t, s, "k", "v")
	w := &wallet{bus: bus, daemon: walletd5, handle: -1}
	if data, err := w.get(soon(t), "k"); err != nil || string(data) != "v" {
		t.Errorf("in kwalletd5 itself: %q, %v", data, err)
	}
}

// forwarder passes every call on to kwalletd5, if it is for kwalletd6's path.
type forwarder struct{ to *dbus.Conn }

func (f *forwarder) LookupObject(path dbus.ObjectPath) (dbus.ServerObject, bool) {
	return f, path == walletDaemons[0].path
}
func (f *forwarder) LookupInterface(string) (dbus.Interface, bool) { return f, true }
func (f *forwarder) LookupMethod(name string) (dbus.Method, bool) {
	return &forwarded{f.to, name}, true
}

type forwarded struct {
	to   *dbus.Conn
	name string
}

func (f *forwarded) Call(args ...any) ([]any, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	call := f.to.Object(walletd5.name, walletd5.path).CallWithContext(ctx, kwalletInterface+f.name, 0, args...)
	return call.Body, call.Err
}
func (f *forwarded) NumArguments() int     { return 0 }
func (f *forwarded) NumReturns() int       { return 0 }
func (f *forwarded) ArgumentValue(int) any { return nil }
func (f *forwarded) ReturnValue(int) any   { return nil }
func (f *forwarded) DecodeArguments(_ *dbus.Conn, _ string, _ *dbus.Message, args []any) ([]any, error) {
	return args, nil
}

func TestAWalletThatAsksPerProgramIsKnownFromItsSettings(t *testing.T) {
	for text, want := range map[string]bool{
		"": false, kwalletrc: false, "[Wallet]\nPrompt on Open=true\n": true, "[Wallet]\nPrompt on Open = TRUE\n[Auto Allow]\naws-vault=other\n": true,
		"[Auto Allow]\naws-vault=other,aws-vault\n[Wallet]\nPrompt on Open=true\n": false, "[Other]\nPrompt on Open=true\n": false,
	} {
		configureWallet(t, text)
		if asksPerProgram() != want {
			t.Errorf("%q: %v", text, !want)
		}
	}
}

// closedWallet is KDE's wallet with a person who dismisses its dialog: opening gives
// no handle, and the calls made with it succeed and do nothing.
var closedWallet = canned{
	"isEnabled": true, "isOpen": false, "open": int32(-1), "hasEntry": false,
	"entryList": []string{}, "readEntry": []byte{}, "writeEntry": int32(-1), "removeEntry": int32(-1),
}

func walletRefused(t *testing.T) {
	own(t, privateBus(t, dbus.WithHandler(closedWallet)), walletd5.name)
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
