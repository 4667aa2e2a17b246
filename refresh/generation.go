package refresh

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
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

// This file keeps the runtime directory. Every file in it is empty: its information is
// its name and its modification time. So there is nothing to parse, nothing half-written
// and nothing secret.
//
//	g/KEY.GENERATION[.NOTE]   mtime: when the session expires
//	g/KEY.sGENERATION[.NOTE]  of a lease; a link to a directory that is there as long as the agent
//	r/KEY.FAILURES            mtime: when a renewal may be tried again
//	l/KEY                     locked while a process renews the session
//	c                         mtime: when a process last changed an item whose store has no stamps
//
// KEY is a hash of what determines the session; no name of a profile is on the disk.

// Mark is what the generation file of a session says. A shell has the path of that file in
// its environment: when the file does not exist any more, something has changed.
type Mark struct {
	File    string
	Expires time.Time // zero: never
	Note    Note      // why the session was not renewed, "" when nothing is wrong
	Served  bool      // it is of a lease that the agent serves
}

// Directory is the runtime directory. Several processes may use its methods at a time. The
// zero Directory holds nothing, and nothing can be written to it.
type Directory struct{ Path string }

// noExpiry is the modification time of a session that does not expire.
var noExpiry = time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)

// path is a path in the directory, "" in the zero one: never a relative path.
func (d Directory) path(parts ...string) string {
	if d.Path == "" {
		return ""
	}
	return filepath.Join(append([]string{d.Path}, parts...)...)
}

// keyBytes is the length of a hash in a file's name.
const keyBytes = 8

func fileKey(key string) string {
	sum := sha256.Sum256([]byte("generation\x00" + key))
	return hex.EncodeToString(sum[:keyBytes])
}

// IsFileOf reports whether a path is that of a generation file for key.
func IsFileOf(path, key string) bool { return strings.HasPrefix(filepath.Base(path), fileKey(key)+".") }

// generationOf is different for two sessions that were made with the same settings.
func generationOf(s creds.Session) string {
	sum := sha256.Sum256([]byte(s.AccessKeyID + s.Expires.UTC().Format(time.RFC3339)))
	return hex.EncodeToString(sum[:4])
}

// Mark returns the current generation file for key, and false when there is none.
func (d Directory) Mark(key string) (Mark, bool) { return d.markAt(fileKey(key)) }

func (d Directory) markAt(fileKey string) (Mark, bool) {
	found, _ := filepath.Glob(d.path("g", fileKey+".*"))
	for _, f := range found {
		if info, err := os.Lstat(f); err == nil && (info.Mode().IsRegular() || isLive(f, info)) {
			return markOf(f, info), true
		}
	}
	return Mark{}, false
}

// isLive reports whether a file is a link whose target is there.
func isLive(file string, info fs.FileInfo) bool {
	if info.Mode().Type() != fs.ModeSymlink {
		return false
	}
	_, err := os.Stat(file)
	return err == nil
}

// lifeName is the file in the directory that a link of a lease leads to. Shells look for it by the
// name of the link: some take a link for a file that is there, wherever it leads.
const lifeName = "stat"

// MarkBeside returns the current generation file of the session that a generation file is or was
// of, and false when there is none, or the path leads elsewhere.
func (d Directory) MarkBeside(file string) (Mark, bool) {
	key, _, _ := strings.Cut(filepath.Base(file), ".")
	if raw, err := hex.DecodeString(key); err != nil || len(raw) != keyBytes || filepath.Dir(file) != d.path("g") {
		return Mark{}, false
	}
	return d.markAt(key)
}

// markOf reads a generation file's name and time.
func markOf(file string, info fs.FileInfo) Mark {
	m := Mark{File: file, Expires: info.ModTime()}
	parts := strings.SplitN(filepath.Base(file), ".", 3)
	if len(parts) == 3 {
		m.Note = parseNote(parts[2])
	}
	m.Served = len(parts) > 1 && strings.HasPrefix(parts[1], served)
	if info.Mode().Type() == fs.ModeSymlink {
		m.File = filepath.Join(file, lifeName)
	}
	if m.Served || m.Expires.Equal(noExpiry) {
		m.Expires = time.Time{}
	}
	return m
}

