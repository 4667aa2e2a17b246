package cmd_test

// sudo -E, and a container with ~/.aws mounted: root works in another user's directories.

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/d44b7504/vault/internal/fakeaws"
	"github.com/d44b7504/vault/internal/testenv"
)

// user is one who is not root.
const user = 65501

// usersWorld is a role's world in which all files belong to user.
func usersWorld(t *testing.T) *world {
	t.Helper()
	if os.Geteuid() != 0 {
		testenv.Missing(t, "root", "only root can make files of other users")
	}
	if withAgents() != "off" {
		testenv.Missing(t, "root without an agent", "its agent has another directory than the test, and would stay")
	}
	dir := must(os.MkdirTemp("", "vu"))
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	w := must(makeWorld(dir, fakeaws.Options{}))
	t.Cleanup(func() { _ = w.aws.Close() })
	w.write("home/.aws/config", roleConfig)
	w.role("prod", fakeaws.Trust{Principals: []string{w.stored("alice", "base")}})
	check(filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		check(err)
		return os.Lchown(path, user, user)
	}))
	check(os.Chmod(bin, 0o755))
	return w
}

// byUser runs the program as user.
func (w *world) byUser(t *testing.T, args ...string) result {
	t.Helper()
	c := exec.Command(filepath.Join(bin, "vault"), args...)
	var out, errs bytes.Buffer
	c.Env, c.Dir, c.Stdout, c.Stderr = w.environ(), w.dir, &out, &errs
	c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: user, Gid: user}}
	_ = c.Run()
	return result{out.String(), errs.String(), c.ProcessState.ExitCode()}
}

func TestRootLeavesAnotherUsersFilesTheirs(t *testing.T) {
	w := usersWorld(t)
	_, k := w.user("bob")
	environ := w.environ("AWS_ACCESS_KEY_ID="+k.ID, "AWS_SECRET_ACCESS_KEY="+k.Secret.Reveal())
	for _, args := range [][]string{{"exec", "prod", "--", "true"}, {"add", "--env", "--no-check", "new"}, {"rotate", "base"}} {
		if r := w.vault(t, environ, args...); r.status != 0 {
			t.Fatalf("%q: status %d: %s", args, r.status, r.err)
		}
		check(filepath.WalkDir(w.dir, func(path string, d fs.DirEntry, err error) error {
			check(err)
			if sys := must(d.Info()).Sys().(*syscall.Stat_t); sys.Uid != user {
				t.Errorf("%q: %s belongs to %d", args, path, sys.Uid)
			}
			return nil
		}))
	}
	for _, args := range [][]string{{"exec", "prod", "--", "true"}, {"list"}, {"remove", "--force", "new"}} {
		if r := w.byUser(t, args...); r.status != 0 || strings.Contains(r.err, "cannot be written") {
			t.Errorf("%q by the user: status %d: %s", args, r.status, r.err)
		}
	}
}

// An older version left such sessions.
func TestASessionThatRootHasLeftDoesNotBlockTheUser(t *testing.T) {
	w := usersWorld(t)
	if r := w.vault(t, w.environ(), "exec", "prod", "--", "true"); r.status != 0 {
		t.Fatal(r.err)
	}
	taken := 0
	for _, file := range must(filepath.Glob(w.path("keys/vault.session*"))) {
		check(os.Lchown(file, 0, 0))
		check(os.Chmod(file, 0o600))
		taken++
	}
	calls := w.aws.Calls("AssumeRole")
	for i := range 2 {
		if r := w.byUser(t, "exec", "prod", "--", "true"); r.status != 0 || taken == 0 || i > 0 && r.err != "" {
			t.Errorf("status %d: %s; %d sessions were root's", r.status, r.err, taken)
		}
	}
	if n := w.aws.Calls("AssumeRole") - calls; n != 1 {
		t.Errorf("%d new sessions were made", n)
	}
}

// Without a directory for locks each process would call AWS.
func TestRootMakesOneCallForManyProcessesWithAnotherUsersEnvironment(t *testing.T) {
	w := usersWorld(t)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if r := w.vault(t, w.environ(), "export", "prod", "--format", "json"); r.status != 0 {
				t.Errorf("status %d: %s", r.status, r.err)
			}
		})
	}
	all.Wait()
	if n := w.aws.Calls("AssumeRole"); n != 1 {
		t.Errorf("AWS was called %d times", n)
	}
}
