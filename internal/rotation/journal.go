package rotation

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/d44b7504/vault/internal/atomicfile"
)

// This file keeps the journal: one small file for each key that is being rotated, gone
// when it is done. It says what was about to be changed, so that a later run can find
// out what was. No secret is in it.

// Journal is what is written down before each change.
type Journal struct {
	Version int       `json:"version"`
	Item    string    `json:"item"`    // under which the key is stored
	Profile string    `json:"profile"` // as it was named by whoever began
	Backend string    `json:"backend"` // of the store
	User    string    `json:"user"`    // ARN
	Old     string    `json:"old"`     // id of the key to be replaced
	Before  []string  `json:"before"`  // ids AWS listed before a key was made; nil if it would not
	New     string    `json:"new,omitempty"`
	Step    Step      `json:"step"`
	KeepOld bool      `json:"keep_old,omitempty"`
	Begun   time.Time `json:"begun"`
	At      time.Time `json:"at"` // of this entry
}

// Step is what was about to be done. Resuming trusts what it finds at AWS and in the
// store more than this word.
type Step string

// The steps, in order.
const (
	Making    Step = "make the new key"
	Verifying Step = "verify the new key"
	Switching Step = "put the new key in the place of the old one"
	Retiring  Step = "retire the old key"
)

// version of the journal's form.
const version = 1

// maxSize of a journal, in bytes; one has some hundreds.
const maxSize = 1 << 20

// Book is the directory of the journals. Its methods are for one process at a time for
// each item: the caller holds a lock.
type Book struct{ Dir string }

// DamagedError is a journal that cannot be read.
type DamagedError struct{ File, Why string }

func (e *DamagedError) Error() string {
	return fmt.Sprintf("the journal %s cannot be read: %s", e.File, e.Why)
}

func (b Book) file(item string) string {
	sum := sha256.Sum256([]byte("rotate\x00" + item))
	return filepath.Join(b.Dir, hex.EncodeToString(sum[:6])+".json")
}

// Read returns the journal of an item; false when there is none.
func (b Book) Read(item string) (Journal, bool, error) {
	j, err := read(b.file(item))
	if errors.Is(err, fs.ErrNotExist) {
		atomicfile.Sweep(b.Dir) // of a run that was killed before anything was done
		return Journal{}, false, nil
	}
	if err == nil && j.Item != item {
		err = &DamagedError{b.file(item), "it is about another key"}
	}
	return j, err == nil, err
}

func read(file string) (Journal, error) {
	text, err := atomicfile.Read(file, maxSize)
	if err != nil {
		return Journal{}, err
	}
	var j Journal
	switch {
	case json.Unmarshal(text, &j) != nil:
		return Journal{}, &DamagedError{file, "it is not what this program writes"}
	case j.Version != version:
		return Journal{}, &DamagedError{file, fmt.Sprintf("it has form %d, and this program knows form %d", j.Version, version)}
	case j.Item == "" || j.Old == "" && j.New == "":
		return Journal{}, &DamagedError{file, "it names no key"}
	}
	return j, nil
}

// Write makes the journal say what is about to be done. When it returns, that is on the
// disk.
func (b Book) Write(j Journal) error {
	if err := b.write(j); err != nil {
		return fmt.Errorf("write the journal of the rotation: %w", err)
	}
	return nil
}

func (b Book) write(j Journal) error {
	j.Version = version
	text, err := json.MarshalIndent(j, "", "  ")
	if err != nil {
		return err
	}
	if err := atomicfile.PrivateDir(b.Dir); err != nil { // it names profiles and users
		return err
	}
	return atomicfile.Write(b.file(j.Item), append(text, '\n'))
}

// Remove ends the journal of an item.
func (b Book) Remove(item string) error {
	err := atomicfile.Remove(b.file(item))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove the journal of the rotation: %w", err)
	}
	return nil
}

// List returns the journals there are: the rotations that are not finished, or at work
// now, by item. It reads nothing but them; what cannot be read is in the error, and the
// rest is returned all the same.
func (b Book) List() ([]Journal, error) {
	entries, err := os.ReadDir(b.Dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var list []Journal
	for _, e := range entries {
		if e.IsDir() || !strings.HasSuffix(e.Name(), ".json") {
			continue
		}
		j, bad := read(filepath.Join(b.Dir, e.Name()))
		switch {
		case errors.Is(bad, fs.ErrNotExist): // it was finished just now
		case bad != nil:
			err = errors.Join(err, bad)
		default:
			list = append(list, j)
		}
	}
	slices.SortFunc(list, func(a, b Journal) int { return strings.Compare(a.Item, b.Item) })
	return list, err
}
