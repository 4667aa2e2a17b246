package store

import (
	"context"
	"fmt"
	"runtime"

	"github.com/99designs/keyring"
	"github.com/mtibben/percent"
	"golang.org/x/sys/unix"
)

// keyctl is the driver of the kernel's keyring of the user. A restart empties it.
type keyctl struct {
	lib *library
}

const (
	// largest is how many bytes the kernel takes in one key.
	largest = 32767
	// ownerOnly gives this user everything, in every session, and others nothing.
	ownerOnly = 0x3f3f0000
)

func openKeyctl(_ context.Context, o Options, _ bool) (driver, error) {
	return keyctlNamed(serviceName, o)
}

func keyctlNamed(service string, o Options) (driver, error) {
	if _, err := unix.KeyctlGetKeyringID(unix.KEY_SPEC_USER_KEYRING, true); err != nil {
		return nil, fmt.Errorf("the kernel does not allow its keyring here, as is usual in containers: %w", err)
	}
	cfg := config(keyring.KeyCtlBackend, o)
	cfg.ServiceName, cfg.KeyCtlScope, cfg.KeyCtlPerm = service, "user", ownerOnly
	return &keyctl{&library{cfg: cfg}}, nil
}

// pinned keeps this goroutine on its thread until release is called. An item is made in the
// keyring of the thread's session first, so all calls for it must come from one thread.
func pinned() (release func()) {
	runtime.LockOSThread()
	return runtime.UnlockOSThread
}

func (k *keyctl) get(ctx context.Context, key string) ([]byte, error) {
	defer pinned()()
	return k.lib.get(ctx, keyctlName(key))
}

func (k *keyctl) put(ctx context.Context, item keyring.Item) error {
	if n := len(item.Data); n == 0 || n > largest {
		return fmt.Errorf("an item of the kernel's keyring has 1 to %d bytes, this one %d", largest, n)
	}
	defer pinned()()
	item.Key = keyctlName(item.Key)
	return k.lib.put(ctx, item)
}

func (k *keyctl) remove(ctx context.Context, key string) error {
	defer pinned()()
	return k.lib.remove(ctx, keyctlName(key))
}

func (k *keyctl) keys(ctx context.Context, _ string) ([]string, error) {
	defer pinned()()
	names, err := k.lib.keys(ctx, "")
	for i := range names {
		names[i] = percent.Decode(names[i])
	}
	return names, err
}

// survey looks before it opens: to open the keyring makes it where there is none yet.
func (k *keyctl) survey(ctx context.Context) survey {
	const place = "the kernel's keyring of this user"
	if _, err := unix.KeyctlSearch(unix.KEY_SPEC_USER_KEYRING, "keyring", k.lib.cfg.ServiceName, 0); err != nil {
		return survey{place: place}
	}
	return listed(ctx, place, k)
}

// keyctlName encodes the semicolon, at which the library cuts the names it lists.
func keyctlName(key string) string { return percent.Encode(key, ";") }
