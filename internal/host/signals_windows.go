package host

import (
	"os"
	"syscall"
)

// The signals that ask the program to stop: Ctrl-C and Ctrl-Break, and the console that is
// closed. Windows has none of the others.
var (
	stopping = []os.Signal{os.Interrupt, syscall.SIGTERM}
	quitting []os.Signal
)

// Typed reports whether a key of the console sends the signal: Ctrl-C or Ctrl-Break.
func Typed(s os.Signal) bool { return s == os.Interrupt }

// dieOf has nothing to do: on Windows no process ends by a signal.
func dieOf(os.Signal) {}

func statusOf(os.Signal) int { return interrupted }
