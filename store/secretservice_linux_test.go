package store

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/godbus/dbus"

	"github.com/d44b7504/vault/internal/creds"
	"github.com/d44b7504/vault/internal/testenv"
)

// onABus returns true in a copy of this test that runs on a session bus of its own,
// with a folder for what its services write. In the test itself it runs that copy,
// reports what it found, and returns false. The bus ends with the copy, and the
// services with the bus.
func onABus(t *testing.T, require string, options ...string) bool {
	t.Helper()
	if os.Getenv("STORE_TEST_BUS") != "" {
		return true
	}
	testenv.Require(t, require, "dbus-run-session")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	args := append(options, "--", self, "-test.run=^"+t.Name()+"$", "-test.v", "-test.timeout=100s")
	cmd := exec.CommandContext(ctx, "dbus-run-session", args...)
	cmd.WaitDelay = 5 * time.Second // something it started may have the output open
	home := t.TempDir()
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "STORE_TEST_BUS=1", "HOME=" + home, "XDG_DATA_HOME=" + home,
		"XDG_CONFIG_HOME=" + home, "XDG_RUNTIME_DIR=" + home, "QT_QPA_PLATFORM=offscreen",
		"AWS_VAULT_TEST_REQUIRE=" + os.Getenv("AWS_VAULT_TEST_REQUIRE"), "AWS_VAULT_TEST_LONG=" + os.Getenv("AWS_VAULT_TEST_LONG")}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if !strings.Contains(string(out), "--- PASS: "+t.Name()) {
		t.Fatalf("the test did not run on the bus:\n%s", out)
	}
	return false
}

func init() {
	stages["secret-service"] = func(t *testing.T) {
		testenv.Require(t, "secret-service", "gnome-keyring-daemon")
		if !onABus(t, "secret-service") {
			return
		}
		unlockedLogin(t)
		conforms(t, open(t, Options{Backend: "secret-service", Collection: "login"}), 0, 1, 100, 100_000)
	}
}

func TestSecretService(t *testing.T) {
	testenv.Require(t, "secret-service", "gnome-keyring-daemon")
	if !onABus(t, "secret-service") {
		return
	}
	unlockedLogin(t)
	prompts := prompter(t)
	login := Options{Backend: "secret-service", Collection: "login"}
	t.Run("a collection that cannot be made is not chosen", func(t *testing.T) { wantsDesktop(t, prompts) })
	t.Run("quiet on an unlocked collection", func(t *testing.T) { quietUnlocked(t, login) })
	t.Run("items of other programs", func(t *testing.T) { foreignItems(t, login) })
	t.Run("quiet on a locked collection", func(t *testing.T) { quietLocked(t, login, prompts) })
}

