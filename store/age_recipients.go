package store

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"unicode"

	"filippo.io/age"
	"filippo.io/age/plugin"
)

// AgeRecipient is one that items are encrypted to.
type AgeRecipient struct {
	Recipient string // age1…
	Name      string // for people; may be empty
}

// recipients is the content of the file recipients.txt.
type recipients struct {
	salt string
	all  []AgeRecipient
}

const (
	recipientsHead = "# Who can read the items of this store. Change it with vault store age add-recipient\n" +
		"# and remove-recipient, which encrypt the items again.\n"
	saltHead = "salt: "
)

// parseRecipients parses the file. A comment right above a recipient is its name. The program
// age can read the file too (age -R). A line that is neither a comment nor a recipient, as
// git leaves in a conflict, is an error: with one missing, that person could read no item.
func parseRecipients(text []byte) (recipients, error) {
	var list recipients
	name := ""
	n := 0
	for line := range strings.Lines(string(text)) {
		n++
		line = strings.TrimSpace(line)
		comment, is := strings.CutPrefix(line, "#")
		comment = strings.TrimSpace(comment)
		salt, salted := strings.CutPrefix(comment, saltHead)
		switch {
		case is && salted:
			list.salt, name = strings.TrimSpace(salt), ""
		case is:
			name = comment
		case line == "":
			name = ""
		case checkRecipient(line) != nil:
			return list, fmt.Errorf("line %d is not an age recipient", n)
		default:
			list.all, name = append(list.all, AgeRecipient{line, name}), ""
		}
	}
	if len(list.all) == 0 {
		return list, errors.New("there is no recipient in it")
	}
	return list, nil
}

func (l recipients) text() []byte {
	var b bytes.Buffer
	b.WriteString(recipientsHead)
	if l.salt != "" {
		fmt.Fprintf(&b, "# %s%s\n", saltHead, l.salt)
	}
	for _, r := range l.all {
		b.WriteString("\n")
		if r.Name != "" {
			fmt.Fprintf(&b, "# %s\n", r.Name)
		}
		b.WriteString(r.Recipient + "\n")
	}
	return b.Bytes()
}

// recipients reads whom the items are encrypted to. During a change that is the new list.
func (d ageDir) recipients() (recipients, error) {
	path := d.next()
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		path = d.current()
		text, err = os.ReadFile(path)
	}
	if err != nil {
		return recipients{}, err
	}
	list, err := parseRecipients(text)
	if err == nil && list.salt == "" {
		err = errors.New("the line with the salt is missing")
	}
	if err != nil {
		return list, fmt.Errorf("%s: %w", path, err)
	}
	return list, nil
}

// hash returns the name of an item's file, without the suffix. The item's name cannot be read
// from it, but everyone who has the directory can try names.
func (l recipients) hash(name string) string {
	h := hmac.New(sha256.New, []byte(l.salt))
	h.Write([]byte(name))
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// digest identifies the recipients on the list, in any order.
func (l recipients) digest() string {
	var all []string
	for _, r := range l.all {
		all = append(all, r.Recipient)
	}
	slices.Sort(all)
	sum := sha256.Sum256([]byte(strings.Join(all, "\n")))
	return hex.EncodeToString(sum[:8])
}

// find returns the index of a recipient on the list; -1 if it is not there.
func (l recipients) find(recipient string) int {
	return slices.IndexFunc(l.all, func(r AgeRecipient) bool { return r.Recipient == recipient })
}

// byName returns the recipient with this name, or with this text.
func (l recipients) byName(who string) (AgeRecipient, error) {
	var found []AgeRecipient
	for _, r := range l.all {
		if r.Recipient == who {
			return r, nil
		}
		if r.Name == who {
			found = append(found, r)
		}
	}
	switch len(found) {
	case 0:
		return AgeRecipient{}, ErrNoRecipient
	case 1:
		return found[0], nil
	}
	return AgeRecipient{}, fmt.Errorf("%d recipients have this name; choose one by its age1…", len(found))
}

func newSalt() string {
	b := make([]byte, 16)
	_, _ = rand.Read(b) // never fails
	return hex.EncodeToString(b)
}

// checkRecipient returns an error if text is not a recipient.
func checkRecipient(text string) error {
	_, err := toRecipient(text, func() *plugin.ClientUI { return nil })
	return err
}

// toRecipient parses a recipient: X25519, hybrid, or a plugin's, in the order of the program
// age. Tagged recipients are left to their plugins: age's code for them would add 120 kB to
// this program. ui is called for a plugin only.
func toRecipient(text string, ui func() *plugin.ClientUI) (age.Recipient, error) {
	switch {
	case strings.HasPrefix(text, "AGE-"):
		return nil, errors.New("this is an identity, which is secret; the recipient that belongs to it begins with age1")
	case strings.HasPrefix(text, "ssh-"):
		return nil, errors.New("SSH keys cannot be recipients here; make an age identity")
	case strings.HasPrefix(text, "age1pq1"):
		return age.ParseHybridRecipient(text)
	case strings.HasPrefix(text, "age1") && strings.Count(text, "1") > 1:
		return plugin.NewRecipient(text, ui())
	case strings.HasPrefix(text, "age1"):
		return age.ParseX25519Recipient(text)
	}
	return nil, errors.New("this is not an age recipient, which begins with age1")
}

// checkRecipientName returns an error for a name that does not fit on one line of the file,
// or means something else there.
func checkRecipientName(name string) error {
	switch {
	case len(name) > 100, strings.ContainsFunc(name, func(c rune) bool { return !unicode.IsPrint(c) }),
		strings.TrimSpace(name) != name, strings.HasPrefix(name, "#"), strings.HasPrefix(name, saltHead), strings.HasPrefix(name, "age1"):
		return errors.New("a name is one line of at most 100 characters")
	}
	return nil
}

// ownRecipients returns the recipients of the user's identity. With Options.AgeIdentity they
// are read from that file, for which a person may be asked.
func (a *ageFiles) ownRecipients(ctx context.Context) ([]AgeRecipient, error) {
	if a.o.AgeIdentity == "" {
		text, err := os.ReadFile(a.ownRecipientsFile())
		if err == nil {
			list, err := parseRecipients(text)
			if err == nil {
				return list.all, nil
			}
			return nil, fmt.Errorf("%s: %w", a.ownRecipientsFile(), err)
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	id, err := a.unlock(ctx)
	if err != nil {
		return nil, err
	}
	if len(id.recipients) == 0 {
		return nil, fmt.Errorf("%w: the file %s does not say which recipient belongs to its identity", ErrUnavailable, a.identityFile())
	}
	return id.recipients, nil
}
