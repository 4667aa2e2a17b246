package hooks

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/d44b7504/vault/internal/shelltest"
)

// BenchmarkPrecmd measures what one prompt costs, in microseconds: the hook's function
// called in a loop by a real shell, the best of several rounds, beside a function that
// does nothing. Budgets: 30 in bash and zsh, 130 in fish, 20 with no profile.
func BenchmarkPrecmd(b *testing.B) {
	for _, shell := range hooked(b) {
		for _, c := range []struct{ name, before, each string }{
			{"empty", "", "empty"},
			{"none", "", "__vault_precmd"},
			{"active", "vault use prod", "__vault_precmd"},
			{"recomputed", "vault use prod", "FORGET; __vault_precmd"},
			{"preexec", "vault use prod", "__vault_preexec"},
		} {
			b.Run(shell+"/"+c.name, func(b *testing.B) {
				w := newWorld(b, shell)
				best := 1e9
				for b.Loop() {
					best = min(best, w.loop(c.before, c.each))
				}
				b.ReportMetric(best, "µs/prompt")
				b.ReportMetric(0, "ns/op")
			})
		}
	}
}

// BenchmarkProject measures what a prompt costs more where the hook looks for project directories:
// outside of them, which may be 10 µs, in one, and after a change of directory, five levels deep.
func BenchmarkProject(b *testing.B) {
	for _, shell := range hooked(b) {
		for _, c := range []struct{ name, project, before, each string }{
			{"without", "", "", "__vault_precmd"},
			{"outside", "switch", "", "__vault_precmd"},
			{"moved", "switch", "mkdir -p a/b/c; cd a/b/c", "MOVED; __vault_precmd"},
			{"inside", "switch", "mkdir -p p; touch p/.vault-profile; cd p", "__vault_precmd"},
		} {
			b.Run(shell+"/"+c.name, func(b *testing.B) {
				w := newWorld(b, shell)
				w.write("hook", w.script(Options{Binary: "vault", Prompt: true, Project: c.project}))
				best := 1e9
				for b.Loop() {
					moved := w.in(map[string]string{"bash": "_vdir=-", "zsh": "__vault_dir=-", "fish": "set -g __vault_dir -"})
					best = min(best, w.loop(c.before, strings.ReplaceAll(c.each, "MOVED", moved)))
				}
				b.ReportMetric(best, "µs/prompt")
				b.ReportMetric(0, "ns/op")
			})
		}
	}
}

// BenchmarkDraw measures what a prompt costs with what the shell expands to draw it: as usual, with
// colours, and with the title too.
func BenchmarkDraw(b *testing.B) {
	for _, shell := range hooked(b) {
		for _, c := range []struct {
			name  string
			style []string
			title bool
		}{{"plain", nil, false}, {"colours", []string{"36", "33", "31"}, false}, {"title", []string{"36", "33", "31"}, true}} {
			b.Run(shell+"/"+c.name, func(b *testing.B) {
				w := newWorld(b, shell)
				w.plans(plan{Life: 24900, Style: c.style})
				w.write("hook", w.script(Options{Binary: "vault", Prompt: true, Draw: Draw{Title: c.title}}))
				before, title := "vault use prod", ""
				if c.title && shell == "fish" {
					before, title = "function fish_title; end; "+before, "; fish_title >/dev/null"
				}
				best := 1e9
				for b.Loop() {
					best = min(best, w.loop(before, "__vault_precmd; "+w.in(map[string]string{
						"bash": `drawn=${PS1@P}`, "zsh": `drawn=${(%%)PROMPT}`, "fish": "fish_right_prompt >/dev/null" + title,
					})))
				}
				b.ReportMetric(best, "µs/prompt")
				b.ReportMetric(0, "ns/op")
			})
		}
	}
}

// loop is the best of many rounds, which are so short that some run without a pause. In fish, whose
// clock is a program, they are longer.
func (w *world) loop(before, each string) float64 {
	forget := w.in(map[string]string{"bash": "_vhi=0", "zsh": "__vault_hi=0", "fish": "set -g __vault_hi 0"})
	each = strings.ReplaceAll(each, "FORGET", forget)
	file := filepath.Join(w.home, "bench")
	w.write("bench", w.in(map[string]string{
		"bash": `PS1='$ '; HISTFILE=; empty() { :; }
LOAD
BEFORE
__vault_precmd
for ((r = 0; r < 80; r++)); do
  a=$EPOCHREALTIME; for ((i = 0; i < 50; i++)); do EACH; done; b=$EPOCHREALTIME
  echo "round $((${b/[.,]/} - ${a/[.,]/}))"
done
exit
`,
		"zsh": `LOAD
empty() { :; }
BEFORE
__vault_precmd
for ((r = 0; r < 80; r++)); do
  float a=$EPOCHREALTIME; for ((i = 0; i < 50; i++)); do EACH; done; float b=$EPOCHREALTIME
  printf 'round %d\n' $(( (b - a) * 1000000 ))
done
exit
`,
		"fish": `function empty; end
LOAD
BEFORE
set -g __vault_shown 1
__vault_precmd
set ids (seq 500)
for r in 1 2 3 4 5 6 7 8
  set a (date +%s%6N); for i in $ids; set -g __vault_shown 1; EACH; end; set b (date +%s%6N)
  echo round (math $b - $a)
end
exit
`}))
	text := strings.NewReplacer("LOAD", w.load(), "BEFORE", before, "EACH", each).Replace(string(must(os.ReadFile(file))))
	w.write("bench", text)
	argv := shelltest.In(w.t, w.shell, map[string][]string{
		"bash": {"bash", "--rcfile", file, "-i"},
		"zsh":  {"zsh", "-f", "-i", "-c", ". " + file},
		"fish": {"fish", "--no-config", "-i", "-c", "source " + file},
	})
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Env, cmd.Dir = w.environ(), w.home
	out, err := cmd.Output()
	if err != nil {
		w.t.Fatalf("%v: %s", err, out)
	}
	best, calls := 1e9, must(strconv.ParseFloat(w.in(map[string]string{"bash": "50", "zsh": "50", "fish": "500"}), 64))
	for _, line := range strings.Split(string(out), "\n") {
		if micros, ok := strings.CutPrefix(line, "round "); ok {
			best = min(best, must(strconv.ParseFloat(micros, 64))/calls)
		}
	}
	if best == 1e9 {
		w.t.Fatalf("no figure in %q", out)
	}
	return best
}

// BenchmarkPromptProcesses counts the processes that a prompt starts, by strace.
func BenchmarkPromptProcesses(b *testing.B) {
	for _, shell := range hooked(b) {
		b.Run(shell, func(b *testing.B) {
			for b.Loop() {
				none, active, _ := newWorld(b, shell).startedByPrompts()
				b.ReportMetric(float64(none)/10, "none-processes")
				b.ReportMetric(float64(active)/10, "active-processes")
			}
			b.ReportMetric(0, "ns/op")
		})
	}
}
