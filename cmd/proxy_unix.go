//go:build unix

package cmd

import (
	"os/exec"
	"syscall"
)

// background keeps the terminal's signals away from a process that must clean up.
func background(c *exec.Cmd) { c.SysProcAttr = &syscall.SysProcAttr{Setsid: true} }
