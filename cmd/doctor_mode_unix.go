//go:build unix

package cmd

import (
	"io/fs"
	"os"
)

// modeOf is who may do what with a file or folder, as far as that is said by a mode;
// false when there is none. Symlinks are followed.
func modeOf(path string) (fs.FileMode, bool) {
	info, err := os.Stat(path)
	if err != nil {
		return 0, false
	}
	return info.Mode(), true
}
