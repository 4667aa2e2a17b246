package store

// The file back end: one encrypted file per item, all under one passphrase, as AWS Vault
// has them. Two things are done better here: a passphrase is tried on an existing item
// before anything is written with it, and a file is replaced, never overwritten.

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/99designs/keyring"
	"github.com/mtibben/percent"

	"github.com/d44b7504/vault/internal/atomicfile"
	"github.com/d44b7504/vault/internal/creds"
)

// largestItem is more than any item has.
const largestItem = 16 << 20

// files is the driver.
type files struct {
	dir  string
	pass *passphrase
	last stretched
}

func openFiles(_ context.Context, o Options, _ bool) (driver, error) {
	dir, err := existingFolder(o.FileDir)
	if err != nil {
		return nil, err
	}
	return &files{dir: dir, pass: &passphrase{given: o.FilePassphrase, variable: "AWS_VAULT_FILE_PASSPHRASE", ask: o.Ask, opened: o.Opened}}, nil
}

// existingFolder expands a leading ~ in dir. It is an error if something else than a folder
// is there, and none if nothing is.
func existingFolder(dir string) (string, error) {
	dir, err := expand(dir)
	if err != nil {
		return "", err
	}
	st, err := os.Stat(dir)
	switch {
	case err == nil && !st.IsDir():
		return "", fmt.Errorf("%s is not a folder", dir)
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return "", err
	}
	return filepath.Clean(dir), nil
}

func (f *files) get(ctx context.Context, key string) ([]byte, error) {
	sealed, err := atomicfile.Read(f.path(key), largestItem)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrNotFound
	}
	if err != nil {
		return nil, err
	}
	var item keyring.Item
	err = f.try(ctx, func(pass creds.Secret) (err error) {
		item, err = f.last.decrypt(sealed, pass)
		return f.explain(key, err, pass)
	})
	if errors.Is(err, errDamaged) && isSession(key) {
		err = fmt.Errorf("%w: %w", ErrNotFound, err) // a loss of power; the next one replaces it
	}
	if err == nil && item.Key != key && f.otherCase(key) != "" {
		clear(item.Data)
		return nil, ErrNotFound
	}
	return named(item, key, err)
}

// otherCase is the item of which the file would be taken for key's, because the file system takes no notice of
// the case of letters.
func (f *files) otherCase(key string) string {
	if _, err := os.Lstat(f.path(key)); err != nil || isSession(key) {
		return ""
	}
	names, _ := f.keys(context.Background(), "")
	return otherCase(names, key)
}

func (f *files) put(ctx context.Context, item keyring.Item) error {
	if other := f.otherCase(item.Key); other != "" {
		return errOtherCase(f.dir, other)
	}
	return f.try(ctx, func(pass creds.Secret) error {
		if err := f.check(pass, item.Key); err != nil {
			return err
		}
		sealed, err := f.last.encrypt(item, pass)
		if err != nil {
			return err
		}
		return writeItem(f.path(item.Key), item.Key, sealed)
	})
}

