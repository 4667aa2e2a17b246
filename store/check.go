package store

// This file looks at everything that is in a store, whatever its back end is.

import (
	"context"
	"errors"
	"os"
	"runtime"
	"strings"
	"time"

	"github.com/d44b7504/vault/internal/atomicfile"
	"github.com/d44b7504/vault/internal/creds"
	"github.com/d44b7504/vault/internal/progress"
)

// ItemKind is what an item is. Its name tells.
type ItemKind string

// The kinds of items.
const (
	KeyItem      ItemKind = "key"       // a long-lived key, under the name of its profile
	SessionItem  ItemKind = "session"   // a cached session
	SignInItem   ItemKind = "sign-in"   // a sign-in to Identity Center
	StagedItem   ItemKind = "rotation"  // the new key of a rotation that is not finished
	AWSVaultItem ItemKind = "aws-vault" // a session or sign-in that AWS Vault has cached
	UnknownItem  ItemKind = "unknown"   // made by a later version of this program
)

func kindOf(name string) ItemKind {
	switch {
	case strings.HasPrefix(name, SessionPrefix):
		return SessionItem
	case strings.HasPrefix(name, TokenPrefix):
		return SignInItem
	case strings.HasPrefix(name, stagedPrefix):
		return StagedItem
	case isGenerated(name):
		return UnknownItem
	case isKeyName(name):
		return KeyItem
	}
	return AWSVaultItem
}

// Item is one item of a store.
type Item struct {
	Name string   `json:"name"`
	Kind ItemKind `json:"kind"`
}

// Items lists all items of a store, sorted by name. Where the back end hides names it decrypts
// them, which may ask a person; unreadable are the files that it cannot decrypt.
func Items(ctx context.Context, s Store) (items []Item, unreadable []Defect, err error) {
	names, err := s.List(ctx, "")
	var some *unreadableError
	if errors.As(err, &some) {
		unreadable, err = some.files, nil
	}
	for _, name := range names {
		items = append(items, Item{name, kindOf(name)})
	}
	return items, unreadable, err
}

// unreadableError says that a list lacks the items in some files, which cannot be decrypted.
type unreadableError struct {
	names []string // of the other items
	files []Defect
	err   error // about the first of them
}

func (e *unreadableError) Error() string { return e.err.Error() }
func (e *unreadableError) Unwrap() error { return e.err }

// Problem is what is wrong with an item or with a file of a store.
type Problem string

// What Check finds.
const (
	ProblemUnreadable Problem = "unreadable" // it cannot be decrypted or decoded
	ProblemForeign    Problem = "foreign"    // it is not an access key, or not a file of this program
	ProblemExposed    Problem = "exposed"    // other users of this machine can read or change it
	ProblemLeftover   Problem = "leftover"   // a process was killed while it wrote this file

	// These are found in a store with recipients.
	ProblemMoved      Problem = "moved"       // it is not the item that the file's name says
	ProblemOutdated   Problem = "outdated"    // it is encrypted to other recipients than those on the list
	ProblemUnfinished Problem = "unfinished"  // a change of the recipients was interrupted
	ProblemNotIgnored Problem = "not-ignored" // git may take along what is private
	ProblemNotMember  Problem = "no-member"   // the user's identity is not among the recipients
)

// Defect is one thing that is wrong.
type Defect struct {
	Where   string // an item's name, or a file: below the folder of the store if it is in it
	Problem Problem
	Err     error // more about it, or nil
}

// CheckReport is what Check found.
type CheckReport struct {
	Items   int  // how many items there are, those that cannot be read included
	Read    bool // the items were read; otherwise what opens them could not be had
	Skipped int  // items that may be another program's, and were not read
	Defects []Defect
}

// Check looks at everything in a store and changes nothing. It reads and decodes every item,
// for which a person may be asked. If nobody can be asked, it looks at what can be seen
// without that, and the report says so. Where other programs' items may be in the same place,
// it reads only those that isOwn takes for this program's, by their names.
func Check(ctx context.Context, s Store, isOwn func(name string) bool) (CheckReport, error) {
	b, ok := s.(*bounded)
	if ok && b.check != nil {
		return b.check(ctx, b.d)
	}
	items, _, err := Items(ctx, s)
	r := CheckReport{Items: len(items), Read: true}
	const what = "reading items"
	defer progress.Step(ctx, what, len(items), len(items))
	for i, item := range items {
		progress.Step(ctx, what, i, len(items))
		switch {
		case err != nil || !r.Read:
		case item.Kind == KeyItem && isOwn != nil && !isOwn(item.Name):
			r.Skipped++
		default:
			err = r.read(ctx, s, item)
		}
	}
	if ok {
		r.addFolder(b.ownFolder)
	}
	return r, err
}

// read reads one item and notes what is wrong with it. The error is one that stops the check.
func (r *CheckReport) read(ctx context.Context, s Store, item Item) error {
	data, err := s.Get(ctx, item.Name)
	b, _ := s.(*bounded)
	switch {
	case err == nil:
		err = decode(item, data)
	case errors.Is(err, ErrNotFound): // it was just deleted
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, ErrLocked) && b != nil && !b.canAsk && !errors.Is(err, errPassphrase):
		r.Read = false
		return nil
	case errors.Is(err, ErrLocked):
		return err
	}
	if problem := ProblemUnreadable; err != nil {
		if errors.Is(err, ErrForeign) {
			problem = ProblemForeign
		}
		r.Defects = append(r.Defects, Defect{item.Name, problem, err})
	}
	return nil
}

// decode returns an error if the value of an item is not what its name says.
func decode(item Item, data creds.Secret) (err error) {
	switch item.Kind {
	case KeyItem, StagedItem:
		_, err = parseKey(item.Name, data)
	case SessionItem:
		_, err = parseSession(data)
	case SignInItem:
		_, err = parseToken(data)
	}
	if errors.Is(err, ErrNotFound) { // as for those who only want to use it
		err = errors.New("its value cannot be decoded")
	}
	return err
}

// addFolder looks at the folder that has the items, if the back end has one of its own.
func (r *CheckReport) addFolder(dir string) {
	if dir == "" {
		return
	}
	if st, err := os.Stat(dir); err == nil && runtime.GOOS != "windows" && st.Mode().Perm()&0o077 != 0 {
		r.Defects = append(r.Defects, Defect{Where: dir, Problem: ProblemExposed})
	}
	for _, path := range leftoversIn(dir) {
		r.Defects = append(r.Defects, Defect{Where: path, Problem: ProblemLeftover})
	}
}

// fresh is the age up to which a temporary file may still be written to.
const fresh = time.Minute

// leftoversIn lists what killed processes left in a folder.
func leftoversIn(dir string) (paths []string) {
	for _, path := range atomicfile.Leftovers(dir) {
		if info, err := os.Lstat(path); err == nil && time.Since(info.ModTime()) > fresh {
			paths = append(paths, path)
		}
	}
	return paths
}

// Recipients lists who can read the items, where the back end encrypts to recipients.
func Recipients(s Store) ([]AgeRecipient, error) {
	if b, ok := s.(*bounded); ok && b.recipients != nil {
		return b.recipients(b.d)
	}
	return nil, nil
}
