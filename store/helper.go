package store

// The helper back end: any program with the protocol of Docker's credential helpers, and so
// any password manager that has one. The program is named docker-credential-NAME. It is
// called with one of the words store, get, erase and list, reads JSON or a URL from its
// standard input, and prints JSON or an error.
//
// To a helper an item is a URL, a user name and a secret. This file chooses a URL that every
// known helper returns unchanged: some parse it, some ignore the case of letters, some make
// it the name of a file.

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/99designs/keyring"

	"github.com/d44b7504/vault/internal/host"
)

const helperPrefix = "docker-credential-"

// An item's URL is https://aws-vault/NAME. If the name is too long for that, it is the user
// name instead, and the URL has its hash.
const (
	itemURL     = "https://aws-vault/"
	longItemURL = "https://long.aws-vault/"
	itemUser    = "aws-vault"
)

const (
	// longestURL is the longest that docker-credential-pass can make a file's name of.
	longestURL = 180
	// longestUser leaves the same room for ".gpg".
	longestUser = 250
	// helperAnswer is how many bytes a helper may print: about 5000 names.
	helperAnswer = 1 << 20
	// helperSize is how many bytes one item holds. Encoded it is always less than the 64 KiB
	// that Docker's helpers read as one line.
	helperSize = 16 << 10
	// helperSizeOnWindows is what fits into one credential after base64.
	helperSizeOnWindows = 1800
)

// encodedHead begins a value that is stored in base64, because it is not plain text or
// begins with encodedHead itself. Plain text can be read in the password manager.
const encodedHead = "vault.base64:"

type helper struct {
	name  string // docker-credential-NAME
	path  string
	quiet bool // it must not ask, or nobody is there to answer
	turn  func(context.Context) (done func())
}

func openHelper(_ context.Context, o Options, _ bool) (driver, error) {
	name := strings.TrimPrefix(o.Helper, helperPrefix)
	switch {
	case name == "":
		return nil, errors.New("no helper is named: AWS_VAULT_HELPER or --helper takes the NAME of a program docker-credential-NAME")
	case strings.HasPrefix(name, "-"), strings.ContainsAny(name, `/\:`), strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsGraphic(r) }):
		return nil, fmt.Errorf("%q is not the name of a helper: it is the NAME of a program docker-credential-NAME on the PATH", name)
	}
	h := &helper{name: helperPrefix + name, quiet: o.Quiet || o.Ask == nil && !hasDesktop(), turn: o.Turn}
	var err error
	if h.path, err = exec.LookPath(h.name); err != nil {
		return nil, fmt.Errorf("the program %q is not on the PATH", h.name)
	}
	return &partsDriver{h, h.size()}, nil
}

// size returns how many bytes one item may hold. Windows's helper can be used in WSL too,
// and Docker Desktop's is the same one.
func (h *helper) size() int {
	if runtime.GOOS == "windows" || strings.Contains(h.name, "wincred") || strings.Contains(h.name, "desktop") {
		return helperSizeOnWindows
	}
	return helperSize
}

// helperItem is an item in the protocol.
type helperItem struct {
	ServerURL string
	Username  string
	Secret    string
}

func (h *helper) get(ctx context.Context, key string) ([]byte, error) {
	address, user, err := h.addressOf(key)
	if err != nil {
		return nil, err
	}
	out, err := h.call(ctx, "get", address, []byte(address), nil)
	if err != nil {
		return nil, err
	}
	defer clear(out)
	var item helperItem
	switch {
	case len(bytes.TrimSpace(out)) == 0:
		return nil, fmt.Errorf("%s: it answered nothing", h.name)
	case json.Unmarshal(out, &item) != nil:
		// The answer is not shown: it may be the secret in another form.
		return nil, fmt.Errorf("%s: its answer is not the JSON of an item", h.name)
	case item.Username == "" && item.Secret == "":
		return nil, h.notFound(ctx) // what older helpers print instead of the error
	case item.Secret == "":
		return nil, fmt.Errorf("%s: it answered without a secret", h.name)
	}
	if answered, ok := nameOf(item.ServerURL, user); item.ServerURL != "" && (!ok || answered != key) {
		return nil, fmt.Errorf("%s: it answered with another item than %s", h.name, address)
	}
	value, err := withoutName(item.Secret, key)
	if err != nil {
		return nil, err
	}
	return h.decodeValue(value)
}

