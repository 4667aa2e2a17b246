//go:build !windows

package store

// The macOS keychain without cgo, through Apple's own program security(1), for releases
// that are built on another system. The items are the same as those that the keyring library
// makes through Apple's framework, in the same keychain file.
//
// No secret is among the program's arguments: an item is written by a line on the standard
// input of "security -i", in hexadecimal, and read from the standard error output of
// "find-generic-password -g". The grammar of both is that of Apple's published sources of
// SecurityTool (security.c, keychain_add.c, keychain_find.c, keychain_utilities.c). It is
// tested on other systems with a stand-in, so this file is compiled there too.
//
// One thing is different from the framework: macOS asks a person whether security may read
// an item, and trusts security with a session. So any program of the same user can read a
// session through security, as it can in the environment of a shell.

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/99designs/keyring"
	"github.com/mtibben/percent"

	"github.com/d44b7504/vault/internal/host"
)

const (
	// longestLine is the longest line that security reads as one command.
	longestLine = 4096 - 2
	// securitySize is how many bytes one item holds, so that the line that writes it is not
	// too long, also with a long name.
	securitySize = 1000
	// securityAnswer is how many bytes security may print: more than a list of all items.
	securityAnswer = 16 << 20
)

// The low byte of the status of Apple's Security framework, which is what security
// exits with.
const (
	secItemNotFound  = 44  // errSecItemNotFound
	secDuplicate     = 45  // errSecDuplicateItem
	secNoKeychain    = 50  // errSecNoSuchKeychain
	secAuthFailed    = 51  // errSecAuthFailed: also when a person declined
	secNoInteraction = 36  // errSecInteractionNotAllowed
	secNeedsPerson   = 29  // errSecInteractionRequired
	secCanceled      = 128 // errSecUserCanceled
)

// trustedMark is the comment of items that security may read without asking.
const trustedMark = "vault: read by /usr/bin/security"

// security is the driver.
type security struct {
	path     string // of the program
	keychain string // "aws-vault.keychain"
	folder   string // where keychains are
	quiet    bool
}

func openSecurity(path string, o Options) (driver, error) {
	if strings.HasPrefix(o.KeychainName, "-") || strings.ContainsAny(o.KeychainName, "/\n") {
		return nil, fmt.Errorf("%q is not the name of a keychain", o.KeychainName)
	}
	folder, err := expand("~/Library/Keychains")
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(path); err != nil {
		return nil, err
	}
	return &partsDriver{&security{path: path, keychain: o.KeychainName + ".keychain", folder: folder, quiet: o.Quiet}, securitySize}, nil
}

func (s *security) get(ctx context.Context, key string) ([]byte, error) {
	if err := s.refuseDialog(ctx, key); err != nil {
		return nil, err
	}
	_, said, err := s.run(ctx, nil, "find-generic-password", "-g", "-s", serviceName, "-a", accountName(key), s.keychain)
	if err != nil {
		return nil, err
	}
	defer clear(said)
	for line := range bytes.Lines(said) {
		if shown, is := bytes.CutPrefix(line, []byte("password: ")); is {
			data, err := unprint(shown)
			if err != nil {
				return nil, errors.New("the answer of security has an unknown form")
			}
			return data, nil
		}
	}
	return nil, errors.New("there is no password in the answer of security")
}

// put writes the item. An existing one keeps its label and its trusted programs: to change
// them would ask a person.
func (s *security) put(ctx context.Context, item keyring.Item) error {
	err := s.write(ctx, item)
	if errors.Is(err, errDuplicate) { // it was made since, by another process: it is replaced
		err = s.write(ctx, item)
	}
	return err
}

// errDuplicate: there is such an item, and its label is another than the one that was given.
var errDuplicate = errors.New("the keychain has such an item already")

func (s *security) write(ctx context.Context, item keyring.Item) error {
	if err := s.create(ctx); err != nil {
		return err
	}
	if err := s.refuseDialog(ctx, ""); err != nil {
		return err
	}
	there, err := s.attributes(ctx, item.Key)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	words := []string{"add-generic-password", "-U", "-s", serviceName, "-a", accountName(item.Key)}
	switch {
	case err == nil:
		words = append(words, "-l", there.label)
	case item.KeychainNotTrustApplication:
		words = append(words, "-l", label(item), "-T", "")
	default:
		words = append(words, "-l", label(item), "-D", item.Description, "-j", trustedMark, "-T", s.path)
	}
	words = append(words, "-X", hex.EncodeToString(item.Data), s.keychain)
	line, err := commandLine(words)
	defer clear(line)
	if err == nil {
		_, _, err = s.run(ctx, line, "-i")
	}
	return err
}

