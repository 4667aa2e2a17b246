package hooks

// Other guests of the shell: themes, lists of functions that others read, and settings under
// which the hook cannot do its work and says so.

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/d44b7504/vault/internal/shelltest"
	"github.com/d44b7504/vault/internal/testenv"
)

// lacks is what the hook tells the program, when it is called with these words, about the shell.
func (x *term) lacks(words string) string {
	x.t.Helper()
	_ = os.Remove(x.path("lacks"))
	x.run("vault " + words)
	got, err := os.ReadFile(x.path("lacks"))
	if err != nil {
		x.t.Errorf("%s: the program was told nothing: %v", words, err)
	}
	return strings.Join(strings.Fields(string(got)), " ")
}

// starship takes arrays that are there for bash-preexec's, and VS Code reads one string.
func TestBashTouchesArraysOnlyForTheirReaders(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "bash")
	x := w.start("export PROMPT_COMMAND='true # note'", w.load())
	x.want(`"${preexec_functions+set}${precmd_functions+set}"`, "")
	x.want(`"${#PROMPT_COMMAND[@]} $PROMPT_COMMAND"`, "1 true # note\n${_vpid:+\"__vault_precmd\"}")
	if got := x.output("bash --norc --noprofile -i -c 'eval \"$PROMPT_COMMAND\"; echo $?'"); !strings.HasSuffix(got, "0\n") || strings.Contains(got, "not found") {
		t.Errorf("the exported PROMPT_COMMAND does in a child shell without the hook: %s", got)
	}
	x.run("bash_preexec_imported=defined preexec_functions=(mine)", "vault use prod", "true")
	x.want(`"${preexec_functions[*]} ${precmd_functions-}"`, "mine __vault_preexec ")
	x = w.start("PROMPT_COMMAND=(true true)", w.load())
	x.want(`"${PROMPT_COMMAND[*]}"`, "true true ${_vpid:+\"__vault_precmd\"}")
	x = w.start("PROMPT_COMMAND=(true)", w.load())
	x.want(`"${#PROMPT_COMMAND[@]}"`, "1")
	x.run("vault use prod")
	x.shows("prod 41m")
}

// vscodeLike does what VS Code's script does in bash: it takes the place of PROMPT_COMMAND's first
// entry, and a DEBUG trap tells that a command has begun.
const vscodeLike = `
vsc_running=1
__vsc_prompt_cmd_original() { local c s=$?; for c in "${__vsc_original_prompt_command[@]}"; do (exit $s); eval "$c"; done; vsc_running=0; }
__vsc_prompt_cmd() { vsc_running=0; }
vsc_begin() { [[ $vsc_running == 0 ]] || return 0; vsc_running=1 began="${began-}|$BASH_COMMAND"; }
__vsc_original_prompt_command=${PROMPT_COMMAND-}
if [[ $__vsc_original_prompt_command ]]; then PROMPT_COMMAND=__vsc_prompt_cmd_original; else PROMPT_COMMAND=__vsc_prompt_cmd; fi
trap vsc_begin DEBUG`

func TestVSCodeSeesTheUsersCommandsAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "bash")
	for _, c := range [][3]string{
		{"", vscodeLike}, {"", vscodeLike + "\n" + w.load()}, {vscodeLike, ""}, {vscodeLike, w.load()},
		{"PROMPT_COMMAND=true\n" + vscodeLike, ""}, {"PROMPT_COMMAND=(true)", vscodeLike}, {"export PROMPT_COMMAND=true", vscodeLike},
	} {
		x := w.start("TERM_PROGRAM=vscode\n"+c[0], c[1])
		x.run("began=", "vault use prod", "false")
		x.shows("prod 41m")
		x.want(`"$began"`, `|vault use prod|false|\builtin printf '%s\n' E""nd1.|\builtin printf '%s' "$began" > `+filepath.Join(w.home, "value1"))
		if got := x.lacks("doctor"); got != "" {
			t.Errorf("%q: told %q", c, got)
		}
	}
}

