//go:build !windows

package store

// What runs here is not Apple's security(1), which macOS alone has, but a stand-in: this
// test binary, started again as that program. It keeps to the grammar of the published
// sources (how a line of "security -i" is split and where it is cut, which options a
// command takes, what -U compares, how values are printed, the exit status) and counts
// the dialogs the real one would raise. What macOS itself does is not proved by it.

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/d44b7504/vault/internal/creds"
	"github.com/d44b7504/vault/internal/testenv"
)

func init() { parts["security"] = playSecurity }

// fakeKeychain is a keychain file of the stand-in.
type fakeKeychain struct {
	Locked   bool
	Password string
	Items    []fakeSecret

	name string // "": the usual one
}

type fakeSecret struct {
	Service, Account, Label, Kind, Comment string
	Data                                   []byte
	Trusted                                []string // nil: a person is asked about each program
}

// securityStandIn puts the stand-in where no other test looks, and says where.
func securityStandIn(t *testing.T) (path string) {
	t.Helper()
	home := t.TempDir()
	t.Setenv("HOME", home)
	if err := os.MkdirAll(filepath.Join(home, "Library/Keychains"), 0o700); err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	program(t, home, "security", "GORACE=atexit_sleep_ms=0 STORE_TEST_CHILD=security STORE_TEST_SECURITY="+home+"/security exec "+self+` "$@"`)
	return filepath.Join(home, "security")
}

func keychainOf(t *testing.T, path string, o Options) Store {
	t.Helper()
	o = o.withDefaults()
	d, err := openSecurity(path, o)
	if err != nil {
		t.Fatal(err)
	}
	return newBounded(entryOf(t, "keychain"), d, 20*time.Second) // a slow machine starts it slowly
}

func (k *fakeKeychain) file() string {
	return filepath.Join(os.Getenv("HOME"), "Library/Keychains", cmp.Or(k.name, "aws-vault.keychain")+"-db")
}

func (k *fakeKeychain) load() error {
	data, err := os.ReadFile(k.file())
	if err == nil {
		err = json.Unmarshal(data, k)
	}
	return err
}

func (k *fakeKeychain) save() error {
	data, err := json.Marshal(k)
	if err == nil {
		err = os.WriteFile(k.file(), data, 0o600)
	}
	return err
}

// state loads the stand-in's keychain, lets f change it, and saves it.
func state(t *testing.T, f func(k *fakeKeychain)) {
	t.Helper()
	var k fakeKeychain
	if err := k.load(); err != nil {
		t.Fatal(err)
	}
	f(&k)
	if err := k.save(); err != nil {
		t.Fatal(err)
	}
}

// said returns what the stand-in noted: "args" are its arguments, "dialogs" what it
// would have asked.
func said(name string) string {
	text, _ := os.ReadFile(filepath.Join(os.Getenv("HOME"), name))
	return string(text)
}

