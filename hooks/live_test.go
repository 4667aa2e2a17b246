package hooks

// What the function does: switch in place or not at all, and be a faithful stand-in for
// the program.

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestUseSwitchesInPlaceAndOffTakesItBack(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		x := w.start("", "")
		x.run("vault use prod")
		x.shows("prod 41m")
		x.want(`"$AWS_ACCESS_KEY_ID"`, "FAKEID1")
		x.want(`"$AWS_SECRET_ACCESS_KEY"`, secretOf(1))
		x.run("vault --backend use --keychain off use dev")
		x.shows("dev 41m")
		x.run("vault off")
		x.shows("")
		x.want(`"$AWS_ACCESS_KEY_ID$AWS_VAULT$__VAULT_TOKEN"`, "")
	})
}

func TestAFailureEvaluatesNothing(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		x := w.start("", "")
		x.run("vault use prod")
		if got := x.value(w.status(), "vault use typo"); got != "1" {
			t.Errorf("status %q", got)
		}
		// In one line, because the next prompt would put right what was evaluated.
		file := filepath.Join(x.home, "late")
		x.run("vault use dev --fail-late; " + x.printf() + ` '%s %s %s' ` + w.status() + ` "$AWS_VAULT" "$AWS_ACCESS_KEY_ID" >` + file)
		if got := string(must(os.ReadFile(file))); got != "5 prod FAKEID1" {
			t.Errorf("after a command that fails in the end: %q", got)
		}
		x.want(`"$AWS_VAULT"`, "prod")
		x.want(`"$AWS_ACCESS_KEY_ID"`, "FAKEID1")
	})
}

func TestStatusAndPipestatusSurviveThePrompt(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		x := w.start("", "")
		all := w.in(map[string]string{"bash": `"${PIPESTATUS[*]}"`, "zsh": `"$pipestatus"`, "fish": `"$pipestatus"`})
		fail := w.in(map[string]string{"bash": "(exit 3)", "zsh": "(exit 3)", "fish": "sh -c 'exit 3'"})
		for _, active := range []bool{false, true} {
			if active {
				x.run("vault use prod")
			}
			if got := x.value(w.status(), fail); got != "3" {
				t.Errorf("active %v: status %q", active, got)
			}
			if got := x.value(all, "false | true | "+fail); got != "1 0 3" {
				t.Errorf("active %v: pipestatus %q", active, got)
			}
			check(os.RemoveAll(w.path("run")))
			if got := x.value(all, "false | true"); got != "1 0" {
				t.Errorf("active %v: pipestatus after asking for the session %q", active, got)
			}
		}
	})
}

// A theme that prints the last status sees the user's, not the hook's.
func TestOtherPromptCodeSeesTheUsersStatus(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		theme := w.in(map[string]string{
			"bash": `PS1='$? R> '`,
			"zsh":  `PROMPT='%? R> '`,
			"fish": "function fish_prompt; echo -n $status 'R> '; end; function fish_right_prompt; echo -n \"[$pipestatus]\"; end",
		})
		x := w.start(theme, "")
		x.run("vault use prod")
		x.send("false\r")
		x.waitPrompt("1")
		x.eventually("status 1 in the theme", func() bool {
			return strings.Contains(strings.Replace(x.Row(), "] ", "]", 1), "1 R>")
		})
		if w.shell == "fish" {
			x.waitPrompt("[1] [prod 41m]")
		}
	})
}

func TestOtherCommandsRunAsIfThereWereNoFunction(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		x := w.start("", "")
		if got := x.output("echo input | vault echo | cat"); got != "input\n" {
			t.Errorf("a pipe through echo gave %q", got)
		}
		if got := x.value(w.status(), "echo input | vault echo"); got != "7" {
			t.Errorf("status %q", got)
		}
		if got := x.output("vault exec use -- --backend use 'a  b' '' '*'"); got != `["exec" "use" "--" "--backend" "use" "a  b" "" "*"] shell=""`+"\n" {
			t.Errorf("arguments became %s", got)
		}
		x.run("vault --backend", "vault")
		if n := w.called(":"); n != 1 {
			t.Errorf("no arguments: %d calls, of %q", n, w.calls())
		}
	})
}

