package atomicfile

import (
	"crypto/rand"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Pattern matches the names of temporary files, to tell git what to leave out.
const Pattern = prefix + "*"

// A temporary name is the prefix and 26 random letters and digits, which no person gives to
// a file.
const (
	prefix   = ".vault-tmp-"
	alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567" // of rand.Text
	length   = 26                                 // of rand.Text
)

// IsTemp reports whether name is one that this package gives to temporary files.
func IsTemp(name string) bool {
	random, is := strings.CutPrefix(name, prefix)
	return is && len(random) == length && strings.Trim(random, alphabet) == ""
}

func tempName(dir string) string { return filepath.Join(dir, prefix+rand.Text()) }

// createTemp makes a file in dir that its owner alone can read, and claims it: no sweep
// removes it while it is open.
func createTemp(dir string) (*os.File, error) {
	for {
		f, err := os.OpenFile(tempName(dir), os.O_CREATE|os.O_EXCL|os.O_RDWR, privateFile)
		if err != nil {
			return nil, err
		}
		if claim(f) {
			return f, nil
		}
		_ = f.Close() // a sweep was quicker
		_ = os.Remove(f.Name())
	}
}

// abandoned is the age at which a temporary file is taken for a killed process's where
// that cannot be known. No write takes as long.
const abandoned = 10 * time.Minute

// Sweep deletes what killed processes have left in dir: temporary files of this package
// whose writer is dead. They may hold secrets. Where the file system cannot say whether the
// writer lives, they must be ten minutes old. It never waits, and what it cannot delete
// stays.
func Sweep(dir string) {
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		if IsTemp(e.Name()) && e.Type().IsRegular() {
			sweep(filepath.Join(dir, e.Name()))
		}
	}
}

// Leftovers lists what Sweep would look at in dir, whether its writer lives or not.
func Leftovers(dir string) (paths []string) {
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		if IsTemp(e.Name()) {
			paths = append(paths, filepath.Join(dir, e.Name()))
		}
	}
	return paths
}
