package store

// This file knows whose store it is: the identity, how it is unlocked, and how one is
// made. An identity file is what the program age takes with -i: secret keys or a
// plugin's references, one a line, or such a file encrypted under a passphrase.

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

// scryptCost is the logarithm of the work to try one passphrase: 128 MB of memory and,
// measured, a third of a second. It is paid at every command that reads, so it is the
// least that OWASP advises and half of what the program age takes.
const scryptCost = 17

// NoIdentityError says that what is in the store cannot be read, or the store not be
// made, because this user has no identity there yet. It matches ErrLocked.
type NoIdentityError struct {
	Dir  string
	File string // the identity file that was named and is not there; or ""
	New  bool   // one would have been made, and nobody could be asked for its passphrase
}

func (e *NoIdentityError) Error() string {
	switch {
	case e.File != "":
		return fmt.Sprintf("%v: there is no identity in %s", ErrLocked, e.File)
	case e.New:
		return fmt.Sprintf("%v: there is no age identity in %s yet, and nobody can be asked for a new passphrase", ErrLocked, e.Dir)
	}
	return fmt.Sprintf("%v: the store in %s has no identity of yours yet", ErrLocked, e.Dir)
}

// Is makes errors.Is(err, ErrLocked) true.
func (e *NoIdentityError) Is(target error) bool { return target == ErrLocked }

// NotMemberError says that the identity here is not among the recipients of the store,
// so that nothing in it is encrypted to it. It matches ErrUnavailable.
type NotMemberError struct{ Dir string }

func (e *NotMemberError) Error() string { return "you are not among the recipients of " + e.Dir }

// Is makes errors.Is(err, ErrUnavailable) true.
func (e *NotMemberError) Is(target error) bool { return target == ErrUnavailable }

// identity is what decrypts. A plugin's is kept as text: it is brought to life for each
// use, with whoever can be asked then.
type identity struct {
	native     []age.Identity
	plugins    []string
	recipients []AgeRecipient // that belong to it, as far as the file says
}

func (a *ageFiles) identityFile() string {
	if a.o.AgeIdentity != "" {
		return a.o.AgeIdentity
	}
	return a.ageDir.identity()
}

// unlock returns the identity, for which a person may be asked once.
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

// checkPrivate refuses a secret key that others can read, as ssh does.
func checkPrivate(path string) error {
	st, err := os.Stat(path)
	if err == nil && runtime.GOOS != "windows" && st.Mode().Perm()&0o077 != 0 {
		return fmt.Errorf("%w: the identity can be read by others (chmod 600 makes it yours)", ErrUnavailable)
	}
	return err
}

func isEncrypted(data []byte) bool {
	return bytes.HasPrefix(data, []byte("age-encryption.org/v1\n")) || bytes.HasPrefix(bytes.TrimSpace(data), []byte(armor.Header))
}

// readIdentityFile returns the text of an identity file. A person may try three passphrases.
func (a *ageFiles) readIdentityFile(ctx context.Context, path string, data []byte) ([]byte, error) {
	if !isEncrypted(data) {
		return data, nil
	}
	var text []byte
	pass := passphrase{given: a.o.AgePassphrase, ask: a.o.Ask}
	err := pass.try(ctx, path, func(ctx context.Context, again string) (creds.Secret, error) {
		return a.o.Ask(ctx, again+"Passphrase of "+path)
	}, func(p creds.Secret) (err error) {
		text, err = decryptIdentity(data, p)
		switch {
		case errors.Is(err, errPassphrase):
			return fmt.Errorf("%w: %w %s", ErrLocked, errPassphrase, path)
		case err != nil:
			return fmt.Errorf("%s: %w", path, err)
		}
		return nil
	})
	return text, err
}

// newPassphrase takes the one given, or asks for one twice.
func (a *ageFiles) newPassphrase(ctx context.Context) (creds.Secret, error) {
	switch {
	case a.o.AgePassphrase != nil && !a.o.AgePassphrase.IsZero():
		return *a.o.AgePassphrase, nil
	case a.o.Ask == nil:
		return creds.Secret{}, &NoIdentityError{Dir: a.dir, New: true}
	}
	return askTwice(ctx, a.o.Ask, "New passphrase for the keys in "+a.dir)
}

