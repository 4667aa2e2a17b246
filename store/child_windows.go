package store

import (
	"os/exec"
	"syscall"
)

// createNoWindow is what the process gets instead of a console.
const createNoWindow = 0x08000000

// detach runs a program without a console to ask on.
func detach(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{HideWindow: true, CreationFlags: createNoWindow}
}
