package atomicfile

import (
	"os"
	"syscall"
	"time"
)

// pipeWait is how long Read waits until a program opens a named pipe to write to it.
var pipeWait = 5 * time.Second

// open opens a file to read it. For a named pipe the system would wait for ever if no program
// writes to it; this returns ErrNoWriter after pipeWait.
func open(path string) (f *os.File, err error) {
	if info, err := os.Stat(path); err != nil || info.Mode()&os.ModeNamedPipe == 0 {
		err = patiently(func() error { f, err = os.Open(path); return err })
		return f, err
	}
	type result struct {
		file *os.File
		err  error
	}
	opened := make(chan result, 1)
	go func() {
		f, err := os.Open(path)
		opened <- result{f, err}
	}()
	select {
	case r := <-opened:
		return r.file, r.err
	case <-time.After(pipeWait):
	}
	if w, err := os.OpenFile(path, os.O_WRONLY|syscall.O_NONBLOCK, 0); err == nil {
		_ = w.Close() // to have opened it ends the wait of os.Open
		if r := <-opened; r.file != nil {
			_ = r.file.Close()
		}
	}
	return nil, errNoWriter
}
