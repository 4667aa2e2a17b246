package hooks

// Settings, names and traces that would break or betray a careless hook.

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/d44b7504/vault/internal/shelltest"
	"github.com/d44b7504/vault/internal/testenv"
)

var hostile = map[string][]string{
	"bash": {
		"set -u", "set -e", "set -eu; set -o pipefail", "set -o posix", "set -C", "set -a", "set -f", "set -T", "set -E; trap 'true' ERR", "set +h",
		"shopt -s failglob nullglob", "shopt -s nocasematch extglob dotglob", "shopt -s extdebug", "IFS=:1a_F", "IFS=",
		"PROMPT_COMMAND='true ;'", "PROMPT_COMMAND='true # note'", "PROMPT_COMMAND=('true' true)", "export PROMPT_COMMAND=true",
		"alias local=false eval=false builtin=false command=false return=false shift=false export=false unset=false if=false",
		"printf() { false; }; type() { false; }; declare() { false; }; shopt() { false; }; set() { false; }; eval() { false; }; local() { false; }",
		"readonly a b c d e f g h i j k l m n o p q r s t u v w x y z id at code rc left now sub fixed before fd", "declare -i n s; declare -u AWS_VAULT; declare -l AWS_ACCESS_KEY_ID",
		"GLOBIGNORE='*'", "POSIXLY_CORRECT=1", "unset EPOCHSECONDS", "trap 'false' DEBUG",
	},
	"zsh": {
		"setopt ksh_arrays", "setopt sh_word_split", "setopt no_unset", "setopt err_return", "setopt err_exit", "setopt prompt_subst", "setopt warn_create_global",
		"setopt no_clobber", "setopt glob_subst", "setopt extended_glob no_match", "setopt null_glob", "setopt all_export", "setopt posix_builtins", "setopt no_multios",
		"setopt ksh_glob no_bare_glob_qual", "setopt c_bases octal_zeroes", "setopt rc_quotes", "setopt no_function_argzero", "setopt posix_identifiers",
		"IFS=:1a_F", "IFS=", "emulate ksh", "emulate sh", "setopt no_bg_nice notify monitor", "setopt interactive_comments", "setopt no_equals magic_equal_subst",
		"readonly a b c d e f g h i j k l m n o p q r s t u v w x y z id at code rc left now sub fixed before fd", "typeset -i n s; typeset -u AWS_VAULT; typeset -l AWS_ACCESS_KEY_ID",
		"alias local=false eval=false builtin=false command=false return=false zmodload=false typeset=false; alias -g refresh=oops zsh=oops",
		"eval() { false }; zmodload() { false }; whence() { false }; zle() { false }; print() { false }; unset EPOCHSECONDS",
	},
	"fish": {
		"set -g fish_key_bindings fish_vi_key_bindings", "set -g IFS ''", "set -g IFS ':1a_F'", "set -gx fish_features ''",
		"for f in math path functions contains printf commandline source random echo; function $f; false; end; end",
		"set -U AWS_PROFILE universal", "function fish_right_prompt; end", "function fish_right_prompt; false; end",
	},
}

func TestHostileSettingsAreSurvived(t *testing.T) {
	t.Parallel()
	for _, shell := range hooked(t) {
		for _, setting := range testenv.Sample(shelltest.In(t, shell, hostile), 4) {
			t.Run(shell+"/"+setting, func(t *testing.T) {
				t.Parallel()
				survives(t, newWorld(t, shell), setting)
			})
		}
	}
}

func survives(t *testing.T, w *world, setting string) {
	x := w.start(setting, "")
	refuse := w.in(map[string]string{"bash": "! true", "zsh": "! true", "fish": "not true"})
	x.run(refuse) // set -e spares it; a hook that returned its status would end the shell
	x.run("vault use prod", refuse)
	x.shows("prod 41m")
	check(os.RemoveAll(w.path("run")))
	x.run("true")
	x.run("true")
	if n := w.asks(); n != 1 {
		t.Errorf("asked %d times, want 1: %q", n, w.calls())
	}
	w.plans(plan{Life: 100, Due: -100, Life2: 3550, Due2: 3000})
	x.run("vault use dev")
	x.eventually("a renewed session", func() bool { x.run("true"); return x.segment() == "dev 59m" })
	x.run("vault off")
	x.shows("")
	s := strings.ReplaceAll(x.Transcript(), "false", "")
	for _, complaint := range []string{"rror", "unbound", "not set", "invalid", "not found", "ad pattern", "no match", "global", "syntax", "nknown"} {
		if strings.Contains(strings.Replace(s, setting, "", 1), complaint) {
			t.Errorf("the shell complains of %q:\n%s", complaint, x.Screen.String())
		}
	}
}

func TestAHostileLabelIsData(t *testing.T) {
	t.Parallel()
	labels := []string{`%F{red}$(touch pwned)`, "`touch pwned`", `${x:=pwned} $x`, `\u \$(touch pwned)`, `a'b"c;touch pwned`, `%87v %n %%`, `!! !1`, `-n`, `[x] {a,b} *`, `é ü 日本`}
	each(t, func(t *testing.T, w *world) {
		subst := w.in(map[string]string{"bash": "", "zsh": "setopt prompt_subst prompt_bang", "fish": ""})
		for _, setting := range []string{"", subst} {
			x := w.start(setting, "")
			for _, label := range labels {
				w.plans(plan{Life: 2490, Label: label})
				x.run("vault use prod")
				x.eventually("the label "+label, func() bool { return strings.Contains(x.Row(), "["+label+" 41m]") })
			}
			x.run("vault use 'it'\"'\"'s $(touch pwned) `touch pwned`'")
			if exists(filepath.Join(w.home, "pwned")) {
				t.Fatal("a label was run")
			}
			if setting == subst {
				break
			}
		}
	})
}

