package store

// This file has the user's identity: how it is unlocked, and how it is created. An identity
// file is what the program age takes with -i: secret keys or the references of a plugin, one
// a line, or such a file encrypted with a passphrase.

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime"
	"slices"
	"strings"

	"filippo.io/age"
	"filippo.io/age/armor"
	"filippo.io/age/plugin"

	"github.com/d44b7504/vault/internal/atomicfile"
	"github.com/d44b7504/vault/internal/creds"
)

// scryptCost is the base-2 logarithm of the work to try one passphrase: 128 MB of memory and a
// third of a second, as measured. Every command that reads needs it once, so it is the least
// that OWASP recommends, and half of what the program age uses.
const scryptCost = 17

// NoIdentityError says that the store cannot be read, or not be created, because the user has
// no identity in it yet. It matches ErrLocked.
type NoIdentityError struct {
	Dir  string
	File string // the identity file that was named and does not exist; or ""
	New  bool   // one would have been created, and there was nobody to ask for its passphrase
}

func (e *NoIdentityError) Error() string {
	switch {
	case e.File != "":
		return fmt.Sprintf("%v: the identity file %s does not exist", ErrLocked, e.File)
	case e.New:
		return fmt.Sprintf("%v: there is no age identity in %s yet, and a new passphrase cannot be asked for here", ErrLocked, e.Dir)
	}
	return fmt.Sprintf("%v: you have no identity in the store in %s yet", ErrLocked, e.Dir)
}

// Is makes errors.Is(err, ErrLocked) true.
func (e *NoIdentityError) Is(target error) bool { return target == ErrLocked }

// NotMemberError says that the user's identity is not among the recipients of the store, so
// that it decrypts nothing there. It matches ErrUnavailable.
type NotMemberError struct{ Dir string }

func (e *NotMemberError) Error() string { return "you are not among the recipients of " + e.Dir }

// Is makes errors.Is(err, ErrUnavailable) true.
func (e *NotMemberError) Is(target error) bool { return target == ErrUnavailable }

// identity decrypts items. Those of plugins are kept as text: a plugin is started for each
// use.
type identity struct {
	native     []age.Identity
	plugins    []string
	recipients []AgeRecipient // of this identity, if the file has them
}

func (a *ageFiles) identityFile() string {
	if a.o.AgeIdentity != "" {
		return a.o.AgeIdentity
	}
	return a.ageDir.identity()
}

// unlock returns the identity. A person may be asked for its passphrase, once.
func (a *ageFiles) unlock(ctx context.Context) (*identity, error) {
	a.mu.Lock()
	held := a.held
	a.mu.Unlock()
	if held != nil {
		return held, nil
	}
	path := a.identityFile()
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &NoIdentityError{Dir: a.dir, File: a.o.AgeIdentity}
	}
	if err != nil {
		return nil, err
	}
	text, err := a.readIdentityFile(ctx, path, data)
	if err != nil {
		return nil, err
	}
	defer clear(text)
	id, err := readIdentity(text)
	if err == nil && !isEncrypted(data) && len(id.native) > 0 {
		err = checkPrivate(path)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	a.hold(id)
	return id, nil
}

func (a *ageFiles) hold(id *identity) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.held = id
}

// checkPrivate returns an error if other users can read a file with a secret key, as ssh does.
func checkPrivate(path string) error {
	st, err := os.Stat(path)
	if err == nil && runtime.GOOS != "windows" && st.Mode().Perm()&0o077 != 0 {
		return fmt.Errorf("%w: other users can read the identity (chmod 600 prevents that)", ErrUnavailable)
	}
	return err
}

func isEncrypted(data []byte) bool {
	return bytes.HasPrefix(data, []byte("age-encryption.org/v1\n")) || bytes.HasPrefix(bytes.TrimSpace(data), []byte(armor.Header))
}