func (h *helper) put(ctx context.Context, item keyring.Item) error {
	address, user, err := h.addressOf(item.Key)
	if err != nil {
		return err
	}
	request, secret, err := storeRequest(helperItem{address, user, withName(encodeValue(item.Data), item.Key)})
	if err != nil {
		return err
	}
	defer clear(request)
	_, err = h.call(ctx, "store", address, request, secret)
	return err
}

// storeRequest returns what the helper is sent, and the part of it that is secret.
func storeRequest(item helperItem) (request, secret []byte, err error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(item); err != nil {
		return nil, nil, err
	}
	request = b.Bytes()
	return request, request[bytes.LastIndex(request, []byte(`"Secret":`))+len(`"Secret":`):], nil
}

// remove looks whether there is such an item, since most helpers do not say. It erases the
// item also when the helper cannot list.
func (h *helper) remove(ctx context.Context, key string) error {
	address, _, err := h.addressOf(key)
	if err != nil {
		return err
	}
	names, err := h.keys(ctx, "")
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if errors.Is(err, ErrLocked) {
		return err
	}
	if err == nil && !slices.Contains(names, key) {
		return ErrNotFound
	}
	_, err = h.call(ctx, "erase", address, []byte(address), nil)
	return err
}

func (h *helper) keys(ctx context.Context, _ string) ([]string, error) {
	out, err := h.call(ctx, "list", "", nil, nil)
	if err != nil {
		return nil, err
	}
	var users map[string]string
	if json.Unmarshal(out, &users) != nil {
		return nil, fmt.Errorf("%s: its list is not JSON: %s", h.name, host.Sayable(out, nil))
	}
	var names []string
	for address, user := range users {
		if name, ok := nameOf(address, user); ok {
			names = append(names, name)
		}
	}
	return names, nil
}

// survey does not count the items: some helpers decrypt to list, and may ask.
func (h *helper) survey(context.Context) survey {
	s := survey{place: h.path, items: -1}
	if h.isUsedByDocker() {
		s.remark = "Docker keeps its passwords with this helper too, and when it builds an image it may hand all items there to its daemon"
	}
	return s
}

// isUsedByDocker reports whether Docker keeps its own passwords with this helper. It then
// lists and reads every item there when it builds an image (moby/moby#31517). From a helper
// that is set for one registry it reads the password of that registry only.
func (h *helper) isUsedByDocker() bool {
	dir := os.Getenv("DOCKER_CONFIG")
	if dir == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return false
		}
		dir = filepath.Join(home, ".docker")
	}
	data, err := os.ReadFile(filepath.Join(dir, "config.json"))
	if err != nil {
		return false
	}
	var docker struct{ CredsStore string }
	return json.Unmarshal(data, &docker) == nil && helperPrefix+docker.CredsStore == h.name
}

// call runs the helper and returns its answer. Answers and errors are both on its standard
// output; only the exit status tells them apart.
func (h *helper) call(ctx context.Context, word, address string, stdin, secret []byte) ([]byte, error) {
	if err := h.refuse(ctx, address, word == "store"); err != nil {
		return nil, err
	}
	run := tool{path: h.path, args: []string{word}, stdin: stdin, most: helperAnswer, quiet: h.quiet, turn: h.turn}
	out, complaint, err := run.run(ctx)
	switch {
	case err == nil:
		return out, nil
	case ctx.Err() != nil:
		return nil, fmt.Errorf("%s %s: %w", h.name, word, ctx.Err())
	}
	var failed *host.ChildError
	var exit *exec.ExitError
	if !errors.As(err, &failed) || !errors.As(err, &exit) {
		return nil, err
	}
	words := out
	if word == "get" && bytes.Contains(bytes.ToLower(out), []byte("secret")) && bytes.Contains(out, []byte("{")) {
		words = nil // an item and not an error
	}
	if len(bytes.TrimSpace(words)) == 0 {
		words = complaint
	}
	failed.Said = host.Sayable(words, secret)
	return nil, h.failure(ctx, failed, words)
}

