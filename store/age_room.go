package store

// This file knows the directory of the age back end: where things are, how they are
// replaced, and who may change them at a time.

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	"github.com/gofrs/flock"
)

// room is the directory.
type room struct{ dir string }

func (r room) own(name string) string  { return filepath.Join(r.dir, "own", name) }
func (r room) item(hash string) string { return filepath.Join(r.dir, "items", hash+suffix) }
func (r room) current() string         { return filepath.Join(r.dir, "recipients.txt") }
func (r room) next() string            { return filepath.Join(r.dir, "recipients.next.txt") }
func (r room) identity() string        { return r.own("identity.age") }
func (r room) ownRecipients() string   { return r.own("recipients.txt") }
func (r room) folders() (dirs [3]string) {
	return [...]string{r.dir, r.own(""), filepath.Join(r.dir, "items")}
}
func (r room) relative(path string) string {
	return strings.TrimPrefix(path, r.dir+string(filepath.Separator))
}

const suffix = ".age"

// begun says whether anything of a store is there.
func (r room) begun() bool {
	return exists(r.current()) || exists(r.next()) || exists(r.identity())
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// longest is what a file system takes as a name, less the suffix and a temporary name.
const longest = 240

// transient is the file of a session or a token. Its name says nothing by itself, and
// stands for the file, so that listing decrypts nothing.
func (r room) transient(key string) (string, error) {
	name := strings.ReplaceAll(url.QueryEscape(key), "%2C", ",")
	if len(name) > longest {
		return "", fmt.Errorf("%w: the name of the item is too long", ErrUnavailable)
	}
	return r.own(name + suffix), nil
}

// transients lists the names of sessions and tokens.
func (r room) transients() ([]string, error) {
	entries, err := readDir(r.own(""))
	var names []string
	for _, e := range entries {
		name, is := strings.CutSuffix(e.Name(), suffix)
		key, bad := url.QueryUnescape(name)
		if is && bad == nil && ours(key) {
			names = append(names, key)
		}
	}
	return names, err
}

// isItem knows the name of an item's file.
func isItem(file string) bool {
	hash, is := strings.CutSuffix(file, suffix)
	return is && len(hash) == 32 && strings.Trim(hash, "0123456789abcdef") == ""
}

// items lists the files of long-lived items.
func (r room) items() ([]string, error) {
	dir := filepath.Join(r.dir, "items")
	entries, err := readDir(dir)
	var files []string
	for _, e := range entries {
		if isItem(e.Name()) {
			files = append(files, filepath.Join(dir, e.Name()))
		}
	}
	return files, err
}

// readDir lists a folder; one that is not there is empty.
func readDir(dir string) ([]fs.DirEntry, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return entries, err
}

// What git has to know: that one room is private, and that an item is no text, whose
// line ends it might change on Windows.
const (
	gitIgnore     = "# what is of this machine alone\n/own/\n.new-*\n"
	gitAttributes = "*.age binary\nrecipients*.txt text eol=lf\n"
)

// lay makes the folders and tells git about them. A directory that came from git is
// readable by all until then.
func (r room) lay() error {
	for _, dir := range r.folders() {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return err
		}
	}
	for _, dir := range []string{r.dir, r.own("")} {
		if st, err := os.Stat(dir); err == nil && st.Mode().Perm()&0o077 != 0 {
			_ = os.Chmod(dir, 0o700) // another one's directory stays as it is; "check" says so
		}
	}
	for name, text := range map[string]string{".gitignore": gitIgnore, ".gitattributes": gitAttributes} {
		if path := filepath.Join(r.dir, name); !exists(path) {
			if err := write(path, []byte(text)); err != nil {
				return err
			}
		}
	}
	return nil
}

// lock waits until nobody else changes the store (alone), or until nobody encrypts it
// anew (otherwise: many may write items at a time). Readers take no lock. The lock is
// the kernel's, so a process that is killed lets go of it.
func (r room) lock(ctx context.Context, alone bool) (unlock func(), err error) {
	if err := os.MkdirAll(r.own(""), 0o700); err != nil {
		return nil, err
	}
	l := flock.New(r.own("lock"))
	take := l.TryRLockContext
	if alone {
		take = l.TryLockContext
	}
	_, err = take(ctx, 20*time.Millisecond)
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return nil, fmt.Errorf("another process is changing the store: %w", err)
	case errors.Is(err, errors.ErrUnsupported): // a file system without locks: on our own
	case err != nil:
		return nil, err
	}
	return func() { _ = l.Unlock() }, nil
}

// temporary begins the names of files that are being written.
const temporary = ".new-"

// write puts a file in its place whole: whoever reads sees the old one or the new one,
// and so does whoever looks after a crash. It is renameio's way, with two additions:
// it works on Windows, and the folder is flushed too.
func write(path string, data []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), temporary+"*")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(f.Name()) }() // fails, as it should, once the file has its new name
	if _, err = f.Write(data); err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	return flushDir(filepath.Dir(path))
}

// flushDir makes sure a folder's new names are on the disk. Windows has no such thing,
// nor has every file system.
func flushDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer func() { _ = d.Close() }()
	err = d.Sync()
	if errors.Is(err, errors.ErrUnsupported) || errors.Is(err, syscall.EINVAL) {
		return nil
	}
	return err
}

// fresh is how old a temporary file may be while someone may still be at work on it.
const fresh = time.Minute

// sweep removes what a process left that was killed while it wrote. It is for those who
// write; readers leave everything as it is.
func (r room) sweep() {
	for _, path := range r.leftovers() {
		_ = os.Remove(path)
	}
}

func (r room) leftovers() (paths []string) {
	for _, dir := range r.folders() {
		entries, _ := readDir(dir)
		for _, e := range entries {
			if !strings.HasPrefix(e.Name(), temporary) {
				continue
			}
			if info, err := e.Info(); err == nil && time.Since(info.ModTime()) > fresh {
				paths = append(paths, filepath.Join(dir, e.Name()))
			}
		}
	}
	return paths
}
