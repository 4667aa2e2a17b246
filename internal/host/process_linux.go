package host

import (
	"fmt"
	"os"
	"runtime"
	"sync"

	"golang.org/x/sys/unix"
)

// onEnd waits with a descriptor of the process, which is readable when it has ended.
func onEnd(pid int, ended func()) (stop func(), told bool) {
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return nil, false
	}
	if err := unix.SetNonblock(fd, true); err != nil { // the runtime then waits for it without a thread
		_ = unix.Close(fd)
		return nil, false
	}
	f := os.NewFile(uintptr(fd), "process")
	raw, err := f.SyscallConn()
	if err != nil {
		_ = f.Close()
		return nil, false
	}
	go func() {
		defer func() { _ = f.Close() }()
		waited := false
		if raw.Read(func(uintptr) bool { was := waited; waited = true; return was }) == nil {
			ended()
		}
	}()
	return func() { _ = f.Close() }, true
}

// LifeDir is a directory that is there exactly as long as this process lives, however it ends,
// with a file "stat" in it; "" where the system has none. It is that of a thread which does
// nothing else: that of a process stays until its parent asks how it ended, and that of a
// thread does not.
func LifeDir() string { return lifeDir() }

var lifeDir = sync.OnceValue(func() string {
	for range 2 { // one of two threads is not the first one
		thread := make(chan int)
		go func() {
			runtime.LockOSThread()
			thread <- unix.Gettid()
			select {}
		}()
		if id := <-thread; id != os.Getpid() {
			path := fmt.Sprintf("/proc/%d/task/%d", os.Getpid(), id)
			if info, err := os.Stat(path + "/stat"); err != nil || !info.Mode().IsRegular() {
				return ""
			}
			return path
		}
	}
	return ""
})
