package doctor

import (
	"os"
	"path/filepath"
	"runtime"
	"slices"

	"github.com/d44b7504/vault/internal/display"
)

// programs looks for other programs called vault on the PATH: the hook runs the first.
func (x *examination) programs() []Finding {
	self, err := os.Stat(x.program)
	if err != nil {
		return nil
	}
	first, isSelf := "", false
	var others []string
	for _, file := range executables(x.Env.Get("PATH")) {
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
	case first == "":
		return []Finding{warning("put it on the PATH, or write its full path into the hook's line", "no program called vault is on the PATH; this one is %s", x.tilde(x.program))}
	case !isSelf:
		return []Finding{warning("vault hook --help: --name gives the function another name",
			"the first vault on the PATH is %s, and this is %s: the hook runs the first", x.tilde(first), x.tilde(x.program))}
	case len(others) > 0:
		return []Finding{note("", "there is another vault on the PATH, after this one: %s", display.ShortList(others))}
	}
	return nil
}

// executables lists the programs called vault on a PATH, in its order.
func executables(path string) []string {
	name := "vault"
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
