//go:build !windows

package store

import (
	"os/exec"
	"syscall"
)

// detach gives a program a session of its own, in which /dev/tty is nobody's, and makes
// the deadline end all that it started together with it.
func detach(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
}
