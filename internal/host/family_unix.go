//go:build unix

package host

import (
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// family is a child with all that it has started.
type family struct {
	c          *exec.Cmd
	ownSession bool // it has a session, and so a process group, of its own

	// mu guards what follows: the deadline may pass at any time.
	mu    sync.Mutex
	root  procInfo // the child, if it has no session of its own and the system tells
	found []int    // what was found to be its descendants so far
}

// newFamily prepares c to be ended together with all that it starts. A program that may
// use the terminal stays in our process group: in another one it could not read.
func newFamily(c *exec.Cmd, ownSession bool) *family {
	if ownSession {
		c.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	}
	return &family{c: c, ownSession: ownSession}
}

func (f *family) started() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.ownSession {
		f.root, _ = processOf(f.c.Process.Pid)
	}
}

func (f *family) release() {}

func (f *family) terminate() { f.signal(unix.SIGTERM) }

// kill ends them all. A process that starts another one meanwhile is found by the second
// or third look.
func (f *family) kill() {
	for range 3 {
		if !f.signal(unix.SIGKILL) {
			return
		}
	}
}

// signal sends sig to the whole family and reports whether anyone was there.
func (f *family) signal(sig unix.Signal) (sent bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	pid := f.c.Process.Pid
	f.found = append(f.found, descendants(processes(), pid, f.root)...)
	if f.ownSession {
		sent = unix.Kill(-pid, sig) == nil
	} else if f.c.Process.Signal(sig) == nil { // not once it has been waited for
		sent = true
	}
	for _, p := range f.found {
		if unix.Kill(p, sig) == nil {
			sent = true
		}
	}
	return sent
}

// procInfo is what we read of another process.
type procInfo struct {
	name                        string // of the program, cut at 15 characters
	pid, parent, group, session int
	started                     int64 // in units of the system's
	zombie                      bool
}

// descendants finds what the process pid has started, without pid itself. If root is
// known, that includes what is younger in our own process group and has lost its parent.
func descendants(all []procInfo, pid int, root procInfo) (list []int) {
	known := map[int]procInfo{}
	for _, p := range all {
		known[p.pid] = p
	}
	us := known[os.Getpid()]
	found := map[int]bool{pid: true, us.pid: true}
	belongs := func(p procInfo) bool {
		return p.parent != us.pid && found[p.parent] ||
			root.pid != 0 && p.started >= root.started && orphan(p, us, known)
	}
	for grown := true; grown; {
		grown = false
		for _, p := range all {
			if !found[p.pid] && !p.zombie && belongs(p) {
				found[p.pid], grown = true, true
				list = append(list, p.pid)
			}
		}
	}
	return list
}

// orphan reports whether a process of our group has lost its parent. The parent of any
// other process but the session's first one is in the session.
func orphan(p, us procInfo, known map[int]procInfo) bool {
	if p.group != us.group || p.pid == p.session {
		return false
	}
	parent, there := known[p.parent]
	return !there || p.parent == 1 || parent.session != us.session
}

// endStarted ends the children of this process whose names begin so, each with all that
// it has started.
func endStarted(prefix string) {
	all := processes()
	for _, p := range all {
		if p.parent == os.Getpid() && strings.HasPrefix(p.name, prefix) {
			for _, pid := range append(descendants(all, p.pid, procInfo{}), p.pid) {
				_ = unix.Kill(pid, unix.SIGKILL)
			}
		}
	}
}

// openScreen is openTerminal: a terminal is one file.
func openScreen() (tty *os.File, release func()) { return openTerminal() }

// openTerminal opens the terminal that a person sits at, nil when there is none. What the
// child changes of its settings is undone by release.
func openTerminal() (tty *os.File, release func()) {
	for _, f := range []*os.File{os.Stdin, os.Stderr, os.Stdout} {
		// By this one a program finds the terminal's name, for another one to ask on.
		if mode, err := unix.FcntlInt(f.Fd(), unix.F_GETFL, 0); err == nil && mode&unix.O_ACCMODE == unix.O_RDWR && terminal(f) {
			return f, func() {}
		}
	}
	tty, err := os.OpenFile("/dev/tty", os.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, func() {}
	}
	return tty, func() { _ = tty.Close() }
}

// inForeground reports whether we may change the terminal's settings: in the background
// it is another program's.
func inForeground(tty *os.File) bool {
	group, err := unix.IoctlGetInt(int(tty.Fd()), unix.TIOCGPGRP)
	return err != nil || group == unix.Getpgrp()
}

// detached is a session of its own.
func detached() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setsid: true} }