// starshipInit is what starship's start file does with PROMPT_COMMAND and the arrays.
const starshipInit = `
starship_precmd() {
  STATUS=$? PIPE="${PIPESTATUS[*]}"
  if [[ ${STARSHIP_PROMPT_COMMAND-} ]]; then eval "$STARSHIP_PROMPT_COMMAND"; fi
  PS1="R> "
}
if [[ ${bash_preexec_imported-}${__bp_imported-}${preexec_functions-}${precmd_functions-} ]]; then
  preexec_functions+=(true) precmd_functions+=(starship_precmd)
elif [[ -z ${PROMPT_COMMAND-} ]]; then
  PROMPT_COMMAND=starship_precmd
elif [[ $PROMPT_COMMAND != *starship_precmd* ]]; then
  STARSHIP_PROMPT_COMMAND=$PROMPT_COMMAND PROMPT_COMMAND=starship_precmd
fi`

func TestStarshipKeepsItsPromptBesideTheHook(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "bash")
	for _, order := range [][2]string{{starshipInit, ""}, {"", starshipInit}, {starshipInit, w.load() + starshipInit}} {
		x := w.start("PS1='lost R> '\n"+order[0], order[1])
		if got := x.lacks("use prod"); got != "" { // the first line that is typed
			t.Errorf("%q: the program is told %q", order, got)
		}
		if row := x.Row(); strings.Contains(row, "lost") {
			t.Errorf("the prompt of starship is gone: %q", row)
		}
		check(os.RemoveAll(w.path("run")))
		asked := w.asks()
		x.run("true")
		if n := w.asks() - asked; n != 1 {
			t.Errorf("asked %d times for the session, want 1: %q", n, w.calls())
		}
		want := []string{"", ""}
		if order[0] == "" { // it writes the prompt after the hook
			want = []string{"label", "label told"}
		}
		for i, words := range []string{"use dev", "doctor"} {
			if got := x.lacks(words); got != want[i] {
				t.Errorf("%q: %s: the program is told %q, want %q", order, words, got, want[i])
			}
		}
		x.want(`"$STATUS $PIPE"`, "0 0")
	}
}

func TestTheProgramIsToldThatNothingRenewsASession(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		x := w.start("", "")
		if got := x.lacks("use prod"); got != "" {
			t.Errorf("told %q where everything works", got)
		}
		gone := w.in(map[string]string{"bash": "PROMPT_COMMAND='true'", "zsh": "precmd_functions=()", "fish": "functions -e __vault_on_prompt"})
		x.run(gone, "true")
		for _, words := range []string{"use prod", "use dev", "doctor"} {
			if got := x.lacks(words); !strings.HasPrefix(got, "renewal") {
				t.Errorf("%s after %s: told %q", words, gone, got)
			}
		}
		w.write("script", w.load()+"\nvault use prod\n")
		w.runs(w.shell, filepath.Join(w.home, "script"))
		if got := string(must(os.ReadFile(w.path("lacks")))); got != "script" {
			t.Errorf("a script: told %q", got)
		}
	})
}

func TestWhatCannotBeWrittenBreaksNoPrompt(t *testing.T) {
	t.Parallel()
	for shell, settings := range map[string]map[string]string{
		"bash": {"readonly PROMPT_COMMAND=true": "renewal", "readonly PROMPT_COMMAND": "renewal", "readonly PS1": "label"},
		"zsh":  {"typeset -gra precmd_functions": "renewal", "readonly PROMPT": "label"},
	} {
		for setting, want := range settings {
			t.Run(shell+"/"+setting, func(t *testing.T) {
				t.Parallel()
				w := newWorld(t, shell)
				x := w.start(setting, "loaded=to-the-end")
				x.want(`"$loaded"`, "to-the-end")
				x.run("vault use prod", "true")
				if got := x.lacks("doctor"); !strings.HasPrefix(got, want) {
					t.Errorf("told %q, want %q", got, want)
				}
				if s := strings.Replace(x.Transcript(), setting, "", 1); strings.Contains(s, "only") {
					t.Errorf("the shell complains:\n%s", x.Screen.String())
				}
			})
		}
	}
}

func TestBashTellsOnceThatPromptvarsIsOff(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "bash")
	x := w.start("shopt -u promptvars", "")
	for _, c := range [][2]string{{"use typo", "promptvars"}, {"use prod", "promptvars"}, {"use dev", "promptvars told"}, {"doctor", "promptvars told"}} {
		if got := x.lacks(c[0]); got != c[1] {
			t.Errorf("%s: told %q, want %q", c[0], got, c[1])
		}
	}
	if s := x.Transcript(); strings.Contains(s, "__vault") {
		t.Errorf("bash prints what it does not expand:\n%s", s)
	}
}

