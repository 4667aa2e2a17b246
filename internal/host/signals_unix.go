//go:build unix

package host

import (
	"os"
	"os/signal"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// The signals that ask the program to stop, and those that end it at once, for which Go
// would show its stacks. The others that can be caught do nothing to a Go program.
var (
	stopping = []os.Signal{unix.SIGINT, unix.SIGTERM, unix.SIGHUP}
	quitting = []os.Signal{unix.SIGQUIT, unix.SIGABRT}
)

// Typed reports whether a key of the terminal sends the signal: Ctrl-C or Ctrl-\.
func Typed(s os.Signal) bool { return s == unix.SIGINT || s == unix.SIGQUIT }

// dieOf ends the process by the signal itself, as whoever waits for us expects. It returns
// for a signal for which Go would show its stacks.
func dieOf(s os.Signal) {
	if slices.Contains(quitting, s) {
		return
	}
	signal.Reset(s)
	if unix.Kill(os.Getpid(), s.(unix.Signal)) == nil {
		time.Sleep(time.Second) // it arrives
	}
}

// statusOf is the exit status that a shell shows for the signal.
func statusOf(s os.Signal) int { return 128 + int(s.(unix.Signal)) }
