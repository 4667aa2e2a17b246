//go:build !linux

package atomicfile

// syncTree flushes every file below dir.
func syncTree(dir string) error { return syncEach(dir) }
