package cmd_test

// What was read back from memory is not on the disk. Before a key goes from its old place,
// the new one must survive a loss of power.

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/d44b7504/vault/internal/creds"
	"github.com/d44b7504/vault/internal/fakeaws"
	"github.com/d44b7504/vault/internal/testenv"
	"github.com/d44b7504/vault/store"
)

// lazyKey is the key that the helper has on the disk at dir, which may be a copy.
func lazyKey(w *world, name string) (creds.Key, error) {
	// The store finds the helper and its files by the environment of this process.
	old, home := os.Getenv("PATH"), os.Getenv("HOME")
	defer func() { check(os.Setenv("PATH", old)); check(os.Setenv("HOME", home)) }()
	check(os.Setenv("PATH", w.path("bin")+string(os.PathListSeparator)+old))
	check(os.Setenv("HOME", w.path("home")))
	s, err := store.Open(context.Background(), store.Options{Backend: "helper", Helper: "lazy", Quiet: true})
	if err != nil {
		return creds.Key{}, err
	}
	return store.GetKey(context.Background(), s, name)
}

// transfer is a command that takes a key from one place and puts it into another.
type transfer struct {
	name  string
	begin func(t *testing.T, w *world) (args []string)
	// gone is part of a call to the kernel after which the key is not in its old place.
	gone string
}

func transfers() []transfer {
	return []transfer{
		{"import", func(t *testing.T, w *world) []string {
			_, k := w.user("alice")
			w.write("home/.aws/credentials", inClear("work", k))
			return []string{"import", "--yes", "--no-check"}
		}, "home/.aws/credentials\""},
		{"migrate", func(t *testing.T, w *world) []string {
			w.stored("alice", "work")
			return []string{"migrate", "--from", "file:" + w.path("keys"), "--to", "helper:lazy", "--delete-source"}
		}, "unlinkat(AT_FDCWD, \"KEYS/work"},
		{"rotate", func(t *testing.T, w *world) []string {
			_, k := w.user("alice")
			r := w.vault(t, append(w.lazy(), "AWS_ACCESS_KEY_ID="+k.ID, "AWS_SECRET_ACCESS_KEY="+k.Secret.Reveal()), "add", "--env", "--no-check", "work")
			if r.status != 0 {
				t.Fatal(r.err)
			}
			return []string{"rotate", "work"}
		}, "unlinkat(AT_FDCWD, \"ITEMS/"}, // the copy of the new key beside the old one
	}
}

// The order of the calls shows it without a disk of its own.
func TestAKeyIsOnTheDiskBeforeItGoesFromItsOldPlace(t *testing.T) {
	strace := testenv.Require(t, "strace")
	for _, x := range transfers() {
		t.Run(x.name, func(t *testing.T) {
			w := newWorld(t, "[profile work]\nregion = eu-west-1\n")
			args := append([]string{"-f", "-qq", "-o", w.path("trace"), "-e", "signal=none", "-e", "trace=prctl,syncfs,rename,renameat,renameat2,unlink,unlinkat",
				// Left dumpable, the program lets its own user's strace read the paths of its calls.
				"-e", "inject=prctl:retval=0", filepath.Join(bin, "vault")}, x.begin(t, w)...)
			r := w.run(t, w.lazy(), strace, args...)
			if strings.Contains(r.err, "PTRACE") {
				testenv.Missing(t, "strace", r.err)
			}
			if r.status != 0 {
				t.Fatalf("status %d: %s", r.status, r.err)
			}
			calls := strings.Split(string(must(os.ReadFile(w.path("trace")))), "\n")
			at := func(text string) int {
				text = strings.NewReplacer("KEYS", w.path("keys"), "ITEMS", w.path("home/items")).Replace(text)
				return slices.IndexFunc(calls, func(c string) bool { return strings.Contains(c, text) })
			}
			if synced, gone := at("syncfs("), at(x.gone); synced < 0 || gone < 0 || synced > gone {
				t.Errorf("call %d brings the key to the disk, call %d takes it from its old place:\n%s", synced, gone, strings.Join(calls, "\n"))
			}
		})
	}
}

