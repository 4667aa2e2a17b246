package refresh

import (
	"os"
	"path/filepath"
	"runtime"
)

// RuntimeDir chooses where the generation files live: a directory of this user that a
// log-out or a reboot clears, where the system has one. It creates nothing.
func RuntimeDir(getenv func(string) string) Directory {
	for _, base := range []string{getenv("XDG_RUNTIME_DIR"), darwinTemp(getenv)} {
		info, err := os.Stat(base)
		if base != "" && filepath.IsAbs(base) && err == nil && info.IsDir() && ownedByUs(info) {
			return Directory{filepath.Join(base, "vault")}
		}
	}
	if runtime.GOOS == "windows" {
		return Directory{filepath.Join(getenv("LOCALAPPDATA"), "vault", "run")}
	}
	if state := getenv("XDG_STATE_HOME"); filepath.IsAbs(state) {
		return Directory{filepath.Join(state, "vault", "run")}
	}
	return Directory{filepath.Join(getenv("HOME"), ".local", "state", "vault", "run")}
}

// darwinTemp is macOS's per-user temporary directory; elsewhere TMPDIR is shared.
func darwinTemp(getenv func(string) string) string {
	if runtime.GOOS == "darwin" {
		return getenv("TMPDIR")
	}
	return ""
}
