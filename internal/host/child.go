package host

// This file runs other programs. Every program that answers us is run here: it gets an
// environment without secrets, it may print only so much, and when its time is over it
// is ended together with all that it has started.

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/d44b7504/vault/env"
	"github.com/d44b7504/vault/internal/creds"
)

// Contact says how a child may reach a person.
type Contact int

const (
	// Silent: not at all. The child has a session of its own without a terminal, and
	// finds no display.
	Silent Contact = iota
	// Desktop: in a dialog. The child has a session of its own without a terminal.
	Desktop
	// Terminal: on the terminal, or in a dialog.
	Terminal
)

// Child is a program to run to its end.
type Child struct {
	Name    string   // what errors call it; "": the program's name
	Argv    []string // a name to find on the PATH, or a path; then the arguments
	Line    string   // instead of Argv: a command as the system's shell takes it
	Kind    env.Kind // which variables of Environ it gets
	Environ []string // the whole environment, as we have it; nil: that of this process
	Extra   []string // NAME=value, more than Environ; these are not filtered
	Dir     string   // where it runs; "": here

	Input   []byte  // its standard input; nil: the terminal if Contact says so, else nothing
	Contact Contact // how it may ask a person
	// Shown says that its standard error is shown to the person while it runs, and not
	// returned.
	Shown bool
	// Talks says that its standard output is for the person too, and not returned, where its
	// standard error is shown.
	Talks bool
	Limit int // how many bytes it may print, and say on standard error; 0: a megabyte
}

// Output is what a child printed, and what it said on standard error.
type Output struct{ Stdout, Stderr []byte }

// Answer is what the child printed without the space around it. It wipes Stdout.
func (o Output) Answer() creds.Secret {
	defer clear(o.Stdout)
	return creds.New(string(bytes.TrimSpace(o.Stdout)))
}

// errFlood says that a program printed more than its limit.
var errFlood = errors.New("it printed more than an answer has")

// ChildError says which program failed and how it ended. Err is an *exec.ExitError,
// ErrFlood, the context's error, or the reason why the program could not be started.
type ChildError struct {
	Program string // without its folder
	Err     error
	Said    string // the program's own words, made fit to show; "": none
}

func (e *ChildError) Unwrap() error { return e.Err }

func (e *ChildError) Error() string {
	var exit *exec.ExitError
	switch ended := errors.As(e.Err, &exit); {
	case e.Said == "":
		return e.Program + ": " + howItEnded(e.Err)
	case ended && exit.ExitCode() == 1: // the status adds nothing to the text
		return e.Program + ": " + e.Said
	}
	return e.Program + ": " + howItEnded(e.Err) + ": " + e.Said
}

func howItEnded(err error) string {
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return "it did not end in time"
	case errors.Is(err, context.Canceled):
		return "it was interrupted"
	case errors.Is(err, exec.ErrNotFound):
		return "there is no such program on the PATH"
	case errors.As(err, new(*fs.PathError)): // the program is named already
		return startFailure(err)
	}
	return err.Error()
}

// startFailure says why a file could not be started.
func startFailure(err error) string {
	var path *fs.PathError
	switch errors.As(err, &path); {
	case errors.Is(err, fs.ErrNotExist):
		return "there is no such program"
	case errors.Is(err, fs.ErrPermission):
		return "this user may not run it"
	}
	return path.Err.Error()
}

const (
	// gracePeriod is the time between asking a program to end and ending it.
	gracePeriod = 150 * time.Millisecond
	// outputPatience is how long output is read on when the program has ended and
	// something that it started keeps the output open.
	outputPatience = 250 * time.Millisecond
	defaultLimit   = 1 << 20
)

// Run runs the program and waits for its end, or until ctx ends. It returns what the
// program printed, whatever became of it; a failure is a *ChildError, whose Said may
// have what the program said on standard error and nothing of Input.
func Run(ctx context.Context, p Child) (Output, error) {
	within, end := context.WithCancelCause(ctx)
	defer end(nil)
	limit := p.Limit
	if limit == 0 {
		limit = defaultLimit
	}
	out, said := &bounded{left: limit, end: end}, &bounded{left: limit, end: end}
	c := p.command(within)
	name := cmp.Or(p.Name, filepath.Base(c.Path))
	c.Env, c.Dir, c.WaitDelay = p.environ(), p.Dir, outputPatience
	c.Stdout, c.Stderr = out, said
	if p.Input != nil {
		c.Stdin = bytes.NewReader(p.Input)
	}
	release := p.connect(c)
	defer release()
	err := supervise(within, c, p.Contact)
	switch {
	case ctx.Err() != nil:
		err = ctx.Err()
	case errors.Is(context.Cause(within), errFlood):
		err = errFlood
	case errors.Is(err, exec.ErrWaitDelay):
		err = nil // it is done; something it started still has its output open
	}
	if err == nil {
		return Output{out.text, said.text}, nil
	}
	failed := &ChildError{Program: name, Err: err}
	if !errors.Is(err, errFlood) {
		failed.Said = Sayable(said.text, p.Input)
	}
	return Output{out.text, said.text}, failed
}

func (p Child) command(ctx context.Context) *exec.Cmd {
	if p.Line != "" {
		return shellCommand(ctx, p.Line)
	}
	return exec.CommandContext(ctx, p.Argv[0], p.Argv[1:]...)
}