// A key must survive a loss of power. A session can be made again, and a person waits for
// it: it is not synced, and one of which the disk had only a part is none.
func TestOnlyAKeyIsWaitedForUntilItIsOnTheDisk(t *testing.T) {
	strace := testenv.Require(t, "strace")
	w := newWorld(t, roleConfig)
	alice, k := w.user("alice")
	w.role("prod", fakeaws.Trust{Principals: []string{alice}})
	syncs := func(environ []string, args ...string) int {
		args = append([]string{"-f", "-qq", "-o", w.path("trace"), "-e", "signal=none", "-e", "trace=fsync,fdatasync,sync,syncfs", filepath.Join(bin, "vault")}, args...)
		r := w.run(t, environ, strace, args...)
		if strings.Contains(r.err, "PTRACE") {
			testenv.Missing(t, "strace", r.err)
		}
		if r.status != 0 {
			t.Fatalf("status %d: %s", r.status, r.err)
		}
		return strings.Count(string(must(os.ReadFile(w.path("trace")))), "sync")
	}
	if n := syncs(w.environ("AWS_ACCESS_KEY_ID="+k.ID, "AWS_SECRET_ACCESS_KEY="+k.Secret.Reveal()), "add", "--env", "--no-check", "base"); n < 2 {
		t.Errorf("a new key was synced %d times: its file and its directory are two", n)
	}
	use := []string{"use", "prod", "--shell", "bash"}
	if r := w.vault(t, w.environ(), use...); r.status != 0 { // makes the directories
		t.Fatal(r.err)
	}
	files := must(filepath.Glob(w.path("keys/vault.session*")))
	if len(files) != 1 {
		t.Fatalf("sessions: %q", files)
	}
	whole := must(os.ReadFile(files[0]))
	for _, length := range []int{0, len(whole) / 2} {
		check(os.WriteFile(files[0], whole[:length], 0o600))
		calls := w.aws.Calls("AssumeRole")
		if n := syncs(w.environ(), use...); n != 0 {
			t.Errorf("a new session waited for the disk %d times", n)
		}
		if n := w.aws.Calls("AssumeRole") - calls; n != 1 {
			t.Errorf("with %d of %d bytes of a session there were %d calls", length, len(whole), n)
		}
	}
	calls := w.aws.Calls("*")
	if r := w.vault(t, w.environ(), use...); r.status != 0 || w.aws.Calls("*") != calls {
		t.Errorf("the session that was made then is not used: %s", r.err)
	}
}

// A disk of its own is copied, as it is at a loss of power right after the command.
func TestAPowerFailureRightAfterKeepsTheKey(t *testing.T) {
	for _, x := range transfers() {
		t.Run(x.name, func(t *testing.T) {
			dir := t.TempDir()
			image, copied := filepath.Join(dir, "image"), filepath.Join(dir, "copy")
			disk := mounted(t, image, true)
			w := must(makeWorld(filepath.Join(disk, "w"), fakeaws.Options{}))
			t.Cleanup(func() { _ = w.aws.Close() })
			w.write("home/.aws/config", "[profile work]\nregion = eu-west-1\n")
			args, environ := x.begin(t, w), w.lazy()
			check(exec.Command("sync", "-f", disk).Run())
			if r := w.vault(t, environ, args...); r.status != 0 {
				t.Fatalf("status %d: %s", r.status, r.err)
			}
			// Not through the file system: only what it has given to the disk.
			if out, err := exec.Command("cp", "--sparse=always", image, copied).CombinedOutput(); err != nil {
				t.Fatalf("copy the disk: %v %s", err, out)
			}
			after := &world{dir: filepath.Join(mounted(t, copied, false), "w")}
			k, err := lazyKey(after, "work")
			if err == nil {
				err = w.works(k)
			}
			if err != nil {
				t.Errorf("the helper has the key %s: %v", k.ID, err)
			}
		})
	}
}

// mounted makes or takes the image of a disk and returns where it is mounted.
func mounted(t *testing.T, image string, fresh bool) (disk string) {
	t.Helper()
	if os.Getuid() != 0 {
		testenv.Missing(t, "mount", "this user is not root")
	}
	if fresh {
		testenv.Require(t, "mount", "mkfs.ext4")
		check(os.WriteFile(image, nil, 0o600))
		check(os.Truncate(image, 32<<20))
		if out, err := exec.Command("mkfs.ext4", "-q", "-F", image).CombinedOutput(); err != nil {
			testenv.Missing(t, "mount", fmt.Sprintf("%v %s", err, out))
		}
	}
	disk = must(os.MkdirTemp("", "vd"))
	if out, err := exec.Command("mount", "-o", "loop", image, disk).CombinedOutput(); err != nil {
		_ = os.Remove(disk)
		testenv.Missing(t, "mount", fmt.Sprintf("%v %s", err, out))
	}
	t.Cleanup(func() {
		if out, err := exec.Command("umount", "-l", disk).CombinedOutput(); err != nil {
			t.Errorf("umount: %v %s", err, out)
		}
		_ = os.Remove(disk)
	})
	return disk
}
