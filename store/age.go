package store

// The age back end: one file per item, encrypted to everyone who may read it. Adding an item
// needs only the public recipients. Reading one needs an identity, whose passphrase is asked
// for once. The directory has two parts:
//
//	recipients.txt      who can read the items, one age recipient a line
//	recipients.next.txt the new list, while the items are encrypted to it
//	items/HASH.age      long-lived items; the file's name is a salted hash of the item's
//	own/identity.age    the user's identity, encrypted with a passphrase
//	own/recipients.txt  the user's own recipient
//	own/NAME.age        sessions and sign-ins, encrypted to the user only
//	own/seen.txt        the recipients that this machine has written to
//	own/.gitignore      keeps own/ out of git
//	own/lock            locked by the kernel while something is changed
//
// The first part can be shared through git; the .gitignore there and the one in own/ exclude own/.

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/99designs/keyring"

	"github.com/d44b7504/vault/internal/atomicfile"
)

// ageFiles is the driver. The embedded ageDir says where the files are.
type ageFiles struct {
	ageDir
	o    Options
	cost int // scrypt's, for an identity that is made here

	mu   sync.Mutex
	held *identity // nil until it has been unlocked
}

func newAgeFiles(o Options) (*ageFiles, error) {
	dir, err := existingFolder(o.AgeDir)
	if err != nil {
		return nil, err
	}
	if o.AgeIdentity, err = expand(o.AgeIdentity); err != nil {
		return nil, err
	}
	a := &ageFiles{ageDir: ageDir{dir}, o: o, cost: scryptCost}
	return a, a.checkLinks()
}

// openAge opens the store, which need not exist yet: the first item creates it. If the user
// did not name this back end and there is no store, it leaves a machine to the file back end
// on which that is in use.
func openAge(ctx context.Context, o Options, chosen bool) (driver, error) {
	a, err := newAgeFiles(o)
	if err != nil {
		return nil, err
	}
	if chosen && !a.hasAnything() && inUse(ctx, o) {
		return nil, errors.New("there is no store yet, and the file back end is in use here")
	}
	return a, nil
}

// inUse reports whether the file back end has items, or is about to get some: users of AWS
// Vault do not expect another back end.
func inUse(ctx context.Context, o Options) bool {
	if o.FilePassphrase != nil && o.AgePassphrase == nil {
		return true
	}
	d, err := openFiles(ctx, o, true)
	if err != nil {
		return false
	}
	names, _ := d.keys(ctx, "")
	return len(names) > 0
}

func (a *ageFiles) get(ctx context.Context, key string) ([]byte, error) {
	path, err := a.fileOf(key)
	if err != nil {
		return nil, err
	}
	sealed, err := atomicfile.Read(path, largestItem)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrNotFound
	}
	if err != nil {
		return nil, err
	}
	it, err := a.open(ctx, sealed)
	switch {
	case err == nil && it.name == key:
		return it.data, nil
	case isGenerated(key) && (err == nil || errors.Is(err, errUnreadable)):
		return nil, ErrNotFound // it is only cached, and the next one replaces it
	case err == nil:
		clear(it.data)
		err = errMoved
	case errors.Is(err, errUnreadable) && a.isNotMember():
		return nil, &NotMemberError{a.dir}
	}
	return nil, a.withFile(path, err)
}

// withFile adds the file to an error that is about one item.
func (a *ageFiles) withFile(path string, err error) error {
	if !isAboutItem(err) {
		return err
	}
	return fmt.Errorf("the file %s in %s: %w", filepath.Base(path), filepath.Dir(path), err)
}

// isAboutItem reports whether an error is about one item, and not about the identity.
func isAboutItem(err error) bool {
	return errors.Is(err, errUnreadable) || errors.Is(err, errMoved) || errors.Is(err, errNoItem)
}

// fileOf returns the file of an item; ErrNotFound in a store without recipients.
func (a *ageFiles) fileOf(key string) (string, error) {
	if isGenerated(key) {
		return a.generatedFile(key)
	}
	list, err := a.recipients()
	if errors.Is(err, fs.ErrNotExist) {
		return "", ErrNotFound
	}
	return a.item(list.hash(key)), err
}