// readIdentityFile returns the decrypted text of an identity file. A person may try three
// passphrases.
func (a *ageFiles) readIdentityFile(ctx context.Context, path string, data []byte) ([]byte, error) {
	if !isEncrypted(data) {
		return data, nil
	}
	var text []byte
	err := a.tryPassphrases(ctx, path, func(p creds.Secret) (err error) {
		if text, err = decryptIdentity(data, p); err != nil && !errors.Is(err, errPassphrase) {
			err = fmt.Errorf("%s: %w", path, err)
		}
		return err
	})
	return text, err
}

// tryPassphrases calls open with the passphrase of an identity file: the one that was
// given, or those that a person types.
func (a *ageFiles) tryPassphrases(ctx context.Context, path string, open func(creds.Secret) error) error {
	pass := passphrase{given: a.o.AgePassphrase, variable: "AWS_VAULT_AGE_PASSPHRASE", ask: a.o.Ask, opened: a.o.Opened}
	return pass.try(ctx, path, func(ctx context.Context, again string) (creds.Secret, error) {
		return a.o.Ask(ctx, again+"Passphrase of "+path)
	}, open)
}

// newPassphrase returns the passphrase that was given, or asks for one twice.
func (a *ageFiles) newPassphrase(ctx context.Context) (creds.Secret, error) {
	switch {
	case a.o.AgePassphrase != nil && !a.o.AgePassphrase.IsZero():
		return *a.o.AgePassphrase, nil
	case a.o.Ask == nil:
		return creds.Secret{}, &NoIdentityError{Dir: a.dir, New: true}
	}
	return askTwice(ctx, a.o.Ask, "New passphrase for the keys in "+a.dir)
}

// decryptIdentity is the opposite of encryptIdentity. Its error is errPassphrase if another
// passphrase may be the right one.
func decryptIdentity(data []byte, pass creds.Secret) ([]byte, error) {
	if pass.IsZero() {
		return nil, errPassphrase
	}
	id, err := age.NewScryptIdentity(pass.Reveal())
	if err != nil {
		return nil, err
	}
	var in io.Reader = bytes.NewReader(data)
	if !bytes.HasPrefix(data, []byte("age-")) {
		in = armor.NewReader(bytes.NewReader(bytes.TrimSpace(data)))
	}
	out, err := age.Decrypt(in, id)
	var other *age.NoIdentityMatchError
	switch {
	case errors.As(err, &other) && slices.Contains(other.StanzaTypes, "scrypt"):
		return nil, errPassphrase
	case errors.As(err, &other):
		return nil, errors.New("it is encrypted, but not with a passphrase")
	case err != nil:
		return nil, fmt.Errorf("it is damaged: %w", err)
	}
	text, err := readAll(out)
	if err != nil {
		return nil, fmt.Errorf("it is damaged: %w", err)
	}
	return text, nil
}

// encryptIdentity encrypts an identity with a passphrase. It decrypts the result once and
// compares, since everything else depends on this file.
func encryptIdentity(text []byte, pass creds.Secret, cost int) ([]byte, error) {
	to, err := age.NewScryptRecipient(pass.Reveal())
	if err != nil {
		return nil, err
	}
	to.SetWorkFactor(cost)
	data, err := encryptAge(text, to)
	if err != nil {
		return nil, err
	}
	back, err := decryptIdentity(data, pass)
	defer clear(back)
	if err == nil && !bytes.Equal(back, text) {
		err = errors.New("the identity is different when decrypted")
	}
	return data, err
}

func encryptAge(text []byte, to ...age.Recipient) ([]byte, error) {
	var out bytes.Buffer
	w, err := age.Encrypt(&out, to...)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(text); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil { // writes the last part
		return nil, err
	}
	return out.Bytes(), nil
}

// recipientInComment returns the recipient in a comment that the programs which create
// identities write above them: "# public key: age1…" or "#    Recipient: age1…".
func recipientInComment(line string) string {
	comment, _ := strings.CutPrefix(line, "#")
	label, recipient, _ := strings.Cut(strings.TrimSpace(comment), ":")
	if strings.EqualFold(label, "public key") || strings.EqualFold(label, "recipient") {
		return strings.TrimSpace(recipient)
	}
	return ""
}

