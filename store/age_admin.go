package store

// This file administers an age store: who can read it, and the passphrase. A change of the
// recipients encrypts every item again, in an order that allows it to be killed at any point:
//
//  1. every item is decrypted and encrypted to the new list, in memory
//  2. the new list is written beside the old one; from now on it is the list
//  3. every item is replaced
//  4. the new list replaces the old one
//
// A store with the list of step 2 is complete and can be read and written. The same command,
// or any other one that changes recipients, does the rest.

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"

	"github.com/d44b7504/vault/internal/atomicfile"
	"github.com/d44b7504/vault/internal/progress"
)

// AgeStore administers the directory of the age back end. Its methods may ask a person for
// the passphrase, once for all of them, and may wait until ctx ends for another process that
// changes the same store. They are not safe for concurrent use.
type AgeStore struct{ a *ageFiles }

// OpenAge opens the directory of the age back end, which need not exist yet.
func OpenAge(o Options) (*AgeStore, error) {
	a, err := newAgeFiles(o.withDefaults())
	if err != nil {
		return nil, &UnavailableError{[]Attempt{{"age", err}}}
	}
	return &AgeStore{a}, nil
}

// Dir returns the path of the directory.
func (s *AgeStore) Dir() string { return s.a.dir }

// AgePlan says what to create a store with. The zero value is a new identity with a
// passphrase.
type AgePlan struct {
	Identity  string // file with an existing identity: a plugin's, or a secret key
	Recipient string // of that identity, if the file does not have it
	Name      string // of the recipient, for people
}

// errThere is returned by Create if AgePlan has an identity and the store has one too.
var errThere = errors.New("there is an identity already")

// Create creates what is missing of a store: the user's identity, and the list of recipients
// with the user on it. It returns the recipients of the identity. In a store that came from
// other people it creates the identity only; member is then false, and one of them has to
// add the recipients. A second call changes nothing.
func (s *AgeStore) Create(ctx context.Context, p AgePlan) (mine []AgeRecipient, member bool, err error) {
	if err := checkRecipientName(p.Name); err != nil {
		return nil, false, err
	}
	if p.Recipient != "" {
		if err := checkRecipient(p.Recipient); err != nil {
			return nil, false, err
		}
	}
	if p.Identity != "" && exists(s.a.ageDir.identity()) && exists(s.a.ownRecipientsFile()) {
		return nil, false, fmt.Errorf("%w in %s", errThere, s.a.ageDir.identity())
	}
	if mine, err = s.a.create(ctx, p); err != nil {
		return nil, false, err
	}
	list, err := s.a.recipients()
	return mine, containsAny(list, mine), err
}

// containsAny reports whether one of some recipients is on a list.
func containsAny(list recipients, some []AgeRecipient) bool {
	return slices.ContainsFunc(some, func(r AgeRecipient) bool { return list.find(r.Recipient) >= 0 })
}

// Recipients lists who can read the items. unfinished says that a change of the recipients
// was interrupted, so that some items are still encrypted to the old list.
func (s *AgeStore) Recipients() (all []AgeRecipient, unfinished bool, err error) {
	list, err := s.list()
	return list.all, exists(s.a.next()), err
}

// list returns the recipients of the store, or a NoStoreError.
func (s *AgeStore) list() (recipients, error) {
	list, err := s.a.recipients()
	if errors.Is(err, fs.ErrNotExist) {
		return list, &NoStoreError{s.a.dir}
	}
	return list, err
}

// NoStoreError says that there is no store: the list of recipients is missing.
type NoStoreError struct{ Dir string }

func (e *NoStoreError) Error() string { return "there is no age store in " + e.Dir }

// Mine returns the recipients of the user's identity, or nil if a person would have to be
// asked for them.
func (s *AgeStore) Mine() []AgeRecipient {
	mine, _ := s.a.withoutAsking().ownRecipients(context.Background())
	return mine
}

// isNotMember reports that the user's identity is known not to be among the recipients.
func (a *ageFiles) isNotMember() bool {
	mine, err := a.withoutAsking().ownRecipients(context.Background())
	list, err2 := a.recipients()
	return err == nil && err2 == nil && !containsAny(list, mine)
}

// withoutAsking returns the same store with no passphrase and no way to ask for it.
func (a *ageFiles) withoutAsking() *ageFiles {
	o := a.o
	o.Ask, o.AgePassphrase, o.Tell, o.Quiet = nil, nil, nil, true
	return &ageFiles{ageDir: a.ageDir, o: o}
}

// Add adds a recipient, so that it can read every item, and returns how many items there are.
// A recipient that is on the list already gets the name; the items are encrypted again all
// the same.
func (s *AgeStore) Add(ctx context.Context, r AgeRecipient) (items int, err error) {
	if err := errors.Join(checkRecipient(r.Recipient), checkRecipientName(r.Name)); err != nil {
		return 0, err
	}
	return s.change(ctx, func(list *recipients) error {
		i := list.find(r.Recipient)
		switch {
		case i < 0:
			list.all = append(list.all, r)
		case r.Name != "":
			list.all[i].Name = r.Name
		}
		return nil
	})
}

// ErrLast is returned by Remove for the only recipient: the store could not be read after that.
var ErrLast = errors.New("this is the only recipient that can read the store")

// ErrNoRecipient is returned by Find when no recipient on the list has this name.
var ErrNoRecipient = errors.New("no such recipient")