func (a *ageFiles) put(ctx context.Context, item keyring.Item) error {
	own := isGenerated(item.Key)
	if err := a.ensure(ctx, own); err != nil {
		return err
	}
	unlock, err := a.lock(ctx, false)
	if err != nil {
		return err
	}
	defer unlock()
	list, err := a.recipientsOf(ctx, own)
	if err != nil {
		return err
	}
	path, err := a.fileOf(item.Key)
	if err != nil {
		return err
	}
	sealed, err := a.seal(ctx, ageItem{item.Key, item.Data}, list)
	if err != nil {
		return err
	}
	a.sweep()
	if !own {
		if err := errors.Join(a.ignoreOwn(), a.tellNew(list)); err != nil {
			return err
		}
	}
	return writeItem(path, item.Key, sealed)
}

// recipientsOf returns whom an item is encrypted to: all recipients of the store, or the user
// only.
func (a *ageFiles) recipientsOf(ctx context.Context, own bool) (recipients, error) {
	if !own {
		return a.recipients()
	}
	mine, err := a.ownRecipients(ctx)
	return recipients{all: mine}, err
}

func (a *ageFiles) remove(ctx context.Context, key string) error {
	path, err := a.fileOf(key)
	if err != nil {
		return err
	}
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return ErrNotFound
	}
	unlock, err := a.lock(ctx, false)
	if err != nil {
		return err
	}
	defer unlock()
	a.sweep()
	err = atomicfile.Remove(path)
	if errors.Is(err, fs.ErrNotExist) {
		return ErrNotFound
	}
	return err
}

// keys lists the names with a prefix. Sessions have theirs as the names of files; all other
// items have to be decrypted.
func (a *ageFiles) keys(ctx context.Context, prefix string) ([]string, error) {
	names, err := a.generatedNames()
	if err != nil || allGenerated(prefix) {
		return names, err
	}
	files, err := a.items()
	if err != nil {
		return names, err
	}
	if len(files) > 0 && a.isNotMember() {
		return nil, &NotMemberError{a.dir}
	}
	var bad unreadableError
	for _, file := range files {
		it, err := a.read(ctx, file)
		switch {
		case errors.Is(err, fs.ErrNotExist): // it has just been deleted
		case err != nil && !isAboutItem(err):
			return nil, err
		case err != nil:
			bad.files = append(bad.files, Defect{Where: a.relative(file), Problem: ProblemUnreadable})
			bad.err = cmp.Or(bad.err, a.withFile(file, err))
		default:
			clear(it.data)
			names = append(names, it.name)
		}
	}
	if bad.err != nil {
		bad.names = names
		return nil, &bad
	}
	return names, nil
}

// allGenerated reports whether isGenerated is true for every name with this prefix.
func allGenerated(prefix string) bool {
	return isGenerated(prefix+"x") && strings.Contains(prefix, ",")
}

// read decrypts the item in a file.
func (a *ageFiles) read(ctx context.Context, path string) (ageItem, error) {
	sealed, err := atomicfile.Read(path, largestItem)
	if err != nil {
		return ageItem{}, err
	}
	return a.open(ctx, sealed)
}

// known implements Backend.known: it looks for the files that the names hash to.
func (a *ageFiles) known(_ context.Context, names []string) (there []string, others int, err error) {
	files, err := a.items()
	if err != nil || len(files) == 0 {
		return nil, 0, err
	}
	list, err := a.recipients()
	if err != nil {
		return nil, 0, err
	}
	unnamed := make(map[string]bool, len(files))
	for _, file := range files {
		unnamed[file] = true
	}
	for _, name := range names {
		if file := a.item(list.hash(name)); unnamed[file] {
			delete(unnamed, file)
			there = append(there, name)
		}
	}
	slices.Sort(there)
	return there, len(unnamed), nil
}

func (a *ageFiles) survey(context.Context) survey {
	files, err := a.items()
	switch {
	case err != nil:
		return survey{place: a.dir, items: -1, err: err}
	case !a.hasAnything():
		return survey{place: a.dir, remark: "the first key makes the store"}
	}
	return survey{place: a.dir, items: len(files)}
}
