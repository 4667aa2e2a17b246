//go:build unix

package cmd_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/d44b7504/vault/internal/testenv"
	"github.com/d44b7504/vault/shells"
)

// The demo is the whole product in ten seconds: the real hook in a real shell, a typo, a
// switch, a renewal, a child, and the way back.
func TestTheDemoTellsItsStoryAndLeavesNothing(t *testing.T) {
	t.Parallel()
	for _, shell := range shells.Names() {
		t.Run(shell, func(t *testing.T) {
			t.Parallel()
			testenv.Require(t, shell)
			w := newWorld(t, roleConfig)
			home := snapshot(w.path("home"))
			began := time.Now()
			r := w.vault(t, without(w.environ("AWS_PROFILE=mine"), "AWS_ENDPOINT_URL"), "demo", "--shell", shell)
			if r.status != 0 {
				t.Fatalf("status %d after %v:\n%s\n%s", r.status, time.Since(began), r.out, r.err)
			}
			for _, want := range []string{`vault: dev until`, `did you mean "prod"?`, `[prod <1m]`, "I am dev", "vault: left prod"} {
				if !strings.Contains(r.out, want) {
					t.Errorf("%q is missing from\n%s", want, r.out)
				}
			}
			if !regexp.MustCompile(`AWS was asked [4-6] times`).MatchString(r.out) {
				t.Errorf("how often was AWS asked?\n%s", r.out)
			}
			expiries := regexp.MustCompile(`(?m)^20\S+Z$`).FindAllString(r.out, -1)
			if len(expiries) != 2 || expiries[0] == expiries[1] {
				t.Errorf("the session ends at %q: nothing was renewed\n%s", expiries, r.out)
			}
			if left := must(os.ReadDir(w.path("tmp"))); len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
			if snapshot(w.path("home")) != home || w.aws.Calls("*") != 0 {
				t.Error("the demo touched what is not its own")
			}
			w.wantNoProcess(t)
		})
	}
}

// wantNoProcess checks that no process of this world is left.
func (w *world) wantNoProcess(t *testing.T) {
	t.Helper()
	for end := time.Now().Add(5 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		var left []string
		for _, f := range must(filepath.Glob("/proc/[0-9]*/environ")) {
			b, err := os.ReadFile(f)
			if err == nil && strings.Contains(string(b), w.dir) {
				name, _ := os.ReadFile(filepath.Join(filepath.Dir(f), "cmdline"))
				left = append(left, strings.ReplaceAll(string(name), "\x00", " "))
			}
		}
		if len(left) == 0 {
			return
		}
		if time.Now().After(end) {
			t.Errorf("still running: %q", left)
			return
		}
	}
}
