//go:build unix

package host

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// parent is the file of the program that started this one, its name where the system does
// not tell the file, and "" where it does not tell either.
func parent() string { return programOf(os.Getppid()) }

// mostAncestors is how far up ancestors looks.
const mostAncestors = 16

// ancestors are the programs that started this one, the nearest first. It ends where the
// system does not tell more.
func ancestors() (list []string) {
	for pid := os.Getppid(); pid > 1 && len(list) < mostAncestors; {
		list = append(list, programOf(pid))
		p, there := processOf(pid)
		if !there {
			break
		}
		pid = p.parent
	}
	return list
}

// runners are programs that run another one in their own process: a loader of libraries, an
// emulator of a processor, the runtime of .NET and a collection of tools.
var runners = []string{"ld-", "ld.so", "qemu-", "dotnet", "busybox", "toybox"}

// programOf is the file of a process's program. Where that is one of runners, it is the first word
// of the command line that is neither that program's name nor an option.
func programOf(pid int) string {
	if file, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid)); err == nil {
		file = strings.TrimSuffix(file, " (deleted)") // an update has replaced it
		line, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		return runBy(file, strings.Split(string(line), "\x00"))
	}
	p, _ := processOf(pid)
	return strings.TrimPrefix(p.name, "-") // a login shell
}

func runBy(file string, argv []string) string {
	is := func(word string) bool {
		name := filepath.Base(word)
		return slices.ContainsFunc(runners, func(r string) bool { return strings.HasPrefix(name, r) })
	}
	if !is(file) {
		return file
	}
	argv[0] = strings.TrimPrefix(argv[0], "-") // a login shell
	for _, word := range argv {
		if word != "" && word[0] != '-' && !is(word) {
			return word
		}
	}
	return file
}
