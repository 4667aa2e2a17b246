package store

// KDE's wallet, of Plasma 5 and 6. Items have the keyring library's format, but this file
// makes the calls: the library knows only the older daemon, and when a person refuses to
// open the wallet it goes on with an invalid handle and reports success.

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/99designs/keyring"
	"github.com/godbus/dbus"
)

// walletd is one of the daemons that may hold the wallet.
type walletd struct {
	name string
	path dbus.ObjectPath
}

// walletDaemons are looked for in this order. Both may be installed; one of them runs.
var walletDaemons = []walletd{
	{"org.kde.kwalletd6", "/modules/kwalletd6"},
	{"org.kde.kwalletd5", "/modules/kwalletd5"},
}

const kwalletInterface = "org.kde.KWallet."

// wallet is the driver. It opens the wallet at the first call that needs an item, since a
// person may have to allow it.
type wallet struct {
	bus    *dbus.Conn
	daemon walletd
	quiet  bool

	mu     sync.Mutex
	handle int32 // from when the wallet was last opened; -1 before that
}

func openKWallet(ctx context.Context, o Options, _ bool) (driver, error) {
	if os.Getenv("DISABLE_KWALLET") == "1" {
		return nil, errors.New("switched off by DISABLE_KWALLET=1")
	}
	bus, err := session(keyring.KWalletBackend)
	if err != nil {
		return nil, err
	}
	daemon, err := findWallet(ctx, bus)
	if err != nil {
		return nil, err
	}
	w := &wallet{bus: bus, daemon: daemon, quiet: o.Quiet, handle: -1}
	var enabled bool
	if err := w.call(ctx, &enabled, "isEnabled"); err != nil {
		return nil, err
	}
	if !enabled {
		return nil, errors.New("the wallet is switched off in KDE's settings")
	}
	return w, nil
}

// findWallet returns the daemon that runs, or one that the bus would start. Without a display
// none is started: it would crash, or wait for a dialog that nobody can see.
func findWallet(ctx context.Context, bus *dbus.Conn) (walletd, error) {
	for _, d := range walletDaemons {
		var owned bool
		if err := bus.BusObject().CallWithContext(ctx, "org.freedesktop.DBus.NameHasOwner", 0, d.name).Store(&owned); err != nil {
			return walletd{}, dbusError(err)
		}
		if owned {
			return d, nil
		}
	}
	var names []string
	if err := bus.BusObject().CallWithContext(ctx, "org.freedesktop.DBus.ListActivatableNames", 0).Store(&names); err != nil {
		return walletd{}, dbusError(err)
	}
	i := slices.IndexFunc(walletDaemons, func(d walletd) bool { return slices.Contains(names, d.name) })
	switch {
	case i < 0:
		return walletd{}, errors.New("KDE's wallet (kwalletd6 or kwalletd5) is not installed")
	case !hasDesktop():
		return walletd{}, errors.New("KDE's wallet does not run, and cannot be started without a display")
	}
	return walletDaemons[i], nil
}

func (w *wallet) get(ctx context.Context, key string) ([]byte, error) {
	handle, err := w.open(ctx)
	if err != nil {
		return nil, err
	}
	var data []byte
	if err := w.call(ctx, &data, "readEntry", handle, serviceName, key, serviceName); err != nil {
		return nil, err
	}
	if len(data) == 0 {
		return nil, w.checkEntry(ctx, handle, key)
	}
	item, err := itemIn(data)
	return named(item, key, err)
}

func (w *wallet) put(ctx context.Context, item keyring.Item) error {
	data, err := json.Marshal(item)
	if err != nil {
		return err
	}
	return w.change(ctx, "writeEntry", item.Key, data)
}

func (w *wallet) remove(ctx context.Context, key string) error {
	handle, err := w.open(ctx)
	if err != nil {
		return err
	}
	if err := w.checkEntry(ctx, handle, key); err != nil {
		return err
	}
	return w.change(ctx, "removeEntry", key)
}

func (w *wallet) keys(ctx context.Context, _ string) ([]string, error) {
	handle, err := w.open(ctx)
	if err != nil {
		return nil, err
	}
	var names []string
	if err := w.call(ctx, &names, "entryList", handle, serviceName, serviceName); err != nil {
		return nil, err
	}
	if len(names) == 0 {
		err = w.mustBeOpen(ctx) // an invalid handle lists nothing, without an error
	}
	return names, err
}

