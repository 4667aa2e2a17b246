package app

import (
	"fmt"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/d44b7504/vault/env"
	"github.com/d44b7504/vault/internal/creds"
	"github.com/d44b7504/vault/refresh"
)

// Environment is the environment of a caller. It is read only.
type Environment struct {
	List    []string          // NAME=value, as the system gives it
	Current map[string]string // as it is
	User    map[string]string // as the user made it: without what vault exported
}

// NewEnvironment reads a list of NAME=value.
func NewEnvironment(list []string) Environment {
	current := env.Parse(list)
	return Environment{List: list, Current: current, User: env.Wishes(current)}
}

// Get is the value of a variable as it is, "" when it is not set.
func (e Environment) Get(name string) string { return e.Current[name] }

// Secret is a secret that a variable was set to, if only to nothing; nil when it is not set.
func (e Environment) Secret(name string) *creds.Secret {
	v, ok := e.Current[name]
	if !ok {
		return nil
	}
	secret := creds.New(v)
	return &secret
}

// Duration reads a variable that holds a duration; 0 when it is not set.
func (e Environment) Duration(name string) (time.Duration, error) {
	v := e.Current[name]
	if v == "" {
		return 0, nil
	}
	d, err := time.ParseDuration(v)
	if err != nil || d < 0 {
		return 0, fmt.Errorf("%s is %q: write it like 1h or 45m", name, v)
	}
	return d, nil
}

// Home is the user's home directory, "" when no variable names it.
func (e Environment) Home() string {
	if h := e.Current["HOME"]; h != "" {
		return h
	}
	return e.Current["USERPROFILE"]
}

// Expand replaces a leading ~/ by the home directory.
func (e Environment) Expand(path string) string {
	if rest, ok := strings.CutPrefix(path, "~/"); ok {
		return filepath.Join(e.Home(), rest)
	}
	return path
}

// ConfigFile is the AWS config file.
func (e Environment) ConfigFile() string { return e.awsPath("AWS_CONFIG_FILE", "config") }

// CredentialsFile is the shared credentials file of the AWS tools.
func (e Environment) CredentialsFile() string {
	return e.awsPath("AWS_SHARED_CREDENTIALS_FILE", "credentials")
}

// LoginDir is where aws login keeps its files.
func (e Environment) LoginDir() string {
	return e.awsPath("AWS_LOGIN_CACHE_DIRECTORY", "login", "cache")
}

// awsPath is a path of the AWS tools: where the variable says, or in ~/.aws.
func (e Environment) awsPath(variable string, parts ...string) string {
	if f := e.Current[variable]; f != "" {
		return e.Expand(f)
	}
	return filepath.Join(append([]string{e.Home(), ".aws"}, parts...)...)
}

// StateDir is where files are kept that must survive a restart and hold no secret.
func (e Environment) StateDir() string {
	state := e.Current["XDG_STATE_HOME"]
	switch {
	case filepath.IsAbs(state):
		return filepath.Join(state, "vault")
	case runtime.GOOS == "windows" && e.Current["LOCALAPPDATA"] != "":
		return filepath.Join(e.Current["LOCALAPPDATA"], "vault")
	case runtime.GOOS == "darwin":
		return filepath.Join(e.Home(), "Library", "Application Support", "vault")
	}
	return filepath.Join(e.Home(), ".local", "state", "vault")
}

// Runtime is the directory of generation files and locks. It is not made.
func (e Environment) Runtime() refresh.Directory {
	return refresh.RuntimeDir(func(n string) string { return e.Current[n] })
}