func TestUseKeepsStdinAndStdout(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		x := w.start("", "")
		if got := x.output("printf 654321 | vault use prod --stdin | cat"); !strings.Contains(got, "stdin=654321\n") {
			t.Errorf("in a pipeline: %q", got)
		}
		posix := `f() { vault use dev --stdin; }; got=$(printf 42 | f)`
		x.run(w.in(map[string]string{"bash": posix, "zsh": posix, "fish": `function f; vault use dev --stdin; end; set got (printf 42 | f)`}))
		x.want(`"$got"`, "stdin=42")
		x.run("vault use live --stdin </dev/null >" + filepath.Join(w.home, "out"))
		if got := string(must(os.ReadFile(filepath.Join(w.home, "out")))); got != "stdin=\n" {
			t.Errorf("stdout of use went elsewhere: %q", got)
		}
		x.want(`"$AWS_VAULT"`, "live")
	})
}

// Ctrl-Z and fg behave as if there were no function.
func TestJobControlOfOtherCommandsIsNative(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		x := w.start("", "")
		x.send("vault read\r")
		x.wait("reading")
		x.send("\x1a")
		x.eventually("the shell again", func() bool { return strings.Contains(x.Row(), "R>") })
		x.send("fg\r")
		x.wait("continued")
		x.send("hello\r")
		x.wait("read:hello")
		x.run("true")
	})
}

func TestCtrlCDuringAQuestionLeavesTheOldEnvironment(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		x := w.start("", "")
		x.run("vault use prod")
		x.send("vault use dev --ask\r")
		x.wait("code? ")
		x.send("\x03")
		x.eventually("a prompt", func() bool { return strings.Contains(x.Row(), "R>") })
		x.run("true")
		x.shows("prod 41m")
		x.want(`"$AWS_VAULT"`, "prod")
		x.send("echo 1 | vault use dev --ask\r")
		x.eventually("a second question", func() bool { return strings.Contains(x.Row(), "code?") })
		x.send("123456\r")
		x.eventually("a prompt", func() bool { return strings.Contains(x.Row(), "R>") })
		x.run("vault use live")
		x.shows("live 41m")
	})
}

func TestAStashedSecretReachesNoChildAndComesBack(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.extra = []string{"AWS_ACCESS_KEY_ID=USERKEY", "AWS_SECRET_ACCESS_KEY=user's $(touch pwned) value", "AWS_PROFILE=theirs"}
		quiet := w.in(map[string]string{"bash": "AWS_SESSION_TOKEN=unexported", "zsh": "AWS_SESSION_TOKEN=unexported", "fish": "set -g AWS_SESSION_TOKEN unexported"})
		x := w.start("", quiet)
		x.run("vault use prod", "vault use dev")
		if got := x.output("env"); strings.Contains(got, "user's") || strings.Contains(got, "USERKEY") || strings.Contains(got, "unexported") {
			t.Errorf("a child sees the stash:\n%s", got)
		}
		x.run("vault off")
		env := x.output("env")
		for _, want := range []string{"AWS_ACCESS_KEY_ID=USERKEY\n", "AWS_SECRET_ACCESS_KEY=user's $(touch pwned) value\n"} {
			if !strings.Contains(env, want) {
				t.Errorf("no %q in the environment after off:\n%s", want, env)
			}
		}
		if strings.Contains(env, "AWS_SESSION_TOKEN") {
			t.Error("what was not exported is exported after off")
		}
		x.want(`"$AWS_SESSION_TOKEN"`, "unexported")
		if exists(filepath.Join(w.home, "pwned")) {
			t.Error("a value was run")
		}
	})
}