// supervise starts the program and waits. When ctx ends first, the program and all that
// it started are asked to end, and soon after they are ended.
func supervise(ctx context.Context, c *exec.Cmd, contact Contact) error {
	f := newFamily(c, contact != Terminal)
	var kill *time.Timer
	c.Cancel = func() error {
		kill = time.AfterFunc(gracePeriod, f.kill)
		f.terminate()
		return nil
	}
	CatchSignals()
	err := prepare(c)
	if err == nil {
		err = c.Start()
	}
	if err != nil {
		return err
	}
	f.started()
	running.add(f)
	defer running.remove(f)
	err = c.Wait()
	if ctx.Err() != nil {
		if kill != nil {
			kill.Stop()
		}
		f.kill() // what has outlived the program itself
	}
	return err
}

// running are the families of which a member may be alive.
var running = &families{all: map[*family]bool{}}

type families struct {
	mu        sync.Mutex
	all       map[*family]bool
	byLibrary []string // the beginnings of the names of programs that libraries start
}

func (r *families) add(f *family) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all[f] = true
}

func (r *families) remove(f *family) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.all, f)
	f.release()
}

// EndChildren ends every program that still runs, with all that it has started. It is for
// the end of this process, which may come before a caller's deadline has done its work.
func EndChildren() {
	EndLibraryPrograms()
	running.mu.Lock()
	defer running.mu.Unlock()
	for f := range running.all {
		f.kill()
	}
}

// LibraryPrograms declares programs that a library starts by itself and not through Run:
// those whose names begin with prefix, which has at most 15 characters. They inherit the
// environment of this process, so what they must not have is removed from it.
func LibraryPrograms(prefix string, k env.Kind) {
	CatchSignals()
	cleanEnvironment(k)
	running.mu.Lock()
	defer running.mu.Unlock()
	if !slices.Contains(running.byLibrary, prefix) {
		running.byLibrary = append(running.byLibrary, prefix)
	}
}

// EndLibraryPrograms ends the programs that libraries have started and not waited for.
func EndLibraryPrograms() {
	running.mu.Lock()
	defer running.mu.Unlock()
	for _, prefix := range running.byLibrary {
		endStarted(prefix)
	}
}

func (p Child) environ() []string {
	environ := p.Environ
	if environ == nil {
		environ = os.Environ()
	}
	environ = env.For(p.Kind, environ)
	if p.Contact == Silent {
		environ = slices.DeleteFunc(environ, func(entry string) bool {
			name, _, _ := strings.Cut(entry, "=")
			return slices.Contains(screens, name)
		})
	}
	return append(environ, p.Extra...)
}

// screens are the variables by which a program finds a place to ask a person.
var screens = []string{"DISPLAY", "WAYLAND_DISPLAY", "GPG_TTY", "SSH_ASKPASS", "SUDO_ASKPASS"}

// connect gives the program the terminal, as far as it may have it.
func (p Child) connect(c *exec.Cmd) (release func()) {
	tty, release := (*os.File)(nil), func() {}
	if p.Contact == Terminal {
		tty, release = openTerminal()
	}
	if tty != nil {
		closeTerminal, giveBack := release, borrow(tty, "")
		release = func() { giveBack(); closeTerminal() }
	}
	if tty != nil && p.Input == nil {
		c.Stdin = tty
	}
	switch {
	case !p.Shown:
	case tty != nil && !terminal(os.Stderr):
		c.Stderr = tty
	default:
		c.Stderr = os.Stderr
	}
	if p.Shown && p.Talks {
		c.Stdout = c.Stderr
	}
	return release
}

// bounded collects output, and ends the program when there is too much of it.
type bounded struct {
	text []byte
	left int
	end  context.CancelCauseFunc
}

func (b *bounded) Write(p []byte) (int, error) {
	if b.left -= len(p); b.left < 0 {
		b.end(errFlood)
		return 0, errFlood
	}
	b.text = append(b.text, p...)
	return len(p), nil
}

// startPatience is how long a program that is started is watched: one that cannot do its work
// mostly ends at once.
const startPatience = 300 * time.Millisecond

// startDetached starts a program that lives on when we and the terminal are gone, and
// does not wait for it, but for a moment in which it may fail. It is a Tool, and its output
// goes nowhere.
func startDetached(argv, environ []string) error {
	c := exec.Command(argv[0], argv[1:]...)
	c.Env, c.SysProcAttr = env.For(env.Tool, environ), detached()
	err := prepare(c)
	if err == nil {
		err = c.Start()
	}
	if err != nil {
		return &ChildError{Program: filepath.Base(argv[0]), Err: err}
	}
	ended := make(chan error, 1)
	go func() { ended <- c.Wait() }() // or it stays a zombie while we live
	select {
	case err := <-ended:
		if err != nil {
			return &ChildError{Program: filepath.Base(argv[0]), Err: err}
		}
	case <-time.After(startPatience):
	}
	return nil
}

// runSelf runs this program again in a session of its own, where no hang-up and no
// Ctrl-C of the terminal reaches it, and waits for its end.
func runSelf(_ context.Context, args, environ []string) error {
	self, err := ownFile()
	if err != nil {
		return err
	}
	c := exec.Command(self, args...)
	c.Env, c.SysProcAttr = env.For(env.Own, environ), detached()
	return c.Run()
}

// IsProgram reports whether a command that is run by name, or by a path, is the program in
// the file self.
func IsProgram(self, command string) bool {
	path, err := exec.LookPath(command)
	if err != nil || self == "" {
		return false
	}
	ours, err := os.Stat(self)
	if err != nil {
		return false
	}
	theirs, err := os.Stat(path)
	return err == nil && os.SameFile(ours, theirs)
}

// cleanEnvironment makes the environment of this process what a child of the kind may
// have.
func cleanEnvironment(k env.Kind) {
	before := os.Environ()
	kept := env.Parse(env.For(k, before))
	for name, value := range env.Parse(before) {
		switch is, there := kept[name]; {
		case !there:
			_ = os.Unsetenv(name)
		case is != value:
			_ = os.Setenv(name, is)
		}
	}
}
