//go:build !windows

package store

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/99designs/keyring"

	"github.com/d44b7504/vault/internal/creds"
	"github.com/d44b7504/vault/internal/testenv"
)

// passwordStore makes a gpg key and a store for it, and ends the agent afterwards.
func passwordStore(t *testing.T, passphrase string) Options {
	t.Helper()
	testenv.Require(t, "pass", "pass", "gpg", "gpgconf")
	home, err := os.MkdirTemp("", "vg") // a socket's path has room for 107 bytes
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("GNUPGHOME", home)
	t.Cleanup(func() {
		_ = exec.Command("gpgconf", "--homedir", home, "--kill", "all").Run()
		_ = os.RemoveAll(home)
	})
	// Without this the agent spends seconds on finding a slow enough hash.
	if err := os.WriteFile(filepath.Join(home, "gpg-agent.conf"), []byte("s2k-count 65536\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "store")
	command(t, "gpg", "--batch", "--quiet", "--pinentry-mode", "loopback", "--passphrase", passphrase,
		"--quick-gen-key", "vault test <t@example.invalid>", "default", "default", "never")
	t.Setenv("PASSWORD_STORE_DIR", dir)
	command(t, "pass", "init", "t@example.invalid")
	return Options{Backend: "pass", PassDir: dir}
}

func command(t *testing.T, name string, args ...string) {
	t.Helper()
	if out, err := exec.CommandContext(soon(t), name, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", name, err, out)
	}
}

func init() {
	stages["pass"] = func(t *testing.T) {
		testenv.OnlyLong(t, slowHelper)
		conforms(t, open(t, passwordStore(t, "")), 0, 1, 100_000)
	}
}

func TestPassItemsAreReadByTheLibraryAndTheOtherWayRound(t *testing.T) {
	o := passwordStore(t, "")
	o.PassPrefix = "aws"
	s := open(t, o)
	lib, err := keyring.Open(keyring.Config{AllowedBackends: []keyring.BackendType{keyring.PassBackend}, PassDir: o.PassDir, PassPrefix: "aws"})
	if err != nil {
		t.Fatal(err)
	}
	put(t, s, "team/prod", "ours")
	if item, err := lib.Get("team/prod"); err != nil || string(item.Data) != "ours" || item.Label != "aws-vault (team/prod)" {
		t.Errorf("%s, %v", item.Label, err)
	}
	if err := lib.Set(keyring.Item{Key: "50%", Data: []byte("theirs")}); err != nil {
		t.Fatal(err)
	}
	wantValue(t, s, "50%", "theirs")
}

func TestPassIsLockedQuietlyWhenItsKeyNeedsAPassphrase(t *testing.T) {
	o := passwordStore(t, "fake passphrase")
	put(t, open(t, o), "k", "v") // encrypting needs none
	command(t, "gpgconf", "--kill", "gpg-agent")
	o.Quiet = true
	if err := getErr(t, open(t, o), "k"); !errors.Is(err, ErrLocked) {
		t.Error(err)
	}
}

func TestAWrongPassphraseOfGPGIsSaidAsThat(t *testing.T) {
	o := passwordStore(t, "fake passphrase")
	put(t, open(t, o), "k", "v")
	command(t, "gpgconf", "--kill", "gpg-agent")
	wrong := filepath.Join(t.TempDir(), "wrong")
	if err := os.WriteFile(wrong, []byte("another"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv(gpgOptions, "--batch --pinentry-mode loopback --passphrase-file "+wrong)
	if err := getErr(t, open(t, o), "k"); !errors.Is(err, ErrLocked) || err.Error() != "wrong passphrase for the key of gpg" {
		t.Error(err)
	}
}

func TestPassThatIsNotThereSaysWhatIsMissing(t *testing.T) {
	bin, dir := t.TempDir(), t.TempDir()
	t.Setenv("PATH", bin)
	want := func(words string) {
		t.Helper()
		_, err := Open(soon(t), Options{Backend: "pass", PassDir: dir})
		if !errors.Is(err, ErrUnavailable) || !strings.Contains(err.Error(), words) {
			t.Errorf("want %q: %v", words, err)
		}
	}
	want(`"pass" is not on the PATH`)
	program(t, bin, "pass", "exit 1")
	want("no password store in " + dir)
	if err := os.WriteFile(filepath.Join(dir, ".gpg-id"), []byte("x\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	want("gpg, which pass needs")
	program(t, bin, "gpg", "exit 1")
	put := open(t, Options{Backend: "pass", PassDir: dir}).Put(soon(t), "k", creds.New("v"))
	if !errors.Is(put, ErrUnavailable) {
		t.Error(put)
	}
}

func program(t *testing.T, dir, name, body string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+body+"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
}

// The stand-in for pass hangs together with a process of its own, as pass does with
// gpg; both have to be gone.
func TestPassThatHangsIsEndedAtTheDeadline(t *testing.T) {
	bin, dir := t.TempDir(), t.TempDir()
	pids := filepath.Join(dir, "pids")
	t.Setenv("AWS_VAULT_FILE_PASSPHRASE", "not for children")
	program(t, bin, "slowpass", `echo "$AWS_VAULT_FILE_PASSPHRASE" >'`+dir+`/seen'; /bin/sleep 600 & echo $! $$ >'`+pids+`'; wait`)
	t.Setenv("PATH", bin)
	s := open(t, Options{Backend: "pass", PassDir: dir, PassCmd: "slowpass", Quiet: true, Deadline: 300 * time.Millisecond})
	start := time.Now()
	err := s.Put(soon(t), "k", creds.New("v"))
	if !errors.Is(err, ErrUnavailable) || time.Since(start) > 5*time.Second {
		t.Errorf("after %v: %v", time.Since(start), err)
	}
	if seen, err := os.ReadFile(filepath.Join(dir, "seen")); err != nil || string(seen) != "\n" {
		t.Errorf("pass was given %q, %v", seen, err)
	}
	text, err := os.ReadFile(pids)
	if err != nil {
		t.Fatal(err)
	}
	for _, pid := range strings.Fields(string(text)) {
		gone(t, pid)
	}
}

// gone waits for a process to end.
func gone(t *testing.T, pid string) {
	t.Helper()
	var n int
	if err := json.Unmarshal([]byte(pid), &n); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		stat, _ := os.ReadFile("/proc/" + pid + "/stat")
		if syscall.Kill(n, 0) != nil || strings.Contains(string(stat), ") Z ") {
			return
		}
	}
	t.Errorf("process %d still runs", n)
	_ = syscall.Kill(n, syscall.SIGKILL)
}