// unlockedLogin starts GNOME's keyring with the collection "login", whose password is
// testpw. The keyring ends with its bus.
func unlockedLogin(t *testing.T) {
	t.Helper()
	daemon := exec.CommandContext(soon(t), "gnome-keyring-daemon", "--unlock", "--components=secrets")
	daemon.Stdin = strings.NewReader("testpw")
	if out, err := daemon.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

// bareBus is a bus that starts no service by itself.
const bareBus = `<busconfig><type>session</type><listen>unix:tmpdir=/tmp</listen>
<policy context="default"><allow send_destination="*"/><allow eavesdrop="true"/><allow own="*"/></policy></busconfig>`

func TestABusWithoutKeyrings(t *testing.T) {
	file := filepath.Join(t.TempDir(), "bus.conf")
	if err := os.WriteFile(file, []byte(bareBus), 0o600); err != nil {
		t.Fatal(err)
	}
	if !onABus(t, "secret-service", "--config-file="+file) {
		return
	}
	t.Run("falls back to age", fallsBack)
	t.Run("a service that never answers", serviceHangs)
	t.Run("a wallet that a person does not open", walletRefused)
}

func fallsBack(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	s, err := Open(soon(t), Options{FileDir: t.TempDir(), AgeDir: t.TempDir()})
	if err != nil || backendOf(s) != "age" {
		t.Errorf("opened %v, %v", s, err)
	}
	for call, err := range everyCall(soon(t), open(t, Options{Backend: "secret-service"})) {
		if !errors.Is(err, ErrUnavailable) || !strings.Contains(err.Error(), "no such service on the session bus") {
			t.Errorf("%s: %v", call, err)
		}
	}
	if _, err := Open(soon(t), Options{Backend: "kwallet"}); !errors.Is(err, ErrUnavailable) || !strings.Contains(err.Error(), "not installed") {
		t.Error(err)
	}
}

// serviceHangs puts a service on the bus that takes every call and answers none.
func serviceHangs(t *testing.T) {
	bus := privateBus(t)
	release := make(chan struct{})
	defer close(release)
	for _, iface := range []string{propertyInterface, secretsInterface + "Service"} {
		if err := bus.Export(hung{release}, secretsPath, iface); err != nil {
			t.Fatal(err)
		}
	}
	own(t, bus, secretsName)
	start := time.Now()
	for _, quiet := range []bool{true, false} {
		s := open(t, Options{Backend: "secret-service", Deadline: 200 * time.Millisecond, Quiet: quiet})
		for call, err := range everyCall(t.Context(), s) {
			if !errors.Is(err, ErrUnavailable) || !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s: %v", call, err)
			}
		}
	}
	s, err := Open(soon(t), Options{FileDir: t.TempDir(), PassDir: t.TempDir(), Deadline: 200 * time.Millisecond})
	if err != nil || backendOf(s) != "age" {
		t.Errorf("opened %v, %v", s, err)
	}
	if took := time.Since(start); took > 10*time.Second {
		t.Errorf("took %v", took)
	}
}

type hung struct{ release chan struct{} }

// Get is asked for properties; it never comes back.
func (h hung) Get(string, string) (dbus.Variant, *dbus.Error) {
	<-h.release
	return dbus.Variant{}, nil
}

// OpenSession is what the library calls first; it never comes back.
func (h hung) OpenSession(string, dbus.Variant) (dbus.Variant, dbus.ObjectPath, *dbus.Error) {
	<-h.release
	return dbus.Variant{}, "/", nil
}

// privateBus is a connection of the test's own, besides the library's.
func privateBus(t *testing.T, options ...dbus.ConnOption) *dbus.Conn {
	t.Helper()
	bus, err := dbus.SessionBusPrivate(options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = bus.Close() })
	if err := errors.Join(bus.Auth(nil), bus.Hello()); err != nil {
		t.Fatal(err)
	}
	return bus
}

func own(t *testing.T, bus *dbus.Conn, name string) {
	t.Helper()
	if got, err := bus.RequestName(name, dbus.NameFlagDoNotQueue); err != nil || got != dbus.RequestNameReplyPrimaryOwner {
		t.Fatalf("%v, %v", got, err)
	}
	t.Cleanup(func() { _, _ = bus.ReleaseName(name) })
}

// wantsDesktop: the collection AWS Vault uses does not exist and nobody can be asked
// to make it.
func wantsDesktop(t *testing.T, prompts *atomic.Int32) {
	before := prompts.Load()
	s, err := Open(soon(t), Options{FileDir: t.TempDir(), AgeDir: t.TempDir()})
	if err != nil || backendOf(s) == "secret-service" {
		t.Errorf("%v, %v", s, err)
	}
	named := open(t, Options{Backend: "secret-service", Quiet: true})
	if err := getErr(t, named, "k"); !errors.Is(err, ErrNotFound) {
		t.Errorf("Get: %v", err)
	}
	if err := named.Delete(soon(t), "k"); !errors.Is(err, ErrNotFound) {
		t.Errorf("Delete: %v", err)
	}
	if err := named.Put(soon(t), "k", creds.New("v")); !errors.Is(err, ErrUnavailable) || !strings.Contains(err.Error(), `no collection "awsvault"`) {
		t.Errorf("Put: %v", err)
	}
	if prompts.Load() != before {
		t.Error("a dialog was asked for")
	}
	s, err = Open(soon(t), Options{Collection: "login", FileDir: t.TempDir()})
	if err != nil || backendOf(s) != "secret-service" {
		t.Errorf("with a collection that exists: %v, %v", s, err)
	}
	named = open(t, Options{Backend: "secret-service"})
	if err := named.Put(soon(t), "k", creds.New("v")); !errors.Is(err, ErrUnavailable) && !errors.Is(err, ErrLocked) {
		t.Errorf("Put with a dialog that fails: %v", err)
	}
}

