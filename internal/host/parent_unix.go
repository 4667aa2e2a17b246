//go:build unix

package host

import (
	"fmt"
	"os"
	"strings"
)

// parent is the file of the program that started this one, its name where the system does
// not tell the file, and "" where it does not tell either.
func parent() string {
	pid := os.Getppid()
	if file, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid)); err == nil {
		return strings.TrimSuffix(file, " (deleted)") // an update has replaced it
	}
	p, _ := processOf(pid)
	return strings.TrimPrefix(p.name, "-") // a login shell
}