func (f *files) remove(_ context.Context, key string) error {
	if f.otherCase(key) != "" {
		return ErrNotFound
	}
	err := atomicfile.Remove(f.path(key))
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

// isItem leaves out what is not an item: folders, and files such as .DS_Store. An item's
// name may begin with a dot too, so of those files the first bytes are read.
func (f *files) isItem(e fs.DirEntry) bool {
	if e.IsDir() || atomicfile.IsTemp(e.Name()) {
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

func (f *files) path(key string) string { return filepath.Join(f.dir, fileName(key)) }

// fileName is the name that AWS Vault gives to an item's file. On Windows it cannot read
// or write the items whose names Windows does not allow; they are encoded too.
func fileName(key string) string {
	if runtime.GOOS == "windows" {
		return windowsFileName(key)
	}
	return percent.Encode(key, "/")
}

// windowsFileName encodes what Windows refuses in a file's name, drops from its end or takes
// for a device or a stream.
func windowsFileName(key string) string {
	name := percent.Encode(key, `/<>:"\|?*`+controls)
	if last := len(name) - 1; last >= 0 && (name[last] == '.' || name[last] == ' ') {
		name = name[:last] + fmt.Sprintf("%%%02X", name[last])
	}
	base, _, _ := strings.Cut(strings.ToUpper(name), ".")
	if slices.Contains(devices, strings.TrimRight(base, " ")) {
		name = fmt.Sprintf("%%%02X", name[0]) + name[1:]
	}
	return name
}

// devices are the names that Windows keeps for them, with any extension.
var devices = strings.Fields("CON PRN AUX NUL CONIN$ CONOUT$ COM0 COM1 COM2 COM3 COM4 COM5 COM6 COM7 COM8 COM9 COM¹ COM² COM³ LPT0 LPT1 LPT2 LPT3 LPT4 LPT5 LPT6 LPT7 LPT8 LPT9 LPT¹ LPT² LPT³")

// controls are the characters that end a line or a word.
var controls = func() string {
	var b strings.Builder
	for c := byte(0); c < ' '; c++ {
		b.WriteByte(c)
	}
	return b.String() + "\x7f"
}()

// try calls open with a passphrase: the one given, or those that a person types. Where
// there is no item yet a person is asked for a new one.
func (f *files) try(ctx context.Context, open func(creds.Secret) error) error {
	return f.pass.try(ctx, "the keys in "+f.dir, func(ctx context.Context, again string) (creds.Secret, error) {
		names, err := f.keys(ctx, "")
		switch {
		case err != nil:
			return creds.Secret{}, err
		case len(names) == 0:
			return askTwice(ctx, f.pass.ask, "New passphrase for the keys in "+f.dir)
		}
		return f.pass.ask(ctx, again+"Passphrase of the keys in "+f.dir)
	}, open)
}

// check decrypts an item that is there, so that a wrong passphrase is found before anything
// is written with it: a folder must not have items under two passphrases. Without any item
// that can be decrypted, any passphrase is right.
func (f *files) check(pass creds.Secret, key string) error {
	if f.pass.isProven() {
		return nil
	}
	names, err := f.samples(key)
	if err != nil {
		return err
	}
	if len(names) == 0 && pass.IsZero() {
		return errEmptyPassphrase
	}
	var verdict error
	for _, name := range names {
		switch err := f.opens(name, pass); {
		case err == nil:
			return nil
		case errors.Is(err, errPassphrase):
			verdict = err
		case !errors.Is(err, errDamaged):
			return err
		}
	}
	return verdict
}

// errEmptyPassphrase: an empty one is the first that anyone would try. A store that was made with it can still be used.
var errEmptyPassphrase = fmt.Errorf("%w: a new store needs a passphrase that is not empty", ErrUnavailable)

// explain says which of the two is wrong when an item cannot be decrypted: with a
// passphrase that opens another item it is the file, else the passphrase.
func (f *files) explain(key string, err error, pass creds.Secret) error {
	damaged := fmt.Errorf("the file %s in %s %w", fileName(key), f.dir, errDamaged)
	switch {
	case errors.Is(err, errDamaged):
		return damaged
	case !errors.Is(err, errPassphrase):
		return err
	}
	names, _ := f.samples(key)
	for _, name := range names {
		if name != key && f.opens(name, pass) == nil {
			return damaged
		}
	}
	return err
}

// opens returns nil if the passphrase decrypts the item of this name.
func (f *files) opens(name string, pass creds.Secret) error {
	sealed, err := atomicfile.Read(f.path(name), largestItem)
	if err == nil {
		_, err = f.last.decrypt(sealed, pass)
	}
	return err
}

// samples returns a few items on which a passphrase can be tried, key's own first.
func (f *files) samples(key string) ([]string, error) {
	names, err := f.keys(context.Background(), "")
	if i := slices.Index(names, key); i > 0 {
		names[0], names[i] = names[i], names[0]
	}
	var some []string
	for _, name := range names {
		if len(some) < attempts && beginsLikeAnItem(f.path(name)) {
			some = append(some, name)
		}
	}
	return some, err
}