// p10kLike does what powerlevel10k does with a segment of a user's: it calls the function at
// each prompt, as the last hook, and writes PROMPT from what that hands to "p10k segment".
const p10kLike = `
setopt prompt_subst
p10k() {
  [[ $1 == segment ]] || return
  local OPTARG opt cond text; local -i OPTIND=2 expand
  while getopts "eb:f:i:c:t:" opt; do
    case $opt in (e) expand=1 ;; (c) cond=$OPTARG ;; (t) text=$OPTARG ;; esac
  done
  (( expand )) || text=${text//\$/\\$}
  PROMPT+="\${\${:-$cond}:+[$text] }"
}
_p9k_precmd() {
  precmd_functions=(${precmd_functions:#_p9k_precmd} _p9k_precmd)
  PROMPT= 
  local s
  for s in $POWERLEVEL9K_LEFT_PROMPT_ELEMENTS; do (( ! $+functions[prompt_$s] )) || prompt_$s; done
  PROMPT+="R> "
}
precmd_functions+=(_p9k_precmd)`

func TestPowerlevel10kShowsTheSegmentThatIsNamed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "zsh")
	x := w.start(p10kLike, "")
	for _, c := range [][2]string{{"use prod", "p10k"}, {"use prod", "p10k told"}, {"doctor", "p10k told"}} {
		if got := x.lacks(c[0]); got != c[1] {
			t.Errorf("%s: told %q, want %q", c[0], got, c[1])
		}
	}
	w.plans(plan{Life: 250, Due: 240, Note: "mfa!", Label: "%F{red}$(touch pwned) }'\\"})
	x.run("POWERLEVEL9K_LEFT_PROMPT_ELEMENTS=(dir vault)", "vault use prod", "true")
	x.shows("%F{red}$(touch pwned) }'\\ 4m mfa!")
	if got := x.lacks("doctor"); got != "" {
		t.Errorf("told %q", got)
	}
	x.run("vault off")
	x.shows("")
	if exists(filepath.Join(w.home, "pwned")) {
		t.Error("a label was run")
	}
	x = w.start("prompt_vault() { print mine }", "")
	if got := x.output("prompt_vault"); got != "mine\n" {
		t.Errorf("the user's own prompt_vault is now: %s", got)
	}
}

// pure has the name of a virtual environment in psvar[20]; its older versions throw away,
// at any time, what is before the last line break of PROMPT.
func TestPureShowsTheLabelBesideItsOwn(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "zsh")
	x := w.start("pure() { psvar[20]=venv }; precmd_functions+=(pure); PROMPT='%(20V.%20v .)R> '", "")
	x.run("vault use prod")
	x.eventually("both", func() bool { return strings.Contains(x.Row(), "[prod 41m] venv R>") })
	x = w.start(`prompt_newline=$'\n%{\r%}'; pure() { PROMPT="path$prompt_newline${PROMPT##*$prompt_newline}" }; PROMPT="path${prompt_newline}R> "; precmd_functions+=(pure)`, "")
	x.run("vault use prod", "pure", "true")
	x.shows("prod 41m")
	x.want(`"$(( ${#${(s:88v:)PROMPT}} ))"`, "2")
}

// tide defines both prompts in the file from which fish loads the left one.
func TestTideShowsTheLabelFromTheFirstPrompt(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "fish")
	x := w.start("", "")
	x.run("vault use prod")
	check(os.MkdirAll(filepath.Join(w.home, "tide"), 0o700))
	w.write("tide/fish_prompt.fish", "eval \"\nfunction fish_prompt\n echo -n 'R> '\nend\nfunction fish_right_prompt\n echo -n right\nend\"\n")
	w.write("inner.fish", "set -g fish_greeting\nset fish_function_path $HOME/tide $fish_function_path\n"+w.load()+"\n")
	x.send("clear; exec fish --no-config -i -C 'source " + filepath.Join(w.home, "inner.fish") + "'\r")
	x.waitPrompt("  right [prod 41m]")
	if got := x.lacks("doctor"); got != "" {
		t.Errorf("told %q", got)
	}
	x.run("function __zz --on-event fish_prompt; function fish_right_prompt; end; end", "true", "true")
	if got := x.lacks("doctor"); got != "label" {
		t.Errorf("a theme that writes the right prompt each time: told %q", got)
	}
}

