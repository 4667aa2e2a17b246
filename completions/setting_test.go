package completions_test

// The scripts among other things: loaded early, late, twice, beside the hook, under another name,
// under strict options, and without the program.

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/d44b7504/vault/hooks"
	"github.com/d44b7504/vault/internal/shelltest"
	"github.com/d44b7504/vault/internal/testenv"
)

func TestZshLoadsBeforeAndAfterCompinit(t *testing.T) {
	t.Parallel()
	prompt, compinit := shelltest.For(t, "zsh").Prompt, shelltest.For(t, "zsh").Completion
	later := "late() { " + strings.ReplaceAll(compinit, "\n", "; ") + "precmd_functions=(${precmd_functions:#late}) }\n" +
		"count() { (( ++n > 1 )) && late }\nprecmd_functions+=(count)\n"
	for name, rc := range map[string]string{
		"before":          loadScript(t, "zsh") + "\n" + compinit,
		"after":           compinit + loadScript(t, "zsh") + "\n",
		"twice":           compinit + loadScript(t, "zsh") + "\n" + loadScript(t, "zsh") + "\n",
		"around":          loadScript(t, "zsh") + "\n" + compinit + loadScript(t, "zsh") + "\n",
		"before, by hook": "precmd_functions=(); eval \"$(vault hook zsh --no-prompt)\"\n" + compinit,
		"at a prompt":     later + loadScript(t, "zsh") + "\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHome(t, "zsh")
			x := h.open(prompt + rc)
			x.send("true\r")
			x.eventually("a second prompt", func() bool { return strings.Count(x.Text(), "R>") > 1 })
			if got := x.tab("vault use my"); !slices.Equal(got, []string{"use", "my prof"}) {
				t.Errorf("became %q", got)
			}
			x.press("vault use $(touch pwned)")
			if x.tab("vault use pr"); pwned(h) {
				t.Error("what was typed was run")
			}
		})
	}
}

// On other lines TAB stays what it was: it expands what is under the cursor.
func TestZshTABElsewhereIsTheUsersOwn(t *testing.T) {
	t.Parallel()
	h := newHome(t, "zsh")
	h.link("other")
	x := h.start()
	if got := x.tab("other $((40 + 2))"); !slices.Equal(got, []string{"42"}) {
		t.Errorf("became %q", got)
	}
}

func TestWithoutCompinitNothingIsDisturbed(t *testing.T) {
	t.Parallel()
	h := newHome(t, "zsh")
	x := h.open(h.entry.Prompt + loadScript(t, "zsh") + "\n")
	if got := x.tab("vault use pr"); !slices.Equal(got, []string{"use", "pr"}) {
		t.Errorf("became %q", got)
	}
	if strings.Contains(x.Text(), "not found") {
		t.Errorf("the shell complains:\n%s", x.Text())
	}
}

// The hook defines a function of the command's name; completion follows the name, and
// its text is evaluated together with the hook's.
func TestCompletionComesWithTheHookAndFollowsItsName(t *testing.T) {
	t.Parallel()
	eachQuick(t, func(t *testing.T, h *home) {
		line := load(t, h.shell, "vault hook "+h.shell+" --no-prompt --name av") + "\n"
		x := h.open(prompt(t, h.shell) + line + line)
		if got := x.tab("av list my"); !slices.Equal(got, []string{hooks.CalledAs + "av", "list", "my"}) {
			t.Errorf("became %q", got)
		}
		if got := x.tab("av export my"); !slices.Equal(got, []string{hooks.CalledAs + "av", "export", "my prof"}) {
			t.Errorf("became %q", got)
		}
		if got := x.tab("av exec prod --reg"); !slices.Equal(got, []string{hooks.CalledAs + "av", "exec", "prod", "--region"}) {
			t.Errorf("became %q", got)
		}
	})
}

func TestTwoNamesCompleteEachWithItsOwnProgram(t *testing.T) {
	t.Parallel()
	eachQuick(t, func(t *testing.T, h *home) {
		h.link("other")
		x := h.open(prompt(t, h.shell) + loadScript(t, h.shell) + "\n" + load(t, h.shell, "other completion --name other "+h.shell) + "\n")
		x.tab("vault use pr")
		x.tab("other use pr")
		var asked []string
		for _, c := range h.all() {
			if len(c.Args) > 0 && c.Args[0] == "__words" {
				asked = append(asked, c.Program)
			}
		}
		if !slices.Equal(asked, []string{"vault", "other"}) {
			t.Errorf("asked %q", asked)
		}
	})
}