// survey does not count the items: a person would have to allow that.
func (w *wallet) survey(ctx context.Context) survey {
	daemon := strings.TrimPrefix(w.daemon.name, "org.kde.")
	s := survey{place: fmt.Sprintf("wallet %q of %s", serviceName, daemon), items: -1}
	if w.mustBeOpen(ctx) != nil {
		s.remark = "it is closed"
	}
	return s
}

// change writes or removes an entry, and saves the wallet.
func (w *wallet) change(ctx context.Context, method, key string, value ...any) error {
	handle, err := w.open(ctx)
	if err != nil {
		return err
	}
	args := append(append([]any{handle, serviceName, key}, value...), serviceName)
	var failed int32
	if err := w.call(ctx, &failed, method, args...); err != nil {
		return err
	}
	if failed != 0 {
		if err := w.mustBeOpen(ctx); err != nil {
			return err
		}
		return fmt.Errorf("the wallet refused the change (%s: %d)", method, failed)
	}
	return w.call(ctx, nil, "sync", handle, serviceName)
}

// checkEntry returns nil if there is such an item, ErrNotFound if there is none, and another
// error if that is not known.
func (w *wallet) checkEntry(ctx context.Context, handle int32, key string) error {
	var there bool
	if err := w.call(ctx, &there, "hasEntry", handle, serviceName, key, serviceName); err != nil || there {
		return err
	}
	if err := w.mustBeOpen(ctx); err != nil {
		return err
	}
	return ErrNotFound
}

// open returns a handle of the wallet, and opens it if it is closed. It may wait for a
// person.
func (w *wallet) open(ctx context.Context) (int32, error) {
	w.mu.Lock()
	handle := w.handle
	w.mu.Unlock()
	if handle >= 0 {
		var open bool
		if err := w.call(ctx, &open, "isOpen", handle); err != nil || open {
			return handle, err
		}
	}
	if w.quiet {
		if err := w.refuseDialog(ctx); err != nil {
			return 0, err
		}
	}
	if err := w.call(ctx, &handle, "open", serviceName, int64(0), serviceName); err != nil {
		return 0, err
	}
	if handle < 0 {
		return 0, fmt.Errorf("%w: wallet %q was not opened", ErrLocked, serviceName)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.handle = handle
	return handle, nil
}

// refuseDialog returns an error if opening the wallet would show a dialog: for its password,
// or to ask whether this program may use it.
func (w *wallet) refuseDialog(ctx context.Context) error {
	if err := w.mustBeOpen(ctx); err != nil {
		return err
	}
	if asksPerProgram() {
		return fmt.Errorf("%w: wallet %q asks a person before each program may use it; "+
			"in KDE's settings %s can be allowed to use it always", ErrLocked, serviceName, serviceName)
	}
	return nil
}

func (w *wallet) mustBeOpen(ctx context.Context) error {
	var open bool
	if err := w.call(ctx, &open, "isOpen", serviceName); err != nil {
		return err
	}
	if !open {
		return fmt.Errorf("%w: wallet %q has to be opened by a person", ErrLocked, serviceName)
	}
	return nil
}

// call calls a method of the daemon and stores the answer in v.
func (w *wallet) call(ctx context.Context, v any, method string, args ...any) error {
	call := w.bus.Object(w.daemon.name, w.daemon.path).CallWithContext(ctx, kwalletInterface+method, 0, args...)
	if call.Err != nil || v == nil {
		return dbusError(call.Err)
	}
	return dbusError(call.Store(v))
}

// asksPerProgram reads from KDE's settings whether a person is asked before a program may
// use an open wallet, and this one is not always allowed to.
func asksPerProgram() bool {
	dir, err := os.UserConfigDir()
	if err != nil {
		return false
	}
	file, err := os.Open(filepath.Join(dir, "kwalletrc"))
	if err != nil {
		return false // KDE's default: an open wallet can be used by every program
	}
	defer func() { _ = file.Close() }()
	var group string
	asks, allowed := false, false
	for lines := bufio.NewScanner(file); lines.Scan(); {
		line := strings.TrimSpace(lines.Text())
		if strings.HasPrefix(line, "[") {
			group = line
			continue
		}
		name, value, _ := strings.Cut(line, "=")
		switch group + strings.TrimSpace(name) {
		case "[Wallet]Prompt on Open":
			asks = strings.EqualFold(strings.TrimSpace(value), "true")
		case "[Auto Allow]" + serviceName:
			allowed = slices.Contains(strings.Split(strings.TrimSpace(value), ","), serviceName)
		}
	}
	return asks && !allowed
}
