package store

import (
	"context"

	"github.com/godbus/dbus"
)

// keys lists the labels of the items. A service tells them of a locked collection too, which
// the library would have unlocked first. That is needed only where a service shows no items
// of a locked collection, as KeePassXC does.
func (c *collection) keys(ctx context.Context, _ string) ([]string, error) {
	path, err := c.find(ctx)
	if err != nil || path == "" {
		return nil, dbusError(err)
	}
	names, err := c.labels(ctx, path)
	if err != nil || len(names) > 0 || c.refuseLocked(ctx, path, "Collection") == nil {
		return names, dbusError(err)
	}
	return c.library.keys(ctx, "")
}

func (c *collection) labels(ctx context.Context, path dbus.ObjectPath) ([]string, error) {
	var items []dbus.ObjectPath
	if err := c.property(ctx, path, "Collection", "Items", &items); err != nil {
		return nil, err
	}
	var names []string
	for _, item := range items {
		var label string
		if err := c.property(ctx, item, "Item", "Label", &label); ctx.Err() != nil {
			return nil, ctx.Err()
		} else if err == nil { // it has most likely been deleted
			names = append(names, label)
		}
	}
	return names, nil
}
