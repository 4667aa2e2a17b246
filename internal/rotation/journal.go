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
	"sort"
	"strings"
	"time"

	"github.com/d44b7504/vault/internal/atomicfile"
)

// This file keeps the journals: a small file for each key that is being rotated, which is
// removed at the end. It says what was going to be changed, so that a later run can find
// out what has been. It contains no secret.

// Journal is what is recorded before each change.
type Journal struct {
	Version int       `json:"version"`
	Item    string    `json:"item"`    // under which the key is stored
	Profile string    `json:"profile"` // the name that the person gave who began
	Backend string    `json:"backend"` // of the store
	User    string    `json:"user"`    // ARN
	Old     string    `json:"old"`     // id of the key to be replaced
	Before  []string  `json:"before"`  // the ids that AWS listed before a key was made; nil if that was not allowed
	New     string    `json:"new,omitempty"`
	Step    Step      `json:"step"`
	KeepOld bool      `json:"keep_old,omitempty"`
	Begun   time.Time `json:"begun"`
	At      time.Time `json:"at"` // of this entry
}

// Step is what was going to be done. To resume a rotation, what is found at AWS and in the
// store counts for more.
type Step string

// The steps, in order.
const (
	Making    Step = "make the new key"
	Verifying Step = "verify the new key"
	Switching Step = "put the new key in the place of the old one"
	Retiring  Step = "retire the old key"
)

// version is that of the journal's format.
const version = 1

// maxSize is more bytes than a journal can have; most have some hundreds.
const maxSize = 1 << 20

// Book is the directory of the journals. The caller must hold a lock, so that only one
// process at a time uses the journal of an item.
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

// Read returns the journal of an item, and false when there is none.
func (b Book) Read(item string) (Journal, bool, error) {
	j, err := read(b.file(item))
	if errors.Is(err, fs.ErrNotExist) {
		atomicfile.Sweep(b.Dir) // what a run has left that was killed while it wrote its first entry
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
		return Journal{}, &DamagedError{file, "this program has not written it, or not all of it is there"}
	case j.Version != version:
		return Journal{}, &DamagedError{file, fmt.Sprintf("it has format %d, and this version of the program reads format %d", j.Version, version)}
	case j.Item == "" || j.Old == "" && j.New == "":
		return Journal{}, &DamagedError{file, "it does not name a key"}
	}
	return j, nil
}

// Write replaces the journal of an item. When it returns, the entry is on the disk.
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

// remove deletes the journal of an item. It is not an error if there is none.
func (b Book) remove(item string) error {
	err := atomicfile.Remove(b.file(item))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove the journal of the rotation: %w", err)
	}
	return nil
}

// List returns all journals, sorted by item: the rotations that are not finished, and those
// that other processes are carrying out now. The error has those that cannot be read; the
// others are returned all the same.
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
	sort.SliceStable(list, func(i, j int) bool { return list[i].Item < list[j].Item })
	return list, err
}
