package refresh

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/d44b7504/vault/internal/atomicfile"
	"github.com/d44b7504/vault/internal/creds"
)

// This file keeps the runtime directory. Everything in it is an empty file: what it
// says is its name and its modification time, so there is nothing to parse, nothing
// half-written and nothing secret.
//
//	g/KEY.GENERATION[.NOTE]   mtime: the session's expiry
//	r/KEY.FAILURES            mtime: no renewal is tried before
//	l/KEY                     locked while someone renews
//
// KEY is a hash of what determines the session; no profile's name is on the disk.

// Mark is what the generation file of a session says. A shell whose environment names
// a file that is gone knows that something has changed.
type Mark struct {
	File    string
	Expires time.Time
	Note    Note // "" or why no renewal succeeds
}

// Directory is the runtime directory. Its methods are safe between processes.
type Directory struct{ Path string }

// never stands for the expiry of a session that has none.
var never = time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)

func (d Directory) path(parts ...string) string {
	return filepath.Join(append([]string{d.Path}, parts...)...)
}

func fileKey(key string) string {
	sum := sha256.Sum256([]byte("generation\x00" + key))
	return hex.EncodeToString(sum[:8])
}

// generationOf tells two sessions of the same settings apart.
func generationOf(s creds.Session) string {
	sum := sha256.Sum256([]byte(s.AccessKeyID + s.Expires.UTC().Format(time.RFC3339)))
	return hex.EncodeToString(sum[:4])
}

// Mark returns the current generation file for key, and false when there is none.
func (d Directory) Mark(key string) (Mark, bool) {
	found, _ := filepath.Glob(d.path("g", fileKey(key)+".*"))
	for _, f := range found {
		info, err := os.Lstat(f)
		if err == nil && info.Mode().IsRegular() {
			return markOf(f, info), true
		}
	}
	return Mark{}, false
}

func markOf(file string, info fs.FileInfo) Mark {
	m := Mark{File: file, Expires: info.ModTime()}
	if parts := strings.SplitN(filepath.Base(file), ".", 3); len(parts) == 3 {
		m.Note = Note(parts[2])
	}
	if m.Expires.Equal(never) {
		m.Expires = time.Time{}
	}
	return m
}

// Marks are all generation files at one moment, for who wants to know about many keys.
type Marks map[string]Mark

// Marks reads the directory once.
func (d Directory) Marks() Marks {
	entries, _ := os.ReadDir(d.path("g"))
	all := make(Marks, len(entries))
	for _, e := range entries {
		key, _, found := strings.Cut(e.Name(), ".")
		info, err := e.Info()
		if found && key != "" && err == nil && info.Mode().IsRegular() {
			all[key] = markOf(d.path("g", e.Name()), info)
		}
	}
	return all
}

// Of returns what there is for key.
func (all Marks) Of(key string) (Mark, bool) {
	m, ok := all[fileKey(key)]
	return m, ok
}

// Set makes the generation file say that s is the session of key, with a note. When it
// says so already nothing is touched; otherwise every terminal with another generation
// learns of it at its next prompt. It returns the file's path even when it fails: a
// shell that finds no file there asks again, rarely.
func (d Directory) Set(key string, s creds.Session, note Note) (string, error) {
	name := fileKey(key) + "." + generationOf(s)
	if note != "" {
		name += "." + string(note)
	}
	file := d.path("g", name)
	expires := s.Expires
	if expires.IsZero() {
		expires = never
	}
	if info, err := os.Lstat(file); err == nil && info.ModTime().Equal(expires.Truncate(time.Second)) {
		return file, nil
	}
	if err := d.emptyFile(file, expires.Truncate(time.Second)); err != nil {
		return file, err
	}
	d.sweep(fileKey(key), name)
	return file, nil
}

// Forget removes every trace of some keys, so that their terminals ask again.
func (d Directory) Forget(keys ...string) {
	if len(keys) == 0 {
		return
	}
	gone := make(map[string]bool, len(keys))
	for _, k := range keys {
		gone[fileKey(k)] = true
	}
	d.remove(func(key string) bool { return gone[key] })
}

// Clear removes every trace of every session. Locks stay: their holders are at work.
func (d Directory) Clear() { d.remove(func(string) bool { return true }) }

// remove leaves alone what somebody is just making, which begins with a dot.
func (d Directory) remove(which func(fileKey string) bool) {
	for _, sub := range [...]string{"g", "r"} {
		entries, _ := os.ReadDir(d.path(sub))
		for _, e := range entries {
			if key, _, _ := strings.Cut(e.Name(), "."); key != "" && which(key) {
				_ = os.Remove(d.path(sub, e.Name()))
			}
		}
	}
}

// Recheck makes every terminal ask again at its next prompt, whatever its session is:
// those of one profile, asked for with a duration or a role of their own, cannot be told
// from others by their names. Who finds its session as it was goes on with it.
func (d Directory) Recheck() {
	entries, _ := os.ReadDir(d.path("g"))
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), ".") { // somebody is just making it
			_ = os.Remove(d.path("g", e.Name()))
		}
	}
}

// sweep removes the other generations of a session, and files of sessions long over.
func (d Directory) sweep(key, keep string) {
	entries, _ := os.ReadDir(d.path("g"))
	for _, e := range entries {
		if e.Name() == keep {
			continue
		}
		info, err := e.Info()
		over := err == nil && time.Since(info.ModTime()) > 48*time.Hour
		if strings.HasPrefix(e.Name(), key+".") || over {
			_ = os.Remove(d.path("g", e.Name()))
		}
	}
}

// Retry returns how many renewals in a row have failed, and when to try again.
func (d Directory) Retry(key string) (failures int, next time.Time) {
	found, _ := filepath.Glob(d.path("r", fileKey(key)+".*"))
	for _, f := range found {
		n, err := strconv.Atoi(strings.TrimPrefix(filepath.Ext(f), "."))
		info, statErr := os.Lstat(f)
		if err == nil && statErr == nil && n > failures {
			failures, next = n, info.ModTime()
		}
	}
	return failures, next
}

func (d Directory) setRetry(key string, failures int, next time.Time) {
	d.clearRetry(key)
	_ = d.emptyFile(d.path("r", fileKey(key)+"."+strconv.Itoa(failures)), next)
}

func (d Directory) clearRetry(key string) {
	found, _ := filepath.Glob(d.path("r", fileKey(key)+".*"))
	for _, f := range found {
		_ = os.Remove(f)
	}
}

// emptyFile makes an empty file appear with its time set. It is not synced: what it says
// is of no use after a reboot.
func (d Directory) emptyFile(file string, mtime time.Time) error {
	if err := d.ensure(filepath.Base(filepath.Dir(file))); err != nil {
		return err
	}
	return atomicfile.Mark(file, mtime)
}

// ensure makes the directory and one below it, for the owner alone.
func (d Directory) ensure(sub string) error {
	if err := atomicfile.MkdirAll(d.path(sub)); err != nil {
		return err
	}
	info, err := os.Lstat(d.Path)
	if err != nil {
		return err
	}
	if !info.IsDir() || !ownedByUs(info) {
		return fmt.Errorf("%s is not a directory of yours", d.Path)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return os.Chmod(d.Path, 0o700)
	}
	return nil
}