// decryptIdentity undoes closed. The error is errPassphrase when another passphrase may do.
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
		return nil, errors.New("it is encrypted, but not under a passphrase")
	case err != nil:
		return nil, fmt.Errorf("it is damaged: %w", err)
	}
	text, err := readAll(out)
	if err != nil {
		return nil, fmt.Errorf("it is damaged: %w", err)
	}
	return text, nil
}

// encryptIdentity encrypts under a passphrase, and has seen that it decrypts again: everything
// else depends on this one file.
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
		err = errors.New("the identity did not come back as it was")
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

// recipientInComment finds the recipient that the programs which make identities write above them,
// as in "# public key: age1…" or "#    Recipient: age1…".
func recipientInComment(line string) string {
	comment, _ := strings.CutPrefix(line, "#")
	label, recipient, _ := strings.Cut(strings.TrimSpace(comment), ":")
	if strings.EqualFold(label, "public key") || strings.EqualFold(label, "recipient") {
		return strings.TrimSpace(recipient)
	}
	return ""
}

// readIdentity reads an identity file. No error quotes it.
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
				return nil, errors.New("it is no age identity")
			}
			id.native = append(id.native, one...)
			id.add(recipientOf(one[0]))
		}
	}
	if err := lines.Err(); err != nil || len(id.native)+len(id.plugins) == 0 {
		return nil, errors.New("it is no age identity")
	}
	return id, nil
}

func (id *identity) add(recipient string) {
	same := func(r AgeRecipient) bool { return r.Recipient == recipient }
	if checkRecipient(recipient) == nil && !slices.ContainsFunc(id.recipients, same) {
		id.recipients = append(id.recipients, AgeRecipient{Recipient: recipient})
	}
}

// recipientOf is the public half of a key.
func recipientOf(id age.Identity) string {
	switch id := id.(type) {
	case *age.X25519Identity:
		return id.Recipient().String()
	case *age.HybridIdentity:
		return id.Recipient().String()
	}
	return ""
}

// ensure makes what is missing for an item to be written: a first store, or for
// sessions an identity of one's own in a store that came from others.
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

// create makes what is missing of a store: the identity first, so that nothing is ever
// encrypted to a recipient that nobody is; the list of recipients, by which a store is
// known, last. Killed in between and called again it goes on where it was.
func (a *ageFiles) create(ctx context.Context, p AgePlan) (mine []AgeRecipient, err error) {
	if a.o.AgeIdentity == "" && !exists(a.ageDir.identity()) && p.Identity == "" && a.o.AgePassphrase == nil && a.o.Ask == nil {
		return nil, &NoIdentityError{Dir: a.dir, New: true} // before so much as a folder is made
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

// createList writes the first list of recipients, with one's own.
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

// createIdentity puts an identity into the private room: a new one under a passphrase, or
// a copy of the one in a file.
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
	return a.saveIdentity(text, pass)
}

// saveIdentity writes the identity under a passphrase, holds it, and notes its recipient.
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

// importIdentity copies an identity from a file, once it has shown that it can decrypt. A secret
// key in clear gets a passphrase; a plugin's line is no secret by itself.
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

// NoRecipientError says that an identity file does not tell its recipient, as a plugin's
// need not.
type NoRecipientError struct{ File string }

func (e *NoRecipientError) Error() string {
	return fmt.Sprintf("%s does not say which recipient belongs to it", e.File)
}

// tryIdentity encrypts something and decrypts it again.
func (a *ageFiles) tryIdentity(ctx context.Context, id *identity) error {
	sealed, err := a.seal(ctx, ageItem{name: "proof"}, recipients{all: id.recipients})
	if err != nil {
		return err
	}
	_, err = a.openWith(ctx, sealed, id)
	return err
}
