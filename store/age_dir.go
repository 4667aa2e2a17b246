package store

// This file has the directory of the age back end: where its files are, and the lock for
// changes.

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

// ageDir is the directory of an age store.
type ageDir struct{ dir string }

func (d ageDir) own(name string) string    { return filepath.Join(d.dir, "own", name) }
func (d ageDir) shared(name string) string { return filepath.Join(d.dir, name) }
func (d ageDir) itemDir() string           { return filepath.Join(d.dir, "items") }
func (d ageDir) item(hash string) string   { return filepath.Join(d.itemDir(), hash+suffix) }
func (d ageDir) current() string           { return filepath.Join(d.dir, "recipients.txt") }
func (d ageDir) next() string              { return filepath.Join(d.dir, "recipients.next.txt") }
func (d ageDir) identity() string          { return d.own("identity.age") }
func (d ageDir) ownRecipientsFile() string { return d.own("recipients.txt") }
func (d ageDir) folders() (dirs [3]string) {
	return [...]string{d.dir, d.own(""), d.itemDir()}
}
func (d ageDir) relative(path string) string {
	return strings.TrimPrefix(path, d.dir+string(filepath.Separator))
}

const suffix = ".age"

// hasAnything reports whether a store has been created, if only in part.
func (d ageDir) hasAnything() bool {
	return exists(d.current()) || exists(d.next()) || exists(d.identity())
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// longest is how many bytes the name of a generated item may have as a file's name.
const longest = 240

// generatedFile returns the file of a session, a sign-in or another item whose name this
// program made up. The name is that of the file: it tells nothing, and can be listed without
// decrypting.
func (d ageDir) generatedFile(key string) (string, error) {
	name := strings.ReplaceAll(url.QueryEscape(key), "%2C", ",")
	if len(name) > longest {
		return "", fmt.Errorf("%w: the name of the item is too long", ErrUnavailable)
	}
	return d.own(name + suffix), nil
}

// generatedNames lists the names of the items that have a generatedFile.
func (d ageDir) generatedNames() ([]string, error) {
	entries, err := readDir(d.own(""))
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

// isItem reports whether a file in the folder of items is one, by its name.
func isItem(file string) bool {
	hash, is := strings.CutSuffix(file, suffix)
	return is && len(hash) == 32 && strings.Trim(hash, "0123456789abcdef") == ""
}

// items lists the files of long-lived items.
func (d ageDir) items() ([]string, error) {
	dir := d.itemDir()
	entries, err := readDir(dir)
	var files []string
	for _, e := range entries {
		if isItem(e.Name()) {
			files = append(files, filepath.Join(dir, e.Name()))
		}
	}
	return files, err
}

// readDir lists a folder. A missing one is empty.
func readDir(dir string) ([]fs.DirEntry, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return entries, err
}

// The files for git: own/ is private, and items are not text, in which git might change the
// line ends on Windows.
const (
	gitIgnore     = "# files of this machine only\n/own/\n" + atomicfile.Pattern + "\n"
	gitAttributes = "*.age binary\nrecipients*.txt text eol=lf\n"
)

// createFolders creates the folders and the files for git. It closes the directory to other
// users, who can read one that git has made.
func (d ageDir) createFolders() error {
	for _, dir := range []string{d.dir, d.own("")} {
		if err := atomicfile.PrivateDir(dir); err != nil {
			return err
		}
	}
	if err := atomicfile.MkdirAll(d.itemDir()); err != nil {
		return err
	}
	for name, text := range map[string]string{".gitignore": gitIgnore, ".gitattributes": gitAttributes} {
		if path := filepath.Join(d.dir, name); !exists(path) {
			if err := atomicfile.Write(path, []byte(text)); err != nil {
				return err
			}
		}
	}
	return d.ignoreOwn()
}

// lock waits until this process may change the store. With exclusive no other process writes
// to it at the same time; otherwise others may write items too. Readers take no lock. The
// kernel releases it when a process is killed.
func (d ageDir) lock(ctx context.Context, exclusive bool) (unlock func(), err error) {
	if err := atomicfile.MkdirAll(d.own("")); err != nil {
		return nil, err
	}
	l := flock.New(d.own("lock"))
	take := l.TryRLockContext
	if exclusive {
		take = l.TryLockContext
	}
	_, err = take(ctx, 20*time.Millisecond)
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return nil, fmt.Errorf("another process is changing the store: %w", err)
	case errors.Is(err, errors.ErrUnsupported): // the file system has no locks: go on without
	case err != nil:
		return nil, err
	}
	return func() { _ = l.Unlock() }, nil
}

// sweep deletes what killed processes left. It is called before a change; a reader changes
// nothing.
func (d ageDir) sweep() {
	for _, dir := range d.folders() {
		atomicfile.Sweep(dir)
	}
}

// leftovers lists what killed processes left.
func (d ageDir) leftovers() (paths []string) {
	for _, dir := range d.folders() {
		paths = append(paths, leftoversIn(dir)...)
	}
	return paths
}