func note(name, text string) {
	f, err := os.OpenFile(filepath.Join(os.Getenv("HOME"), name), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err == nil {
		_, _ = f.WriteString(text + "\n")
		_ = f.Close()
	}
}

// dialog is a person who sees a question, and agrees unless told to decline.
func dialog(text string) bool {
	note("dialogs", text)
	_, err := os.Stat(filepath.Join(os.Getenv("HOME"), "decline"))
	return err != nil
}

// playSecurity is the stand-in's main.
func playSecurity() int {
	note("args", fmt.Sprintf("%q", os.Args[1:]))
	if len(os.Args) == 2 && os.Args[1] == "-i" {
		status := 0
		for in := bufio.NewReader(os.Stdin); ; {
			line, err := fakeLine(in)
			if err != nil {
				return status
			}
			args := fakeSplit(line)
			note("lines", fmt.Sprintf("%q", args))
			if status = fakeCommand(args); status != 0 {
				fmt.Fprintf(os.Stderr, "%s: returned %d\n", args[0], status)
			}
		}
	}
	return fakeCommand(os.Args[1:])
}

// fakeLine reads at most 4095 characters of a line; the next read goes on from there.
func fakeLine(in *bufio.Reader) (string, error) {
	var line []byte
	for len(line) < 4095 {
		c, err := in.ReadByte()
		if err != nil {
			return "", io.EOF // a line without its end is dropped
		}
		if c == '\n' {
			break
		}
		line = append(line, c)
	}
	return string(line), nil
}

// fakeSplit splits a line as the real one does: a quote begins a quoted word only where
// a word begins, and its end is the end of the word.
func fakeSplit(line string) []string {
	var words []string
	var word []byte
	var quote byte
	in, escaped := false, false
	for _, c := range []byte(line) {
		space := strings.IndexByte(" \t\v\f\r", c) >= 0
		switch {
		case !in && space:
		case !in && (c == '"' || c == '\''):
			in, quote, word = true, c, nil
		case escaped:
			word, escaped = append(word, c), false
		case in && c == '\\', !in && c == '\\':
			if !in {
				in, quote, word = true, 0, nil
			}
			escaped = true
		case in && (quote != 0 && c == quote || quote == 0 && space):
			words, in = append(words, string(word)), false
		case !in:
			in, quote, word = true, 0, []byte{c}
		default:
			word = append(word, c)
		}
	}
	if in {
		words = append(words, string(word))
	}
	return words
}

// fakeOptions reads options as getopt does: each of flags that a colon follows takes a word.
func fakeOptions(args []string, flags string) (given map[byte][]string, rest []string, ok bool) {
	given = map[byte][]string{}
	for len(args) > 0 {
		one := args[0]
		if len(one) < 2 || one[0] != '-' {
			break
		}
		args = args[1:]
		i := strings.IndexByte(flags, one[1])
		if i < 0 || len(one) > 2 {
			return nil, nil, false
		}
		value := ""
		if i+1 < len(flags) && flags[i+1] == ':' {
			if len(args) == 0 {
				return nil, nil, false
			}
			value, args = args[0], args[1:]
		}
		given[one[1]] = append(given[one[1]], value)
	}
	return given, args, true
}

func fakeCommand(args []string) int {
	if len(args) == 0 {
		return 0
	}
	if text, err := os.ReadFile(filepath.Join(os.Getenv("HOME"), "status")); err == nil {
		status, _ := strconv.Atoi(string(text))
		fmt.Fprintln(os.Stderr, "security: SecKeychain: forced")
		return status
	}
	command, known := securityUsage[args[0]]
	given, keychain, err := command.fits(args)
	if !known || err != nil {
		fmt.Fprintln(os.Stderr, "Usage: …", err)
		return 2
	}
	k := fakeKeychain{name: keychain}
	err = k.load()
	if args[0] == "create-keychain" {
		if err == nil || !dialog("a password for the new keychain") {
			return secCanceled
		}
		k.Password = "typed"
		return fakeSaved(k)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "security: SecKeychainSearchCopyNext: The specified keychain could not be found.")
		return secNoKeychain
	}
	return map[string]func(*fakeKeychain, map[byte][]string) int{
		"unlock-keychain": fakeUnlock, "dump-keychain": fakeDump, "add-generic-password": fakeAdd,
		"find-generic-password": fakeFind, "delete-generic-password": fakeDelete,
	}[args[0]](&k, given)
}

func fakeSaved(k fakeKeychain) int {
	if k.save() != nil {
		return 1
	}
	return 0
}

func fakeUnlock(k *fakeKeychain, given map[byte][]string) int {
	p, explicit := given['p']
	switch {
	case !k.Locked:
		return 0 // whatever the password
	case explicit && p[0] != k.Password:
		fmt.Fprintln(os.Stderr, "security: SecKeychainUnlock aws-vault.keychain: The user name or passphrase you entered is not correct.")
		return secAuthFailed
	case !explicit && !dialog("the password of the keychain"):
		return secCanceled
	}
	k.Locked = false
	return fakeSaved(*k)
}

// unlocked asks for the password as any call does that needs it.
func unlocked(k *fakeKeychain) bool {
	if k.Locked && !dialog("the password of the keychain") {
		return false
	}
	k.Locked = false
	_ = k.save()
	return true
}

// search finds the first item that has all that was given.
func search(k *fakeKeychain, given map[byte][]string) int {
	return slices.IndexFunc(k.Items, func(i fakeSecret) bool {
		for flag, has := range map[byte]string{'s': i.Service, 'a': i.Account, 'l': i.Label, 'D': i.Kind, 'j': i.Comment} {
			if want, is := given[flag]; is && want[0] != has {
				return false
			}
		}
		return true
	})
}

