package profiles

import (
	"os"
	"path/filepath"
	"strings"
	"time"
)

// abandoned is the age, next to a file just written, at which a half-written one can be
// nobody's any more.
const abandoned = 10 * time.Minute

// replace puts a new file in the place of an old one, whole or not at all, and removes
// what earlier runs left that were killed on the way.
func replace(path string, text []byte) error {
	if err := replaceFile(path, text); err != nil {
		return err
	}
	fresh, err := os.Stat(path)
	if err != nil {
		return nil // it was replaced, and somebody has been quick
	}
	entries, _ := os.ReadDir(filepath.Dir(path))
	for _, e := range entries {
		if !halfWritten(e.Name(), filepath.Base(path)) {
			continue
		}
		if st, err := e.Info(); err == nil && st.Mode().IsRegular() && fresh.ModTime().Sub(st.ModTime()) > abandoned {
			_ = os.Remove(filepath.Join(filepath.Dir(path), e.Name()))
		}
	}
	return nil
}

// halfWritten knows the names replaceFile gives what it writes for base: ".BASE" and a
// number of 63 random bits. A person's own file with fewer digits, a date, is none.
func halfWritten(name, base string) bool {
	digits, is := strings.CutPrefix(name, "."+base)
	return is && len(digits) >= 15 && strings.Trim(digits, "0123456789") == ""
}