// Marks are all generation files at one moment, for a caller that asks about many keys.
type Marks map[string]Mark

// Marks reads all generation files, in one pass.
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

// Of returns the generation file for key, and false when there is none.
func (all Marks) Of(key string) (Mark, bool) {
	m, ok := all[fileKey(key)]
	return m, ok
}

// Set makes the generation file say that s is the session of key, with a note. A file that
// says so already is not touched; otherwise every terminal with another generation
// notices at its next prompt. Set returns the file's path even when it fails: a shell that
// finds no file there asks again from time to time.
func (d Directory) Set(key string, s creds.Session, note Note) (string, error) {
	name := fileKey(key) + "." + generationOf(s)
	if note != "" {
		name += "." + string(note)
	}
	file := d.path("g", name)
	expires := s.Expires
	if expires.IsZero() {
		expires = noExpiry
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

// served begins the generation of a lease. No other generation has this letter.
const served = "s"

// LeaseKey is the key of a lease in the runtime directory.
func LeaseKey(id string) string { return "lease\x00" + id }

// Served is where the files of leases are, and which they are.
func (d Directory) Served() (dir, pattern string) {
	return d.path("g"), strings.Repeat("?", hex.EncodedLen(keyBytes)) + "." + served + "*"
}

// SetLease makes the generation file of a lease say that it is served under an address, with
// a note. alive is a directory, with a file "stat" in it, that is there as long as the process which
// serves it: when that is killed the file is gone for every terminal, though no program has removed it.
// With "" a killed process leaves the file, unless it is removed by another (Served). A file that says so already is not touched. The path is
// returned also if it fails, as by Set.
func (d Directory) SetLease(id, address string, note Note, alive string) (string, error) {
	key := fileKey(LeaseKey(id))
	sum := sha256.Sum256([]byte(address))
	name := key + "." + served + hex.EncodeToString(sum[:4])
	if note != "" {
		name += "." + string(note)
	}
	path := d.path("g", name)
	file := path
	if alive != "" {
		file = filepath.Join(path, lifeName)
	}
	switch target, err := os.Readlink(path); {
	case err != nil: // it is not there, or is a file
	case alive == "":
		_ = os.Remove(path) // a file is written to where a link leads
	case target == alive:
		return file, nil
	}
	err := d.ensure("g")
	switch {
	case err != nil:
	case alive == "":
		err = atomicfile.Mark(path, noExpiry)
	default:
		err = atomicfile.Link(alive, path)
	}
	if err == nil {
		d.sweep(key, name)
	}
	return file, err
}

// LeaseMark reads the generation file of a lease that a shell has, in whatever directory; false when it
// is not there any more, or is not of that lease.
func LeaseMark(file, id string) (Mark, bool) {
	if filepath.Base(file) == lifeName {
		file = filepath.Dir(file) // the link
	}
	info, err := os.Lstat(file)
	if err != nil || !IsFileOf(file, LeaseKey(id)) || !info.Mode().IsRegular() && !isLive(file, info) {
		return Mark{}, false
	}
	return markOf(file, info), true
}

// AnyLocked reports whether there may be a lease that is locked.
func (d Directory) AnyLocked() bool {
	found, _ := filepath.Glob(d.path("g", "*."+string(Locked)))
	return len(found) > 0
}

// Hidden reports whether the file of a lease is a link whose target cannot be seen here, as
// where the system hides processes.
func Hidden(file string) bool {
	link, name := filepath.Split(file)
	link = filepath.Clean(link)
	info, err := os.Lstat(link)
	return name == lifeName && err == nil && info.Mode().Type() == fs.ModeSymlink && !isLive(link, info)
}

// Forget removes the files of some keys, so that their terminals ask again.
func (d Directory) Forget(keys ...string) {
	if len(keys) == 0 {
		return
	}
	chosen := make(map[string]bool, len(keys))
	for _, k := range keys {
		chosen[fileKey(k)] = true
	}
	d.remove(func(key string) bool { return chosen[key] })
}

// Clear removes the files of every session. Locks stay, because processes may hold them.
func (d Directory) Clear() { d.remove(func(string) bool { return true }) }

// remove removes files of some keys. Names that begin with a dot are temporary: a process
// is writing them.
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

// Recheck makes every terminal ask again at its next prompt, whatever its session: the
// sessions of one profile that were made with a certain duration or role cannot be told
// from others by the names of their files. A terminal whose session is still the same
// keeps it.
func (d Directory) Recheck() {
	entries, _ := os.ReadDir(d.path("g"))
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), ".") { // a temporary file
			_ = os.Remove(d.path("g", e.Name()))
		}
	}
}

