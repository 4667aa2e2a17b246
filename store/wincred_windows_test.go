package store

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"github.com/99designs/keyring"

	"github.com/d44b7504/vault/internal/creds"
	"github.com/d44b7504/vault/internal/testenv"
)

func init() {
	parts["wincred-put"] = func() int {
		return inWincred(func(s Store) error { return s.Put(context.Background(), "from a child", bigSecret) })
	}
	parts["wincred-get"] = func() int {
		return inWincred(func(s Store) error {
			got, err := s.Get(context.Background(), "from the parent")
			if err == nil && !got.Equal(bigSecret) {
				err = fmt.Errorf("it has %d bytes", len(got.Reveal()))
			}
			return err
		})
	}
}

// bigSecret takes several credentials.
var bigSecret = creds.New(strings.Repeat("a long session token ", 400))

func inWincred(f func(Store) error) int {
	s, err := Open(context.Background(), Options{Backend: "wincred"})
	if err == nil {
		err = f(s)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func init() {
	stages["wincred"] = wincredConforms
	stages["helper"] = func(t *testing.T) { testenv.Missing(t, "helper-windows", "these tests have no helper for Windows") }
}

func wincredConforms(t *testing.T) {
	s := open(t, Options{Backend: "wincred"})
	conforms(t, s, 0, 1, 100, credentialSize, credentialSize+1, 40_000)
	if f := finding(t, Probe(soon(t), Options{}), "wincred"); !f.Chosen || f.Items != 0 || f.Where == "" {
		t.Errorf("%+v", f)
	}
}

// Both tools find each other's items: the name of the credential and its bytes are the
// library's.
func TestWincredItemsAreWhereAWSVaultLooks(t *testing.T) {
	s := open(t, Options{Backend: "wincred"})
	put(t, s, "prod", "the item")
	defer func() { _ = s.Delete(soon(t), "prod") }()
	if !credentialExists(t, "aws-vault:aws-vault:prod") || credentialExists(t, "aws-vault:aws-vault:other") {
		t.Error("there is no credential of AWS Vault's name")
	}
	lib, err := keyring.Open(config(keyring.WinCredBackend, Options{}))
	if err != nil {
		t.Fatal(err)
	}
	if item, err := lib.Get("prod"); err != nil || string(item.Data) != "the item" {
		t.Errorf("%q, %v", item.Data, err)
	}
	if err := lib.Set(keyring.Item{Key: "theirs", Data: []byte("their item")}); err != nil {
		t.Fatal(err)
	}
	wantValue(t, s, "theirs", "their item")
	if err := s.Delete(soon(t), "theirs"); err != nil {
		t.Error(err)
	}
}

func credentialExists(t *testing.T, target string) bool {
	t.Helper()
	name, err := syscall.UTF16PtrFromString(target)
	if err != nil {
		t.Fatal(err)
	}
	const generic = 1
	var found *byte
	ok, _, _ := syscall.NewLazyDLL("advapi32.dll").NewProc("CredReadW").Call(uintptr(unsafe.Pointer(name)), generic, 0, uintptr(unsafe.Pointer(&found)))
	return ok != 0 // what was found is leaked, in a test
}

func TestWincredItemsOutliveTheProcess(t *testing.T) {
	s := open(t, Options{Backend: "wincred"})
	another(t, "wincred-put")
	wantValue(t, s, "from a child", bigSecret.Reveal())
	put(t, s, "from the parent", bigSecret.Reveal())
	another(t, "wincred-get")
	for _, name := range []string{"from a child", "from the parent"} {
		if err := s.Delete(soon(t), name); err != nil {
			t.Error(err)
		}
	}
	if names, err := s.(*bounded).d.(*partsDriver).driver.keys(soon(t), ""); err != nil || len(names) != 0 {
		t.Errorf("left are %q, %v", names, err)
	}
}

// another runs this program again to play a part. It needs no folder of the test's:
// under Wine those cannot be removed.
func another(t *testing.T, part string) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(soon(t), self, "-test.run=^$")
	cmd.Env = append(os.Environ(), "STORE_TEST_CHILD="+part)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", part, err, out)
	}
}
