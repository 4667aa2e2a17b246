// Package host is the real world of the program: its streams, clock, terminal,
// processes and signals. Everything above it is given a World and looks nowhere else,
// so that a test can give it another.
package host

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/mattn/go-isatty"

	"github.com/d44b7504/vault/env"
	"github.com/d44b7504/vault/internal/creds"
	"github.com/d44b7504/vault/shells"
)

// World is everything outside the program. main fills it with the real one, a test
// with its own. What costs or can fail is a function, called when it is needed.
type World struct {
	Args    []string // without the program's own name
	Program string   // how the program was called: a name found on PATH, or a path
	Self    string   // the program's file, for starting itself
	Environ []string

	Stdin          io.Reader
	Stdout, Stderr io.Writer
	Code           io.Writer // where a hook listens for code; nil when none does
	StdinIsTerm    bool
	StdoutIsTerm   bool
	StderrIsTerm   bool

	Now func() time.Time
	// SinceBoot is how long ago the machine started, suspension included; 0: unknown.
	SinceBoot func() time.Duration
	Sleep     func(context.Context, time.Duration) error // returns early, with ctx's error, when that ends
	// Ask puts a question on the terminal itself and returns what is typed, without
	// echo if hidden. It is nil when there is no terminal.
	Ask func(ctx context.Context, question string, hidden bool) (creds.Secret, error)
	// Tell shows lines on the terminal itself, wherever standard error leads. It is nil when
	// there is no terminal.
	Tell func(lines string) error
	// Size is how large the terminal is, in cells; 0 where that is not known.
	Size func() (columns, rows int)
	// Exec replaces the process, or runs the program to its end where that cannot be
	// done; it returns only if the program could not be started or has ended.
	Exec func(path string, argv, environ []string) (status int, err error)
	// Foreground runs a program with the terminal to its end, while this process goes on
	// beside it, and returns the program's exit status, which is 128+n after signal n. The
	// error says why it could not be started.
	Foreground func(path string, argv, environ []string) (status int, err error)
	// Companion starts this program again, to live as long as this process or until stop is
	// called, which waits for its end. ended is closed at its end.
	Companion func(args, environ []string) (stop func(), ended <-chan struct{}, err error)
	// Launch starts this program again, to live on by itself away from the terminal, and
	// returns when it has said on its standard output that it is ready.
	Launch func(ctx context.Context, args, environ []string) error
	// Detach runs this program itself away from the terminal and waits for its end.
	Detach func(ctx context.Context, args, environ []string) error
	// Start starts a program away from the terminal and does not wait for it.
	Start func(argv, environ []string) error
	// Run runs another program to its end, within bounds; see Run.
	Run func(context.Context, Child) (Output, error)

	// Parent is the program that started this one: its file, or its name, or "" where the
	// system tells neither.
	Parent func() string
	// Ancestors are the programs that started this one, the nearest first, each as Parent has it.
	Ancestors func() []string
	// Who is the user and the machine, for the session names in CloudTrail.
	Who func() (user, host string)
	// Home is the home directory of the user's account, "" when the system knows none. It
	// is for when the environment does not say. It may ask a directory service.
	Home func() string
}

// ownFile is the file of this program. Where the system does not tell, as Linux without /proc,
// it is the one by whose name the program was called.
var ownFile = sync.OnceValues(func() (string, error) {
	if path, err := os.Executable(); err == nil {
		return path, nil
	}
	path, err := exec.LookPath(os.Args[0])
	if err == nil {
		path, err = filepath.Abs(path)
	}
	if err != nil {
		err = errors.New("this system does not tell which file this program is; call it by its full path")
	}
	return path, err
})

// Real is what the program finds outside itself.
func Real() *World {
	w := &World{
		Args: os.Args[1:], Program: program(os.Args[0]), Environ: environ(),
		Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr,
		StdinIsTerm: terminal(os.Stdin), StdoutIsTerm: terminal(os.Stdout), StderrIsTerm: terminal(os.Stderr),
		Now: time.Now, SinceBoot: sinceBoot, Sleep: sleep, Ask: asker(), Size: size,
		Exec: execute, Foreground: runForeground, Companion: companion, Launch: launch, Detach: runSelf, Start: startDetached, Run: Run, Parent: parent, Ancestors: ancestors, Who: who, Home: home,
	}
	if w.Ask != nil {
		w.Tell = tell
	}
	w.Self, _ = ownFile()
	onlyFromPath()
	if !filepath.IsAbs(os.Getenv("HOME")) && runtime.GOOS != "windows" {
		_ = os.Setenv("HOME", home()) // for libraries, which would look in the current directory
	}
	listen(w)
	cleanEnvironment(env.Keeper) // for what libraries start; everything else is in Environ
	return w
}

// listen finds where a hook waits for code: on descriptor 3, or, in a shell that has
// none, on standard output; then what is for people goes to standard error.
func listen(w *World) {
	name := os.Getenv(env.Shell)
	if name == "" {
		return
	}
	// For a name that is not in the table the command itself fails and says so.
	if sh, err := shells.For(name); err == nil && sh.Channel == shells.CapturedOutput {
		w.Code, w.Stdout, w.StdoutIsTerm = os.Stdout, os.Stderr, w.StderrIsTerm
	} else {
		w.Code = codeChannel()
	}
}

// program is how to call us again: by the name that was found on PATH, or by the path
// that was typed, which may not be relative by the time it is used.
func program(argv0 string) string {
	if !strings.ContainsRune(argv0, os.PathSeparator) {
		return argv0
	}
	if abs, err := filepath.Abs(argv0); err == nil {
		return abs
	}
	return argv0
}

func terminal(f *os.File) bool { return isatty.IsTerminal(f.Fd()) || isatty.IsCygwinTerminal(f.Fd()) }

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// who asks the system, which may have to ask a directory service.
func who() (name, host string) {
	if u, err := user.Current(); err == nil {
		name = u.Username[strings.LastIndexByte(u.Username, '\\')+1:] // without a Windows domain
	}
	host, _ = os.Hostname()
	return name, host
}

// home asks the system, as who does.
func home() string {
	u, err := user.Current()
	if err != nil {
		return ""
	}
	return u.HomeDir
}
