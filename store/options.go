package store

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/d44b7504/vault/internal/creds"
)

// Options says which keyring to open and how to use it. The zero value opens the first
// back end of this machine that works, with AWS Vault's names.
type Options struct {
	// Backend is one of Backends; "" is the first that can be used.
	Backend string

	KeychainName string // macOS; "" is "aws-vault"
	Collection   string // Secret Service; "" is "awsvault"
	PassDir      string // "" is $PASSWORD_STORE_DIR or ~/.password-store
	PassCmd      string // "" is "pass"
	PassPrefix   string
	FileDir      string // "" is "~/.awsvault/keys/"
	AgeDir       string // "" is "~/.awsvault/age/"
	AgeIdentity  string // a file of age identities; "" is the one that was made with the store
	Helper       string // NAME of docker-credential-NAME; with an empty Backend it means "helper"

	// FilePassphrase opens the file back end; an empty secret is a passphrase too. nil: a
	// person is asked.
	FilePassphrase *creds.Secret
	// AgePassphrase opens the identity of the age back end, or a new one is made with it.
	// nil: a person is asked. An empty passphrase is always wrong.
	AgePassphrase *creds.Secret
	// Ask puts a question to a person and returns the answer; nil when nobody can be asked.
	Ask func(ctx context.Context, question string) (creds.Secret, error)
	// Tell shows a line to a person, such as that an age plugin waits for a key to be
	// touched; nil when it would not be seen. It may be called while another call runs.
	Tell func(line string)
	// Opened is called once with the passphrase that a person typed and that has opened
	// something. It must not wait for a call of the store. nil: it is not called.
	Opened func(creds.Secret)
	// Changed is called after each change of an item that has no Stamp, for the processes that
	// Remember it; may be nil.
	Changed func()
	// Turn waits until few enough processes run a program that keeps secrets, and returns what
	// ends the turn. It must not fail. nil: such a program is run at once.
	Turn func(context.Context) (done func())
	// Quiet is for a hook or a background process: no dialog may appear. What would need one
	// fails with ErrLocked.
	Quiet bool
	// Deadline is how long it may take to open a back end, and how long every operation may
	// take, unless a person may be answering: then it is two minutes. 0 is five seconds.
	Deadline time.Duration
}

// The names that AWS Vault uses. Both tools find each other's items by them.
const (
	serviceName       = "aws-vault"
	defaultCollection = "awsvault"
)

const (
	defaultDeadline = 5 * time.Second
	// personDeadline is how long an operation may take when a person may be answering.
	personDeadline = 2 * time.Minute
)

// SetPassphrases gives every back end that has a passphrase the one that given returns for
// its variable; nil is one that has to be asked for.
func (o *Options) SetPassphrases(given func(variable string) *creds.Secret) {
	for _, b := range table {
		if b.Passphrase.Value != nil {
			*b.Passphrase.Value(o) = given(b.Passphrase.Variable)
		}
	}
}

func (o Options) withDefaults() Options {
	for _, b := range table {
		if place, ok := b.Place(); ok && b.PlaceNamesIt && o.Backend == "" && *place.Value(&o) != "" {
			o.Backend = b.Name
		}
		for _, s := range b.Settings {
			s.fill(&o)
		}
	}
	if o.Deadline <= 0 {
		o.Deadline = defaultDeadline
	}
	if o.Quiet {
		o.Ask, o.Tell = nil, nil
	}
	return o
}

// limit returns how long one operation may take: longer when a person may be answering, on
// the terminal or in a dialog.
func (o Options) limit() time.Duration {
	if o.Quiet || o.Ask == nil && !hasDesktop() {
		return o.Deadline
	}
	return max(o.Deadline, personDeadline)
}

// hasDesktop reports whether a person could see a dialog.
func hasDesktop() bool {
	if runtime.GOOS == "darwin" || runtime.GOOS == "windows" {
		return true
	}
	return os.Getenv("DISPLAY") != "" || os.Getenv("WAYLAND_DISPLAY") != ""
}

// expand replaces a leading ~ with the home folder, on Windows too.
func expand(dir string) (string, error) {
	rest, ok := strings.CutPrefix(dir, "~")
	if !ok || rest != "" && !os.IsPathSeparator(rest[0]) {
		return dir, nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", err
	}
	return filepath.Join(home, rest), nil
}
