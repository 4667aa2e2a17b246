//go:build !windows

package store

import (
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/99designs/keyring"

	"github.com/d44b7504/vault/internal/creds"
	"github.com/d44b7504/vault/internal/testenv"
)

// usage is what "security help COMMAND" says of a command: the options that stand alone, those that take a word,
// and those that have to be there.
type usage struct{ alone, take, must string }

// securityUsage are the commands that this program uses, from Apple's SecurityTool (the table of security.c).
var securityUsage = map[string]usage{
	"create-keychain":         {alone: "P", take: "p"},
	"unlock-keychain":         {alone: "u", take: "p"},
	"dump-keychain":           {alone: "adir"},
	"add-generic-password":    {alone: "AU", take: "acCDGjlspwXT", must: "as"},
	"find-generic-password":   {alone: "gw", take: "acCDGjls"},
	"delete-generic-password": {take: "acCDGjls"},
}

// mostWords is how many words security takes in a line.
const mostWords = 32

// fits says what is wrong with a call, nil if nothing is. The last word is the one keychain that the command is for.
func (u usage) fits(args []string) (given map[byte][]string, keychain string, err error) {
	flags := u.alone
	for _, f := range u.take {
		flags += string(f) + ":"
	}
	given, rest, ok := fakeOptions(args[1:], flags)
	switch {
	case !ok:
		err = errors.New("an option that it does not have, or one without its word")
	case len(args) > mostWords:
		err = errors.New("too many words")
	case len(rest) != 1 || !strings.HasSuffix(rest[0], ".keychain") || strings.ContainsRune(rest[0], '/'):
		err = errors.New("not one keychain")
	}
	for _, f := range []byte(u.must) {
		if given[f] == nil {
			err = errors.New("an option is missing: -" + string(f))
		}
	}
	if err == nil {
		keychain = rest[0]
	}
	return given, keychain, err
}

// The numbers are those of Apple's SecBase.h and MacErrors.h; a program exits with the low byte.
func TestAStatusOfSecurityIsTheLowByteOfApplesNumber(t *testing.T) {
	for apple, status := range map[int]int{-25300: secItemNotFound, -25299: secDuplicate, -25294: secNoKeychain, -25293: secAuthFailed,
		-25308: secNoInteraction, -25315: secNeedsPerson, -128: secCanceled} {
		if int(uint8(apple)) != status {
			t.Errorf("%d is %d, not %d", apple, uint8(apple), status)
		}
	}
}

// Each status that security can end with is told in words, without what was to be stored.
func TestSecurityTellsWhatAStatusMeans(t *testing.T) {
	path := securityStandIn(t)
	s := keychainOf(t, path, Options{})
	put(t, s, "prod", "old")
	for status, want := range map[int]error{secItemNotFound: ErrNotFound, secNoKeychain: ErrNotFound, secAuthFailed: ErrLocked, secNoInteraction: ErrLocked,
		secNeedsPerson: ErrLocked, secCanceled: ErrLocked, secDuplicate: ErrUnavailable, 1: ErrUnavailable, 2: ErrUnavailable} {
		if err := os.WriteFile(filepath.Join(os.Getenv("HOME"), "status"), []byte(strconv.Itoa(status)), 0o600); err != nil {
			t.Fatal(err)
		}
		for call, err := range map[string]error{"get": getErr(t, s, "prod"), "put": s.Put(soon(t), "prod", creds.New("a new secret")), "delete": s.Delete(soon(t), "prod")} {
			found := errors.Is(err, want) || want == ErrUnavailable && err != nil && !errors.Is(err, ErrNotFound) && !errors.Is(err, ErrLocked)
			if call == "put" && errors.Is(want, ErrNotFound) {
				found = err != nil
			}
			if !found || err != nil && (strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), "-i:")) {
				t.Errorf("status %d, %s: %v; want %v", status, call, err, want)
			}
		}
	}
	_ = os.Remove(filepath.Join(os.Getenv("HOME"), "status"))
	wantValue(t, s, "prod", "old")
}

