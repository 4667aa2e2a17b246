package store

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/99designs/keyring"
	"github.com/godbus/dbus"

	"github.com/d44b7504/vault/store/internal/busguard"
)

const (
	secretsName       = "org.freedesktop.secrets"
	secretsPath       = "/org/freedesktop/secrets"
	collectionPrefix  = secretsPath + "/collection/"
	secretsInterface  = "org.freedesktop.Secret."
	propertyInterface = "org.freedesktop.DBus.Properties"
)

// secrets makes the calls to the Secret Service that the library does not make: whether a
// collection exists, whether it is locked, and to unlock or create it.
type secrets struct {
	bus        *dbus.Conn
	collection string
}

func openSecretService(ctx context.Context, o Options, chosen bool) (driver, error) {
	bus, err := session(keyring.SecretServiceBackend)
	if err != nil {
		return nil, err
	}
	s := secrets{bus, o.Collection}
	if chosen {
		path, err := s.find(ctx)
		if err != nil {
			return nil, dbusError(err)
		}
		// A collection is created in a dialog. Without a display for that, to choose this
		// back end would mean that the first key cannot be stored.
		if path == "" && !hasDesktop() {
			return nil, s.noCollection()
		}
	}
	d := &library{cfg: config(keyring.SecretServiceBackend, o), before: s.prepare, explain: s.explain, silent: true}
	if o.Quiet {
		d.before = s.refuseDialogs
	}
	return &collection{d, s}, nil
}

// collection is the driver: the library's, with the calls of secrets.
type collection struct {
	*library
	secrets
}

func (c *collection) survey(ctx context.Context) survey {
	s := survey{items: -1}
	s.place = fmt.Sprintf("collection %q of the Secret Service", c.secrets.collection)
	path, err := c.find(ctx)
	switch {
	case err != nil:
		s.remark = dbusError(err).Error()
		return s
	case path == "":
		s.items, s.remark = 0, "the collection does not exist yet; it is created in a dialog when the first item is stored"
		return s
	}
	var all []dbus.ObjectPath
	if err := c.property(ctx, path, "Collection", "Items", &all); err != nil {
		s.remark = dbusError(err).Error()
		return s
	}
	s.items = len(all)
	if err := c.refuseLocked(ctx, path, "Collection"); err != nil {
		s.remark = "it is locked"
	}
	return s
}

// session returns the connection that the library made when the program started. It never
// makes another one.
func session(name keyring.BackendType) (*dbus.Conn, error) {
	if why := busguard.WhyNot(); why != "" {
		return nil, errors.New(why)
	}
	if !registered(name) {
		return nil, errors.New("the D-Bus session bus refused the connection")
	}
	return dbus.SessionBus()
}

func (s secrets) property(ctx context.Context, path dbus.ObjectPath, iface, name string, v any) error {
	var answer dbus.Variant
	call := s.bus.Object(secretsName, path).CallWithContext(ctx, propertyInterface+".Get", 0, secretsInterface+iface, name)
	if err := call.Store(&answer); err != nil {
		return err
	}
	return dbus.Store([]any{answer.Value()}, v)
}

// find returns the collection's path; "" when there is none. As in the library, the last
// element of the path, unescaped, is the name.
func (s secrets) find(ctx context.Context) (dbus.ObjectPath, error) {
	var all []dbus.ObjectPath
	if err := s.property(ctx, secretsPath, "Service", "Collections", &all); err != nil {
		return "", err
	}
	for _, path := range all {
		if unescapeDBusPath(string(path)) == collectionPrefix+s.collection {
			return path, nil
		}
	}
	return "", nil
}

// prepare asks a person to create or unlock the collection if the call that follows needs
// it. The library would do that too, but it waits without end, and takes a dialog that was
// closed for consent.
func (s secrets) prepare(ctx context.Context, _ string, making bool) error {
	path, err := s.find(ctx)
	switch {
	case err != nil:
		return dbusError(err)
	case path == "" && making:
		return s.create(ctx)
	case path == "":
		return nil
	}
	var locked bool
	if err := s.property(ctx, path, "Collection", "Locked", &locked); err != nil || !locked {
		return dbusError(err)
	}
	return s.unlock(ctx, path)
}

func (s secrets) create(ctx context.Context) error {
	label := map[string]dbus.Variant{secretsInterface + "Collection.Label": dbus.MakeVariant(s.collection)}
	var path, question dbus.ObjectPath
	call := s.bus.Object(secretsName, secretsPath).CallWithContext(ctx, secretsInterface+"Service.CreateCollection", 0, label, "")
	if err := call.Store(&path, &question); err != nil {
		return dbusError(err)
	}
	agreed, err := s.prompt(ctx, question)
	switch {
	case err != nil:
		return dbusError(err)
	case !agreed && !hasDesktop():
		return s.noCollection()
	case !agreed:
		return fmt.Errorf("%w: collection %q was not created, because the dialog for it was closed or could not be shown", ErrUnavailable, s.collection)
	}
	if path, err = s.find(ctx); err == nil && path == "" {
		err = fmt.Errorf("the Secret Service did not create collection %q", s.collection)
	}
	return dbusError(err)
}

