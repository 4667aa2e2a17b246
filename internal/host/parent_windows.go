package host

import (
	"os"
	"unsafe"

	"golang.org/x/sys/windows"
)

// parent is the name of the program that started this one, "" where it has ended.
func parent() string {
	all, err := windows.CreateToolhelp32Snapshot(windows.TH32CS_SNAPPROCESS, 0)
	if err != nil {
		return ""
	}
	defer func() { _ = windows.CloseHandle(all) }()
	pid := uint32(os.Getppid())
	p := windows.ProcessEntry32{Size: uint32(unsafe.Sizeof(windows.ProcessEntry32{}))}
	for err = windows.Process32First(all, &p); err == nil; err = windows.Process32Next(all, &p) {
		if p.ProcessID == pid {
			return windows.UTF16ToString(p.ExeFile[:])
		}
	}
	return ""
}
