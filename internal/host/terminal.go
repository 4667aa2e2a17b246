package host

import (
	"io"
	"os"
	"sync"

	"golang.org/x/term"
)

// borrowed is the terminal whose settings we, or a program that we run, may have changed.
var borrowed struct {
	mu    sync.Mutex
	tty   *os.File
	state *term.State // as it was; nil: nothing is borrowed
	last  string      // what undoes the rest, written to the terminal
}

// borrow notes the settings of a terminal before they are changed. giveBack restores them.
// Of two that are nested the outer one counts.
func borrow(tty *os.File, last string) (giveBack func()) {
	CatchSignals()
	borrowed.mu.Lock()
	defer borrowed.mu.Unlock()
	if borrowed.state != nil {
		return func() {}
	}
	state, err := term.GetState(int(tty.Fd()))
	if err != nil {
		return func() {}
	}
	borrowed.tty, borrowed.state, borrowed.last = tty, state, last
	return func() {
		borrowed.mu.Lock()
		defer borrowed.mu.Unlock()
		restore()
	}
}

// RestoreTerminal gives the terminal its settings back, if they were changed. It is for the
// end of the process, whatever that comes from.
func RestoreTerminal() {
	borrowed.mu.Lock()
	defer borrowed.mu.Unlock()
	if borrowed.state != nil {
		_, _ = io.WriteString(borrowed.tty, borrowed.last)
	}
	restore()
}

// restore is for a caller that holds the lock.
func restore() {
	if borrowed.state != nil && inForeground(borrowed.tty) {
		_ = term.Restore(int(borrowed.tty.Fd()), borrowed.state)
	}
	borrowed.tty, borrowed.state = nil, nil
}

// KeepTerminal is for a library that changes the terminal's settings and is about to run.
// last is what RestoreTerminal writes to the terminal in its place.
func KeepTerminal(last string) (giveBack func()) {
	tty, release := openTerminal()
	if tty == nil {
		return func() {}
	}
	restored := borrow(tty, last)
	return func() {
		restored()
		release()
	}
}

// size is how large the terminal is, in cells; 0 where that is not known.
func size() (columns, rows int) {
	tty, release := openScreen()
	if tty == nil {
		return 0, 0
	}
	defer release()
	columns, rows, err := term.GetSize(int(tty.Fd()))
	if err != nil {
		return 0, 0
	}
	return columns, rows
}
