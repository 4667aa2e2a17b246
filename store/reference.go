package store

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/d44b7504/vault/env"
)

// Reference says which store is meant and has nothing that opens it, so that it can be
// sent to another process of the same user. Folders in it are absolute.
type Reference struct {
	Backend  string
	Settings map[string]string `json:",omitempty"` // by their flags
	// Environment is a digest of the variables of this process, where a program that has the
	// items may find them by variables of its own; otherwise "". See Reachable.
	Environment string `json:",omitempty"`
}

// ReferenceTo returns the reference to a store that was opened with o.
func ReferenceTo(s Store, o Options) Reference {
	o.Backend = Of(s).Name
	o = o.withDefaults()
	b, _ := Lookup(o.Backend)
	r := Reference{Backend: b.Name, Settings: map[string]string{}}
	for _, setting := range b.Settings {
		value := *setting.Value(&o)
		if value != "" && (setting.Kind.isFolder() || setting.Kind == File) {
			value = absolute(value)
		}
		if value != "" {
			r.Settings[setting.Flag] = value
		}
	}
	if b.environment {
		r.Environment = environment(os.Environ())
	}
	return r
}

// errElsewhere says that this process could find another store than the one that is meant.
var errElsewhere = errors.New("the program that has the keys may find others here, by the variables of this process")

// Reachable returns ErrElsewhere unless this process finds the same store as the one that
// made r.
func (r Reference) Reachable() error {
	if r.Environment != "" && r.Environment != environment(os.Environ()) {
		return errElsewhere
	}
	return nil
}

// ofTerminal are the variables, and with a star the beginnings of such, which differ from
// terminal to terminal and from shell to shell and say nothing about where a program has its
// items.
const ofTerminal = "PWD OLDPWD SHLVL _ SHELL TERM* COLORTERM COLORFGBG COLUMNS LINES WINDOW* TTY GPG_TTY SSH_TTY SSH_C* TMUX* STY " +
	"ITERM_* LC_TERMINAL* VTE_* KITTY_* WEZTERM_* ALACRITTY_* KONSOLE_* GNOME_TERMINAL_* GHOSTTY_* WT_* VSCODE_* " +
	"PS1 PS2 PS4 PROMPT* PAGER EDITOR VISUAL LS_COLORS HIST* FISH_* ZSH_* ZDOTDIR BASH_* PSModulePath P9K_* DIRENV_* " +
	"XDG_SESSION_* INVOCATION_ID JOURNAL_STREAM SYSTEMD_EXEC_PID MEMORY_PRESSURE_* LISTEN_* AWS_* __*"

// isOfTerminal is true for proxies too, of which the agent gets none.
func isOfTerminal(name string) bool {
	if strings.HasSuffix(strings.ToLower(name), "_proxy") {
		return true
	}
	return slices.ContainsFunc(strings.Fields(ofTerminal), func(pattern string) bool {
		beginning, open := strings.CutSuffix(pattern, "*")
		return name == pattern || open && strings.HasPrefix(name, beginning)
	})
}

// environment is a digest of the variables that a program may find its items by.
func environment(environ []string) string {
	list := slices.DeleteFunc(env.For(env.Keeper, environ), func(entry string) bool {
		name, _, _ := strings.Cut(entry, "=")
		return isOfTerminal(name)
	})
	slices.Sort(list)
	sum := sha256.Sum256([]byte(strings.Join(list, "\x00")))
	return hex.EncodeToString(sum[:12])
}

func absolute(path string) string {
	if full, err := expand(path); err == nil {
		path = full
	}
	if full, err := filepath.Abs(path); err == nil {
		path = full
	}
	return path
}

// Options are what opens the store that is meant, without its passphrase. The error says
// which back end or setting does not exist.
func (r Reference) Options() (Options, error) {
	b, known := Lookup(r.Backend)
	if !known {
		return Options{}, fmt.Errorf("there is no back end named %q", r.Backend)
	}
	o := Options{Backend: r.Backend}
	for flag, value := range r.Settings {
		i := slices.IndexFunc(b.Settings, func(s Setting) bool { return s.Flag == flag })
		if i < 0 {
			return Options{}, fmt.Errorf("the back end %q has no setting %q", r.Backend, flag)
		}
		*b.Settings[i].Value(&o) = value
	}
	return o, nil
}

// Key is the same for two references to one store with the same settings.
func (r Reference) Key() string {
	parts := []string{r.Backend}
	for _, flag := range slices.Sorted(maps.Keys(r.Settings)) {
		parts = append(parts, flag, r.Settings[flag])
	}
	return strings.Join(append(parts, r.Environment), "\x00")
}

// String is the back end and its place, for people.
func (r Reference) String() string {
	o, err := r.Options()
	if err != nil {
		return r.Backend
	}
	return o.Spec()
}