func fakeAdd(k *fakeKeychain, given map[byte][]string) int {
	first := func(flag byte) string {
		if v := given[flag]; len(v) > 0 {
			return v[0]
		}
		return ""
	}
	if given['l'] == nil {
		given['l'] = given['s']
	}
	data, err := hex.DecodeString(first('X'))
	if given['a'] == nil || given['s'] == nil || err != nil {
		return 2
	}
	if !unlocked(k) {
		return secCanceled
	}
	if given['w'] != nil {
		data = []byte(first('w'))
	}
	if race := filepath.Join(os.Getenv("HOME"), "race"); os.Remove(race) == nil { // another process is faster
		k.Items = append(k.Items, fakeSecret{Service: first('s'), Account: first('a'), Label: "another", Trusted: []string{os.Getenv("STORE_TEST_SECURITY")}})
	}
	if i := search(k, given); i >= 0 && given['U'] != nil {
		if given['T'] != nil && !dialog("may the access of the item be changed") {
			return secCanceled
		}
		k.Items[i].Data = data
		return fakeSaved(*k)
	}
	if slices.ContainsFunc(k.Items, func(i fakeSecret) bool { return i.Service == first('s') && i.Account == first('a') }) {
		fmt.Fprintln(os.Stderr, "security: SecKeychainItemCreateFromContent (aws-vault.keychain): The specified item already exists in the keychain.")
		_ = k.save()
		return secDuplicate
	}
	one := fakeSecret{Service: first('s'), Account: first('a'), Label: first('l'), Kind: first('D'), Comment: first('j'), Data: data}
	for _, app := range given['T'] {
		if app != "" {
			one.Trusted = append(one.Trusted, app)
		}
	}
	if given['T'] == nil {
		one.Trusted = []string{os.Getenv("STORE_TEST_SECURITY")}
	}
	k.Items = append(k.Items, one)
	return fakeSaved(*k)
}

func fakeFind(k *fakeKeychain, given map[byte][]string) int {
	i := search(k, given)
	if i < 0 {
		fmt.Fprintln(os.Stderr, "security: SecKeychainSearchCopyNext: The specified item could not be found in the keychain.")
		return secItemNotFound
	}
	if given['g'] != nil {
		switch {
		case !unlocked(k):
			return secCanceled
		case !slices.Contains(k.Items[i].Trusted, os.Getenv("STORE_TEST_SECURITY")) && !dialog("may security read "+k.Items[i].Account):
			return secCanceled
		}
	}
	fakeShow(k.Items[i])
	if given['g'] != nil {
		fmt.Fprintf(os.Stderr, "password: %s\n", fakePrint(k.Items[i].Data))
	}
	return 0
}

func fakeDelete(k *fakeKeychain, given map[byte][]string) int {
	i := search(k, given)
	if i < 0 {
		fmt.Fprintln(os.Stderr, "security: SecKeychainSearchCopyNext: The specified item could not be found in the keychain.")
		return secItemNotFound
	}
	k.Items = slices.Delete(k.Items, i, i+1)
	fmt.Println("password has been deleted.")
	return fakeSaved(*k)
}

func fakeDump(k *fakeKeychain, given map[byte][]string) int {
	if len(given) > 0 {
		return 2 // -d and its like would show secrets
	}
	for _, i := range k.Items {
		fakeShow(i)
	}
	return 0
}

func fakeShow(i fakeSecret) {
	attribute := func(name, value string) string {
		if value == "" {
			return "    " + name + "<blob>=<NULL>\n"
		}
		return "    " + name + "<blob>=" + fakePrint([]byte(value)) + "\n"
	}
	fmt.Print("keychain: \"/Users/x/Library/Keychains/aws-vault.keychain-db\"\nversion: 512\nclass: \"genp\"\nattributes:\n" +
		attribute("0x00000007 ", i.Label) + attribute(`"acct"`, i.Account) + `    "cdat"<timedate>=0x3230  "20"` + "\n" +
		attribute(`"desc"`, i.Kind) + attribute(`"icmt"`, i.Comment) + attribute(`"svce"`, i.Service))
}

// fakePrint prints a value as the real one does.
func fakePrint(data []byte) string {
	plain := func(c byte) bool { return c >= ' ' && c <= '~' && c != '\\' }
	var text strings.Builder
	some, all := false, true
	for _, c := range data {
		if plain(c) {
			some = true
			text.WriteByte(c)
		} else {
			all = false
			fmt.Fprintf(&text, `\%03o`, c)
		}
	}
	shown := ""
	if !all {
		shown = fmt.Sprintf("0x%X ", data)
		if some {
			shown += " "
		}
	}
	if some {
		shown += `"` + text.String() + `"`
	}
	return shown
}

func init() { stages["keychain"] = TestSecurityConforms }