func TestANonInteractiveShellHasOnlyTheFunction(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.write("script", w.load()+"\nvault use prod\necho \"$AWS_ACCESS_KEY_ID/$precmd_functions$PROMPT_COMMAND\"\n")
		if got := w.runs(w.shell, filepath.Join(w.home, "script")); got != "stub: using prod\nFAKEID1/\n" {
			t.Errorf("got %q", got)
		}
	})
}

// runs is what a program prints, on both streams, in this world.
func (w *world) runs(argv ...string) string {
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Env, cmd.Dir = w.environ(), w.home
	out, err := cmd.CombinedOutput()
	if err != nil {
		w.t.Errorf("%q: %v\n%s", argv, err, out)
	}
	return string(out)
}

func TestTwoHooksAskOnlyOnceAPrompt(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.link("av")
		load := w.load()
		w.write("hook", w.script(Options{Binary: "vault", Prompt: true})+w.script(Options{Binary: w.path("bin/av"), Name: "av", Prompt: true}))
		x := w.start("", load+"\n"+load)
		x.run("av use prod")
		x.shows("prod 41m")
		x.run("vault use dev")
		x.shows("dev 41m")
		check(os.RemoveAll(w.path("run")))
		x.run("true")
		if n := w.asks(); n != 1 {
			t.Errorf("asked %d times, want 1: %q", n, w.calls())
		}
	})
}

func TestThePathOfTheProgramMayBeAnything(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		dir := filepath.Join(w.home, "it's $(touch pwned) `x` \"dir\"")
		check(os.Mkdir(dir, 0o700))
		check(os.Rename(w.path("bin/vault"), filepath.Join(dir, "vault")))
		w.write("hook", w.script(Options{Binary: filepath.Join(dir, "vault"), Prompt: true}))
		x := w.start("", "")
		x.run("vault use prod", "rm -r "+w.path("run"))
		x.shows("prod 41m")
		if n := w.asks(); n != 1 {
			t.Errorf("asked %d times, want 1: %q", n, w.calls())
		}
	})
}

// A prompt cannot see that a clock was set, only that it is earlier than the last prompt
// was. Then, and while the program says that the clock is wrong, it asks the program.
func TestAPromptAsksAgainWhenTheClockWasSet(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		x := w.start(w.load(), "")
		x.run("vault use prod")
		x.shows("prod 41m")
		later := w.in(map[string]string{"bash": "_vlo=9999999999", "zsh": "__vault_lo=9999999999", "fish": "set -g __vault_lo 9999999999"})
		x.run(later, "true", "true")
		if n := w.asks(); n != 1 {
			t.Errorf("the clock was set back: asked %d times, want 1: %q", n, w.calls())
		}
		wrong := w.in(map[string]string{"bash": "_vchk=1 _vhi=0", "zsh": "__vault_chk=1 __vault_hi=0", "fish": "set -g __vault_chk 1; set -g __vault_hi -9999999999"})
		x.run(wrong, "true", "true")
		if n := w.asks(); n != 2 {
			t.Errorf("the clock is wrong: asked %d times, want 2: %q", n, w.calls())
		}
		x.shows("prod 41m")
	})
}

