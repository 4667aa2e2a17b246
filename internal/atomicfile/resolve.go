package atomicfile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// mostLinks is how many symlinks Linux follows.
const mostLinks = 40

var errTooManyLinks = errors.New("too many symbolic links")

// resolve follows symlinks to the file itself, which need not exist. As the kernel does,
// it takes a relative target from where the link really is, also when the link's directory
// was reached by another link.
func resolve(path string) (string, error) {
	if path == "" {
		return "", fs.ErrInvalid
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	for range mostLinks {
		dir, name := split(path)
		if real, err := filepath.EvalSymlinks(dir); err == nil {
			dir = real
		} else if !errors.Is(err, fs.ErrNotExist) {
			return "", err
		}
		path = filepath.Join(dir, name)
		to, err := os.Readlink(path)
		if err != nil { // it is not a link, or does not exist
			return path, nil
		}
		if !filepath.IsAbs(to) {
			to = dir + string(filepath.Separator) + to
		}
		path = to
	}
	return "", errTooManyLinks
}

// split is filepath.Split without its cleaning of "..", which is wrong after a symlink.
func split(path string) (dir, name string) {
	path = strings.TrimRight(path, separators)
	i := strings.LastIndexAny(path, separators)
	return path[:i+1], path[i+1:]
}
