package store

// This file keeps apart what is this machine's alone (own/, with the identity) and what is
// shared: someone else may have written the shared part, and git brings it here.

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/d44b7504/vault/internal/atomicfile"
)

// LinkError says that a place of an age store is a link. Through one that was committed, what
// is private would be written into the shared part, or over another file.
type LinkError struct{ Path string }

func (e *LinkError) Error() string {
	return e.Path + " is a link, or not what it should be; a store that others share must not have links in it"
}

// checkLinks returns a *LinkError unless own/ is a directory, and the files that this program
// writes beside it are files, if they exist.
func (d ageDir) checkLinks() error {
	for _, file := range []string{d.current(), d.next(), d.shared(".gitignore"), d.shared(".gitattributes")} {
		if info, err := os.Lstat(file); err == nil && !info.Mode().IsRegular() {
			return &LinkError{file}
		}
	}
	for _, file := range []string{d.identity(), d.ownRecipientsFile(), d.seenFile(), d.own(".gitignore")} {
		if info, err := os.Lstat(file); err == nil && !info.Mode().IsRegular() {
			return &LinkError{file}
		}
	}
	info, err := os.Lstat(d.own(""))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err == nil && !info.IsDir():
		return &LinkError{d.own("")}
	}
	return err
}

// ownIgnore makes git leave own/ out, whatever the .gitignore beside it says: that one is
// shared, and anyone who shares it may change it.
const ownIgnore = "# files of this machine only\n*\n"

// ignoreOwn writes the ignore file of own/, if it is not there.
func (d ageDir) ignoreOwn() error {
	if d.ownIsIgnored() {
		return nil
	}
	return atomicfile.Write(d.own(".gitignore"), []byte(ownIgnore))
}

func (d ageDir) ownIsIgnored() bool {
	text, err := os.ReadFile(d.own(".gitignore"))
	return err == nil && slices.Contains(strings.Fields(string(text)), "*")
}

// seenFile lists the recipients to whom this machine has encrypted, or whom it has reported as new.
func (d ageDir) seenFile() string { return d.own("seen.txt") }

// tellNew tells of the recipients that are on the list since this machine last wrote to the
// store: whoever can change the shared files can put one there. A person has to be there to
// be told; until then they stay new.
func (a *ageFiles) tellNew(list recipients) error {
	text, err := os.ReadFile(a.seenFile())
	seen := strings.Fields(string(text))
	var added []string
	for _, r := range list.all {
		if !slices.Contains(seen, r.Recipient) {
			added = append(added, describe(r))
		}
	}
	switch {
	case errors.Is(err, fs.ErrNotExist) || err == nil && len(added) == 0 && len(seen) == len(list.all):
	case err != nil:
		return err
	case len(added) > 0 && a.o.Tell == nil:
		return nil
	case len(added) == 1:
		a.tell(fmt.Sprintf("%d can read what is stored here now; %s is new since this machine last wrote to the store", len(list.all), added[0]))
	case len(added) > 1:
		a.tell(fmt.Sprintf("%d can read what is stored here now; new since this machine last wrote to the store: %s", len(list.all), strings.Join(added, ", ")))
	}
	return a.noteSeen(list)
}

// noteSeen notes the recipients on the list as seen.
func (d ageDir) noteSeen(list recipients) error {
	var b strings.Builder
	for _, r := range list.all {
		b.WriteString(r.Recipient + "\n")
	}
	if text, err := os.ReadFile(d.seenFile()); err == nil && string(text) == b.String() {
		return nil
	}
	return atomicfile.Write(d.seenFile(), []byte(b.String()))
}

// describe is a recipient as people know it.
func describe(r AgeRecipient) string {
	if r.Name == "" {
		return r.Recipient
	}
	return fmt.Sprintf("%q (%s)", r.Name, r.Recipient)
}
