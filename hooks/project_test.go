package hooks

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// asked are the calls about project directories.
func (w *world) asked() (list []string) {
	for _, call := range w.calls() {
		if _, words, is := strings.Cut(call, ": project enter --mode switch"); is {
			list = append(list, strings.TrimSpace(words))
		}
	}
	return list
}

func TestAPromptAsksForAProjectOnceOnEnteringAndNothingElsewhere(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.write("hook", w.script(Options{Binary: "vault", Prompt: true, Project: "switch"}))
		odd := filepath.Join(w.home, "it's $(touch gone) *")
		for _, dir := range []string{filepath.Join(odd, "deep/er"), filepath.Join(w.home, "plain/deep")} {
			check(os.MkdirAll(dir, 0o700))
		}
		file := filepath.Join(odd, ".vault-profile")
		check(os.WriteFile(file, []byte("prod\n"), 0o600))
		x := w.start("", "")
		x.run("cd plain", "cd deep", "true", "cd ..", "true", "cd ..")
		if got := w.calls(); len(got) > 0 {
			t.Errorf("outside of projects there are processes: %q", got)
		}
		x.run("ls -d "+w.in(map[string]string{"bash": `"$PWD"`, "zsh": `"$PWD"`, "fish": `"$PWD"`}), "cd it*", "true", "cd deep/er", "true", "cd ..", "true")
		if got := w.asked(); len(got) != 1 || got[0] != odd {
			t.Errorf("asked %q", got)
		}
		sub := w.in(map[string]string{"bash": "(cd /; true)", "zsh": "(cd /; true)", "fish": "sh -c 'cd /'"})
		x.run(sub, w.in(map[string]string{"bash": "set -eu", "zsh": "setopt nounset", "fish": "true"}), "cd ../../plain", "cd '../it'*", "true")
		if got := w.asked(); len(got) != 2 || got[1] != odd {
			t.Errorf("asked %q", got)
		}
		check(os.Remove(file))
		x.run("true", "true")
		if got := w.asked(); len(got) != 2 {
			t.Errorf("asked %q", got)
		}
		if exists(filepath.Join(w.home, "gone")) || exists(filepath.Join(odd, "gone")) {
			t.Error("the name of a directory was run")
		}
	})
}
