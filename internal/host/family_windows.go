package host

import (
	"os"
	"os/exec"
	"strings"
	"syscall"
	"unsafe"

	"golang.org/x/sys/windows"
)

// family is a child with all that it has started: a job object.
type family struct {
	c   *exec.Cmd
	job windows.Handle // 0: none could be made, and the child is ended alone
}

// newFamily prepares c to be ended together with all that it starts.
func newFamily(c *exec.Cmd, ownSession bool) *family {
	f := &family{c: c}
	f.job, _ = windows.CreateJobObject(nil, nil)
	if ownSession {
		a := attributes(c)
		a.HideWindow, a.CreationFlags = true, windows.CREATE_NO_WINDOW
	}
	return f
}

// started puts the child into the job. What it starts from then on is in the job too.
func (f *family) started() {
	process, err := windows.OpenProcess(windows.PROCESS_SET_QUOTA|windows.PROCESS_TERMINATE, false, uint32(f.c.Process.Pid))
	if err != nil {
		return
	}
	defer func() { _ = windows.CloseHandle(process) }()
	_ = windows.AssignProcessToJobObject(f.job, process)
}

func (f *family) release() { _ = windows.CloseHandle(f.job) }

// terminate has nothing to do: Windows knows no request to end.
func (f *family) terminate() {}

func (f *family) kill() {
	if windows.TerminateJobObject(f.job, 1) != nil || !f.inJob() {
		_ = f.c.Process.Kill()
	}
}

// inJob reports whether the child was put into the job.
func (f *family) inJob() bool {
	var info struct {
		totalUserTime, totalKernelTime, thisPeriodUser, thisPeriodKernel int64
		pageFaults, processes, active, terminated                        uint32
	}
	const basicAccounting = 1 // JobObjectBasicAccountingInformation
	err := windows.QueryInformationJobObject(f.job, basicAccounting, uintptr(unsafe.Pointer(&info)), uint32(unsafe.Sizeof(info)), nil)
	return err == nil && info.processes > 0
}

// endStarted ends the children of this process whose names begin so.
func endStarted(prefix string) {
	all, err := windows.CreateToolhelp32Snapshot(windows.TH32CS_SNAPPROCESS, 0)
	if err != nil {
		return
	}
	defer func() { _ = windows.CloseHandle(all) }()
	p := windows.ProcessEntry32{Size: uint32(unsafe.Sizeof(windows.ProcessEntry32{}))}
	for err = windows.Process32First(all, &p); err == nil; err = windows.Process32Next(all, &p) {
		if p.ParentProcessID != uint32(os.Getpid()) || !strings.HasPrefix(windows.UTF16ToString(p.ExeFile[:]), prefix) {
			continue
		}
		if found, err := os.FindProcess(int(p.ProcessID)); err == nil {
			_ = found.Kill()
		}
	}
}

// openTerminal opens the console that a person sits at, nil when there is none.
func openTerminal() (console *os.File, release func()) {
	console, err := os.OpenFile("CONIN$", os.O_RDWR, 0)
	if err != nil {
		return nil, func() {}
	}
	return console, func() { _ = console.Close() }
}

// openScreen opens the console to be looked at, which what people type into cannot be.
func openScreen() (console *os.File, release func()) {
	console, err := openConsole()
	if err != nil {
		return nil, func() {}
	}
	return console, func() { _ = console.Close() }
}

func inForeground(*os.File) bool { return true }

func detached() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{CreationFlags: windows.CREATE_NEW_PROCESS_GROUP | windows.DETACHED_PROCESS}
}
