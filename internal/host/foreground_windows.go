package host

// runForeground runs a program with our console to its end, and returns its exit status.
// The error says why it could not be started.
func runForeground(path string, argv, environ []string) (status int, err error) {
	return execute(path, argv, environ)
}
