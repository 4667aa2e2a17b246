package hooks

// What the prompt promises: it tells the truth, asks for its session when it is gone, renews once, and costs nothing
// while nothing has changed.

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/d44b7504/vault/env"
	"github.com/d44b7504/vault/internal/testenv"
)

func TestTheLabelTellsTheTimeLeft(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		x := w.start("", "")
		for _, c := range []struct {
			life int64
			want string
		}{
			{0, "prod"}, {-5, "prod expired"}, {50, "prod <1m"}, {90, "prod 1m"}, {5390, "prod 89m"}, {5430, "prod 1h30m"}, {7410, "prod 2h3m"}, {36010, "prod 10h0m"},
		} {
			w.plans(plan{Life: c.life, Fail: true})
			x.run("vault use prod")
			x.shows(c.want)
		}
	})
}

func TestTheLabelFollowsTheClock(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		x := w.start("", "")
		w.plans(plan{Life: 62})
		x.run("vault use prod")
		x.shows("prod 1m")
		x.eventually("less than a minute", func() bool { x.run("true"); return x.segment() == "prod <1m" })
		w.plans(plan{Life: 2, Fail: true})
		x.run("vault use prod")
		x.shows("prod <1m")
		x.eventually("the end of the session", func() bool { x.run("true"); return x.segment() == "prod expired" })
	})
}

func TestANoteIsShown(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.plans(plan{Life: 250, Due: 240, Note: "mfa!"})
		x := w.start("", "")
		x.run("vault use prod")
		x.shows("prod 4m mfa!")
	})
}

func TestAChangeByAnotherProgramIsShownAndKept(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		x := w.start("", "")
		x.run("vault use prod", w.export("AWS_PROFILE", "other"))
		x.shows("prod changed!")
		check(os.RemoveAll(w.path("run")))
		x.run("true")
		x.shows("prod changed!")
		x.want(`"$AWS_PROFILE"`, "other")
		if n := len(w.calls()); n != 1 {
			t.Errorf("the program was called: %q", w.calls())
		}
		x.run(strings.TrimSpace(must(w.entry.Render([]env.Change{{Name: "AWS_PROFILE", Unset: true}}))))
		x.run("true")
		x.shows("prod 41m")
	})
}

func TestAPartOfTheIdentityThatIsGoneIsShown(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		for _, name := range []string{"AWS_SESSION_TOKEN", "AWS_SECRET_ACCESS_KEY"} {
			x := w.start("", "")
			x.run("vault use prod", strings.TrimSpace(must(w.entry.Render([]env.Change{{Name: name, Unset: true}}))))
			x.shows("prod changed!")
		}
	})
}

func TestARegionThatChangedIsAskedAboutOnce(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		x := w.start("", "")
		x.run("vault use prod", w.export("AWS_REGION", "eu-west-1"), "true", "true")
		if n := w.asks(); n != 1 {
			t.Errorf("asked %d times, want 1: %q", n, w.calls())
		}
		x.shows("prod 41m")
		w.plans(plan{Fail: true})
		x.run(w.export("AWS_DEFAULT_REGION", "eu-west-2"), "true", "true", "true")
		if n := w.asks(); n != 2 {
			t.Errorf("a program that fails is asked at every prompt: %q", w.calls())
		}
		x.shows("prod 41m")
	})
}

func TestThePromptAsksForTheSessionWhenTheGenerationIsGone(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		x := w.start("", "")
		x.run("vault use prod")
		w.renewed(w.held(), 3550, 3000)
		x.send("\r")
		x.shows("prod 59m")
		x.want(`"$AWS_ACCESS_KEY_ID"`, "FAKEID2")
		check(os.RemoveAll(w.path("run"))) // the whole runtime directory
		x.send("\r")
		x.eventually("a new generation file", func() bool { return exists(w.token(w.held())) })
		x.run("true")
		if n := w.called(w.shell + ": refresh --env"); n != 2 {
			t.Errorf("asked %d times, want 2: %q", n, w.calls())
		}
	})
}

