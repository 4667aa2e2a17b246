package shelltest

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// newer are the constructs that bash 3.2, the one of macOS, lacks or reads differently,
// each with a line that has it. They are from CHANGES in bash's sources, and only those that
// code like ours could want.
var newer = []struct{ what, pattern, example string }{
	{"associative arrays", `\b(declare|typeset|local)\s+-\w*A`, `declare -gA x`},
	{"references to names", `\b(declare|typeset|local)\s+-\w*n`, `local -n x=y`},
	{"declare -g", `\b(declare|typeset)\s+-\w*g`, `declare -g x`},
	{"local -", `\blocal\s+-\s*($|;)`, `local -`},
	{"another case", `\$\{[^}]*(,|\^)[,^]?\}`, `echo ${x,,}`},
	{"transformations", `\$\{[^}]*@[QEPAaUuLKk]\}`, `echo ${x@Q}`},
	{"mapfile", `\b(mapfile|readarray)\b`, `mapfile -t x`},
	{"coproc", `\bcoproc\b`, `coproc x`},
	{"|&", `\|&`, `a |& b`},
	{"&>>", `&>>`, `a &>> b`},
	{";;& and ;&", `;&|;;&`, `a) b ;&`},
	{"[[ -v", `(\[\[|\btest)\s(.*\s)?-v\s`, `[[ -v x ]]`},
	{"steps in braces", `\{\w+\.\.\w+\.\.\w+\}`, `echo {1..9..2}`},
	{"negative subscripts", `\[\s*-\d+\s*\]`, `echo ${x[-1]}`},
	{"negative lengths", `\$\{\w+:[^}:]*:\s*-`, `echo ${x:0: -1}`},
	{"read -i, -N and a fraction", `\bread\s(-\w+\s)*(-\w*[iN]|-\w*t\s*\d*\.\d)`, `read -r -N 1 x`},
	{"wait -n", `\bwait\s+-\w*n`, `wait -n`},
	{"BASHPID", `\bBASHPID\b`, `echo $BASHPID`},
	{"a clock in a variable without a default", `\$\{?(EPOCH\w+|SRANDOM)([^-\w]|$)`, `echo $EPOCHSECONDS`},
	{"\\u in a string", `\$'[^']*\\[uU]`, `x=$'\u00e9'`},
	{"options of shopt", `\bshopt\b.*(globstar|lastpipe|autocd|dirspell|inherit_errexit|localvar_inherit)`, `shopt -s lastpipe`},
	{"a file descriptor in a variable", `\{\w+\}[<>]`, `exec {fd}<x`},
	{"case inside $( )", `\$\([^)]*\bcase\b`, `x=$(case y in y) z ;; esac)`},
	// There "${x[@]:1}" is one word where IFS has no space.
	{"an IFS without a space for a whole function", `\blocal\s.*\bIFS=(\$'\\n'|\s|$)`, `local a IFS=$'\n'`},
	{"an array assigned with local", `\bbuiltin\s+(local|declare|typeset)\s.*=\(`, `builtin local -a x=()`},
}

// guarded are lines that only a newer bash runs, beside those that ask for the version.
var guarded = []string{
	`_v_now() { builtin printf -v _vt '%(%s)T' -1; }`,
	`builtin declare -g "$_vn=7" || :`,
}

// NewerThanBash32 returns what in a script bash 3.2 would not run as a newer one does.
func NewerThanBash32(script string) (found []string) {
	for line := range strings.Lines(script) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "#") || strings.Contains(line, "((_vver ") || slices.Contains(guarded, line) {
			continue
		}
		for _, n := range newer {
			if regexp.MustCompile(n.pattern).MatchString(line) {
				found = append(found, fmt.Sprintf("%s: %s", n.what, line))
			}
		}
		if strings.Contains(line, "%(") {
			found = append(found, "times of printf: "+line)
		}
	}
	return found
}