func (s *security) remove(ctx context.Context, key string) error {
	if err := s.refuseDialog(ctx, ""); err != nil {
		return err
	}
	_, _, err := s.run(ctx, nil, "delete-generic-password", "-s", serviceName, "-a", accountName(key), s.keychain)
	return err
}

func (s *security) keys(ctx context.Context, _ string) ([]string, error) {
	if !s.exists() {
		return nil, nil
	}
	if err := s.refuseDialog(ctx, ""); err != nil {
		return nil, err
	}
	out, _, err := s.run(ctx, nil, "dump-keychain", s.keychain)
	if errors.Is(err, ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var names []string
	for _, a := range readAttributes(out) {
		if a.class == "genp" && a.service == serviceName {
			names = append(names, itemName(a.account))
		}
	}
	return names, nil
}

func (s *security) survey(ctx context.Context) survey {
	place := filepath.Join(s.folder, s.keychain+"-db")
	if !s.exists() {
		return survey{place: place, remark: "the keychain does not exist yet; it is created in a dialog when the first item is stored"}
	}
	seen := listed(ctx, place, s)
	if seen.items >= 0 {
		seen.remark = "it is read through /usr/bin/security, because this program was built without cgo"
	}
	return seen
}

// exists reports whether there is a keychain file, of the present or the older form.
func (s *security) exists() bool {
	for _, name := range []string{s.keychain + "-db", s.keychain} {
		if _, err := os.Stat(filepath.Join(s.folder, name)); err == nil {
			return true
		}
	}
	return false
}

// create creates the keychain, in a dialog that asks for its new password.
func (s *security) create(ctx context.Context) error {
	if s.exists() {
		return nil
	}
	if s.quiet {
		return fmt.Errorf("%w: there is no keychain %q, and it can only be created in a dialog", ErrLocked, s.keychain)
	}
	_, _, err := s.run(ctx, nil, "create-keychain", "-P", s.keychain)
	if errors.Is(err, ErrNotFound) || err == nil && !s.exists() {
		return fmt.Errorf("%w: the keychain %q was not created", ErrUnavailable, s.keychain)
	}
	return err
}

// refuseDialog returns an error if the call that follows would show a dialog and must not: to
// unlock the keychain, or to allow that the item with this name is read. It tries an empty
// password, which opens a locked keychain only if that is the password; an open one does not
// look at it.
func (s *security) refuseDialog(ctx context.Context, reading string) error {
	if !s.quiet || !s.exists() {
		return nil
	}
	if _, _, err := s.run(ctx, nil, "unlock-keychain", "-p", "", s.keychain); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return fmt.Errorf("%w: keychain %q has to be unlocked by a person", ErrLocked, s.keychain)
	}
	if reading == "" {
		return nil
	}
	a, err := s.attributes(ctx, reading)
	if err == nil && a.comment != trustedMark {
		err = fmt.Errorf("%w: macOS asks a person before %q is read", ErrLocked, reading)
	}
	return err
}

// attributes reads what can be read of an item without asking a person.
func (s *security) attributes(ctx context.Context, key string) (attributes, error) {
	out, _, err := s.run(ctx, nil, "find-generic-password", "-s", serviceName, "-a", accountName(key), s.keychain)
	if all := readAttributes(out); err == nil && len(all) == 1 {
		return all[0], nil
	}
	if err == nil {
		err = errors.New("the answer of security has an unknown form")
	}
	return attributes{}, err
}