func TestAProgramThatFailsIsAskedOnceAndNothingIsPrinted(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		x := w.start("", "")
		x.run("vault use prod")
		w.plans(plan{Fail: true})
		check(os.RemoveAll(w.path("run")))
		for range 4 {
			x.send("\r")
			x.run("true")
		}
		x.shows("prod 41m")
		if n := w.called(w.shell + ": refresh --env"); n != 1 {
			t.Errorf("asked %d times, want 1: %q", n, w.calls())
		}
		if strings.Contains(x.Transcript(), "rror") {
			t.Errorf("the screen says:\n%s", x.Screen.String())
		}
	})
}

func TestAPromptWorksWithoutTheProgram(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		handler := w.in(map[string]string{
			"bash": "command_not_found_handle() { echo HANDLED; }",
			"zsh":  "command_not_found_handler() { echo HANDLED; }",
			"fish": "function fish_command_not_found; echo HANDLED; end",
		})
		const name = "no_installed_vault"
		w.write("hook", w.script(Options{Binary: name, Prompt: true}))
		x := w.start(handler, "")
		w.plans(plan{Life: 100, Due: -100})
		x.run("true")
		w.link(name)
		w.write("stub/hold", "")
		x.run(name + " use prod")
		check(os.Remove(w.path("bin/" + name)))
		check(os.RemoveAll(w.path("run")))
		x.send("\r")
		x.run("true", "true")
		x.shows("prod 1m")
		check(os.Remove(w.path("hold")))
		if s := x.Transcript(); strings.Contains(s, "HANDLED") || strings.Contains(s, "not found") || strings.Contains(s, "no such") {
			t.Errorf("the screen says:\n%s", x.Screen.String())
		}
	})
}

func TestANestedShellAsksForItsSession(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		x := w.start("", "")
		x.run("vault use prod")
		nested := w.shell
		for _, word := range w.command(w.entry.Prompt + w.load() + "\n").Args[1:] {
			nested += " " + must(w.entry.Quote(word))
		}
		x.run("cd /") // so that the prompts below are new ones
		for i, start := range []string{nested, "exec " + nested} {
			w.plans(plan{Life2: 3550})
			x.send(start + "; clear\r")
			x.run("true")
			x.shows("prod 41m")
			if n := w.asks(); n != 2*i+1 {
				t.Errorf("%s: %d calls, want %d: %q", start, n, 2*i+1, w.calls())
			}
			stale := "env AWS_ACCESS_KEY_ID=STALE __VAULT_TOKEN=/gone " + nested
			x.send("exec " + stale + "\r")
			x.run("true")
			x.shows("prod 41m")
			x.want(`"$AWS_ACCESS_KEY_ID"`, "FAKEID1")
		}
	})
}

func TestARenewalStartsOnceAndAnIdlePromptShowsIt(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.plans(plan{Life: 100, Due: -100, Life2: 3550, Due2: 3000})
		w.write("stub/hold", "")
		x := w.start("", "")
		x.run("vault use prod", "true", "true", "true")
		x.eventually("a renewal", func() bool { return w.called(": refresh --if-due") == 1 })
		x.run("true")
		x.send("echo par")
		x.eventually("what was typed", func() bool { return strings.Contains(x.Row(), "echo par") })
		check(os.Remove(w.path("hold")))
		if w.shell != "bash" {
			x.waitPrompt("prod 59m")
			x.waitPrompt("echo par")
			if n := w.called(w.shell + ": refresh --env"); n != 1 {
				t.Errorf("the idle shell asked %d times, want 1: %q", n, w.calls())
			}
		}
		x.send("tial\r")
		x.wait("\npartial")
		x.eventually("the renewed session", func() bool { x.run("true"); return x.segment() == "prod 59m" })
		x.want(`"$AWS_ACCESS_KEY_ID"`, "FAKEID2")
		if got := x.output("jobs"); strings.Contains(got, "vault") {
			t.Errorf("a job is left: %q", got)
		}
		if s := x.Transcript(); strings.Contains(s, "ended") || strings.Contains(s, "Done") || strings.Contains(s, "done") {
			t.Errorf("a job notice:\n%s", x.Screen.String())
		}
		if n := w.called(": refresh --if-due"); n != 1 {
			t.Errorf("renewed %d times, want 1: %q", n, w.calls())
		}
	})
}

