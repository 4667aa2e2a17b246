package shells

import (
	"path/filepath"
	"slices"
)

// Places are where a person's files are.
type Places struct {
	OS   string            // as runtime.GOOS names it
	Home string            // the home directory
	Env  map[string]string // XDG_CONFIG_HOME, ZDOTDIR and others move files
}

func (p Places) home(names ...string) string {
	return filepath.Join(append([]string{p.Home}, names...)...)
}

// config is $XDG_CONFIG_HOME or ~/.config.
func (p Places) config(names ...string) string {
	return p.below("XDG_CONFIG_HOME", p.home(".config"), names)
}

// data is $XDG_DATA_HOME or ~/.local/share.
func (p Places) data(names ...string) string {
	return p.below("XDG_DATA_HOME", p.home(".local", "share"), names)
}

// zdotdir is where zsh looks for its files.
func (p Places) zdotdir(names ...string) string { return p.below("ZDOTDIR", p.Home, names) }

func (p Places) below(variable, otherwise string, names []string) string {
	dir := p.Env[variable]
	if dir == "" {
		dir = otherwise
	}
	return filepath.Join(append([]string{dir}, names...)...)
}

// histfile is the history file that bash and zsh are told by a variable.
func (p Places) histfile() []string {
	if f := p.Env["HISTFILE"]; f != "" {
		return []string{f}
	}
	return nil
}

// noFiles is for an entry whose shell has no files of a kind.
func noFiles(Places) []string { return nil }

// Version is a major and a minor number.
type Version [2]int

// Before reports whether v is older than w.
func (v Version) Before(w Version) bool { return slices.Compare(v[:], w[:]) < 0 }
