package project

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"time"

	"github.com/d44b7504/vault/internal/atomicfile"
	"github.com/d44b7504/vault/refresh"
)

// Verdict is what a person has said of a file.
type Verdict string

// The verdicts.
const (
	Unknown Verdict = "untrusted" // nothing yet
	Changed Verdict = "changed"   // it was trusted with another content
	Trusted Verdict = "trusted"
	Ignored Verdict = "ignored" // it is never to be mentioned
)

// Record is what is remembered of a file.
type Record struct {
	Path    string    `json:"path"`
	Hash    string    `json:"sha256,omitempty"` // of the content that is trusted
	Ignored bool      `json:"ignored,omitempty"`
	At      time.Time `json:"at"`
}

// Records are the files that a person has trusted or wants to be left out, each in a file of
// its own in a directory. They hold no secret.
type Records struct{ Dir string }

// mostRecord is far more bytes than a record has.
const mostRecord = 64 << 10

// File is the file with the record of the project file at path. Its modification time is not
// before that of the project file which it is about, so that a shell can see which is newer.
func (r Records) File(path string) string { return filepath.Join(r.Dir, Sum(path)+".json") }

// Of is what a person has said of a file as it is now. What cannot be read was not said.
func (r Records) Of(f File) Verdict {
	rec, known := r.read(r.File(f.Path()))
	switch {
	case !known, rec.Path != f.Path():
		return Unknown
	case rec.Ignored:
		return Ignored
	case f.Hash == "" || rec.Hash != f.Hash:
		return Changed
	}
	return Trusted
}

// read returns the record in a file that only this user can have written.
func (r Records) read(file string) (rec Record, known bool) {
	info, err := os.Lstat(file)
	if err != nil || !info.Mode().IsRegular() || !refresh.OwnedByUser(info) {
		return rec, false
	}
	text, err := atomicfile.Read(file, mostRecord)
	return rec, err == nil && json.Unmarshal(text, &rec) == nil
}

// Trust remembers that a file counts with the content that it has.
func (r Records) Trust(f File, now time.Time) error {
	if f.Problem != nil {
		return fmt.Errorf("%s %w", f.Path(), f.Problem)
	}
	return r.write(Record{Path: f.Path(), Hash: f.Hash, At: now.UTC()})
}

// Ignore remembers that a file is never to be mentioned, whatever its content.
func (r Records) Ignore(f File, now time.Time) error {
	return r.write(Record{Path: f.Path(), Ignored: true, At: now.UTC()})
}

func (r Records) write(rec Record) error {
	text, err := json.Marshal(rec)
	if err != nil {
		return err
	}
	file := r.File(rec.Path)
	if err := atomicfile.Write(file, append(text, '\n')); err != nil {
		return err
	}
	about, err := os.Lstat(rec.Path)
	if written, e := os.Lstat(file); err == nil && e == nil && about.ModTime().After(written.ModTime()) {
		_ = os.Chtimes(file, about.ModTime(), about.ModTime()) // without it a shell asks once too often
	}
	return nil
}

// Has reports whether something is remembered of the project file at path.
func (r Records) Has(path string) bool {
	_, known := r.read(r.File(path))
	return known
}

// Revoke forgets what was said of the file at path, and reports whether something was.
func (r Records) Revoke(path string) (was bool, err error) {
	err = os.Remove(r.File(path))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// List returns all records, sorted by path.
func (r Records) List() ([]Record, error) {
	entries, err := os.ReadDir(r.Dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	list := []Record{}
	for _, e := range entries {
		if rec, known := r.read(filepath.Join(r.Dir, e.Name())); known && strings.HasSuffix(e.Name(), ".json") {
			list = append(list, rec)
		}
	}
	sort.SliceStable(list, func(i, j int) bool { return list[i].Path < list[j].Path })
	return list, nil
}

// Sum is a short hash of a text.
func Sum(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:12])
}
