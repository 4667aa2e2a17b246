package cmd_test

// Crashes: every command that writes a key is killed at every step it takes, and has
// every disk trouble from every step on. After each a key that works is in the store,
// and the same command, run again, finishes the job and clears up.

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/d44b7504/vault/creds"
	"github.com/d44b7504/vault/fakeaws"
	"github.com/d44b7504/vault/profiles"
	"github.com/d44b7504/vault/sessions"
	"github.com/d44b7504/vault/store"
)

// plot is one command and what must be true of it.
type plot struct {
	name string
	// begin makes what is there before, and returns the environment and the rest.
	begin func(w *world) scene
}

type scene struct {
	environ []string
	args    []string
	again   []string          // finishes the job; nil: the same once more
	safe    func(testing.TB)  // holds at any moment
	done    func(testing.TB)  // holds at the end
	keeps   func(string) bool // files that may be there at the end, beside those of an undisturbed run
}

// everyStep is how many steps of a command are tried: all where AWS_VAULT_TEST_CRASHES
// is "all", else a few that are spread over it.
func everyStep(steps int) int {
	if os.Getenv("AWS_VAULT_TEST_CRASHES") == "all" || steps < 8 {
		return 1
	}
	return steps / 8
}

// kills counts them over all plots.
var kills atomic.Int64

func TestAKillAtAnyStepLosesNoKey(t *testing.T) {
	t.Run("plots", func(t *testing.T) {
		for _, p := range plots() {
			t.Run(p.name, func(t *testing.T) {
				t.Parallel()
				p.disturb(t, kill)
			})
		}
	})
	t.Logf("%d kills", kills.Load())
	if everyStep(100) == 1 && kills.Load() < 500 && !t.Failed() {
		t.Errorf("only %d kills: the plots have become too short", kills.Load())
	}
}

func TestADiskThatFailsFromAnyStepOnLosesNoKey(t *testing.T) {
	for _, p := range plots() {
		for _, what := range []string{diskFull, diskFixed} {
			t.Run(p.name+" "+what, func(t *testing.T) {
				t.Parallel()
				p.disturb(t, what)
			})
		}
	}
}

// disturb runs the plot once for each step, each time in a world of its own.
func (p plot) disturb(t *testing.T, what string) {
	whole := p.run(t, what, toCount)
	if whole.steps == 0 {
		t.Fatal("it takes no step")
	}
	for step := 1; step <= whole.steps; step += everyStep(whole.steps) {
		if e := p.run(t, what, step); e.killed {
			kills.Add(1)
		}
		if t.Failed() {
			t.Fatalf("at step %d of %d", step, whole.steps)
		}
	}
}

func (p plot) run(t *testing.T, what string, step int) ending {
	dir := must(os.MkdirTemp(t.TempDir(), ""))
	w := must(furnish(dir, fakeaws.Options{}))
	defer func() { _ = w.aws.Close(); _ = os.RemoveAll(dir) }()
	s := p.begin(w)
	e := w.tracedVault(t, what, step, s.environ, s.args...)
	switch {
	case step == toCount && e.status != 0:
		t.Fatalf("undisturbed: status %d: %s", e.status, e.err)
	case what != kill && e.status != 0:
		oneLast(t, e.result)
	}
	s.safe(t)
	if e.status != 0 || len(leavings(w.dir)) > 0 {
		backdate(w.dir, time.Hour)
		args := s.again
		if args == nil {
			args = s.args
		}
		if r := w.vault(t, s.environ, args...); r.status != 0 {
			t.Errorf("run again: status %d: %s\nbefore: %s", r.status, r.err, e.err)
		}
	}
	s.safe(t)
	s.done(t)
	for _, left := range leavings(w.dir) {
		t.Errorf("left behind: %s", left)
	}
	return e
}

// oneLast checks that a failure ends in one plain sentence, and a hint at most.
func oneLast(t *testing.T, r result) {
	t.Helper()
	lines := strings.Split(strings.TrimSuffix(r.err, "\n"), "\n")
	if last := len(lines) - 1; strings.HasPrefix(lines[last], "vault: hint: ") && last > 0 {
		lines = lines[:last]
	}
	last := lines[len(lines)-1]
	if !strings.HasPrefix(last, "vault: ") || !strings.Contains(last, "the disk is full") && !strings.Contains(last, "read-only") {
		t.Errorf("status %d, said:\n%s", r.status, r.err)
	}
}

// backdate makes everything below dir older, so that what a killed run left is no longer
// taken for that of one at work.
func backdate(dir string, by time.Duration) {
	then := time.Now().Add(-by)
	check(filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.Type()&fs.ModeSymlink != 0 {
			return err
		}
		return os.Chtimes(path, then, then)
	}))
}

// leavings are files and folders that only a run at work has a use for.
func leavings(dir string) (list []string) {
	check(filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		name := filepath.Base(path)
		rel, _ := filepath.Rel(dir, path)
		top, _, _ := strings.Cut(filepath.ToSlash(rel), "/")
		hidden := strings.HasPrefix(name, ".") && name != ".aws" && name != ".local" && name != ".gitignore" && name != ".config" && name != ".awsvault"
		if err == nil && path != dir && top != "run" && (hidden || strings.Contains(name, ".tmp") || strings.Contains(name, ".next")) {
			list = append(list, rel)
		}
		return err
	}))
	return list
}

// plots are the commands that write keys.
func plots() []plot {
	return []plot{
		{"add", beginAdd},
	}
}

// works says whether AWS takes the key.
func (w *world) works(k creds.Key) error {
	p := must(profiles.Parse("", []byte("[profile x]\nregion=us-east-1\n")).Resolve("x", profiles.Overrides{HasKey: func(string) bool { return true }}))
	e := sessions.Endpoint{Region: "us-east-1", URL: w.aws.URL(), Network: p.Network}
	_, err := sessions.WhoAmI(context.Background(), e, creds.Session{AccessKeyID: k.ID, SecretKey: k.Secret})
	return err
}

// holdsWorkingKey checks that the store has a key for the profile that AWS takes, and
// returns it.
func (w *world) holdsWorkingKey(t testing.TB, s store.Store, profile string) creds.Key {
	t.Helper()
	k, err := store.GetKey(context.Background(), s, profile)
	if err != nil {
		t.Errorf("%s: %v", profile, err)
	} else if err := w.works(k); err != nil {
		t.Errorf("%s: its key …%s: %v", profile, k.ID[16:], err)
	}
	return k
}

// beginAdd replaces a key by another one.
func beginAdd(w *world) scene {
	w.write("home/.aws/config", "[default]\nregion = eu-west-1\n")
	w.stored("alice", "work")
	_, k := w.user("bob")
	return scene{
		environ: w.environ("AWS_ACCESS_KEY_ID="+k.ID, "AWS_SECRET_ACCESS_KEY="+k.Secret.Reveal()),
		args:    []string{"add", "--env", "work"},
		safe:    func(t testing.TB) { w.holdsWorkingKey(t, w.keyring(), "work") },
		done: func(t testing.TB) {
			if got := w.holdsWorkingKey(t, w.keyring(), "work"); got.ID != k.ID {
				t.Error("the new key is not stored")
			}
			if !must(profiles.Load(w.path("home/.aws/config"))).Has("work") {
				t.Error("the profile has no section")
			}
		},
	}
}
