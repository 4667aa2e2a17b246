package refresh

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
)

// RuntimeDir chooses where the generation files live: a directory of this user that a
// log-out or a reboot empties, where the system has one. It is the first of several that
// belongs to this user and that no other user can write to; a directory that fails this is
// not even read. home is the user's home directory, "" when it is not known. Nothing is
// created. When there is no such directory it returns the zero Directory.
func RuntimeDir(getenv func(string) string, home string) Directory {
	for _, dir := range runtimeDirs(getenv, home) {
		if filepath.IsAbs(dir) && safe(dir) {
			return Directory{dir}
		}
	}
	return Directory{}
}

// runtimeDirs lists the directories to choose from, best first. One that cannot be named
// is a relative path.
func runtimeDirs(getenv func(string) string, home string) []string {
	if runtime.GOOS == "windows" {
		return []string{filepath.Join(getenv("LOCALAPPDATA"), "vault", "run")}
	}
	var list []string
	if dir := getenv("XDG_RUNTIME_DIR"); isDir(dir) {
		list = append(list, filepath.Join(dir, "vault"))
	}
	if dir := getenv("TMPDIR"); runtime.GOOS == "darwin" && isDir(dir) { // elsewhere it is shared
		list = append(list, filepath.Join(dir, "vault"))
	}
	return append(list,
		filepath.Join(getenv("XDG_STATE_HOME"), "vault", "run"),
		filepath.Join(home, ".local", "state", "vault", "run"),
		fmt.Sprintf("/tmp/vault-%d", os.Getuid()))
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// safe reports whether a directory is, or would be, this user's alone to write to. Where
// it does not exist, the directory that it would be made in has to be this user's, or one
// like /tmp, in which a user cannot replace what another user has made.
func safe(dir string) bool {
	info, err := os.Lstat(dir)
	if err == nil {
		return info.IsDir() && OwnedByUser(info) && !writableByOthers(info)
	}
	for err != nil && os.IsNotExist(err) && filepath.Dir(dir) != dir {
		dir = filepath.Dir(dir)
		info, err = os.Stat(dir)
	}
	return err == nil && info.IsDir() && (OwnedByUser(info) || info.Mode()&os.ModeSticky != 0)
}

// writableByOthers is false on Windows, where the mode does not say it.
func writableByOthers(info os.FileInfo) bool {
	return runtime.GOOS != "windows" && info.Mode().Perm()&0o022 != 0
}