// run runs security. Its error says what the exit status means.
func (s *security) run(ctx context.Context, stdin []byte, args ...string) (out, said []byte, err error) {
	out, said, err = tool{path: s.path, args: args, stdin: stdin, most: securityAnswer, quiet: s.quiet}.run(ctx)
	var exit *exec.ExitError
	if err == nil || !errors.As(err, &exit) {
		return out, said, err
	}
	words := host.Sayable(said, stdin)
	switch exit.ExitCode() {
	case secItemNotFound, secNoKeychain:
		return nil, nil, ErrNotFound
	case secAuthFailed:
		return nil, nil, &PassphraseError{Of: "keychain " + strconv.Quote(s.keychain)}
	case secNoInteraction, secNeedsPerson, secCanceled:
		return nil, nil, fmt.Errorf("%w: %s", ErrLocked, words)
	case secDuplicate:
		return nil, nil, errDuplicate
	}
	return nil, nil, fmt.Errorf("security failed: %s (%w)", words, err)
}

// commandLine returns one line for "security -i". Every word is in double quotes, in which a
// backslash makes the next character stand for itself.
func commandLine(words []string) ([]byte, error) {
	var line []byte
	for _, w := range words {
		if strings.ContainsFunc(w, isControl) {
			return line, errors.New("the label of an item in the keychain cannot have control characters")
		}
		line = append(line, '"')
		for _, c := range []byte(w) {
			if c == '"' || c == '\\' {
				line = append(line, '\\')
			}
			line = append(line, c)
		}
		line = append(line, '"', ' ')
	}
	if line = append(line, '\n'); len(line) > longestLine {
		return line, fmt.Errorf("the name is too long for the keychain: the command that stores it has %d characters, of at most %d", len(line), longestLine)
	}
	return line, nil
}

// attributes are those of an item that this file needs.
type attributes struct {
	class, service, account, label, comment string
}

// readAttributes parses items as security prints them: each begins with a line for its
// keychain, and has one attribute in each line after that.
func readAttributes(printed []byte) []attributes {
	var all []attributes
	for line := range bytes.Lines(printed) {
		if bytes.HasPrefix(line, []byte("keychain: ")) {
			all = append(all, attributes{})
		}
		if len(all) > 0 {
			all[len(all)-1].read(bytes.TrimLeft(line, " "))
		}
	}
	return all
}

func (a *attributes) read(line []byte) {
	for start, field := range map[string]*string{
		"class: ": &a.class, `"svce"<blob>=`: &a.service, `"acct"<blob>=`: &a.account, "0x00000007 <blob>=": &a.label, `"icmt"<blob>=`: &a.comment,
	} {
		if value, is := bytes.CutPrefix(line, []byte(start)); is {
			text, _ := unprint(value)
			*field = string(text)
		}
	}
}

// unprint parses a value as security prints it: "text" if it is ASCII without control
// characters and backslashes, otherwise 0x and hexadecimal digits, and the text after that.
func unprint(shown []byte) ([]byte, error) {
	shown = bytes.TrimRight(shown, "\r\n")
	if digits, is := bytes.CutPrefix(shown, []byte("0x")); is {
		digits, _, _ = bytes.Cut(digits, []byte(" "))
		data := make([]byte, hex.DecodedLen(len(digits)))
		_, err := hex.Decode(data, digits)
		return data, err
	}
	if n := len(shown); n >= 2 && shown[0] == '"' && shown[n-1] == '"' {
		return bytes.Clone(shown[1 : n-1]), nil
	}
	if len(shown) == 0 || string(shown) == "<NULL>" {
		return nil, nil
	}
	return nil, fs.ErrInvalid
}

// label returns the label of an item. It is never empty, or security would use the name of
// the service.
func label(item keyring.Item) string {
	if item.Label == "" {
		return item.Key
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' {
			return ' '
		}
		return r
	}, item.Label)
}

// accountName returns the name of an item in the keychain: as AWS Vault has it, unless it has
// control characters, or could be taken for the encoded form of a name that has.
func accountName(key string) string {
	if !strings.ContainsFunc(key, isControl) && !escapesControl(key) {
		return key
	}
	return percent.Encode(key, "%"+controls)
}

// itemName is the opposite of accountName.
func itemName(account string) string {
	if !escapesControl(account) {
		return account
	}
	return percent.Decode(account)
}

func isControl(r rune) bool { return r < ' ' || r == 0x7f }

// escapesControl reports whether the text has %XX for a control character or for the percent
// sign.
func escapesControl(text string) bool {
	for i := range len(text) - 2 {
		if one := text[i : i+3]; one[0] == '%' {
			plain := percent.Decode(one)
			if plain == "%" || plain != one && strings.ContainsFunc(plain, isControl) {
				return true
			}
		}
	}
	return false
}
