package host

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/windows"
)

// prepare is called before a program is started: a batch file gets its arguments as they are.
func prepare(c *exec.Cmd) error {
	path := c.Path
	if c.Dir != "" && !filepath.IsAbs(path) {
		path = filepath.Join(c.Dir, path)
	}
	found, err := exec.LookPath(path) // with its extension
	if c.Err != nil || err != nil || !isBatch(found) {
		return nil // if it cannot be started, Start says why
	}
	line, err := batchLine(found, c.Args[1:])
	if err != nil {
		return err
	}
	withLine(c, line)
	return nil
}

// shellCommand is a command line for the system's shell.
func shellCommand(ctx context.Context, line string) *exec.Cmd {
	c := exec.CommandContext(ctx, commandShell())
	withLine(c, shellLine(line))
	return c
}

// withLine makes c a call of cmd.exe with a command line that is written already.
func withLine(c *exec.Cmd, line string) {
	c.Path = commandShell()
	attributes(c).CmdLine = line
}

// attributes are those of a command, to be changed.
func attributes(c *exec.Cmd) *syscall.SysProcAttr {
	if c.SysProcAttr == nil {
		c.SysProcAttr = &syscall.SysProcAttr{}
	}
	return c.SysProcAttr
}

// commandShell is the system's cmd.exe, whatever the PATH and the variables say.
func commandShell() string {
	dir, err := windows.GetSystemDirectory()
	if err != nil {
		dir = filepath.Join(os.Getenv("SystemRoot"), "System32")
	}
	return filepath.Join(dir, "cmd.exe")
}
