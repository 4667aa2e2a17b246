package atomicfile_test

// What a container or a small disk does to a file. The kernel lets an ordinary user mount
// things in a namespace of their own, as long as the system allows such namespaces.

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/d44b7504/vault/internal/atomicfile"
	"github.com/d44b7504/vault/internal/testenv"
)

func init() {
	changes["onto a mounted file"] = func(dir string) error {
		config := filepath.Join(dir, "config")
		if err := unix.Mount(config, config, "", unix.MS_BIND, ""); err != nil {
			return errNoMount{err}
		}
		return atomicfile.Write(config, []byte(newText))
	}
	changes["onto a full disk"] = func(dir string) error {
		config, err := smallDisk(dir)
		if err != nil {
			return err
		}
		filler, err := os.Create(filepath.Join(filepath.Dir(config), "filler"))
		if err != nil {
			return err
		}
		for err == nil {
			_, err = filler.Write(make([]byte, 512))
		}
		return showing(config, atomicfile.Write(config, make([]byte, 100_000)))
	}
	changes["onto a read-only disk"] = func(dir string) error {
		config, err := smallDisk(dir)
		if err != nil {
			return err
		}
		if err := unix.Mount("", filepath.Dir(config), "", unix.MS_REMOUNT|unix.MS_RDONLY, ""); err != nil {
			return errNoMount{err}
		}
		return showing(config, atomicfile.Write(config, []byte(newText)))
	}
}

// errNoMount: the test is not about this.
type errNoMount struct{ err error }

func (e errNoMount) Error() string { return "no mount here: " + e.err.Error() }

// smallDisk mounts 64 KB with a file.
func smallDisk(dir string) (config string, err error) {
	disk := filepath.Join(dir, "disk")
	if err := os.Mkdir(disk, 0o700); err != nil {
		return "", err
	}
	if err := unix.Mount("tmpfs", disk, "tmpfs", 0, "size=64k"); err != nil {
		return "", errNoMount{err}
	}
	config = filepath.Join(disk, "config")
	return config, os.WriteFile(config, []byte(oldText), 0o600)
}

// showing adds to an error what the file holds, which nobody else can see.
func showing(config string, err error) error {
	text, _ := os.ReadFile(config)
	return fmt.Errorf("%w; left: %q, holds: %q", err, atomicfile.Leftovers(filepath.Dir(config)), text)
}

// mounting runs a change in a namespace where this user may mount.
func mounting(t *testing.T, change, dir string) (said string) {
	t.Helper()
	c := exec.Command("/proc/self/exe")
	c.Env = []string{"VAULT_TEST_CHANGE=" + change + ":" + dir}
	c.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  unix.CLONE_NEWUSER | unix.CLONE_NEWNS,
		UidMappings: []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}},
	}
	out, err := c.CombinedOutput()
	var ended *exec.ExitError
	switch {
	case err == nil:
		t.Fatal("it was written")
	case !errors.As(err, &ended), strings.Contains(string(out), "no mount here"):
		testenv.Missing(t, "namespaces", fmt.Sprintf("%v %s", err, out))
	}
	return string(out)
}

// It cannot be replaced, and to overwrite it would leave half a file after a crash.
func TestAFileThatIsMountedByItselfIsRefusedInWords(t *testing.T) {
	dir := before(t)
	said := mounting(t, "onto a mounted file", dir)
	if !strings.Contains(said, "mount its directory instead of the file") {
		t.Errorf("it says %q", said)
	}
	holds(t, filepath.Join(dir, "config"), oldText)
}

func TestAFullDiskKeepsTheOldFile(t *testing.T) {
	said := mounting(t, "onto a full disk", t.TempDir())
	if !strings.HasPrefix(said, "true false ") || !strings.HasSuffix(said, fmt.Sprintf("; left: [], holds: %q\n", oldText)) {
		t.Errorf("it says %q", said)
	}
}

func TestAReadOnlyDiskKeepsTheOldFile(t *testing.T) {
	said := mounting(t, "onto a read-only disk", t.TempDir())
	if !strings.HasPrefix(said, "false true ") || !strings.HasSuffix(said, fmt.Sprintf("; left: [], holds: %q\n", oldText)) {
		t.Errorf("it says %q", said)
	}
}

// setfacl's lists are more than a mode: they are kept, and a list that the directory gives
// to new files opens nothing.
func TestAFileKeepsItsAccessList(t *testing.T) {
	const list, preset = "system.posix_acl_access", "system.posix_acl_default"
	dir := t.TempDir()
	config := filepath.Join(dir, "config")
	write(t, config, "old")
	// user::rw- user:12345:r-- group::--- mask::r-- other::---
	acl := []byte{
		2, 0, 0, 0, 1, 0, 6, 0, 255, 255, 255, 255, 2, 0, 4, 0, 0x39, 0x30, 0, 0, 4, 0, 0, 0, 255, 255, 255, 255,
		16, 0, 4, 0, 255, 255, 255, 255, 32, 0, 0, 0, 255, 255, 255, 255,
	}
	if err := unix.Setxattr(config, list, acl, 0); err != nil {
		testenv.Missing(t, "access-lists", err.Error())
	}
	write(t, config, "new")
	got := make([]byte, 200)
	if n, err := unix.Getxattr(config, list, got); err != nil || string(got[:n]) != string(acl) {
		t.Errorf("the list is %v, %v", got[:max(n, 0)], err)
	}
	plain := filepath.Join(dir, "plain")
	if err := errors.Join(os.WriteFile(plain, nil, 0o600), os.Chmod(plain, 0o640), unix.Setxattr(dir, preset, acl, 0)); err != nil {
		t.Fatal(err)
	}
	write(t, plain, "new")
	hasMode(t, plain, 0o640)
	if n, err := unix.Getxattr(plain, list, got); err == nil {
		t.Errorf("the file has got the list of its directory: %v", got[:n])
	}
}
