package cmd

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/d44b7504/vault/env"
	"github.com/d44b7504/vault/internal/host"
	"github.com/d44b7504/vault/shells"
)

// hook looks for the hook in the files that shells read at their start. Whether this
// shell has loaded it only the shell knows, unless a profile is active.
func (d *doctor) hook(ctx context.Context) []finding {
	shell, isKnown := d.callingShell()
	var list []finding
	if st, active := env.StateOf(d.task.Env.Current); active {
		list = append(list, fine("this shell is in %s", st.Request.Profile))
	}
	loaded, mistaken := false, false
	for _, sh := range shells.All() {
		for _, file := range d.startFiles(sh) {
			found, right := d.hookIn(file, sh)
			list = append(list, found...)
			loaded = loaded || right && sh == shell
			mistaken = mistaken || sh == shell && slices.ContainsFunc(found, func(f finding) bool { return f.Level == levelProblem })
		}
	}
	if !isKnown {
		list = append(list, noted("vault hook --help", "it is not known which shell this is, so it is not known whether the hook is loaded"))
	} else if !loaded && !mistaken {
		list = append(list, d.notLoaded(shell))
	}
	if isKnown {
		list = append(list, d.shellVersion(ctx, shell)...)
	}
	return append(list, d.programs()...)
}

// callingShell is the shell that started us, where the system tells, or else the one of
// the account; false when that shell is not in the table.
func (d *doctor) callingShell() (*shells.Shell, bool) {
	parent, _ := os.ReadFile(fmt.Sprintf("/proc/%d/comm", os.Getppid()))
	for _, name := range []string{string(parent), filepath.Base(d.getenv("SHELL"))} {
		name = strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(name), "-"), ".exe")
		if sh, err := shells.For(name); err == nil {
			return sh, true
		}
	}
	if runtime.GOOS == "windows" {
		sh, err := shells.For("powershell")
		return sh, err == nil
	}
	return nil, false
}

// shellPlaces are where this person's files are.
func (d *doctor) shellPlaces() shells.Places {
	return shells.Places{OS: runtime.GOOS, Home: d.task.Env.Home(), Env: d.task.Env.Current}
}

// startFiles lists the files that an interactive shell may read at its start, the usual
// one first.
func (d *doctor) startFiles(sh *shells.Shell) []string {
	files := sh.StartFiles(d.shellPlaces())
	for _, dir := range sh.StartDirs(d.shellPlaces()) {
		more, _ := filepath.Glob(filepath.Join(globbed(dir), "*."+sh.Extension))
		files = append(files, more...)
	}
	return files
}

// hookLine is the line that loads the hook, with whatever path and quotes.
var hookLine = lazily(`vault(?:\.exe)?["']?\s+(?:-\S+\s+)*hook\s+["']?([a-z]+)\b`)

// hookIn says what is wrong with the hook's line in a file, and whether it is there and
// for the shell that reads the file.
func (d *doctor) hookIn(file string, shell *shells.Shell) (list []finding, right bool) {
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
		if err != nil || sh != shell {
			list = append(list, wrong(rcLine(shell), "%s:%d loads the hook for %s, and %s reads the file", d.tilde(file), n, m[1], shell.Name))
			continue
		}
		if right {
			list = append(list, noted("one of the two lines is enough", "%s loads the hook twice, in lines %d and %d", d.tilde(file), at, n))
		}
		right, at = true, n
	}
	if right {
		list = append(list, fine("%s loads the hook for %s", d.tilde(file), shell.Name))
	}
	return list, right
}

// undoes recognises a line that assigns to the variable in which a shell's hooks are
// listed, without its old value.
func undoes(sh *shells.Shell, line string) bool {
	name, value, assigns := strings.Cut(strings.TrimPrefix(strings.TrimSpace(line), "export "), "=")
	return assigns && sh.HookList != "" && strings.TrimSpace(name) == sh.HookList && !strings.Contains(value, sh.HookList)
}

func (d *doctor) notLoaded(shell *shells.Shell) finding {
	file := d.tilde(d.startFiles(shell)[0])
	if _, active := env.StateOf(d.task.Env.Current); active {
		return noted("", "the hook's line is not in %s or beside it; it comes from somewhere else", file)
	}
	return warned("its last line should be: "+rcLine(shell), "%s does not load the hook, nor does another usual file of %s", file, shell.Name)
}

// shellVersion asks the shell for its version: some are too old for the hook, and some
// cannot renew a lapsed session before a command.
func (d *doctor) shellVersion(ctx context.Context, sh *shells.Shell) []finding {
	ctx, cancel := context.WithTimeout(ctx, onePatience)
	defer cancel()
	argv := append([]string{d.shellProgram(sh)}, sh.VersionArgs...)
	out, err := d.Run(ctx, host.Child{Argv: argv, Kind: env.Tool, Environ: d.Environ})
	have, ok := versionIn(string(out.Stdout), err)
	if !ok {
		return nil
	}
	is := fmt.Sprintf("%s is version %d.%d", sh.Name, have[0], have[1])
	switch {
	case have.Before(sh.Least):
		return []finding{wrong("", "%s, and the hook needs %d.%d", is, sh.Least[0], sh.Least[1])}
	case !d.actsBeforeCommand(sh, have):
		return []finding{noted(beforeCommandCure(sh),
			"%s: a session that lapsed while the prompt waited is renewed at the next prompt, not before the command that is typed", is)}
	}
	return []finding{fine("%s", is)}
}

// shellProgram is the program of a shell that is to be asked for its version.
func (d *doctor) shellProgram(sh *shells.Shell) string {
	if named, err := shells.For(strings.TrimSuffix(filepath.Base(d.getenv("SHELL")), ".exe")); err == nil && named == sh {
		return d.getenv("SHELL")
	}
	for _, name := range sh.Programs() {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return sh.Name
}

var versionRE = lazily(`(\d+)\.(\d+)`)

func versionIn(text string, err error) (v shells.Version, ok bool) {
	m := versionRE().FindStringSubmatch(text)
	if err != nil || m == nil {
		return v, false
	}
	for i := range v {
		v[i], _ = strconv.Atoi(m[i+1])
	}
	return v, true
}

// actsBeforeCommand reports whether the hook can act before a command: in this version
// by itself, or by a helper that a start file loads.
func (d *doctor) actsBeforeCommand(sh *shells.Shell, have shells.Version) bool {
	if since := sh.BeforeCommand.Since; since != (shells.Version{}) && !have.Before(since) {
		return true
	}
	for _, file := range d.startFiles(sh) {
		text := string(readRegular(file))
		if slices.ContainsFunc(sh.BeforeCommand.Helpers, func(h string) bool { return strings.Contains(text, h) }) {
			return true
		}
	}
	return false
}

// beforeCommandCure names what would let the hook act before a command, "" for nothing.
func beforeCommandCure(sh *shells.Shell) string {
	ways := slices.Clone(sh.BeforeCommand.Helpers)
	if since := sh.BeforeCommand.Since; since != (shells.Version{}) {
		ways = append(ways, fmt.Sprintf("%s %d.%d", sh.Name, since[0], since[1]))
	}
	if len(ways) == 0 {
		return ""
	}
	return "this changes with " + strings.Join(ways, " or ")
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