// failure returns the error for a helper that failed with these words.
func (h *helper) failure(ctx context.Context, failed *host.ChildError, words []byte) error {
	for _, none := range []string{"credentials not found in native keychain", "no usernames for", "is not in the password store", "could not be found in the keychain"} {
		if bytes.Contains(words, []byte(none)) {
			return h.notFound(ctx)
		}
	}
	if err := lockedError(string(words), failed.Error(), h.quiet); err != nil {
		return err
	}
	if h.mayBeLocked(ctx) {
		return fmt.Errorf("%w: %w", ErrLocked, failed)
	}
	return failed
}

// notFound returns ErrNotFound, or ErrLocked where a helper says the same of an item that a
// person did not unlock.
func (h *helper) notFound(ctx context.Context) error {
	if h.mayBeLocked(ctx) {
		return fmt.Errorf("%w: %s found no item, but it was not unlocked", ErrLocked, h.name)
	}
	return ErrNotFound
}

// addressOf returns the URL and the user name of an item.
func (h *helper) addressOf(key string) (address, user string, err error) {
	name := encodeName(key)
	if address = itemURL + name; len(address) <= longestURL {
		return address, itemUser, nil
	}
	if len(name) > longestUser {
		return "", "", fmt.Errorf("the name is too long for a helper: it takes %d characters, of at most %d", len(name), longestUser)
	}
	return longItemURL + encodeName(digest(key)), name, nil
}

// nameOf is the opposite of addressOf; ok is false for an item of another program. A helper
// may have parsed the URL and put it together again, left out its scheme, or put words of
// its own before it.
func nameOf(address, user string) (name string, ok bool) {
	if _, is := after(address, longItemURL); is {
		name, err := url.PathUnescape(user)
		return name, err == nil && encodeName(name) == user
	}
	path, is := after(address, itemURL)
	if !is {
		return "", false
	}
	name, err := url.PathUnescape(path)
	return name, err == nil && name != ""
}

// after returns what follows beginning in a URL that a helper returned.
func after(address, beginning string) (rest string, is bool) {
	if rest, is = strings.CutPrefix(address, strings.TrimPrefix(beginning, "https://")); is {
		return rest, true
	}
	_, rest, is = strings.Cut(address, beginning)
	return rest, is
}

// encodeName writes a name in characters that no helper changes. Capitals are not among
// them: some helpers ignore the case of letters.
func encodeName(name string) string {
	var b strings.Builder
	for _, c := range []byte(name) {
		switch {
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9', c == '-', c == '_', c == '.':
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, "%%%02x", c)
		}
	}
	return b.String()
}

// nameMark begins the end of a value: the digest of the item's name, so that a copy under
// another name is not taken for the other item. What was stored without it is read too.
const nameMark = " vault.item="

func withName(value, key string) string { return value + nameMark + digest(key) }

// withoutName removes the end that withName has added. Its error is errMoved if it is
// another item's.
func withoutName(value, key string) (string, error) {
	i := strings.LastIndex(value, nameMark)
	switch {
	case i < 0:
		return value, nil
	case value[i+len(nameMark):] != digest(key):
		return "", errMoved
	}
	return value[:i], nil
}

// encodeValue returns data as it is if every helper returns it unchanged, and otherwise in
// base64. Unchanged are printable texts without space at their ends.
func encodeValue(data []byte) string {
	text := string(data)
	plain := text != "" && utf8.Valid(data) && strings.TrimSpace(text) == text && !strings.HasPrefix(text, encodedHead) &&
		!strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) })
	if plain {
		return text
	}
	return encodedHead + base64.StdEncoding.EncodeToString(data)
}

// decodeValue is the opposite of encodeValue.
func (h *helper) decodeValue(value string) ([]byte, error) {
	encoded, is := strings.CutPrefix(value, encodedHead)
	if !is {
		return []byte(value), nil
	}
	data, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return nil, fmt.Errorf("%s: the item is damaged", h.name)
	}
	return data, nil
}