// An item that another process makes in the same moment, under another label, is replaced and not refused.
func TestSecurityReplacesAnItemThatIsMadeInTheSameMoment(t *testing.T) {
	path := securityStandIn(t)
	s := keychainOf(t, path, Options{})
	put(t, s, "first", "x")
	if err := os.WriteFile(filepath.Join(os.Getenv("HOME"), "race"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	put(t, s, "prod", "new")
	wantValue(t, s, "prod", "new")
}

// The whole life of items in a keychain of another name, with values that are printed in other forms.
func TestSecurityKeepsItemsInAKeychainOfAnotherName(t *testing.T) {
	path := securityStandIn(t)
	s, other := keychainOf(t, path, Options{KeychainName: "work keys"}), keychainOf(t, path, Options{})
	long := strings.Repeat("é\n", securitySize)
	for name, value := range map[string]string{"plain": "x", "two\nlines": "a\nb", "Zoë": "\x00\xff", "long": long} {
		put(t, s, name, value)
		put(t, s, name, value+"!")
		wantValue(t, s, name, value+"!")
		if err := getErr(t, other, name); !errors.Is(err, ErrNotFound) {
			t.Errorf("%s in the usual keychain: %v", name, err)
		}
	}
	if names, err := s.List(soon(t), ""); err != nil || !slices.Equal(names, []string{"Zoë", "long", "plain", "two\nlines"}) {
		t.Errorf("%q, %v", names, err)
	}
	for _, name := range []string{"plain", "two\nlines", "Zoë", "long"} {
		if err := s.Delete(soon(t), name); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for line := range strings.Lines(said("args")) {
		if !strings.Contains(line, `"-i"`) && !strings.Contains(line, ".keychain") {
			t.Errorf("a call for no keychain: %s", line)
		}
	}
}

// keychainFacts say what an item is made of, in the two ways in which it is written: the calls of the keyring
// library (with cgo), and the options of security (without).
var keychainFacts = []struct{ what, call, argument, option string }{
	{"the service", "SetService", "k.service", "-s"},
	{"the account", "SetAccount", "item.Key", "-a"},
	{"the label", "SetLabel", "item.Label", "-l"},
	{"the kind", "SetDescription", "item.Description", "-D"},
	{"the value", "SetData", "item.Data", "-X"},
}

// A build with cgo finds the items of one without, and the other way round. The library's source is read, because
// it can be compiled on a Mac alone.
func TestBothWaysToTheKeychainWriteTheSameItems(t *testing.T) {
	testenv.Require(t, "keychain", "go")
	cmd := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "github.com/99designs/keyring")
	cmd.Env = inherited
	dir, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	calls := callsIn(t, filepath.Join(strings.TrimSpace(string(dir)), "keychain.go"), "Set")
	path := securityStandIn(t)
	s := keychainOf(t, path, Options{})
	put(t, s, SessionName("prod", "x"), "token")
	written := said("lines")
	c := config(keyring.KeychainBackend, Options{}.withDefaults())
	for _, f := range keychainFacts {
		if calls["kcItem."+f.call] != f.argument {
			t.Errorf("the library sets %s with %s(%s), not %s", f.what, f.call, calls["kcItem."+f.call], f.argument)
		}
		if !strings.Contains(written, strconv.Quote(f.option)) {
			t.Errorf("security is not given %s: %s", f.what, written)
		}
	}
	if c.ServiceName != serviceName || c.KeychainName+".keychain" != "aws-vault.keychain" || !c.KeychainTrustApplication || c.KeychainSynchronizable {
		t.Errorf("the library is given %+v", c)
	}
}

// callsIn are the calls with one argument in a method, with the argument as it is written.
func callsIn(t *testing.T, file, method string) map[string]string {
	t.Helper()
	source, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	files := token.NewFileSet()
	tree, err := parser.ParseFile(files, file, source, 0)
	if err != nil {
		t.Fatal(err)
	}
	text := func(n ast.Node) string {
		return string(source[files.Position(n.Pos()).Offset:files.Position(n.End()).Offset])
	}
	calls := map[string]string{}
	for _, d := range tree.Decls {
		if f, is := d.(*ast.FuncDecl); is && f.Name.Name == method {
			ast.Inspect(f, func(n ast.Node) bool {
				if c, is := n.(*ast.CallExpr); is && len(c.Args) == 1 {
					calls[text(c.Fun)] = text(c.Args[0])
				}
				return true
			})
		}
	}
	return calls
}