func TestSecurityConforms(t *testing.T) {
	path := securityStandIn(t)
	s := keychainOf(t, path, Options{})
	conforms(t, s, 0, 1, 100, securitySize, securitySize+1, 20_000)
	state(t, func(k *fakeKeychain) {
		if len(k.Items) != 0 {
			t.Errorf("%d items are left behind", len(k.Items))
		}
	})
	// Keys that do not expire are given to no program without asking, so each read is confirmed.
	for i, line := range strings.Split(strings.TrimSpace(said("dialogs")), "\n") {
		if i == 0 && line != "a password for the new keychain" || i > 0 && !strings.HasPrefix(line, "may security read ") {
			t.Errorf("an unexpected dialog: %s", line)
		}
	}
}

func TestSecurityIsGivenNoSecretAsAnArgument(t *testing.T) {
	path := securityStandIn(t)
	s := keychainOf(t, path, Options{})
	const secret = "fake/secret+value"
	put(t, s, "prod", secret)
	put(t, s, "prod", secret)
	wantValue(t, s, "prod", secret)
	if err := s.Delete(soon(t), "prod"); err != nil {
		t.Fatal(err)
	}
	args := said("args")
	if strings.Contains(args, secret) || strings.Contains(args, hex.EncodeToString([]byte(secret))) || !strings.Contains(args, "find-generic-password") {
		t.Errorf("its arguments were\n%s", args)
	}
}

// Values that look like the way security prints others.
func TestSecurityReadsBackWhatIsPrintedAmbiguously(t *testing.T) {
	s := keychainOf(t, securityStandIn(t), Options{})
	for _, value := range []string{"", "0x41", `0x41  "A"`, `"quoted"`, `"`, `""`, "616263", "a\nb", "\\", "é", "password: x", "<NULL>", `{"AccessKeyID":"AKIA"}`, "\x00\xff"} {
		put(t, s, "k", value)
		wantValue(t, s, "k", value)
	}
}

func TestSecurityKeepsTheItemsOfAWSVault(t *testing.T) {
	path := securityStandIn(t)
	s := keychainOf(t, path, Options{})
	put(t, s, "prod", "v")
	session := SessionName("prod", "x")
	put(t, s, session, "token")
	state(t, func(k *fakeKeychain) {
		want := []fakeSecret{
			{Service: "aws-vault", Account: "prod", Label: "aws-vault (prod)", Data: []byte("v")},
			{Service: "aws-vault", Account: session, Label: "aws-vault session", Kind: "aws-vault session", Comment: trustedMark, Data: []byte("token"), Trusted: []string{path}},
		}
		if fmt.Sprint(k.Items) != fmt.Sprint(want) {
			t.Errorf("%v\nwant %v", k.Items, want)
		}
		k.Items = append(k.Items, fakeSecret{Service: "aws-vault", Account: "theirs", Label: "renamed by hand", Data: []byte("old"), Trusted: []string{"/Applications/aws-vault"}},
			fakeSecret{Service: "something else", Account: "other", Label: "keychain: \"x\""})
	})
	before := said("dialogs")
	put(t, s, "theirs", "new")
	if said("dialogs") != before {
		t.Error("replacing an item asked a person")
	}
	state(t, func(k *fakeKeychain) {
		if i := k.Items[2]; string(i.Data) != "new" || i.Label != "renamed by hand" || len(i.Trusted) != 1 {
			t.Errorf("%+v", i)
		}
	})
	if names, err := s.List(soon(t), ""); err != nil || !slices.Equal(names, []string{"prod", "theirs", session}) {
		t.Errorf("%q, %v", names, err)
	}
}

func TestSecurityDoesNotAskWhenQuiet(t *testing.T) {
	path := securityStandIn(t)
	quiet, loud := keychainOf(t, path, Options{Quiet: true}), keychainOf(t, path, Options{})
	if err := quiet.Put(soon(t), "k", creds.New("v")); !errors.Is(err, ErrLocked) {
		t.Errorf("without a keychain: %v", err)
	}
	if err := getErr(t, quiet, "k"); !errors.Is(err, ErrNotFound) {
		t.Errorf("without a keychain: %v", err)
	}
	session := SessionName("prod", "x")
	put(t, loud, session, "token")
	put(t, loud, "prod", "key")
	state(t, func(k *fakeKeychain) {
		k.Items = append(k.Items, fakeSecret{Service: "aws-vault", Account: SessionName("cgo", "x"), Trusted: []string{"/usr/local/bin/vault"}})
	})
	before := said("dialogs")
	put(t, quiet, session, "renewed")
	wantValue(t, quiet, session, "renewed")
	for _, name := range []string{"prod", SessionName("cgo", "x")} {
		if err := getErr(t, quiet, name); !errors.Is(err, ErrLocked) || !strings.Contains(err.Error(), "asks a person") {
			t.Errorf("%s: %v", name, err)
		}
	}
	state(t, func(k *fakeKeychain) { k.Locked = true })
	for call, err := range everyCall(soon(t), quiet) {
		if !errors.Is(err, ErrLocked) {
			t.Errorf("%s of a locked keychain: %v", call, err)
		}
	}
	if said("dialogs") != before {
		t.Errorf("it asked: %s", said("dialogs"))
	}
	wantValue(t, loud, "prod", "key")
	if asked := strings.TrimPrefix(said("dialogs"), before); asked != "the password of the keychain\nmay security read prod\n" {
		t.Errorf("not quiet it asked: %s", asked)
	}
}

