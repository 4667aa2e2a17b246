package store

// The file back end: one encrypted file per item, all under one passphrase. The
// library encrypts and decrypts; what it lacks is here: a passphrase is proved
// before anything is written with it, and a file is replaced, never overwritten.

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/99designs/keyring"
	"github.com/mtibben/percent"

	"github.com/d44b7504/vault/internal/creds"
)

type files struct {
	dir   string
	given *creds.Secret
	ask   func(context.Context, string) (creds.Secret, error)

	mu     sync.Mutex
	typed  *creds.Secret // what a person answered
	proven bool          // the passphrase has opened an item, or made the first one
}

func openFiles(_ context.Context, o Options, _ bool) (driver, error) {
	dir, err := expand(o.FileDir)
	if err != nil {
		return nil, err
	}
	st, err := os.Stat(dir)
	switch {
	case err == nil && !st.IsDir():
		return nil, fmt.Errorf("%s is not a folder", dir)
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return nil, err
	}
	return &files{dir: dir, given: o.FilePassphrase, ask: o.Ask}, nil
}

func (f *files) get(ctx context.Context, key string) ([]byte, error) {
	if _, err := os.Stat(f.dir); errors.Is(err, fs.ErrNotExist) {
		return nil, ErrNotFound // the library would make the folder
	}
	for tries := 1; ; tries++ {
		item, err := f.ring(ctx, f.dir).Get(key)
		if err == nil {
			f.settle(true)
			return item.Data, nil
		}
		if err = f.diagnose(ctx, key, err); !errors.Is(err, errPassphrase) || !f.mayAskAgain(tries) {
			return nil, err
		}
	}
}

func (f *files) put(ctx context.Context, item keyring.Item) error {
	if err := os.MkdirAll(f.dir, 0o700); err != nil {
		return err
	}
	for tries := 1; ; tries++ {
		err := f.prove(ctx, item.Key)
		if err == nil {
			return f.replace(ctx, item)
		}
		if !errors.Is(err, errPassphrase) || !f.mayAskAgain(tries) {
			return err
		}
	}
}

// replace lets the library write the item in a folder of its own and moves it into
// place, so that a full disk or a crash leaves the old item as it was.
func (f *files) replace(ctx context.Context, item keyring.Item) error {
	f.sweep()
	staging, err := os.MkdirTemp(f.dir, stagingPrefix)
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(staging) }()
	if err := f.ring(ctx, staging).Set(item); err != nil {
		return err
	}
	name := fileName(item.Key)
	if err := flush(filepath.Join(staging, name)); err != nil {
		return err
	}
	if err := os.Rename(filepath.Join(staging, name), filepath.Join(f.dir, name)); err != nil {
		return err
	}
	f.settle(true)
	return nil
}

const stagingPrefix = ".new-"

// abandoned is the age at which what is half-written is nobody's any more: no call lasts
// as long, so whoever was writing it has been killed.
const abandoned = 10 * time.Minute

// sweep removes what killed runs left. What it cannot remove does no harm.
func (f *files) sweep() {
	entries, _ := os.ReadDir(f.dir)
	for _, e := range entries {
		if !e.IsDir() || !strings.HasPrefix(e.Name(), stagingPrefix) {
			continue
		}
		if st, err := e.Info(); err == nil && time.Since(st.ModTime()) > abandoned {
			_ = os.RemoveAll(filepath.Join(f.dir, e.Name()))
		}
	}
}

// flush makes sure the bytes are on the disk before the name points at them.
func flush(path string) error {
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	return errors.Join(file.Sync(), file.Close())
}

func (f *files) remove(_ context.Context, key string) error {
	err := os.Remove(filepath.Join(f.dir, fileName(key)))
	if errors.Is(err, fs.ErrNotExist) {
		return ErrNotFound
	}
	return err
}

func (f *files) keys(context.Context, string) ([]string, error) {
	entries, err := os.ReadDir(f.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var names []string
	for _, e := range entries {
		if f.isItem(e) {
			names = append(names, percent.Decode(e.Name()))
		}
	}
	return names, err
}

func (f *files) survey(ctx context.Context) survey { return listed(ctx, f.dir, f) }

// isItem leaves out what is not an item: folders, and files such as .DS_Store. Only
// of the latter the first bytes are read, since an item's name may begin with a dot.
func (f *files) isItem(e fs.DirEntry) bool {
	if e.IsDir() {
		return false
	}
	return !strings.HasPrefix(e.Name(), ".") || beginsLikeAnItem(filepath.Join(f.dir, e.Name()))
}

// beginsLikeAnItem knows the start of a JWE: `{"` in base64.
func beginsLikeAnItem(path string) bool {
	file, err := os.Open(path)
	if err != nil {
		return false
	}
	defer func() { _ = file.Close() }()
	start := make([]byte, 3)
	n, _ := file.Read(start)
	return string(start[:n]) == "eyJ"
}

// fileName is the library's own way to name an item's file.
func fileName(key string) string { return percent.Encode(key, "/") }

// ring is the library's keyring on a folder. It asks for the passphrase only when
// it has found a file to decrypt or has an item to encrypt.
func (f *files) ring(ctx context.Context, dir string) keyring.Keyring {
	cfg := config(keyring.FileBackend, Options{})
	cfg.FileDir = dir
	cfg.FilePasswordFunc = func(string) (string, error) {
		p, err := f.passphrase(ctx)
		return p.Reveal(), err
	}
	ring, _ := keyring.Open(cfg) // cannot fail: this back end is everywhere and opens nothing yet
	return ring
}

// witnesses returns a few items on which a passphrase can be tried, key's own first.
func (f *files) witnesses(ctx context.Context, key string) ([]string, error) {
	names, err := f.keys(ctx, "")
	if i := slices.Index(names, key); i > 0 {
		names[0], names[i] = names[i], names[0]
	}
	var some []string
	for _, name := range names {
		if len(some) < attempts && beginsLikeAnItem(filepath.Join(f.dir, fileName(name))) {
			some = append(some, name)
		}
	}
	return some, err
}
