package host

import (
	"sync"

	"golang.org/x/sys/windows"
)

func startOf(pid int) (started int64, there bool) {
	p, err := windows.OpenProcess(windows.PROCESS_QUERY_LIMITED_INFORMATION|windows.SYNCHRONIZE, false, uint32(pid))
	if err != nil {
		return 0, false
	}
	defer func() { _ = windows.CloseHandle(p) }()
	if event, err := windows.WaitForSingleObject(p, 0); err != nil || event == windows.WAIT_OBJECT_0 {
		return 0, false
	}
	var began, end, kernel, user windows.Filetime
	if windows.GetProcessTimes(p, &began, &end, &kernel, &user) != nil {
		return 0, true
	}
	return began.Nanoseconds(), true
}

// onEnd waits for the process object, with a look now and then whether it was stopped.
func onEnd(pid int, ended func()) (stop func(), told bool) {
	const look = 60_000 // milliseconds
	p, err := windows.OpenProcess(windows.SYNCHRONIZE, false, uint32(pid))
	if err != nil {
		return nil, false
	}
	over := make(chan struct{})
	go func() {
		defer func() { _ = windows.CloseHandle(p) }()
		for {
			event, err := windows.WaitForSingleObject(p, look)
			select {
			case <-over:
				return
			default:
			}
			if err != nil || event == windows.WAIT_OBJECT_0 {
				ended()
				return
			}
		}
	}()
	return sync.OnceFunc(func() { close(over) }), true
}

// LifeDir is "": no path of this system ends with a process.
func LifeDir() string { return "" }
