//go:build !linux && !windows

package atomicfile

import (
	"io/fs"
	"os"
)

// copyAccess gives f the mode of the file it will replace.
func copyAccess(f *os.File, _ string, mode fs.FileMode) error { return f.Chmod(mode) }
