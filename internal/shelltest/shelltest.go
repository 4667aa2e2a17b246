// Package shelltest is the table of what tests need to know of a shell beyond what
// package shells says of it. Only tests import it.
package shelltest

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/d44b7504/vault/internal/testenv"
	"github.com/d44b7504/vault/shells"
)

// Shell is one entry.
type Shell struct {
	*shells.Shell

	// Script are the arguments that run a file, whose name follows, without any start
	// file.
	Script []string
	// Echo is code that defines a function "say", which writes each of its words and a
	// NUL, and EchoV is code that writes the variable V and a NUL.
	Echo, EchoV string
	// IfUnset says "say gone" when V is not set.
	IfUnset string
	// Holds reports whether a string of the shell can have these bytes.
	Holds func(string) bool

	// Prompt is start-file code that makes the prompt "R> ", and Completion what loads
	// the completion system if it is not there from the start.
	Prompt, Completion string
	// bare are the arguments that start it for a person without the configuration it
	// comes with, which may be slow; nil: Interactive does.
	bare func(file string) []string
	// loadFile evaluates a file, whatever aliases and functions there are; @ is the file.
	loadFile string
	// variable is a word with an environment variable's value; @ is the name.
	variable string
}

// All returns the entries of the shells in the table, in its order. It fails the test
// for a shell that has none.
func All(t testing.TB) []*Shell {
	t.Helper()
	var list []*Shell
	for _, sh := range shells.All() {
		list = append(list, For(t, sh.Name))
	}
	return list
}

// Hooked returns the entries of the shells whose hook reads code from a descriptor of
// its own. The others have harnesses of their own.
func Hooked(t testing.TB) []*Shell {
	t.Helper()
	return slices.DeleteFunc(All(t), func(sh *Shell) bool { return sh.Channel != shells.Descriptor3 })
}

// For returns the entry of one shell, or fails the test.
func For(t testing.TB, name string) *Shell {
	t.Helper()
	sh, err := shells.For(name)
	if err != nil {
		t.Fatal(err)
	}
	entry, ok := table[sh.Name]
	if !ok {
		t.Fatalf("%s has no entry in internal/shelltest", sh.Name)
	}
	entry.Shell = sh
	return &entry
}

// In returns a test's own value for one shell, or fails the test: a shell that is new
// must not be passed over in silence.
func In[T any](t testing.TB, shell string, values map[string]T) T {
	t.Helper()
	v, ok := values[shell]
	if !ok {
		t.Fatalf("this test does not say what it wants for %s", shell)
	}
	return v
}

// Each runs a test in every shell that is installed, as parallel subtests.
func Each(t *testing.T, list []*Shell, test func(t *testing.T, sh *Shell)) {
	t.Helper()
	for _, sh := range list {
		t.Run(sh.Name, func(t *testing.T) {
			t.Parallel()
			testenv.Require(t, sh.Name)
			test(t, sh)
		})
	}
}

// LoadFile returns a start-file line that evaluates a file, whatever aliases and
// functions the user has.
func (sh *Shell) LoadFile(file string) string { return strings.Replace(sh.loadFile, "@", file, 1) }

// Variable returns a word that has the value of an environment variable.
func (sh *Shell) Variable(name string) string { return strings.Replace(sh.variable, "@", name, 1) }

// Start writes rc as the start file in a home and returns the command that starts the
// shell there for a person. The caller sets the environment, with HOME, ZDOTDIR and
// XDG_CONFIG_HOME for that home.
func (sh *Shell) Start(home, rc string) *exec.Cmd {
	file := sh.StartFiles(shells.Places{OS: runtime.GOOS, Home: home, Env: map[string]string{"XDG_CONFIG_HOME": home}})[0]
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		panic(err)
	}
	if err := os.WriteFile(file, []byte(rc), 0o600); err != nil {
		panic(err)
	}
	args := sh.bare
	if args == nil {
		args = sh.Interactive
	}
	cmd := exec.Command(sh.Name, args(file)...)
	cmd.Dir = home
	return cmd
}
