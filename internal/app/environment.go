package app

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/d44b7504/vault/env"
	"github.com/d44b7504/vault/internal/creds"
	"github.com/d44b7504/vault/refresh"
)

// Environment is the environment of a caller. It is read only.
type Environment struct {
	List    []string          // NAME=value, as the system gives it
	Current map[string]string // what is set now
	User    map[string]string // as the user made it: without what vault exported

	account func() string // the user's home directory as the system knows it; nil: it does not
}

// NewEnvironment reads a list of NAME=value. account looks up the home directory of the
// user's account, which may take a while; it is called when no variable names one.
func NewEnvironment(list []string, account func() string) Environment {
	current := env.Parse(list)
	e := Environment{List: list, Current: current, User: env.User(current)}
	if account != nil {
		e.account = sync.OnceValue(account)
	}
	return e
}

// Get is the value of a variable now, "" when it is not set.
func (e Environment) Get(name string) string { return e.Current[name] }

// NamedProfile is the profile that the user's variables name, "" when they name none. A key in
// the environment goes before it for most of the AWS tools.
func (e Environment) NamedProfile() string {
	return cmp.Or(e.User["AWS_PROFILE"], e.User["AWS_DEFAULT_PROFILE"])
}

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

// ErrNoHome: neither a variable nor the user's account names a home directory. A path of
// the current directory must not take its place: the person who made that directory could choose
// which commands are run.
var ErrNoHome = errors.New("there is no home directory: HOME is not set and the user has none in the system's list of users")

// Home is the user's home directory, "" when there is none. Only an absolute path counts.
func (e Environment) Home() string {
	for _, variable := range [...]string{"HOME", "USERPROFILE"} {
		if dir := e.Current[variable]; filepath.IsAbs(dir) {
			return dir
		}
	}
	if e.account != nil {
		if dir := e.account(); filepath.IsAbs(dir) {
			return dir
		}
	}
	return ""
}

// InHome is a path in the home directory, "" when there is none.
func (e Environment) InHome(parts ...string) string {
	home := e.Home()
	if home == "" {
		return ""
	}
	return filepath.Join(append([]string{home}, parts...)...)
}

// Tilde is a path as people write it: with ~ for the home directory.
func (e Environment) Tilde(path string) string {
	home := e.Home()
	if rest, ok := strings.CutPrefix(path, home); ok && home != "" && rest != "" && os.IsPathSeparator(rest[0]) {
		return "~" + rest
	}
	return path
}

// Expand replaces a leading ~ by the home directory, and ~NAME by that of another user, as
// Python's expanduser does. It is "" when there is no home directory; the name of a user
// that does not exist stays.
func (e Environment) Expand(path string) string {
	if !strings.HasPrefix(path, "~") {
		return path
	}
	end := strings.IndexFunc(path, func(c rune) bool { return c < 0x80 && os.IsPathSeparator(uint8(c)) })
	if end < 0 {
		end = len(path)
	}
	if end == 1 {
		return e.InHome(path[end:])
	}
	other, err := user.Lookup(path[1:end])
	if err != nil || !filepath.IsAbs(other.HomeDir) {
		return path
	}
	return filepath.Join(other.HomeDir, path[end:])
}

// settingPath is the path of a file in a setting. It is never "", which would say that the
// setting is not there.
func (e Environment) settingPath(path string) string { return cmp.Or(e.Expand(path), path) }

// ConfigFile is the AWS config file, "" when it would be in a home directory and there is
// none. So it is with the other paths.
func (e Environment) ConfigFile() string { return e.awsPath(configVariable, "config") }

// CredentialsFile is the shared credentials file of the AWS tools.
func (e Environment) CredentialsFile() string {
	return e.awsPath(credentialsVariable, "credentials")
}

// The variables that name the two files of the AWS tools.
const (
	configVariable      = "AWS_CONFIG_FILE"
	credentialsVariable = "AWS_SHARED_CREDENTIALS_FILE"
)

// NoConfigFile says that AWS_CONFIG_FILE names a file that does not exist, "" if that is not
// so. The AWS tools then act as if it were empty.
func (e Environment) NoConfigFile() string { return e.noFile(configVariable) }

func (e Environment) noFile(variable string) string {
	if e.Current[variable] == "" {
		return ""
	}
	path := e.awsPath(variable)
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		return ""
	}
	return fmt.Sprintf("%s names %s, which does not exist", variable, path)
}

// loginDir is where aws login keeps its files.
func (e Environment) loginDir() string {
	return e.awsPath("AWS_LOGIN_CACHE_DIRECTORY", "login", "cache")
}

// awsPath is a path of the AWS tools: where the variable says, or in ~/.aws.
func (e Environment) awsPath(variable string, parts ...string) string {
	if f := e.Current[variable]; f != "" {
		return e.Expand(os.Expand(f, e.reference))
	}
	return e.InHome(append([]string{".aws"}, parts...)...)
}

// reference is the value of a variable that a path names, or the reference itself where it
// is not set.
func (e Environment) reference(name string) string {
	if value, is := e.Current[name]; is {
		return value
	}
	return "$" + name
}

// SSOCacheDir is where the AWS CLI keeps its sign-ins to Identity Center.
func (e Environment) SSOCacheDir() (string, error) { return known(e.InHome(".aws", "sso", "cache")) }

// StateDir is where files are kept that must survive a restart and hold no secret.
func (e Environment) StateDir() (string, error) { return known(e.stateDir()) }

// known makes an error of a path that could not be told.
func known(path string) (string, error) {
	if path == "" {
		return "", ErrNoHome
	}
	return path, nil
}

func (e Environment) stateDir() string {
	state := e.Current["XDG_STATE_HOME"]
	switch {
	case filepath.IsAbs(state):
		return filepath.Join(state, "vault")
	case runtime.GOOS == "windows" && filepath.IsAbs(e.Current["LOCALAPPDATA"]):
		return filepath.Join(e.Current["LOCALAPPDATA"], "vault")
	case runtime.GOOS == "darwin":
		return e.InHome("Library", "Application Support", "vault")
	}
	return e.InHome(".local", "state", "vault")
}

// Runtime is the directory of generation files and locks. It is not made.
func (e Environment) Runtime() refresh.Directory { return refresh.RuntimeDir(e.Get, e.Home()) }