func TestACommandGetsLiveCredentialsAfterALapse(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		x := w.start(w.in(map[string]string{"bash": bashPreexec, "zsh": "", "fish": ""}), "")
		w.plans(plan{Life: -5, Due: -100, Life2: 3550, Due2: 3000})
		x.run("vault use prod")
		x.want(`"$AWS_ACCESS_KEY_ID"`, "FAKEID2")
		x.shows("prod 59m")
		w.plans(plan{Fail: true})
		check(os.RemoveAll(w.path("run")))
		x.run("true", "true")
		if n := w.called(w.shell + ": refresh --if-due --env"); n > 2 {
			t.Errorf("tried before every command: %q", w.calls())
		}
	})
}

// bashPreexec does what the real one is used for: two lists of functions.
const bashPreexec = `
bash_preexec_imported=defined
pp_status() { return "$1"; }
pp_prompt() { local s=$? f; for f in "${precmd_functions[@]}"; do pp_status "$s"; "$f"; done; }
pp_arm() { pp_armed=1; }
pp_debug() { [[ -n ${pp_armed-} && $BASH_COMMAND != pp_* ]] || return 0; pp_armed=; local f; for f in "${preexec_functions[@]}"; do "$f" "$BASH_COMMAND"; done; }
PROMPT_COMMAND=pp_prompt$'\n'${PROMPT_COMMAND:+$PROMPT_COMMAND$'\n'}pp_arm
trap pp_debug DEBUG
`

func TestThePromptCanBeLeftAlone(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.write("hook", w.script(Options{Binary: "vault"}))
		x := w.start("", "")
		x.run("vault use prod")
		x.shows("")
		x.want(`"$__vault_text"`, "prod 41m")
	})
}

// Themes set the prompt again, before each prompt or once and late.
func TestAThemeNeitherLosesNorDoublesTheSegment(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		theme := w.in(map[string]string{
			"bash": `PROMPT_COMMAND='PS1="R> "'`,
			"zsh":  "theme() { PROMPT='R> '; psvar=() }; precmd_functions+=(theme)",
			"fish": "",
		})
		late := w.in(map[string]string{
			"bash": `PS1='R> '`,
			"zsh":  `PROMPT='R> '; late() { PROMPT='R> '; psvar=() }; precmd_functions+=(late)`,
			"fish": "function fish_right_prompt; echo -n right; end",
		})
		x := w.start(theme, late)
		x.run("vault use prod", "true", "true")
		if w.shell != "fish" {
			x.shows("prod 41m")
			return
		}
		x.waitPrompt("  right [prod 41m]")
		x.run("function fish_right_prompt; echo -n later; end", "true", "true")
		x.waitPrompt("  later [prod 41m]")
		x.run("functions -c fish_right_prompt mine; function fish_right_prompt; echo -n '<'; mine; echo -n '>'; end", "true", "true")
		x.waitPrompt("  <later [prod 41m]>")
	})
}

func TestZeroProcessesPerPrompt(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		if none, active, log := w.startedByPrompts(); none != 0 || active != 0 {
			t.Errorf("%d and, with a profile, %d processes for ten prompts each\n%s", none, active, log)
		}
	})
}

// startedByPrompts counts the processes that ten prompts start without a profile and with one,
// and returns the log that has them.
func (w *world) startedByPrompts() (none, active int, log []byte) {
	testenv.Require(w.t, "strace")
	file := filepath.Join(w.home, "strace")
	shell := w.command(w.entry.Prompt + w.load() + "\n").Args
	x := w.open(exec.Command("strace", append([]string{"-D", "-f", "-qq", "-e", "trace=clone,clone3,fork,vfork,execve", "-o", file}, shell...)...))
	ten := func() int {
		x.run("true")
		before := processes(file)
		for range 10 {
			x.run("true")
		}
		return processes(file) - before
	}
	none = ten()
	x.run("vault use prod")
	active = ten()
	return none, active, must(os.ReadFile(file))
}

// processes counts the processes in a log of strace. Threads are none.
func processes(log string) int {
	n := 0
	for _, line := range strings.Split(string(must(os.ReadFile(log))), "\n") {
		for _, call := range []string{"clone(", "clone3(", "fork(", "execve("} {
			if strings.Contains(line, call) && !strings.Contains(line, "CLONE_THREAD") {
				n++
				break
			}
		}
	}
	return n
}
