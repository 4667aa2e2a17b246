package host

import (
	"os"
	"os/exec"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/windows"
)

// remover waits for the end of its input, and removes files then. It is started in the directory,
// whose name cmd.exe might take for something else.
func remover(dir, pattern string) *exec.Cmd {
	system := filepath.Join(os.Getenv("SystemRoot"), "System32")
	c := exec.Command(filepath.Join(system, "cmd.exe"))
	c.Dir, c.Env = dir, []string{"SystemRoot=" + os.Getenv("SystemRoot"), "PATH=" + system}
	c.SysProcAttr = &syscall.SysProcAttr{
		CmdLine:       "cmd.exe /d /c findstr . >nul & del /q " + pattern,
		HideWindow:    true,
		CreationFlags: windows.CREATE_NO_WINDOW | windows.CREATE_NEW_PROCESS_GROUP,
	}
	return c
}