func TestCompletionSurvivesStrictOptions(t *testing.T) {
	t.Parallel()
	strict := map[string][]string{
		"bash": {"set -u", "set -e", "readonly i w o n x s", "set -o posix", "shopt -s failglob nullglob", "IFS=,", "set -o noclobber", "alias local=false builtin=false command=false"},
		"zsh":  {"setopt ksh_arrays", "readonly i w o n x s", "setopt sh_word_split no_unset", "setopt warn_create_global err_return", "setopt sh_glob glob_subst", "alias local=false", "setopt complete_in_word menu_complete"},
		"fish": {"set -g IFS ,", "alias string=false"},
		"pwsh": {"Set-StrictMode -Version Latest", "$ErrorActionPreference = 'Stop'"},
	}
	for _, sh := range shelltest.All(t) {
		shell := sh.Name
		for i, o := range shelltest.In(t, shell, strict) {
			for j, order := range []string{"before", "after"} {
				if (i+j)%5 != 0 && !testenv.Long() {
					continue // one of five is the sample
				}
				t.Run(fmt.Sprint(shell, i, order), func(t *testing.T) {
					t.Parallel()
					h := newHome(t, shell)
					rc := prompt(t, shell) + o + "\n" + loadScript(t, shell) + "\n"
					if order == "after" {
						rc = prompt(t, shell) + loadScript(t, shell) + "\n" + o + "\n"
					}
					x := h.open(rc)
					for typed, want := range map[string][]string{
						"use team": {"use", "team/a:b"}, "use --region mx-": {"use", "--region", "mx-central-1"}, "use 'my p": {"use", "my prof"},
					} {
						if got := x.tab("vault " + typed); !slices.Equal(got, want) {
							t.Errorf("%s: %s TAB became %q, want %q; screen:\n%s", o, typed, got, want, x.Text())
						}
					}
				})
			}
		}
	}
}

// A program that is gone, or fails, costs candidates and nothing else.
func TestTABIsQuietWithoutTheProgram(t *testing.T) {
	t.Parallel()
	eachQuick(t, func(t *testing.T, h *home) {
		h.link("other")
		x := h.open(prompt(t, h.shell) + loadScript(t, h.shell) + "\n")
		check(os.Rename(h.file("bin/vault"), h.file("bin/gone")))
		x.pressAll("vault use pr")
		if got := x.tab("other x"); !slices.Equal(got, []string{"x"}) {
			t.Errorf("became %q", got)
		}
		for _, word := range []string{"not found", "nknown command", "o such file", "rror"} {
			if strings.Contains(x.Text(), word) {
				t.Errorf("the shell complains:\n%s", x.Text())
			}
		}
	})
}

func TestThePathOfTheProgramMayBeAnything(t *testing.T) {
	t.Parallel()
	eachQuick(t, func(t *testing.T, h *home) {
		dir := h.file("it's $(touch pwned) `x` \"dir\" é")
		check(os.Mkdir(dir, 0o700))
		check(os.Symlink(must(os.Executable()), filepath.Join(dir, "vault")))
		cmd := exec.Command(filepath.Join(dir, "vault"), "completion", h.shell)
		cmd.Env = h.environ()
		h.write("script", string(must(cmd.Output())))
		x := h.open(prompt(t, h.shell) + h.entry.LoadFile(h.file("script")) + "\n")
		if got := x.tab("vault use my"); !slices.Equal(got, []string{"use", "my prof"}) || pwned(h) {
			t.Errorf("became %q", got)
		}
	})
}

func TestFishFindsTheCommandInItsLine(t *testing.T) {
	t.Parallel()
	h := newHome(t, "fish")
	h.configured = true                                             // `and` and `command` complete by fish's own scripts
	check(os.MkdirAll(h.file("fish/generated_completions"), 0o700)) // or fish would make them now
	x := h.start()
	for _, before := range []string{"X=1 ", "and ", "time ", "command ", "not X=1 Y=2 ", "true; ", "true | "} {
		want := []string{"use", "my prof"}
		if got := x.tab(before + "vault use my"); !slices.Equal(got, want) {
			t.Errorf("%s became %q", before, got)
		}
	}
}