func quietUnlocked(t *testing.T, o Options) {
	o.Quiet = true
	s := open(t, o)
	put(t, s, "k", "v")
	wantValue(t, s, "k", "v")
	if got, err := s.List(soon(t), "k"); err != nil || len(got) != 1 {
		t.Errorf("List: %q, %v", got, err)
	}
}

func quietLocked(t *testing.T, o Options, prompts *atomic.Int32) {
	lock(t, "login")
	quiet := o
	quiet.Quiet = true
	before, start := prompts.Load(), time.Now()
	for call, err := range everyCall(t.Context(), open(t, quiet)) {
		if call == "List" && err != nil || call != "List" && !errors.Is(err, ErrLocked) {
			t.Errorf("%s: %v", call, err)
		}
	}
	if names, err := open(t, quiet).List(soon(t), "k"); err != nil || len(names) != 1 { // names are not secret
		t.Errorf("List: %q, %v", names, err)
	}
	if took := time.Since(start); took > 3*time.Second {
		t.Errorf("took %v", took)
	}
	if prompts.Load() != before {
		t.Error("a dialog was asked for")
	}
	// The same without Quiet does ask, so the count above means something.
	if err := getErr(t, open(t, o), "k"); !errors.Is(err, ErrLocked) || prompts.Load() == before {
		t.Errorf("not quiet: %v after %d dialogs", err, prompts.Load()-before)
	}
}

// lock locks a collection.
func lock(t *testing.T, collection string) {
	t.Helper()
	bus, err := dbus.SessionBus()
	if err != nil {
		t.Fatal(err)
	}
	call := bus.Object(secretsName, secretsPath).CallWithContext(soon(t), secretsInterface+"Service.Lock", 0,
		[]dbus.ObjectPath{dbus.ObjectPath(collectionPrefix + collection)})
	if call.Err != nil {
		t.Fatal(call.Err)
	}
}

// prompter takes the place of GNOME's dialog: it counts how often it is wanted, and
// declines.
func prompter(t *testing.T) *atomic.Int32 {
	t.Helper()
	bus, d := privateBus(t), &decliner{}
	if err := bus.Export(d, "/org/gnome/keyring/Prompter", "org.gnome.keyring.internal.Prompter"); err != nil {
		t.Fatal(err)
	}
	own(t, bus, "org.gnome.keyring.SystemPrompter")
	return &d.wanted
}

type decliner struct{ wanted atomic.Int32 }

// BeginPrompting is what the keyring daemon calls to have a dialog shown.
func (d *decliner) BeginPrompting(dbus.ObjectPath) *dbus.Error {
	d.wanted.Add(1)
	return dbus.NewError("org.gnome.keyring.Prompter.InProgress", []any{"declined by the test"})
}

// foreignItems: a collection such as login has the passwords of all programs, and one of
// them may have the attribute that ours are found by.
func foreignItems(t *testing.T, o Options) {
	s := open(t, o)
	store := exec.CommandContext(soon(t), "secret-tool", "store", "--label=github", "profile", "github")
	store.Stdin = strings.NewReader("hunter2")
	testenv.Require(t, "secret-service", "secret-tool")
	if out, err := store.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	wantForeign(t, s, "github")
	if out, err := exec.CommandContext(soon(t), "secret-tool", "lookup", "profile", "github").Output(); err != nil || string(out) != "hunter2" {
		t.Errorf("the item of another program is now %q, %v", out, err)
	}
	if err := KeepKey(Overwriting(soon(t)), s, "github", aKey); err != nil {
		t.Error(err)
	}
	if err := s.Delete(soon(t), "github"); err != nil {
		t.Error(err)
	}
}