// readIdentity parses the text of an identity file. Its errors do not quote the text.
func readIdentity(text []byte) (*identity, error) {
	id := &identity{}
	lines := bufio.NewScanner(bytes.NewReader(text))
	for lines.Scan() {
		line := strings.TrimSpace(lines.Text())
		switch {
		case line == "":
		case line[0] == '#':
			id.add(recipientInComment(line))
		case strings.HasPrefix(line, "AGE-PLUGIN-"):
			if _, _, err := plugin.ParseIdentity(line); err != nil {
				return nil, errors.New("a line for a plugin is damaged")
			}
			id.plugins = append(id.plugins, line)
		default:
			one, err := age.ParseIdentities(strings.NewReader(line))
			if err != nil {
				return nil, errors.New("it is not an age identity")
			}
			id.native = append(id.native, one...)
			id.add(recipientOf(one[0]))
		}
	}
	if err := lines.Err(); err != nil || len(id.native)+len(id.plugins) == 0 {
		return nil, errors.New("it is not an age identity")
	}
	return id, nil
}

func (id *identity) add(recipient string) {
	same := func(r AgeRecipient) bool { return r.Recipient == recipient }
	if checkRecipient(recipient) == nil && !slices.ContainsFunc(id.recipients, same) {
		id.recipients = append(id.recipients, AgeRecipient{Recipient: recipient})
	}
}

// recipientOf returns the public half of a secret key.
func recipientOf(id age.Identity) string {
	switch id := id.(type) {
	case *age.X25519Identity:
		return id.Recipient().String()
	case *age.HybridIdentity:
		return id.Recipient().String()
	}
	return ""
}

// ensure creates what is missing before an item can be written: a store, or for sessions the
// user's identity in a store that came from other people.
func (a *ageFiles) ensure(ctx context.Context, own bool) error {
	if a.hasWhatItTakes(own) {
		return nil
	}
	_, err := a.create(ctx, AgePlan{})
	return err
}

func (a *ageFiles) hasWhatItTakes(own bool) bool {
	if own {
		return a.o.AgeIdentity != "" || exists(a.ageDir.identity())
	}
	return exists(a.next()) || exists(a.current())
}

// create creates what is missing of a store. The identity comes first, so that nothing is
// encrypted to a recipient that does not exist, and the list of recipients last, since it is
// what makes a store. If it is killed, another call does the rest.
func (a *ageFiles) create(ctx context.Context, p AgePlan) (mine []AgeRecipient, err error) {
	if a.o.AgeIdentity == "" && !exists(a.ageDir.identity()) && p.Identity == "" && a.o.AgePassphrase == nil && a.o.Ask == nil {
		return nil, &NoIdentityError{Dir: a.dir, New: true} // before a folder is created
	}
	if err := a.createFolders(); err != nil {
		return nil, err
	}
	unlock, err := a.lock(ctx, true)
	if err != nil {
		return nil, err
	}
	defer unlock()
	a.sweep()
	if a.o.AgeIdentity == "" && !exists(a.ageDir.identity()) {
		if err := a.createIdentity(ctx, p); err != nil {
			return nil, err
		}
	}
	if mine, err = a.ownRecipients(ctx); err != nil {
		return nil, err
	}
	if a.o.AgeIdentity == "" && !exists(a.ownRecipientsFile()) {
		if err := atomicfile.Write(a.ownRecipientsFile(), recipients{all: mine}.text()); err != nil {
			return nil, err
		}
	}
	return mine, a.createList(mine, p.Name)
}