// fzfTabLike takes the candidates away from zsh's list, as fzf-tab does, and inserts the first:
// it comes after the widget of TAB, a copy of the one that was there, and _main_complete.
const fzfTabLike = `
ftb-compadd() {
  local -A apre hpre dscrs oad; local -a isfile opts rest expl hits
  zparseopts -E -a opts P:=apre p:=hpre d:=dscrs X+:=expl O:=oad A:=oad D:=oad f=isfile i: S: s: I: x: r: R: W: F: M+: E: q e Q n U C J:=rest V:=rest a=rest l=rest k=rest o=rest 1=rest 2=rest
  if (( $#oad || ! IN_FZF_TAB )); then builtin compadd "$@"; return; fi
  builtin compadd -A hits "$@"
  local ret=$?
  (( $#hits )) || return ret
  (( $#ftb_word )) || ftb_word=("$hits[1]") ftb_at=("$IPREFIX" "$PREFIX" "$SUFFIX" "$ISUFFIX") ftb_args=("$opts[@]" "${(@kv)apre}" "${(@kv)hpre}" $isfile)
  builtin compadd -U -qS "" ""
}
ftb-complete() {
  local -a ftb_word ftb_at ftb_args
  ftb_main "$@"
  emulate -L zsh
  (( $#ftb_word )) || return 1
  IPREFIX=$ftb_at[1] PREFIX=$ftb_at[2] SUFFIX=$ftb_at[3] ISUFFIX=$ftb_at[4]
  builtin compadd "${ftb_args[@]:--Q}" -Q -- $ftb_word
  compstate[list]= compstate[insert]="2 "
}
fzf-tab-complete() {
  local -i IN_FZF_TAB=1
  { zle .fzf-tab-orig-$ftb_widget } always { IN_FZF_TAB=0 }
  zle .redisplay
}
zle -N fzf-tab-complete
zmodload zsh/zutil
ftb_widget="${$(builtin bindkey "^I")##* }"
if [[ $widgets[$ftb_widget] == builtin ]]; then
  zle -C .fzf-tab-orig-$ftb_widget .$ftb_widget _main_complete
else
  zle -A $ftb_widget .fzf-tab-orig-$ftb_widget
fi
bindkey "^I" fzf-tab-complete
autoload +X -Uz _main_complete
functions[compadd]=$functions[ftb-compadd] functions[ftb_main]=$functions[_main_complete]
_main_complete() { ftb-complete "$@" }
`

func TestZshTABBesideOthersRunsNothingOnOurLines(t *testing.T) {
	t.Parallel()
	prompt, compinit, script := shelltest.For(t, "zsh").Prompt, shelltest.For(t, "zsh").Completion, loadScript(t, "zsh")+"\n"
	for name, rc := range map[string]string{
		"fzf-tab before":                compinit + fzfTabLike + script,
		"fzf-tab after":                 compinit + script + fzfTabLike,
		"fzf-tab after, compinit late":  script + compinit + fzfTabLike,
		"fzf-tab before, compinit late": script + "autoload -Uz compinit\n" + fzfTabLike + compinit,
		"_expand":                       "zstyle ':completion:*' completer _expand _complete\n" + compinit + script,
		"_expand, compinit late":        "zstyle ':completion:*' completer _expand _complete\n" + script + compinit,
		"expand-or-complete-prefix":     compinit + script + "bindkey '^I' expand-or-complete-prefix\n",
		"menu-expand-or-complete":       compinit + "bindkey '^I' menu-expand-or-complete\n" + script,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHome(t, "zsh")
			h.link("other")
			x := h.open(prompt + rc)
			for _, line := range []string{"vault use $(touch pwned)", "vault exec prod -- ls `touch pwned`", "vault add prod --from-csv $(touch pwned)/x"} {
				x.press(line)
				if x.tab("vault use pr"); pwned(h) {
					t.Fatalf("%q was run", line)
				}
			}
			if got := x.tab("vault use my"); !slices.Equal(got, []string{"use", "my prof"}) {
				t.Errorf("became %q", got)
			}
			if got := x.tab("other $((40 + 2))"); !slices.Equal(got, []string{"42"}) {
				t.Errorf("TAB elsewhere: %q", got)
			}
			if strings.Contains(x.Text(), "vault exvault") || strings.Contains(x.Text(), "o such") {
				t.Errorf("the screen:\n%s", x.Text())
			}
		})
	}
}

// A package puts the script into a directory of fpath, where compinit finds it by its first line. zsh
// reads it at the first TAB, which is answered too, and from then on it is as if it had been sourced.
func TestZshFindsTheScriptOfAPackageInFpath(t *testing.T) {
	t.Parallel()
	h := newHome(t, "zsh")
	x := h.open(shelltest.For(t, "zsh").Prompt + "mkdir $HOME/site; vault completion zsh >$HOME/site/_vault; fpath=($HOME/site $fpath)\n" +
		shelltest.For(t, "zsh").Completion)
	for range 2 {
		if got := x.tab("vault use my"); !slices.Equal(got, []string{"use", "my prof"}) {
			t.Errorf("became %q:\n%s", got, x.Text())
		}
	}
	if x.press("vault use $(touch pwned)"); pwned(h) {
		t.Error("what was typed was run")
	}
}
