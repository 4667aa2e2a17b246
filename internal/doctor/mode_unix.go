//go:build unix

package doctor

import (
	"io/fs"
	"os"
)

// modeOf is the mode of a file or folder, which says who may do what with it; known is
// false when there is none. Symlinks are followed.
func modeOf(path string) (mode fs.FileMode, known bool) {
	info, err := os.Stat(path)
	if err != nil {
		return 0, false
	}
	return info.Mode(), true
}
