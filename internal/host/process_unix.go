//go:build unix

package host

import "golang.org/x/sys/unix"

// startOf asks for the process, and whether it is of this user: only then a signal may be
// sent to it. Where the system shows no processes, that is all that is known.
func startOf(pid int) (started int64, there bool) {
	if unix.Kill(pid, 0) != nil {
		return 0, false
	}
	p, known := processOf(pid)
	return p.started, !known || !p.zombie
}
