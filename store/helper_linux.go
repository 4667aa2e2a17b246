package store

import (
	"context"
	"fmt"

	"github.com/99designs/keyring"
	"github.com/godbus/dbus"
)

// secretServiceHelper keeps its items in the Secret Service. It is the only helper that shows
// a dialog by itself, and whether it would can be found out before it is run.
const secretServiceHelper = helperPrefix + "secretservice"

// refuse returns an error if the helper would show a dialog and must not.
func (h *helper) refuse(ctx context.Context, address string, writing bool) error {
	if h.name != secretServiceHelper {
		return nil
	}
	bus, err := session(keyring.SecretServiceBackend)
	if err != nil {
		return fmt.Errorf("%s: %w", h.name, err) // the helper would start a bus of its own
	}
	if !h.quiet {
		return nil
	}
	locked, err := secrets{bus: bus}.defaultLocked(ctx, address, writing)
	if err != nil {
		return fmt.Errorf("%s: %w", h.name, dbusError(err))
	}
	if locked {
		return fmt.Errorf("%w: %s: the default collection of the Secret Service has to be unlocked by a person", ErrLocked, h.name)
	}
	return nil
}

// mayBeLocked reports whether a call may have failed because the collection is locked: the
// helper then says the same as when it crashes.
func (h *helper) mayBeLocked(ctx context.Context) bool {
	if h.name != secretServiceHelper {
		return false
	}
	bus, err := session(keyring.SecretServiceBackend)
	if err != nil {
		return false
	}
	locked, err := secrets{bus: bus}.defaultLocked(ctx, "", true)
	return err == nil && locked
}

// defaultLocked reports whether the default collection is locked, or an item that the helper
// will look for is in another one that is locked.
func (s secrets) defaultLocked(ctx context.Context, address string, writing bool) (bool, error) {
	var path dbus.ObjectPath
	service := s.bus.Object(secretsName, secretsPath)
	if err := service.CallWithContext(ctx, secretsInterface+"Service.ReadAlias", 0, "default").Store(&path); err != nil {
		return false, err
	}
	if path == "/" && writing {
		return true, nil // it has to be created, in a dialog
	}
	if path != "/" {
		var locked bool
		if err := s.property(ctx, path, "Collection", "Locked", &locked); err != nil || locked {
			return locked, err
		}
	}
	wanted := map[string]string{"docker_cli": "1"}
	if address != "" {
		wanted["server"] = address
	}
	var open, locked []dbus.ObjectPath
	err := service.CallWithContext(ctx, secretsInterface+"Service.SearchItems", 0, wanted).Store(&open, &locked)
	return len(locked) > 0, err
}