// A prompt that shows the session is not told to be without it, whatever the shell shows it with.
func TestAPromptThatShowsTheSessionIsNotSaidToLackIt(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		x := w.start("", "")
		x.run("vault use prod")
		x.shows("prod 41m")
		if got := x.lacks("doctor"); got != "" {
			t.Errorf("told %q", got)
		}
	})
}

func TestCtrlCAtTheQuestionIsStatus130(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		trap := w.in(map[string]string{"bash": "", "zsh": "trap 'echo mine' USR1; TRAPINT() { return $(( 128 + $1 )) }", "fish": ""})
		x := w.start("", trap)
		// what follows it on the line is not run
		x.send("vault use dev --ask; echo ran-on >ran; " + w.in(map[string]string{"bash": "(exit 9)", "zsh": "(exit 9)", "fish": "sh -c 'exit 9'"}) + "\r")
		x.wait("code? ")
		x.send("\x03")
		x.eventually("a prompt", func() bool { return strings.Contains(x.Row(), "R>") })
		if got := x.value(w.status()); got != "130" {
			t.Errorf("status %q", got)
		}
		if exists(filepath.Join(w.home, "ran")) {
			t.Error("the rest of the line was run")
		}
		if w.shell == "zsh" {
			x.want(`"${functions[TRAPINT]} $options[localtraps]"`, "\treturn $(( 128 + $1 )) off")
		}
		x.want(shelltest.In(t, w.shell, map[string]string{"bash": `"$AWS_VAULT"`, "zsh": `"$AWS_VAULT"`, "fish": `"$AWS_VAULT"`}), "")
	})
}

// besides are settings and other guests with code of their own at a prompt and before a command.
var besides = map[string][]string{
	"bash": {bashPreexec, "trap 'true | true' DEBUG", starshipInit, "set -o pipefail -o functrace; shopt -s extdebug; trap 'true | true' DEBUG", "set -o posix"},
	"zsh":  {"emulate sh", "emulate ksh; setopt posix_traps", "TRAPDEBUG() { true | true }", "setopt pipefail; trap 'true | true' ZERR", "emulate sh; precmd() { true | true; }; preexec() { true | true; }"},
	"fish": {"function x --on-event fish_prompt; true | true; end; function y --on-event fish_preexec; true | true; end"},
}

// The prompt, or the command after it, asks for the session again: the command sees what it
// would have seen otherwise.
func TestPipestatusHoldsWhenTheSessionIsFetchedBesideOthers(t *testing.T) {
	t.Parallel()
	for _, shell := range hooked(t) {
		for _, beside := range testenv.Sample(shelltest.In(t, shell, besides), 3) {
			t.Run(shell+"/"+beside, func(t *testing.T) {
				t.Parallel()
				w := newWorld(t, shell)
				x := w.start("", beside)
				x.run("vault use prod", "true")
				failed := "false | true | " + w.in(map[string]string{"bash": "(exit 3)", "zsh": "(exit 3)", "fish": "sh -c 'exit 3'"})
				seen := w.in(map[string]string{"bash": `"$? ${PIPESTATUS[*]}"`, "zsh": `"$? ${pipestatus[*]}"`, "fish": `"$status $pipestatus"`})
				quiet := x.value(seen, failed)
				check(os.RemoveAll(w.path("run")))
				atThePrompt := x.value(seen, failed)
				x.run("true")
				before := strings.Count(x.Screen.String(), "R>")
				x.send(failed + "\r")
				x.eventually("the next prompt", func() bool { return strings.Count(x.Screen.String(), "R>") > before })
				check(os.RemoveAll(w.path("run")))
				beforeTheCommand := x.value(seen)
				if !strings.HasPrefix(quiet, "3 ") || atThePrompt != quiet || beforeTheCommand != quiet {
					t.Errorf("on a quiet prompt %q, fetched at the prompt %q, fetched before the command %q", quiet, atThePrompt, beforeTheCommand)
				}
				if w.asks() < 2 {
					t.Errorf("the session was not fetched twice: %q", w.calls())
				}
			})
		}
	}
}
