package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/99designs/keyring"
	"github.com/godbus/dbus"
)

const (
	kwalletName      = "org.kde.kwalletd5"
	kwalletPath      = "/modules/kwalletd5"
	kwalletInterface = "org.kde.KWallet."
)

// kwallet asks KDE's wallet what the library does not: is it there, is it open.
// The library opens the wallet as it opens itself, so its opening is left to the
// first call that needs an item.
type kwallet struct {
	bus   *dbus.Conn
	quiet bool
}

func openKWallet(ctx context.Context, o Options, _ bool) (driver, error) {
	if os.Getenv("DISABLE_KWALLET") == "1" {
		return nil, errors.New("switched off by DISABLE_KWALLET=1")
	}
	bus, err := session(keyring.KWalletBackend)
	if err != nil {
		return nil, err
	}
	w := kwallet{bus, o.Quiet}
	if err := w.running(ctx); err != nil {
		return nil, err
	}
	var enabled bool
	if err := w.call(ctx, "isEnabled").Store(&enabled); err != nil {
		return nil, reason(err)
	}
	if !enabled {
		return nil, errors.New("the wallet is switched off in KDE's settings")
	}
	cfg := config(keyring.KWalletBackend, o)
	return &wallet{&library{cfg: cfg, before: w.refuseDialogs, explain: w.explain, silent: true}, w}, nil
}

// wallet is the library's driver, doubted: when a person refuses to open the wallet,
// the library carries on with a handle that opens nothing, and reports success.
type wallet struct {
	*library
	kwallet
}

func (w *wallet) put(ctx context.Context, item keyring.Item) error {
	if err := w.library.put(ctx, item); err != nil {
		return err
	}
	kept, err := w.get(ctx, item.Key)
	if err == nil && !bytes.Equal(kept, item.Data) {
		err = errors.New("the wallet did not keep the item")
	}
	return err
}

func (w *wallet) keys(ctx context.Context) ([]string, error) {
	names, err := w.library.keys(ctx)
	if err == nil {
		err = w.mustBeOpen(ctx)
	}
	return names, err
}

// running says why the wallet's daemon cannot be talked to. Without a screen it is
// not started: it would die, or wait for a dialog nobody sees.
func (w kwallet) running(ctx context.Context) error {
	var owned bool
	if err := w.bus.BusObject().CallWithContext(ctx, "org.freedesktop.DBus.NameHasOwner", 0, kwalletName).Store(&owned); err != nil {
		return reason(err)
	}
	if owned {
		return nil
	}
	var names []string
	if err := w.bus.BusObject().CallWithContext(ctx, "org.freedesktop.DBus.ListActivatableNames", 0).Store(&names); err != nil {
		return reason(err)
	}
	switch {
	case !slices.Contains(names, kwalletName):
		return errors.New("KDE's wallet (kwalletd5) is not installed")
	case !onDesktop():
		return errors.New("KDE's wallet does not run, and cannot be started without a display")
	}
	return nil
}

func (w kwallet) call(ctx context.Context, method string, args ...any) *dbus.Call {
	return w.bus.Object(kwalletName, kwalletPath).CallWithContext(ctx, kwalletInterface+method, 0, args...)
}

func (w kwallet) refuseDialogs(ctx context.Context, _ string, _ bool) error {
	if !w.quiet {
		return nil
	}
	return w.mustBeOpen(ctx)
}

func (w kwallet) mustBeOpen(ctx context.Context) error {
	var open bool
	if err := w.call(ctx, "isOpen", serviceName).Store(&open); err != nil {
		return reason(err)
	}
	if !open {
		return fmt.Errorf("%w: wallet %q has to be opened by a person", ErrLocked, serviceName)
	}
	return nil
}

func (w kwallet) explain(ctx context.Context, err error) error {
	if locked := w.mustBeOpen(ctx); locked != nil {
		return locked
	}
	return reason(err)
}
