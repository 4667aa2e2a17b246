package doctor

import (
	"os"
	"path/filepath"
	"runtime"
	"slices"

	"github.com/d44b7504/vault/hooks"
	"github.com/d44b7504/vault/internal/display"
	"github.com/d44b7504/vault/shells"
)

// programs looks for other programs of this one's name on the PATH: the hook runs the first,
// unless its line has the path of the program.
func (x *examination) programs() []Finding {
	self, err := os.Stat(x.program)
	if err != nil {
		return nil
	}
	name := hooks.NameOf(x.called)
	byPath := x.called != filepath.Base(x.called) && x.name != name
	first, isSelf := "", false
	var others []string
	for _, file := range executables(x.Env.Get("PATH"), name) {
		info, err := os.Stat(file)
		same := err == nil && os.SameFile(info, self)
		if first == "" {
			first, isSelf = file, same
		}
		if !same && !slices.Contains(others, file) {
			others = append(others, file)
		}
	}
	switch {
	case byPath:
		return []Finding{ok("%s runs %s", x.name, x.Env.Tilde(x.called))}
	case first == "":
		return []Finding{warning("put it on the PATH, or write its full path into the hook's line", "no program called %s is on the PATH; this one is %s", name, x.Env.Tilde(x.program))}
	case !isSelf:
		return []Finding{warning("write its path and another name into the hook's line: "+x.otherName(),
			"the first program called %s on the PATH is %s, and this is %s: the hook runs the first", name, x.Env.Tilde(first), x.Env.Tilde(x.program))}
	case len(others) > 0:
		return []Finding{note("", "there is another program called %s on the PATH, after this one: %s", name, display.ShortList(others))}
	}
	return nil
}

// otherName is a line for the hook that works although another program of the same name
// is first on the PATH.
func (x *examination) otherName() string {
	sh := x.callingShell()
	if sh == nil {
		sh = shells.All()[0]
	}
	line, _ := hooks.Options{Binary: x.program, Name: "av", Prompt: true}.RCLine(sh)
	return line
}

// executables lists the programs of a name on a PATH, in its order.
func executables(path, name string) []string {
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	var list []string
	for _, dir := range filepath.SplitList(path) {
		file := filepath.Join(dir, name)
		info, err := os.Stat(file)
		if dir != "" && err == nil && info.Mode().IsRegular() && (runtime.GOOS == "windows" || info.Mode()&0o111 != 0) {
			list = append(list, file)
		}
	}
	return list
}
