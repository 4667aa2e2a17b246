package cmd

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/d44b7504/vault/env"
	"github.com/d44b7504/vault/internal/mfa"
	"github.com/d44b7504/vault/shells"
)

// hook looks for the hook in the files that shells read at their start. Whether this
// shell has loaded it only the shell knows, unless a profile is active.
func (d *doctor) hook(ctx context.Context) []finding {
	shell := d.callingShell()
	var list []finding
	if st, active := env.StateOf(d.task.Env.Current); active {
		list = append(list, fine("this shell is in %s", st.Request.Profile))
	}
	loaded, mistaken := false, false
	for _, name := range shells.Names() {
		for _, file := range d.startFiles(name) {
			found, right := d.hookIn(file, name)
			list = append(list, found...)
			loaded = loaded || right && name == shell
			mistaken = mistaken || name == shell && slices.ContainsFunc(found, func(f finding) bool { return f.Level == levelProblem })
		}
	}
	if shell == "" {
		list = append(list, noted("vault hook --help", "it is not known which shell this is, so it is not known whether the hook is loaded"))
	} else if !loaded && !mistaken {
		list = append(list, d.notLoaded(shell))
	}
	if shell != "" {
		list = append(list, d.shellVersion(ctx, shell)...)
	}
	return append(list, d.programs()...)
}

// callingShell is the shell we were started from, where the system tells, or else the
// one of the account; "" when it is none that we know.
func (d *doctor) callingShell() string {
	parent, _ := os.ReadFile(fmt.Sprintf("/proc/%d/comm", os.Getppid()))
	for _, name := range []string{string(parent), filepath.Base(d.getenv("SHELL"))} {
		name = strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(name), "-"), ".exe")
		if sh, err := shells.For(name); err == nil {
			return sh.Name()
		}
	}
	if runtime.GOOS == "windows" {
		return "pwsh"
	}
	return ""
}

// startFiles lists the files that an interactive shell may read at its start, those
// that are usual first.
func (d *doctor) startFiles(shell string) []string {
	config := cmp.Or(d.getenv("XDG_CONFIG_HOME"), d.below(".config"))
	switch shell {
	case "zsh":
		dir := cmp.Or(d.getenv("ZDOTDIR"), d.task.Env.Home())
		return []string{filepath.Join(dir, ".zshrc"), filepath.Join(dir, ".zprofile"), filepath.Join(dir, ".zshenv"), filepath.Join(dir, ".zlogin")}
	case "bash":
		return []string{d.below(".bashrc"), d.below(".bash_profile"), d.below(".bash_login"), d.below(".profile"), d.below(".bash_aliases")}
	case "fish":
		files, _ := filepath.Glob(filepath.Join(config, "fish", "conf.d", "*.fish"))
		return append([]string{filepath.Join(config, "fish", "config.fish")}, files...)
	}
	dirs := []string{filepath.Join(config, "powershell")}
	if runtime.GOOS == "windows" {
		dirs = []string{d.below("Documents", "PowerShell"), d.below("Documents", "WindowsPowerShell")}
	}
	var files []string
	for _, dir := range dirs {
		files = append(files, filepath.Join(dir, "Microsoft.PowerShell_profile.ps1"), filepath.Join(dir, "profile.ps1"))
	}
	return files
}

// hookLine is the line that loads the hook, with whatever path and quotes.
var hookLine = lazily(`vault(?:\.exe)?["']?\s+(?:-\S+\s+)*hook\s+["']?(bash|zsh|fish|pwsh|powershell)\b`)

// hookIn says what is wrong with the hook's line in a file, and whether it is there and
// for the shell that reads the file.
func (d *doctor) hookIn(file, shell string) (list []finding, right bool) {
	at := 0
	for n, line := range eachLine(readRegular(file)) {
		m := hookLine().FindStringSubmatch(line)
		if m == nil || strings.HasPrefix(strings.TrimSpace(line), "#") {
			if right && undoes(shell, line) {
				list = append(list, warned("move the line with vault hook to the end of the file",
					"%s:%d replaces what the hook has set up in line %d", d.tilde(file), n, at))
			}
			continue
		}
		sh, err := shells.For(m[1])
		if err != nil || sh.Name() != shell {
			list = append(list, wrong(rcLine(shell), "%s:%d loads the hook for %s, and %s reads the file", d.tilde(file), n, m[1], shell))
			continue
		}
		if right {
			list = append(list, noted("one of the two lines is enough", "%s loads the hook twice, in lines %d and %d", d.tilde(file), at, n))
		}
		right, at = true, n
	}
	if right {
		list = append(list, fine("%s loads the hook for %s", d.tilde(file), shell))
	}
	return list, right
}

