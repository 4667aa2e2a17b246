//go:build unix

package cmd_test

import (
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/d44b7504/vault/internal/shelltest"
	"github.com/d44b7504/vault/internal/testenv"
)

// direnvLines are what direnv's own documents have in a start file.
var direnvLines = map[string]string{
	"bash": `eval "$(direnv hook bash)"`,
	"zsh":  `eval "$(direnv hook zsh)"`,
	"fish": "direnv hook fish | source",
}

// A person goes into a project's directory and out again, in a terminal, and sees it at the next prompt. Where
// direnv sets an account for a directory, in the same terminal, that is left alone.
func TestAProjectIsEnteredAndLeftAtThePromptOfATerminal(t *testing.T) {
	t.Parallel()
	inEachShell(t, shelltest.All(t), func(t *testing.T, s *shellScript) {
		s.w.write("home/.aws/config", roleConfig+projectConfig)
		s.project("work/shop", "prod")
		s.project("project", "prod")
		s.trust("work/shop", "project")
		start := must(s.sh.RCLine("vault", "--project=switch")) + "\n"
		direnv, tried := direnvLines[s.sh.Name]
		if tried {
			testenv.Require(t, "direnv")
			s.w.write("project/.envrc", "export AWS_PROFILE=base\n")
			s.environ = append(s.environ, "DIRENV_LOG_FORMAT=")
			allow := exec.Command("direnv", "allow", s.w.path("project"))
			allow.Env = s.environ
			if out, err := allow.CombinedOutput(); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			start = direnv + "\n" + start // the hook is the last line
		}
		cmd := s.sh.Start(s.w.path("home"), s.sh.Prompt+start)
		cmd.Env, cmd.Dir = append(s.environ, "TERM=xterm", "fish_features=qmark-noglob,no-query-term"), s.w.dir
		x := shelltest.Open(t, cmd, 160, 40)
		steps := []struct{ dir, label, said string }{
			{"work/shop", "[prod ", "prod until"}, {"work/shop/src/deep", "[prod ", ""}, {"work", "", "left prod"},
			{"project", "", "is not used, because direnv sets AWS_PROFILE here"}, {"work/shop", "[prod ", ""}, {"work", "", ""},
		}
		for _, step := range steps {
			if step.dir == "project" && !tried {
				continue
			}
			from := len(x.Transcript())
			check(x.Send("cd '" + s.w.path(step.dir) + "'\r"))
			if !x.Await(2*time.Minute, func() bool {
				row := x.Row()
				label := strings.TrimSpace(strings.Replace(row, "R>", "", 1))
				return strings.Contains(row, "R>") && !strings.Contains(row, "cd ") && strings.HasPrefix(label, step.label) && (label == "") == (step.label == "") && strings.Contains(x.Transcript()[from:], step.said)
			}) {
				t.Fatalf("in %s: want %q and %q:\n%s", step.dir, step.label, step.said, x.Text())
			}
		}
	})
}
