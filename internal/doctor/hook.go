package doctor

import (
	"context"
	"fmt"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/d44b7504/vault/env"
	"github.com/d44b7504/vault/hooks"
	"github.com/d44b7504/vault/internal/host"
	"github.com/d44b7504/vault/internal/startfile"
	"github.com/d44b7504/vault/shells"
)

// hook looks for the hook in the files that shells read at their start. Whether this
// shell has loaded it only the shell knows, unless a profile is active.
func (x *examination) hook(ctx context.Context) []Finding {
	shell := x.callingShell()
	var list []Finding
	st, active := x.Env.Active()
	if active {
		list = append(list, ok("profile %s is active in this shell", st.Request.Profile))
	}
	_, loaded := x.Env.Current[env.Lacks] // only the hook sets it
	mistaken := false
	if loaded && shell != nil {
		list = append(list, x.inThisShell(shell)...)
	}
	for _, sh := range shells.All() {
		for _, file := range x.startFiles(sh) {
			found, right := x.hookIn(file, sh)
			list = append(list, found...)
			loaded = loaded || right && sh == shell
			mistaken = mistaken || sh == shell && slices.ContainsFunc(found, func(f Finding) bool { return f.Level == Problem })
		}
	}
	switch {
	case shell == nil:
		list = append(list, note("vault hook --help", "it is not known which shell this is, so it is not known whether the hook is loaded"))
	case loaded || mistaken:
	case active:
		list = append(list, note("", "the hook's line is not in the usual files of %s; it is loaded from somewhere else", shell.Name))
	default:
		list = append(list, warning("vault init adds this as its last line: "+x.rcLine(shell), "%s does not load the hook, and no other usual file of %s does", x.usualFile(shell), shell.Name))
	}
	if shell != nil {
		list = append(list, x.shellVersion(ctx, shell)...)
	}
	return append(list, x.programs()...)
}

// inThisShell says what the hook found out about the shell that it is loaded in.
func (x *examination) inThisShell(sh *shells.Shell) []Finding {
	list := []Finding{ok("this shell has loaded the hook")}
	for _, l := range sh.Lacks(x.Env.Get(env.Lacks)) {
		list = append(list, warning(l.Cure, "%s", l.What))
	}
	return list
}

// callingShell is the shell that started this program, where the system tells, or else the
// one of the account; nil when it has no hook.
func (x *examination) callingShell() *shells.Shell {
	for _, file := range []string{x.parent, x.Env.Get("SHELL")} {
		if sh := shells.Running(file); sh != nil {
			return sh
		}
	}
	if runtime.GOOS != "windows" {
		return nil
	}
	sh, _ := shells.For("powershell")
	return sh
}

// places are where this person's files are.
func (x *examination) places() shells.Places {
	return shells.Places{OS: runtime.GOOS, Home: x.Env.Home(), Env: x.Env.Current}
}

// startFiles lists the files that an interactive shell may read at its start, the usual
// one first.
func (x *examination) startFiles(sh *shells.Shell) []string {
	return startfile.Files(sh, x.places())
}

// usualFile is the start file that should load the hook, as people write it.
func (x *examination) usualFile(sh *shells.Shell) string {
	if files := x.startFiles(sh); len(files) > 0 {
		return x.Env.Tilde(files[0])
	}
	return sh.StartFile
}

// rcLine is the line that loads the hook.
func (x *examination) rcLine(sh *shells.Shell) string {
	line, err := hooks.Options{Binary: x.called, Name: x.name, Prompt: true}.RCLine(sh)
	if err != nil {
		line, _ = sh.RCLine("vault") // a plain word can always be quoted
	}
	return line
}

// hookIn says what is wrong with the hook's line in a file, and whether it is there and
// for the shell that reads the file.
func (x *examination) hookIn(file string, shell *shells.Shell) (list []Finding, right bool) {
	at := 0
	for n, line := range lines(read(file)) {
		named := startfile.LoadsHook(line, hooks.NameOf(x.called))
		if named == "" {
			if right && overwrites(shell, line) {
				list = append(list, warning("move the line with vault hook to the end of the file",
					"%s:%d overwrites what the hook has set up in line %d", x.Env.Tilde(file), n, at))
			}
			continue
		}
		if sh, err := shells.For(named); err != nil || sh != shell {
			list = append(list, problem(x.rcLine(shell), "%s:%d loads the hook for %s, but it is a file of %s", x.Env.Tilde(file), n, named, shell.Name))
			continue
		}
		if right {
			list = append(list, note("one of the two lines is enough", "%s loads the hook twice, in lines %d and %d", x.Env.Tilde(file), at, n))
		}
		right, at = true, n
	}
	if right {
		list = append(list, ok("%s loads the hook for %s", x.Env.Tilde(file), shell.Name))
	}
	return list, right
}

// overwrites reports whether a line assigns to the variable in which a shell's hooks are
// listed, without its old value.
func overwrites(sh *shells.Shell, line string) bool {
	name, value, assigns := strings.Cut(strings.TrimPrefix(strings.TrimSpace(line), "export "), "=")
	return assigns && sh.HookList != "" && strings.TrimSpace(name) == sh.HookList && !strings.Contains(value, sh.HookList)
}

// shellVersion asks the shell for its version: some are too old for the hook, and some
// cannot renew an expired session before a command.
func (x *examination) shellVersion(ctx context.Context, sh *shells.Shell) []Finding {
	ctx, cancel := context.WithTimeout(ctx, waitTimeout)
	defer cancel()
	argv := append([]string{x.shellProgram(sh)}, sh.VersionArgs...)
	out, err := x.Run(ctx, host.Child{Argv: argv, Kind: env.Tool, Environ: x.Env.List})
	have, known := versionIn(string(out.Stdout), err)
	if !known {
		return nil
	}
	is := fmt.Sprintf("%s is version %d.%d", sh.Name, have[0], have[1])
	switch {
	case have.Before(sh.Least):
		return []Finding{problem("", "%s, and the hook needs %d.%d", is, sh.Least[0], sh.Least[1])}
	case !x.actsBeforeCommand(sh, have):
		return []Finding{note(beforeCommandCure(sh),
			"%s: a session that has expired while the prompt waited is renewed at the next prompt, not before the command that is typed", is)}
	}
	return []Finding{ok("%s", is)}
}

// shellProgram is the program of a shell that is to be asked for its version.
func (x *examination) shellProgram(sh *shells.Shell) string {
	if named, err := shells.For(shells.ProgramName(x.Env.Get("SHELL"))); err == nil && named == sh {
		return x.Env.Get("SHELL")
	}
	for _, name := range sh.Programs() {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return sh.Name
}

var versionPattern = pattern{text: `(\d+)\.(\d+)`}

func versionIn(text string, err error) (v shells.Version, known bool) {
	m := versionPattern.get().FindStringSubmatch(text)
	if err != nil || m == nil {
		return v, false
	}
	for i := range v {
		v[i], _ = strconv.Atoi(m[i+1])
	}
	return v, true
}

// actsBeforeCommand reports whether the hook can act before a command: in this version
// by itself, or by a script that a start file loads.
func (x *examination) actsBeforeCommand(sh *shells.Shell, have shells.Version) bool {
	if since := sh.BeforeCommand.Since; since != (shells.Version{}) && !have.Before(since) {
		return true
	}
	for _, file := range x.startFiles(sh) {
		text := string(read(file))
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