func TestSecurityThatAPersonDeclinesIsLocked(t *testing.T) {
	path := securityStandIn(t)
	s := keychainOf(t, path, Options{})
	decline := filepath.Join(os.Getenv("HOME"), "decline")
	if err := os.WriteFile(decline, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := s.Put(soon(t), "k", creds.New("v")); !errors.Is(err, ErrLocked) {
		t.Errorf("making the keychain: %v", err)
	}
	if err := os.Remove(decline); err != nil {
		t.Fatal(err)
	}
	put(t, s, "k", "v")
	if err := os.WriteFile(decline, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := getErr(t, s, "k"); !errors.Is(err, ErrLocked) {
		t.Errorf("reading: %v", err)
	}
}

func TestSecurityLinesAreSplitBackIntoTheirWords(t *testing.T) {
	words := append([]string{"", " ", `"`, `\`, `\"`, "'", "a'b", `"a" "b"`, "-T", "é\u00a0", "$(id)"}, "x")
	line, err := commandLine(words)
	if got := fakeSplit(strings.TrimSuffix(string(line), "\n")); err != nil || !slices.Equal(got, words) {
		t.Errorf("%q came back as %q, %v", words, got, err)
	}
	if _, err := commandLine([]string{"two\nlines"}); err == nil {
		t.Error("a second line was written")
	}
	if _, err := commandLine([]string{strings.Repeat(`\`, 2100)}); err == nil {
		t.Error("a line that security would cut was written")
	}
}

func TestSecurityNamesComeBack(t *testing.T) {
	seen := map[string]string{}
	for _, name := range append([]string{"%0A", "%250A", "%25250A", "a\nb", "a%0Ab", "a%250Ab", "%", "%2", "%zz", "\x7f", "%7f", "%7F"}, awkward...) {
		account := accountName(name)
		if strings.ContainsFunc(account, isControl) || itemName(account) != name || seen[account] != "" {
			t.Errorf("%q is kept as %q, which is %q; also of %q", name, account, itemName(account), seen[account])
		}
		seen[account] = name
	}
	for _, name := range []string{"prod", "50%", "a%2Fb", "ünï"} {
		if accountName(name) != name {
			t.Errorf("%q is not where AWS Vault looks for it", name)
		}
	}
}

func TestSecurityRefusesWhatIsNotTheNameOfAKeychain(t *testing.T) {
	path := securityStandIn(t)
	for _, name := range []string{"-i", "a/b", "a\nb"} {
		if _, err := openSecurity(path, Options{KeychainName: name}); err == nil {
			t.Errorf("%q was taken", name)
		}
	}
}

// A release for macOS that is built elsewhere has the keychain, through security.
func TestAMacBuildWithoutCgoHasTheKeychain(t *testing.T) {
	testenv.Require(t, "keychain", "go")
	build := func(args ...string) []byte {
		cmd := exec.CommandContext(t.Context(), "go", args...)
		cmd.Env = append(slices.Clone(inherited), "GOOS=darwin", "CGO_ENABLED=0")
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		return out
	}
	files := string(build("list", "-f", "{{.GoFiles}}", "."))
	if !strings.Contains(files, "keychain_darwin_nocgo.go") || !strings.Contains(files, "security_unix.go") {
		t.Error(files)
	}
	testenv.OnlyLong(t, "builds the program for macOS")
	bin := filepath.Join(t.TempDir(), "vault")
	build("build", "-o", bin, "..")
	data, err := os.ReadFile(bin)
	if err != nil || !bytes.Contains(data, []byte("/usr/bin/security")) || !bytes.Contains(data, []byte("find-generic-password")) {
		t.Errorf("the program does not call security (%v)", err)
	}
}
