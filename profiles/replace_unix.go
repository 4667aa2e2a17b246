//go:build !windows

package profiles

import "github.com/google/renameio/v2"

// replace puts a new file in the place of an old one, with the old one's mode. The
// half-written file lies in staging.
func replace(path, staging string, text []byte) error {
	return renameio.WriteFile(path, text, 0o600, renameio.WithTempDir(staging))
}