func (s secrets) unlock(ctx context.Context, path dbus.ObjectPath) error {
	var unlocked []dbus.ObjectPath
	var question dbus.ObjectPath
	call := s.bus.Object(secretsName, secretsPath).CallWithContext(ctx, secretsInterface+"Service.Unlock", 0, []dbus.ObjectPath{path})
	if err := call.Store(&unlocked, &question); err != nil {
		return dbusError(err)
	}
	agreed, err := s.prompt(ctx, question)
	if err == nil && !agreed {
		err = fmt.Errorf("%w: collection %q was not unlocked, because the dialog for it was closed or could not be shown", ErrLocked, s.collection)
	}
	if err != nil {
		return dbusError(err)
	}
	return s.refuseLocked(ctx, path, "Collection")
}

// prompt has the service show a dialog, and reports whether the person agreed. The dialog is
// closed when ctx ends.
func (s secrets) prompt(ctx context.Context, question dbus.ObjectPath) (agreed bool, err error) {
	if question == "/" {
		return true, nil
	}
	answers := make(chan *dbus.Signal, 100)
	s.bus.Signal(answers)
	defer s.bus.RemoveSignal(answers)
	rule := fmt.Sprintf("type='signal',sender='%s',interface='%sPrompt',path='%s'", secretsName, secretsInterface, question)
	if err := s.bus.BusObject().CallWithContext(ctx, "org.freedesktop.DBus.AddMatch", 0, rule).Err; err != nil {
		return false, err
	}
	defer s.bus.BusObject().Go("org.freedesktop.DBus.RemoveMatch", dbus.FlagNoReplyExpected, nil, rule)
	asking := s.bus.Object(secretsName, question)
	if err := asking.CallWithContext(ctx, secretsInterface+"Prompt.Prompt", 0, "").Err; err != nil {
		return false, err
	}
	for {
		select {
		case <-ctx.Done():
			asking.Go(secretsInterface+"Prompt.Dismiss", dbus.FlagNoReplyExpected, nil)
			return false, ctx.Err()
		case a := <-answers:
			if a == nil {
				return false, errors.New("the connection to the session bus was lost")
			}
			if a.Path == question && a.Name == secretsInterface+"Prompt.Completed" && len(a.Body) > 0 {
				dismissed, _ := a.Body[0].(bool)
				return !dismissed, nil
			}
		}
	}
}

// refuseDialogs returns an error if the call that follows would show a dialog.
func (s secrets) refuseDialogs(ctx context.Context, key string, making bool) error {
	path, err := s.find(ctx)
	switch {
	case err != nil:
		return dbusError(err)
	case path == "" && making:
		return s.noCollection()
	case path == "":
		return nil
	}
	if err := s.refuseLocked(ctx, path, "Collection"); err != nil || key == "" {
		return err
	}
	return s.refuseLockedItem(ctx, path, key)
}

// refuseLockedItem is for services that lock single items, as KeePassXC can.
func (s secrets) refuseLockedItem(ctx context.Context, path dbus.ObjectPath, key string) error {
	var items []dbus.ObjectPath
	call := s.bus.Object(secretsName, path).CallWithContext(ctx, secretsInterface+"Collection.SearchItems", 0, map[string]string{"profile": key})
	if err := call.Store(&items); err != nil || len(items) == 0 {
		return dbusError(err)
	}
	return s.refuseLocked(ctx, items[0], "Item")
}

func (s secrets) refuseLocked(ctx context.Context, path dbus.ObjectPath, iface string) error {
	var locked bool
	if err := s.property(ctx, path, iface, "Locked", &locked); err != nil {
		return dbusError(err)
	}
	if locked {
		return fmt.Errorf("%w: collection %q has to be unlocked by a person", ErrLocked, s.collection)
	}
	return nil
}

// explain finds the reason of an error where the library does not tell it.
func (s secrets) explain(ctx context.Context, err error) error {
	if errors.Is(err, keyring.ErrNoAvailImpl) {
		if _, found := s.find(ctx); found != nil {
			return dbusError(found)
		}
	}
	// GNOME's keyring says this when its dialog has not created the collection. The quotes
	// around the path differ by version and language.
	if strings.Contains(err.Error(), "Object does not exist at path") {
		return s.noCollection()
	}
	return dbusError(err)
}

func (s secrets) noCollection() error {
	return fmt.Errorf("there is no collection %q, and it can only be created in a dialog, which cannot be shown here; "+
		"an existing one, such as login, can be used instead", s.collection)
}

// dbusError puts D-Bus errors that are not meant for people into words.
func dbusError(err error) error {
	if err == nil {
		return nil
	}
	var e dbus.Error
	if p := (*dbus.Error)(nil); errors.As(err, &p) {
		e = *p
	} else if !errors.As(err, &e) {
		return err
	}
	switch e.Name {
	case "org.freedesktop.DBus.Error.ServiceUnknown", "org.freedesktop.DBus.Error.NameHasNoOwner":
		return errors.New("no such service on the session bus")
	case secretsInterface + "Error.IsLocked":
		return fmt.Errorf("%w: %w", ErrLocked, err)
	}
	return err
}

// unescapeDBusPath replaces each _XX by the byte with these hexadecimal digits. With any other
// underscore in it the path is returned as it is, as in the library.
func unescapeDBusPath(path string) string {
	var b strings.Builder
	for i := 0; i < len(path); i++ {
		if path[i] != '_' {
			b.WriteByte(path[i])
			continue
		}
		if i+3 > len(path) {
			return path
		}
		c, err := hex.DecodeString(path[i+1 : i+3])
		if err != nil {
			return path
		}
		b.Write(c)
		i += 2
	}
	return b.String()
}