func TestSourcingThreeTimesRegistersOneHook(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		x := w.start(w.load(), w.load())
		x.run("vault use prod", w.load(), "true")
		x.shows("prod 41m")
		check(os.RemoveAll(w.path("run")))
		w.plans(plan{Fail: true})
		x.send("\r")
		x.run("true")
		if n := w.called(w.shell + ": refresh --env"); n != 1 {
			t.Errorf("asked %d times, want 1: %q", n, w.calls())
		}
		counted := w.in(map[string]string{"bash": `"${PROMPT_COMMAND[*]} $PS1"`, "zsh": `"$precmd_functions $preexec_functions $PROMPT"`, "fish": `(functions fish_right_prompt | string collect)`})
		got := x.value(counted)
		for _, once := range shelltest.In(t, w.shell, map[string][]string{"bash": {"__vault_precmd", "{__vault_text"}, "zsh": {"__vault_precmd", "%88v"}, "fish": {"__vault_segment"}}) {
			if strings.Count(got, once) != 1 {
				t.Errorf("%s is there %d times in %q", once, strings.Count(got, once), got)
			}
		}
	})
}

func TestATraceShowsNoSecret(t *testing.T) {
	t.Parallel()
	on := map[string]string{"bash": "set -xv", "zsh": "setopt xtrace verbose", "fish": "set -g fish_trace 1"}
	still := map[string]string{"bash": `"$-"`, "zsh": `"$options[xtrace]$options[verbose]"`, "fish": `"$fish_trace"`}
	wants := map[string]string{"bash": "x", "zsh": "onon", "fish": "1"}
	each(t, func(t *testing.T, w *world) {
		w.extra = []string{"AWS_ACCESS_KEY_ID=USERKEY", "AWS_SECRET_ACCESS_KEY=not-the-users-secret"}
		x := w.start("", w.in(map[string]string{"bash": "", "zsh": "zmodload zsh/parameter", "fish": ""}))
		x.run(w.in(on))
		x.run("vault use prod", "true")
		x.waitPrompt("prod 41m")
		check(os.RemoveAll(w.path("run")))
		x.run("true", "true") // asks for the session
		w.plans(plan{Life: -5, Due: -100, Life2: 3550, Due2: -100})
		x.run("vault use dev", "true", "true") // renews, before a command and after it
		x.send("vault use live --ask\r")
		x.wait("code? ")
		x.send("\x03")
		x.eventually("a prompt", func() bool { return strings.Contains(x.Row(), "R>") })
		x.run("vault off", "true")
		if got := x.value(w.in(still)); !strings.Contains(got, w.in(wants)) {
			t.Errorf("the trace is off afterwards: %q", got)
		}
		if got := x.Transcript(); strings.Contains(got, "not-a-real-secret") || strings.Contains(got, "not-the-users-secret") {
			t.Errorf("the trace shows a secret:\n%s", got)
		}
	})
}

func TestTheTraceIsOnAgainAfterCtrlC(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "bash")
	x := w.start("", "")
	x.run("vault use prod", "set -x")
	x.send("vault use dev --ask\r")
	x.wait("code? ")
	x.send("\x03")
	x.eventually("a prompt", func() bool { return strings.Contains(x.Row(), "R>") })
	if got := x.value(`"$-"`); !strings.Contains(got, "x") {
		t.Errorf("$- is %q", got)
	}
}

func TestNothingIsPrintedAtLoad(t *testing.T) {
	t.Parallel()
	strict := map[string][][]string{
		"bash": {{"-eu", "-o", "pipefail"}, {"--posix", "-eu"}, {"-a", "-C", "-O", "failglob"}},
		"zsh":  {{"-f", "-eu"}, {"-f", "-o", "ksh_arrays", "-o", "sh_word_split", "-o", "nounset"}, {"-f", "-o", "warn_create_global", "-o", "err_return"}, {"-f", "-i", "-eu", "-o", "ksh_arrays"}},
		"fish": {{"--no-config", "--private"}, {"--no-config", "-i"}},
	}
	each(t, func(t *testing.T, w *world) {
		w.write("script", w.load()+"\n")
		for _, flags := range shelltest.In(t, w.shell, strict) {
			cmd := append([]string{w.shell}, flags...)
			if got := w.runs(append(cmd, "-c", ". "+filepath.Join(w.home, "script"))...); got != "" {
				t.Errorf("%q printed %q", flags, got)
			}
		}
		if c := w.calls(); len(c) != 0 {
			t.Errorf("a load started %q", c)
		}
	})
}

func TestAnEditorReadingTheEnvironmentGetsNothing(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.extra = []string{"VSCODE_RESOLVING_ENVIRONMENT=1"}
		cmd := exec.Command(w.shell, "-c", w.load()+"; type __vault_set")
		cmd.Env = w.environ()
		if out, err := cmd.CombinedOutput(); err == nil {
			t.Errorf("the hook was loaded: %s", out)
		}
	})
}
