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

// Options says which keyring to open and how to behave in it. The zero value opens
// the best back end of this machine with AWS Vault's names.
type Options struct {
	// Backend is one of Backends, or "" to take the first that can be used.
	Backend string

	KeychainName string // macOS; "" is "aws-vault"
	Collection   string // Secret Service; "" is "awsvault"
	PassDir      string // "" is $PASSWORD_STORE_DIR or ~/.password-store
	PassCmd      string // "" is "pass"
	PassPrefix   string
	FileDir      string // "" is "~/.awsvault/keys/"
	AgeDir       string // "" is "~/.awsvault/age/"
	AgeIdentity  string // a file of age identities; "" is the one that was made with the store
	Helper       string // NAME of docker-credential-NAME; without a Backend it says "helper"

	// FilePassphrase opens the file back end; an empty secret is a passphrase too.
	// nil means it has to be asked for.
	FilePassphrase *creds.Secret
	// AgePassphrase opens the identity of the age back end, or makes it; nil means that it
	// has to be asked for. age knows no empty passphrase.
	AgePassphrase *creds.Secret
	// Ask puts a question to a person and returns the answer; nil when nobody is there.
	Ask func(ctx context.Context, question string) (creds.Secret, error)
	// Tell shows a line to a person, such as a plugin of age's that waits for a key to be
	// touched; nil when nobody is there. It may be called while another call is at work.
	Tell func(line string)
	// Quiet says that this is a hook or a background process: no dialog may appear,
	// whatever it costs. What would need one fails with ErrLocked.
	Quiet bool
	// Deadline bounds opening a back end, and every operation unless a person may be
	// answering, who gets two minutes. 0 is five seconds.
	Deadline time.Duration
}

// What AWS Vault calls its things. Both tools find each other's items by these.
const (
	serviceName       = "aws-vault"
	defaultCollection = "awsvault"
)

const (
	defaultDeadline = 5 * time.Second
	// personal bounds an operation when a person may be typing into a dialog.
	personal = 2 * time.Minute
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

// limit is how long one operation may take: longer when a person may be answering,
// on the terminal or in a dialog.
func (o Options) limit() time.Duration {
	if o.Quiet || o.Ask == nil && !onDesktop() {
		return o.Deadline
	}
	return max(o.Deadline, personal)
}

// onDesktop says whether a dialog could be seen.
func onDesktop() bool {
	if runtime.GOOS == "darwin" || runtime.GOOS == "windows" {
		return true
	}
	return os.Getenv("DISPLAY") != "" || os.Getenv("WAYLAND_DISPLAY") != ""
}

// expand resolves a leading ~ on every system; the library does not on Windows.
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
