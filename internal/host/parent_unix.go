//go:build unix

package host

import (
	"fmt"
	"os"
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

func programOf(pid int) string {
	if file, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid)); err == nil {
		return strings.TrimSuffix(file, " (deleted)") // an update has replaced it
	}
	p, _ := processOf(pid)
	return strings.TrimPrefix(p.name, "-") // a login shell
}
