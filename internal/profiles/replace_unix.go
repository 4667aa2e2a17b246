//go:build !windows

package profiles

import (
	"path/filepath"

	"github.com/google/renameio/v2"
)

// replaceFile puts a new file in the place of an old one, with the old one's mode. The
// half-written file lies beside it, where the directory's permissions protect it.
func replaceFile(path string, text []byte) error {
	return renameio.WriteFile(path, text, 0o600, renameio.WithTempDir(filepath.Dir(path)))
}
