package host

import "os"

// runForeground runs a program with our console to its end, and returns its exit status.
// The error says why it could not be started. Ctrl-C reaches the program by itself, and
// we outlive it.
func runForeground(path string, argv, environ []string) (status int, err error) {
	defer YieldSignals(func(os.Signal) bool { return true })()
	return execute(path, argv, environ)
}
