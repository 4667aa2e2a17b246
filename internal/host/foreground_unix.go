//go:build unix

package host

// This file runs a program in the foreground while this process goes on beside it. To the
// shell that started us we are the program: it stops with us and goes on with us, and a
// signal to us reaches it. The program stays in our process group, because it may be one
// end of a pipeline, whose other end is in that group too.

import (
	"errors"
	"os"
	"os/signal"
	"slices"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// foreground is a program that runs with the terminal, and what we know of it.
type foreground struct {
	pid      int
	group    int
	terminal *os.File // the controlling terminal, nil without one
	signals  chan os.Signal
	stops    atomic.Int64 // how often the program has stopped; negative while it runs
}

// forwarded are the signals that the program gets when they are sent to us. SIGWINCH is
// not among them: only the terminal sends it, and to the program itself.
var forwarded = []os.Signal{
	unix.SIGINT, unix.SIGQUIT, unix.SIGTERM, unix.SIGHUP, unix.SIGABRT, unix.SIGUSR1, unix.SIGUSR2, unix.SIGTSTP, unix.SIGCONT,
}

// settling is how long an event of the terminal takes to reach all of a process group.
const settling = 100 * time.Millisecond

// runForeground runs a program with our terminal and streams to its end, and returns its
// exit status, which is 128+n after signal n. The error says why it could not be started.
func runForeground(path string, argv, environ []string) (status int, err error) {
	f := &foreground{group: unix.Getpgrp(), signals: make(chan os.Signal, 16)}
	if f.terminal, err = os.OpenFile("/dev/tty", os.O_RDWR|unix.O_CLOEXEC, 0); err == nil {
		defer func() { _ = f.terminal.Close() }()
	}
	// Caught and not ignored: the program would inherit that.
	if list := slices.DeleteFunc(slices.Clone(forwarded), isIgnored); len(list) > 0 { // Notify would take none for all
		signal.Notify(f.signals, list...)
		defer signal.Stop(f.signals)
	}
	defer YieldSignals(func(os.Signal) bool { return true })()
	restoreLimits()
	f.pid, err = syscall.ForkExec(path, argv, &syscall.ProcAttr{Env: environ, Files: []uintptr{0, 1, 2}})
	ProtectMemory()
	if err != nil {
		return 0, &os.PathError{Op: "exec", Path: path, Err: err}
	}
	// We may have something to say while the program has the terminal.
	signal.Ignore(unix.SIGTTIN, unix.SIGTTOU)
	defer signal.Reset(unix.SIGTTIN, unix.SIGTTOU)
	done := make(chan struct{})
	defer close(done)
	go f.forward(done)
	return f.wait()
}

// wait returns the program's status when it has ended, and stops us when it stops.
func (f *foreground) wait() (status int, err error) {
	for stopping := false; ; {
		options := unix.WUNTRACED | unix.WCONTINUED
		if stopping { // unless it has been continued in the meantime
			options |= unix.WNOHANG
		}
		var ws unix.WaitStatus
		switch pid, err := unix.Wait4(f.pid, &ws, options, nil); {
		case errors.Is(err, unix.EINTR):
		case err != nil:
			return 0, os.NewSyscallError("wait4", err)
		case pid == 0:
			stopping = false
			_ = unix.Kill(unix.Getpid(), unix.SIGSTOP)
		case ws.Exited():
			return ws.ExitStatus(), nil
		case ws.Signaled():
			return 128 + int(ws.Signal()), nil
		case ws.Stopped():
			f.stops.Store(max(f.stops.Load(), -f.stops.Load()) + 1)
			stopping = f.visible(ws.StopSignal())
		case ws.Continued():
			f.stops.Store(-max(f.stops.Load(), -f.stops.Load()))
			stopping = false
		}
	}
}

// visible reports whether the shell should see that the program has stopped. It should not
// if no shell watches this process, or if the program was stopped in the background with
// SIGSTOP, which the terminal never sends: then nothing would continue this process.
func (f *foreground) visible(s unix.Signal) bool {
	return watched() && (s != unix.SIGSTOP || f.inFront())
}

// watched reports whether a shell knows our process group as one of its jobs: whether a
// process of it has a parent in our session that is outside of it.
func watched() bool {
	all := processes()
	known := map[int]procInfo{}
	for _, p := range all {
		known[p.pid] = p
	}
	us := known[os.Getpid()]
	for _, p := range all {
		if parent, there := known[p.parent]; there && p.group == us.group && parent.group != us.group && parent.session == us.session {
			return true
		}
	}
	if us.pid != 0 {
		return false
	}
	session, _ := unix.Getsid(0) // the system lists no processes: our own parent has to do
	theirs, err := unix.Getsid(unix.Getppid())
	return err == nil && theirs == session
}

// forward passes on what is sent to us, and not what the terminal has sent to the
// program as well.
func (f *foreground) forward(done chan struct{}) {
	for {
		select {
		case <-done:
			return
		case s := <-f.signals:
			switch sig := s.(syscall.Signal); {
			case sig == unix.SIGCONT:
				go f.cont(f.stops.Load())
			case !f.fromTerminal(sig):
				_ = unix.Kill(f.pid, sig)
			}
		}
	}
}

// cont continues the program after us, unless the shell has continued it too, or it has
// stopped again since.
func (f *foreground) cont(stop int64) {
	time.Sleep(settling)
	if stop > 0 && f.stops.Load() == stop {
		_ = unix.Kill(f.pid, unix.SIGCONT)
	}
}

// fromTerminal reports whether the program has had a signal already because the terminal
// sends it to all processes in the foreground. A program that has moved to a process group
// of its own, as a shell does, gets what is meant for it there, and we get nothing of it.
func (f *foreground) fromTerminal(s unix.Signal) bool {
	if group, err := unix.Getpgid(f.pid); err != nil || group != f.group || f.terminal == nil {
		return false
	}
	switch s {
	case unix.SIGHUP: // the terminal is gone and cannot be asked
		return true
	case unix.SIGINT, unix.SIGQUIT, unix.SIGTSTP:
		return f.inFront()
	}
	return false
}

// inFront reports whether our process group is the one in the terminal's foreground.
func (f *foreground) inFront() bool {
	if f.terminal == nil {
		return false
	}
	group, err := unix.IoctlGetInt(int(f.terminal.Fd()), unix.TIOCGPGRP)
	return err == nil && group == f.group
}