// Find returns the recipient with a name or a text, or ErrNoRecipient. It finds also one whose
// removal was interrupted.
func (s *AgeStore) Find(who string) (AgeRecipient, error) {
	list, err := s.list()
	if err != nil {
		return AgeRecipient{}, err
	}
	r, err := list.byName(who)
	if !errors.Is(err, ErrNoRecipient) {
		return r, err
	}
	text, _ := os.ReadFile(s.a.current())
	old, _ := parseRecipients(text)
	if r, err := old.byName(who); err == nil {
		return r, nil
	}
	return AgeRecipient{}, fmt.Errorf("%w: %q", ErrNoRecipient, who)
}

// Remove takes a recipient off the list and encrypts every item again. It cannot take back
// what that person has read, and older copies of the files stay readable to them.
func (s *AgeStore) Remove(ctx context.Context, r AgeRecipient) (items int, err error) {
	return s.change(ctx, func(list *recipients) error {
		rest := slices.DeleteFunc(slices.Clone(list.all), func(x AgeRecipient) bool { return x.Recipient == r.Recipient })
		if len(rest) == 0 {
			return ErrLast
		}
		list.all = rest
		return nil
	})
}

// Reencrypt encrypts every item to the recipients on the list: after git has brought a list
// with a new one, or when a change was interrupted.
func (s *AgeStore) Reencrypt(ctx context.Context) (items int, err error) {
	return s.change(ctx, func(*recipients) error { return nil })
}

// change changes the list of recipients and encrypts the items to it.
func (s *AgeStore) change(ctx context.Context, edit func(*recipients) error) (items int, err error) {
	if _, err := s.list(); err != nil {
		return 0, err
	}
	unlock, err := s.a.lock(ctx, true)
	if err != nil {
		return 0, err
	}
	defer unlock()
	list, err := s.a.recipients()
	if err != nil {
		return 0, err
	}
	if err := edit(&list); err != nil {
		return 0, err
	}
	s.a.sweep()
	sealed, err := s.a.reencryptAll(ctx, list)
	if err != nil {
		return 0, err
	}
	if err := s.a.replaceAll(ctx, list, sealed); err != nil {
		return 0, err
	}
	return len(sealed), s.a.noteSeen(list)
}

// reencryptAll encrypts every item to a list, in memory, and returns the files by their paths.
// It first tries whether the list can be encrypted to at all, before a person is asked.
func (a *ageFiles) reencryptAll(ctx context.Context, list recipients) (map[string][]byte, error) {
	if _, err := a.seal(ctx, ageItem{name: "proof"}, list); err != nil {
		return nil, err
	}
	files, err := a.items()
	if err != nil {
		return nil, err
	}
	sealed := map[string][]byte{}
	for i, path := range files {
		progress.Step(ctx, "encrypting items", i, len(files))
		it, err := a.read(ctx, path)
		if err == nil && a.item(list.hash(it.name)) != path {
			err = errMoved
		}
		if err != nil {
			return nil, fmt.Errorf("nothing was changed: %w", a.withFile(path, err))
		}
		sealed[path], err = a.seal(ctx, it, list)
		if err == nil {
			err = a.verify(ctx, it, sealed[path])
		}
		clear(it.data)
		if err != nil {
			return nil, fmt.Errorf("nothing was changed: %w", a.withFile(path, err))
		}
	}
	progress.Step(ctx, "encrypting items", len(files), len(files))
	return sealed, nil
}

// verify decrypts an item that was just encrypted, and compares. It uses the identity's
// secret keys only: a plugin might want its key touched for each item.
func (a *ageFiles) verify(ctx context.Context, it ageItem, sealed []byte) error {
	id, err := a.unlock(ctx)
	if err != nil || len(id.native) == 0 {
		return err
	}
	back, err := a.openWith(ctx, sealed, &identity{native: id.native})
	if errors.Is(err, errUnreadable) {
		return nil // the user's own recipient was removed
	}
	defer clear(back.data)
	if err == nil && (back.name != it.name || !bytes.Equal(back.data, it.data)) {
		err = errors.New("it is different when decrypted")
	}
	return err
}

// replaceAll does steps 2 to 4.
func (a *ageFiles) replaceAll(ctx context.Context, list recipients, sealed map[string][]byte) error {
	if err := atomicfile.Write(a.next(), list.text()); err != nil {
		return err
	}
	const what = "writing items"
	defer progress.Step(ctx, what, len(sealed), len(sealed))
	for i, path := range slices.Sorted(maps.Keys(sealed)) {
		progress.Step(ctx, what, i, len(sealed))
		if err := atomicfile.Write(path, sealed[path]); err != nil {
			return err
		}
	}
	return atomicfile.Rename(a.next(), a.current())
}

// errNoPassphrase is returned by ChangePassphrase for an identity that is not encrypted.
var errNoPassphrase = errors.New("the identity has no passphrase")

// ChangePassphrase asks a person for a new passphrase and encrypts the identity with it. The
// new file is decrypted once before it replaces the old one.
func (s *AgeStore) ChangePassphrase(ctx context.Context) error {
	a := s.a
	path := a.identityFile()
	data, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return &NoIdentityError{Dir: a.dir, File: a.o.AgeIdentity}
	case err != nil:
		return err
	case !isEncrypted(data):
		return fmt.Errorf("%w: %s", errNoPassphrase, path)
	case a.o.Ask == nil:
		return fmt.Errorf("%w: the new passphrase cannot be asked for here", ErrLocked)
	}
	text, err := a.readIdentityFile(ctx, path, data)
	if err != nil {
		return err
	}
	defer clear(text)
	if _, err := readIdentity(text); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	pass, err := askTwice(ctx, a.o.Ask, "New passphrase of "+path)
	if err != nil {
		return err
	}
	sealed, err := encryptIdentity(text, pass, a.cost)
	if err != nil {
		return err
	}
	return atomicfile.Write(path, sealed)
}