// The program's answer holds by the clock that the program has read. If that clock is set back before
// the shell draws its prompt, the shell asks again; and where it cannot be told, it shows no time.
func TestAClockThatIsSetBackAfterTheAnswerGivesNoWrongTime(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.write("hook", w.script(Options{Binary: "vault", Prompt: true, Draw: Draw{Title: true, Countdown: true}}))
		x := w.start("", "")
		for _, c := range []struct {
			name, want string
			plan       plan
		}{
			{"prod", "prod 41m", plan{Life: 2490, Set: 3600}},
			{"twice", "twice", plan{Life: 2490, Set: 3600, Set2: 3600}},
			{"twice", "twice 41m", plan{Life: 2490, Set: 60}},
			{"unlimited", "unlimited", plan{Set: 3600}},
			{"fails", "fails", plan{Life: 2490, Set: 3600, Fail: true}},
		} {
			w.plans(c.plan)
			x.run("vault use " + c.name)
			x.shows(c.want)
			x.eventually("the title", func() bool { return strings.Contains(x.Title(), c.want) })
			if n := w.asks(); c.name == "prod" && n != 1 {
				t.Errorf("asked %d times, want 1: %q", n, w.calls())
			}
		}
		if shown := x.Transcript(); strings.Contains(shown, "1h41m") || strings.Contains(shown, "42m") {
			t.Errorf("it was shown by the clock before:\n%s", x.Text())
		}
	})
}

// The clock may be set while a prompt waits for the program's answer.
func TestAnAnswerIsShownByTheClockAfterIt(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		x := w.start("", "")
		x.run("vault use prod")
		x.shows("prod 41m")
		x.run(w.in(map[string]string{
			"bash": "_vwho=; _vt=$((EPOCHSECONDS - 3600)); _v_slow; kept=$__vault_text",
			"zsh":  "() { local -i now=$((EPOCHSECONDS - 3600)); __vault_who=; __vault_slow; kept=$__vault_text }",
			"fish": "set -g __vault_who; functions -c __vault_now later; function __vault_now; functions -e __vault_now; functions -c later __vault_now; math (later) - 3600; end; __vault_slow 0; set kept $__vault_text",
		}))
		x.want(`"$kept"`, "prod 41m")
	})
}

// zsh runs no trap at the end of a part of a pipeline, so it looks at the line that was
// typed; bash sees whether a command follows.
func TestTheProgramIsToldOfASubShell(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		x := w.start("", "f() { vault use prod; true; }\nfunction g; vault use prod; true; end"[map[bool]int{true: 30}[w.shell == "fish"]:])
		for line, wants := range map[string]map[string]string{
			"vault use prod | cat":                           {"bash": "bash+1", "zsh": "zsh+alone", "fish": "fish"},
			"vault use prod 2>&1 | cat":                      {"bash": "bash+1", "zsh": "zsh+alone", "fish": "fish"},
			"true; vault use prod --region x | cat":          {"bash": "bash+1", "zsh": "zsh+alone", "fish": "fish"},
			"echo $(vault use prod)":                         {"bash": "bash+1", "zsh": "zsh+alone"},
			"vault use prod & wait":                          {"bash": "bash+1", "zsh": "zsh+alone"},
			"echo x | vault use prod":                        {"bash": "bash+1", "zsh": "zsh", "fish": "fish"},
			"(vault use prod; true)":                         {"bash": "bash+1", "zsh": "zsh+1"},
			"(vault use prod 2>&1; true)":                    {"bash": "bash+1", "zsh": "zsh+1"},
			"(vault use prod && true) | cat":                 {"bash": "bash+1", "zsh": "zsh+1"},
			"(vault use typo || true)":                       {"bash": "bash+1", "zsh": "zsh+1"},
			"for p in prod; do vault use $p; true; done|cat": {"bash": "bash+1", "zsh": "zsh+1"},
			"x=$(vault use prod; true)":                      {"bash": "bash+1", "zsh": "zsh+1"},
			"f | cat":                                        {"bash": "bash+1", "zsh": "zsh+1"},
			"vault use prod":                                 {"bash": "bash", "zsh": "zsh", "fish": "fish"},
			"{ vault use prod; }":                            {"bash": "bash", "zsh": "zsh"},
		} {
			want, has := wants[w.shell]
			if !has {
				continue
			}
			_ = os.Remove(w.path("log"))
			x.run(line)
			if calls := w.calls(); len(calls) == 0 || !strings.HasPrefix(calls[0], want+": use ") {
				t.Errorf("%s: %q, want %s", line, calls, want)
			}
		}
	})
}
