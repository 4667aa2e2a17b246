// Package cmd is the command line: one file a command, each turning flags into
// options, options into one call, and the answer into words. It chooses every word a
// person reads; the packages below it return facts.
package cmd

import (
	"context"
	"io"
	"time"

	"github.com/d44b7504/vault/creds"
	"github.com/d44b7504/vault/mfa"
	"github.com/d44b7504/vault/refresh"
	"github.com/d44b7504/vault/store"
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

	Now       func() time.Time
	Sleep     func(context.Context, time.Duration) error // returns early, with ctx's error, when that ends
	OpenStore func(context.Context, store.Options) (store.Store, error)
	// Probe looks at every keyring of this machine and opens none.
	Probe func(context.Context, store.Options) []store.Finding
	// Ask puts a question on the terminal itself and returns what is typed, without
	// echo if hidden. It is nil when there is no terminal.
	Ask func(ctx context.Context, question string, hidden bool) (creds.Secret, error)
	// Exec replaces the process, or runs the program to its end where that cannot be
	// done; it returns only if the program could not be started or has ended.
	Exec func(path string, argv, environ []string) (status int, err error)
	// Detach runs the program itself away from the terminal and waits for its end.
	Detach func(ctx context.Context, args, environ []string) error
	// Start starts a program away from the terminal and does not wait for it.
	Start func(argv, environ []string) error
	// Process runs a configured command with the terminal for its errors and
	// questions, and returns what it printed; too much of it is an error.
	Process func(ctx context.Context, command string, environ []string) (creds.Secret, error)

	// RunProgram runs a program that answers for a person; its Environ is all it gets.
	// It returns what the program printed, and what it said on standard error unless
	// that is the terminal.
	RunProgram func(context.Context, mfa.Program) (out creds.Secret, said string, err error)

	// Who is the user and the machine, for the session names in CloudTrail.
	Who    func() (user, host string)
	Policy refresh.Policy
}
