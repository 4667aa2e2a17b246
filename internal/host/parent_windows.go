package host

import (
	"os"
	"unsafe"

	"golang.org/x/sys/windows"
)

// parent is the name of the program that started this one, "" where it has ended.
func parent() string {
	if list := ancestors(); len(list) > 0 {
		return list[0]
	}
	return ""
}

// ancestors are the programs that started this one, the nearest first, as long as they run.
func ancestors() (list []string) {
	all, err := windows.CreateToolhelp32Snapshot(windows.TH32CS_SNAPPROCESS, 0)
	if err != nil {
		return nil
	}
	defer func() { _ = windows.CloseHandle(all) }()
	type process struct {
		name   string
		parent uint32
	}
	known := map[uint32]process{}
	p := windows.ProcessEntry32{Size: uint32(unsafe.Sizeof(windows.ProcessEntry32{}))}
	for err = windows.Process32First(all, &p); err == nil; err = windows.Process32Next(all, &p) {
		known[p.ProcessID] = process{windows.UTF16ToString(p.ExeFile[:]), p.ParentProcessID}
	}
	pid := uint32(os.Getppid())
	for { // a number may have been given again, so that there can be a circle
		x, there := known[pid]
		if !there {
			return list
		}
		list = append(list, x.name)
		delete(known, pid)
		pid = x.parent
	}
}
