package cmd_test

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/d44b7504/vault/internal/fakeaws"
	"github.com/d44b7504/vault/internal/testenv"
)

// smallDisk mounts a disk of its own for the test, which only root may do.
func smallDisk(t *testing.T, size string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size="+size); err != nil {
		testenv.Missing(t, "mount", err.Error())
	}
	t.Cleanup(func() { check(syscall.Unmount(dir, syscall.MNT_DETACH)) })
	return dir
}

// A disk of its own, filled to the last byte: the kernel's own ENOSPC, for the keyring,
// the runtime directory and the config file alike.
func TestADiskFilledToTheLastByte(t *testing.T) {
	disk := smallDisk(t, "256k")
	w := must(makeWorld(disk, fakeaws.Options{}))
	t.Cleanup(func() { _ = w.aws.Close() })
	w.write("home/.aws/config", roleConfig)
	w.role("prod", fakeaws.Trust{Principals: []string{w.stored("alice", "base")}})
	fill(filepath.Join(disk, "ballast"))

	r := w.vault(t, w.environ(), "use", "prod", "--shell", "bash")
	if r.status != 0 || !strings.Contains(r.out, "AWS_SECRET_ACCESS_KEY=") || !strings.Contains(r.err, "the disk is full") {
		t.Errorf("use: status %d: %s", r.status, r.err)
	}
	w.intact(t)

	_, k := w.user("bob")
	environ := w.environ("AWS_ACCESS_KEY_ID="+k.ID, "AWS_SECRET_ACCESS_KEY="+k.Secret.Reveal())
	before := stripTimes(snapshot(w.path("keys")) + snapshot(w.path("home")))
	for _, name := range []string{"new", "base"} {
		r = w.vault(t, environ, "add", "--env", "--no-check", name)
		if oneSentence(t, r); !strings.Contains(r.err, "the disk is full") {
			t.Errorf("add %s: %s", name, r.err)
		}
	}
	if after := stripTimes(snapshot(w.path("keys")) + snapshot(w.path("home"))); after != before {
		t.Errorf("half-written:\n%s\nbefore:\n%s", after, before)
	}

	// With room again all is as it should be.
	check(os.Remove(filepath.Join(disk, "ballast")))
	if r := w.vault(t, w.environ(), "use", "prod", "--shell", "bash"); r.status != 0 || strings.Count(r.err, "\n") != 1 {
		t.Errorf("with room again: status %d: %s", r.status, r.err)
	}
}

// fill writes a file until nothing more fits.
func fill(file string) {
	f := must(os.Create(file))
	defer func() { _ = f.Close() }()
	for size := 4096; size > 0; size /= 2 {
		block := make([]byte, size)
		for {
			if _, err := f.Write(block); err != nil {
				break
			}
		}
	}
}
