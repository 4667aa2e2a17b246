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
	"strings"
	"time"

	"github.com/gofrs/flock"

	"github.com/d44b7504/vault/internal/atomicfile"
)

// ageDir is the directory.
type ageDir struct{ dir string }

func (r ageDir) own(name string) string    { return filepath.Join(r.dir, "own", name) }
func (r ageDir) itemDir() string           { return filepath.Join(r.dir, "items") }
func (r ageDir) item(hash string) string   { return filepath.Join(r.itemDir(), hash+suffix) }
func (r ageDir) current() string           { return filepath.Join(r.dir, "recipients.txt") }
func (r ageDir) next() string              { return filepath.Join(r.dir, "recipients.next.txt") }
func (r ageDir) identity() string          { return r.own("identity.age") }
func (r ageDir) ownRecipientsFile() string { return r.own("recipients.txt") }
func (r ageDir) folders() (dirs [3]string) {
	return [...]string{r.dir, r.own(""), r.itemDir()}
}
func (r ageDir) relative(path string) string {
	return strings.TrimPrefix(path, r.dir+string(filepath.Separator))
}

const suffix = ".age"

// begun says whether anything of a store is there.
func (r ageDir) hasAnything() bool {
	return exists(r.current()) || exists(r.next()) || exists(r.identity())
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// longest is what a file system takes as a name, less the suffix and some room.
const longest = 240

// transient is the file of a session or a token. Its name says nothing by itself, and
// stands for the file, so that listing decrypts nothing.
func (r ageDir) generatedFile(key string) (string, error) {
	name := strings.ReplaceAll(url.QueryEscape(key), "%2C", ",")
	if len(name) > longest {
		return "", fmt.Errorf("%w: the name of the item is too long", ErrUnavailable)
	}
	return r.own(name + suffix), nil
}

// transients lists the names of sessions and tokens.
func (r ageDir) generatedNames() ([]string, error) {
	entries, err := readDir(r.own(""))
	var names []string
	for _, e := range entries {
		name, is := strings.CutSuffix(e.Name(), suffix)
		key, bad := url.QueryUnescape(name)
		if is && bad == nil && isGenerated(key) {
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
func (r ageDir) items() ([]string, error) {
	dir := r.itemDir()
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
	gitIgnore     = "# what is of this machine alone\n/own/\n" + atomicfile.Pattern + "\n"
	gitAttributes = "*.age binary\nrecipients*.txt text eol=lf\n"
)

// lay makes the folders and tells git about them. A directory that came from git is
// readable by all until then.
func (r ageDir) createFolders() error {
	for _, dir := range []string{r.dir, r.own("")} {
		if err := atomicfile.PrivateDir(dir); err != nil {
			return err
		}
	}
	if err := atomicfile.MkdirAll(r.itemDir()); err != nil {
		return err
	}
	for name, text := range map[string]string{".gitignore": gitIgnore, ".gitattributes": gitAttributes} {
		if path := filepath.Join(r.dir, name); !exists(path) {
			if err := atomicfile.Write(path, []byte(text)); err != nil {
				return err
			}
		}
	}
	return nil
}

// lock waits until nobody else changes the store (alone), or until nobody encrypts it
// anew (otherwise: many may write items at a time). Readers take no lock. The lock is
// the kernel's, so a process that is killed lets go of it.
func (r ageDir) lock(ctx context.Context, alone bool) (unlock func(), err error) {
	if err := atomicfile.MkdirAll(r.own("")); err != nil {
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

// fresh is how old a temporary file may be while someone may still be at work on it.
const fresh = time.Minute

// sweep removes what a process left that was killed while it wrote. It is for those who
// write; readers leave everything as it is.
func (r ageDir) sweep() {
	for _, dir := range r.folders() {
		atomicfile.Sweep(dir)
	}
}

// leftovers lists what killed processes have left.
func (r ageDir) leftovers() (paths []string) {
	for _, dir := range r.folders() {
		for _, path := range atomicfile.Leftovers(dir) {
			if info, err := os.Lstat(path); err == nil && time.Since(info.ModTime()) > fresh {
				paths = append(paths, path)
			}
		}
	}
	return paths
}