// longExpired is the age at which the file of an expired session is removed. A terminal
// may have been left alone for a night.
const longExpired = 48 * time.Hour

// sweep removes the other generations of a session, and files of sessions that have
// expired long ago.
func (d Directory) sweep(key, keep string) {
	entries, _ := os.ReadDir(d.path("g"))
	for _, e := range entries {
		if e.Name() == keep {
			continue
		}
		info, err := e.Info()
		old := err == nil && time.Since(info.ModTime()) > longExpired
		if err == nil && info.Mode().Type() == fs.ModeSymlink {
			old = !isLive(d.path("g", e.Name()), info)
		}
		if strings.HasPrefix(e.Name(), key+".") || old {
			_ = os.Remove(d.path("g", e.Name()))
		}
	}
}

// Retry returns how many renewals in a row have failed, and when the next may be tried.
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

// Changed tells all processes that an item was changed whose store has no stamps.
func (d Directory) Changed() {
	if d.ensure("c") == nil {
		now := time.Now()
		_ = os.Chtimes(d.path("c"), now, now)
	}
}

// Changes is different after each call of Changed, of whatever process; "" if that cannot be told.
func (d Directory) Changes() string {
	if d.ensure("c") != nil {
		return ""
	}
	info, err := os.Lstat(d.path("c"))
	if err != nil {
		return ""
	}
	return strconv.FormatInt(info.ModTime().UnixNano(), 36)
}

// emptyFile makes an empty file with a modification time. It is not synced: after a loss
// of power it is of no use.
func (d Directory) emptyFile(file string, mtime time.Time) error {
	if err := d.ensure(filepath.Base(filepath.Dir(file))); err != nil {
		return err
	}
	return atomicfile.Mark(file, mtime)
}

var errNoDirectory = errors.New("there is no directory for temporary files that belongs to this user alone")

// ensure makes the directory and one below it, for their owner alone.
func (d Directory) ensure(sub string) error {
	if err := d.Ensure(); err != nil {
		return err
	}
	return atomicfile.MkdirAll(d.path(sub))
}

// Ensure makes the directory, for its owner alone.
func (d Directory) Ensure() error {
	if d.Path == "" {
		return errNoDirectory
	}
	if err := atomicfile.MkdirAll(d.Path); err != nil {
		return err
	}
	if err := d.Check(); err != nil {
		return err
	}
	info, err := os.Lstat(d.Path)
	if err == nil && info.Mode().Perm()&0o077 != 0 {
		err = os.Chmod(d.Path, 0o700)
	}
	return err
}

// Check returns an error if the directory is not there, is a link, or is not this user's.
func (d Directory) Check() error {
	info, err := os.Lstat(d.Path)
	if err == nil && (!info.IsDir() || !OwnedByUser(info)) {
		err = fmt.Errorf("%s is not a directory of yours", d.Path)
	}
	return err
}