// undoes recognises a line that throws away what the hooks of a shell are listed in.
func undoes(shell, line string) bool {
	var re *regexp.Regexp
	switch shell {
	case "bash":
		re = bashUndoes()
	case "zsh":
		re = zshUndoes()
	default:
		return false
	}
	m := re.FindStringSubmatch(line)
	return m != nil && !strings.Contains(m[2], m[1])
}

var (
	bashUndoes = lazily(`^\s*(?:export\s+)?(PROMPT_COMMAND)=(.*)`)
	zshUndoes  = lazily(`^\s*(precmd_functions)=(.*)`)
)

// rcLine is what a shell's file has to say.
func rcLine(shell string) string {
	switch shell {
	case "fish":
		return "vault hook fish | source"
	case "pwsh":
		return "Invoke-Expression (& vault hook pwsh | Out-String)"
	}
	return fmt.Sprintf(`eval "$(vault hook %s)"`, shell)
}

func (d *doctor) notLoaded(shell string) finding {
	file := d.tilde(d.startFiles(shell)[0])
	if _, active := env.StateOf(d.task.Env.Current); active {
		return noted("", "the hook's line is not in %s or beside it; it comes from somewhere else", file)
	}
	return warned("its last line should be: "+rcLine(shell), "%s does not load the hook, nor does another usual file of %s", file, shell)
}

// shellVersion asks the shell for its version: some are too old for the hook, and some
// cannot renew a lapsed session before a command.
func (d *doctor) shellVersion(ctx context.Context, shell string) []finding {
	least := map[string][2]int{"bash": {3, 2}, "zsh": {5, 1}, "fish": {3, 6}}[shell]
	if least == [2]int{} {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, onePatience)
	defer cancel()
	program := d.getenv("SHELL")
	if filepath.Base(program) != shell {
		program = shell
	}
	out, _, err := d.task.RunForAnswer(ctx, mfa.Program{Argv: []string{program, "--version"}})
	have, ok := versionIn(out.Reveal(), err)
	if !ok {
		return nil
	}
	is := fmt.Sprintf("%s is version %d.%d", shell, have[0], have[1])
	switch {
	case slices.Compare(have[:], least[:]) < 0:
		return []finding{wrong("", "%s, and the hook needs %d.%d", is, least[0], least[1])}
	case shell == "bash" && slices.Compare(have[:], []int{5, 3}) < 0 && !d.hasPreexec():
		return []finding{noted("bash-preexec, ble.sh or bash 5.3 makes the difference",
			"%s: a session that lapsed while the prompt waited is renewed at the next prompt, not before the command that is typed", is)}
	}
	return []finding{fine("%s", is)}
}

var versionRE = lazily(`(\d+)\.(\d+)`)

func versionIn(text string, err error) (v [2]int, ok bool) {
	m := versionRE().FindStringSubmatch(text)
	if err != nil || m == nil {
		return v, false
	}
	for i := range v {
		v[i], _ = strconv.Atoi(m[i+1])
	}
	return v, true
}

// hasPreexec looks for what runs our code before a command in a bash that cannot.
func (d *doctor) hasPreexec() bool {
	for _, file := range d.startFiles("bash") {
		text := string(readRegular(file))
		if strings.Contains(text, "bash-preexec") || strings.Contains(text, "ble.sh") {
			return true
		}
	}
	return false
}

// programs looks for other programs of our name on the PATH: the hook runs the first.
func (d *doctor) programs() []finding {
	self, err := os.Stat(d.Self)
	if err != nil {
		return nil
	}
	name := "vault"
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	var others []string
	first, ours := "", false
	for _, dir := range filepath.SplitList(d.getenv("PATH")) {
		file := filepath.Join(dir, name)
		info, err := os.Stat(file)
		if dir == "" || err != nil || !info.Mode().IsRegular() || runtime.GOOS != "windows" && info.Mode()&0o111 == 0 {
			continue
		}
		if first == "" {
			first, ours = file, os.SameFile(info, self)
		}
		if !os.SameFile(info, self) && !slices.Contains(others, file) {
			others = append(others, file)
		}
	}
	switch {
	case first == "":
		return []finding{warned("put it on the PATH, or its whole path into the hook's line", "no program called vault is on the PATH; this one is %s", d.tilde(d.Self))}
	case !ours:
		return []finding{warned("vault hook --help: --name calls the function something else",
			"the first vault on the PATH is %s, and this is %s: the hook runs the first", d.tilde(first), d.tilde(d.Self))}
	case len(others) > 0:
		return []finding{noted("", "there is another vault on the PATH, behind this one: %s", few(others))}
	}
	return nil
}

// eachLine gives the lines of a text with their numbers from 1.
func eachLine(text []byte) func(yield func(int, string) bool) {
	return func(yield func(int, string) bool) {
		n := 0
		for line := range strings.Lines(string(text)) {
			if n++; !yield(n, strings.TrimRight(line, "\r\n")) {
				return
			}
		}
	}
}