// createList writes the first list of recipients, with the user's own.
func (a *ageFiles) createList(mine []AgeRecipient, name string) error {
	if a.hasWhatItTakes(false) {
		return nil
	}
	if files, err := a.items(); err != nil || len(files) > 0 {
		return errors.Join(err, fmt.Errorf("%s is missing although there are items; put it back, from git or a backup", a.current()))
	}
	list := recipients{salt: newSalt()}
	for _, r := range mine {
		list.all = append(list.all, AgeRecipient{r.Recipient, name})
	}
	return atomicfile.Write(a.current(), list.text())
}

// createIdentity stores an identity in own/: a new one with a passphrase, or a copy of one in
// a file.
func (a *ageFiles) createIdentity(ctx context.Context, p AgePlan) error {
	if p.Identity != "" {
		return a.importIdentity(ctx, p)
	}
	pass, err := a.newPassphrase(ctx)
	if err != nil {
		return err
	}
	key, err := age.GenerateX25519Identity()
	if err != nil {
		return err
	}
	text := []byte("# public key: " + key.Recipient().String() + "\n" + key.String() + "\n")
	defer clear(text)
	if err := a.saveIdentity(text, pass); err != nil {
		return err
	}
	if a.o.AgePassphrase == nil && a.o.Opened != nil {
		a.o.Opened(pass)
	}
	return nil
}

// saveIdentity writes an identity, encrypted with a passphrase, and its recipients.
func (a *ageFiles) saveIdentity(text []byte, pass creds.Secret) error {
	id, err := readIdentity(text)
	if err != nil {
		return err
	}
	data, err := encryptIdentity(text, pass, a.cost)
	if err != nil {
		return err
	}
	if err := atomicfile.Write(a.ageDir.identity(), data); err != nil {
		return err
	}
	a.hold(id)
	return atomicfile.Write(a.ownRecipientsFile(), recipients{all: id.recipients}.text())
}

// importIdentity copies an identity from a file, after it has decrypted something with it. A
// secret key that is not encrypted gets a passphrase; the reference of a plugin is not secret.
func (a *ageFiles) importIdentity(ctx context.Context, p AgePlan) error {
	data, err := os.ReadFile(p.Identity)
	if err != nil {
		return err
	}
	text, err := a.readIdentityFile(ctx, p.Identity, data)
	if err != nil {
		return err
	}
	defer clear(text)
	id, err := readIdentity(text)
	if err != nil {
		return fmt.Errorf("%s: %w", p.Identity, err)
	}
	if p.Recipient != "" {
		id.recipients = []AgeRecipient{{Recipient: p.Recipient}}
	}
	if len(id.recipients) == 0 {
		return &NoRecipientError{p.Identity}
	}
	if err := a.tryIdentity(ctx, id); err != nil {
		return fmt.Errorf("%s does not decrypt what is encrypted to its recipient: %w", p.Identity, err)
	}
	if len(id.native) > 0 && !isEncrypted(data) {
		pass, err := a.newPassphrase(ctx)
		if err != nil {
			return err
		}
		return a.saveIdentity(text, pass)
	}
	if p.Recipient != "" && !isEncrypted(data) {
		data = append([]byte("# recipient: "+p.Recipient+"\n"), data...)
	}
	if err := atomicfile.Write(a.ageDir.identity(), data); err != nil {
		return err
	}
	a.hold(id)
	return atomicfile.Write(a.ownRecipientsFile(), recipients{all: id.recipients}.text())
}

// NoRecipientError says that an identity file does not have its recipient. A plugin may leave
// it out.
type NoRecipientError struct{ File string }

func (e *NoRecipientError) Error() string {
	return fmt.Sprintf("the identity file %s does not have its recipient", e.File)
}

// tryIdentity encrypts something to the identity's recipients and decrypts it.
func (a *ageFiles) tryIdentity(ctx context.Context, id *identity) error {
	sealed, err := a.seal(ctx, ageItem{name: "proof"}, recipients{all: id.recipients})
	if err != nil {
		return err
	}
	_, err = a.openWith(ctx, sealed, id)
	return err
}
