package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"os"
)

// filed is a driver that keeps each item in a file of its own.
type filed interface {
	itemFile(key string) (string, error)
}

func (f *files) itemFile(key string) (string, error)    { return f.path(key), nil }
func (a *ageFiles) itemFile(key string) (string, error) { return a.fileOf(key) }

// Stamp returns a mark of an item, "" if there is no such item. It changes when any
// program replaces the item, and may change without that. known is false if the back end
// has no mark that can be read without decrypting. Stamp does not ask.
func Stamp(ctx context.Context, s Store, key string) (stamp string, known bool) {
	b, _ := s.(*bounded)
	if b == nil {
		return "", false
	}
	in, is := b.d.(filed)
	if !is {
		return "", false
	}
	ctx, cancel := context.WithTimeout(ctx, b.limit)
	defer cancel()
	stamp, err := within(ctx, func() (string, error) { return stampOf(in, key) })
	return stamp, err == nil
}

func stampOf(in filed, key string) (string, error) {
	path, err := in.itemFile(key)
	if err != nil {
		return "", err
	}
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	defer func() { _ = f.Close() }()
	h := sha256.New()
	const most = 1 << 20 // an item has some hundred bytes
	_, err = io.Copy(h, io.LimitReader(f, most))
	return hex.EncodeToString(h.Sum(nil)[:12]), err
}
