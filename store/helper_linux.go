package store

import (
	"context"
	"fmt"

	"github.com/99designs/keyring"
	"github.com/godbus/dbus"
)

// secretServiceHelper is the one helper that would raise a dialog by itself, and the
// one of which we can know beforehand: it keeps its items in the Secret Service.
const secretServiceHelper = helperPrefix + "secretservice"

// refuse fails when the call that follows would raise a dialog that nobody may see.
func (h *helper) refuse(ctx context.Context, address string, writing bool) error {
	if h.name != secretServiceHelper {
		return nil
	}
	bus, err := session(keyring.SecretServiceBackend)
	if err != nil {
		return fmt.Errorf("%s: %w", h.name, err) // it would start a bus of its own
	}
	if !h.quiet {
		return nil
	}
	shut, err := secrets{bus: bus}.defaultLocked(ctx, address, writing)
	if err != nil {
		return fmt.Errorf("%s: %w", h.name, dbusError(err))
	}
	if shut {
		return fmt.Errorf("%w: %s: the default collection of the Secret Service has to be unlocked by a person", ErrLocked, h.name)
	}
	return nil
}

// mayBeLocked says whether a failed call may have failed because of a lock: the helper's own
// words for that are those of a crash.
func (h *helper) mayBeLocked(ctx context.Context) bool {
	if h.name != secretServiceHelper {
		return false
	}
	bus, err := session(keyring.SecretServiceBackend)
	if err != nil {
		return false
	}
	shut, err := secrets{bus: bus}.defaultLocked(ctx, "", true)
	return err == nil && shut
}

// defaultLocked says whether the collection that programs without a choice of their own
// use is locked, or what they look for is in another one that is.
func (s secrets) defaultLocked(ctx context.Context, address string, writing bool) (bool, error) {
	var path dbus.ObjectPath
	service := s.bus.Object(secretsName, secretsPath)
	if err := service.CallWithContext(ctx, secretsInterface+"Service.ReadAlias", 0, "default").Store(&path); err != nil {
		return false, err
	}
	if path == "/" && writing {
		return true, nil // one has to be made, in a dialog
	}
	if path != "/" {
		var shut bool
		if err := s.property(ctx, path, "Collection", "Locked", &shut); err != nil || shut {
			return shut, err
		}
	}
	wanted := map[string]string{"docker_cli": "1"}
	if address != "" {
		wanted["server"] = address
	}
	var open, shut []dbus.ObjectPath
	err := service.CallWithContext(ctx, secretsInterface+"Service.SearchItems", 0, wanted).Store(&open, &shut)
	return len(shut) > 0, err
}
