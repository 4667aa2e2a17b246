package host

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"

	"golang.org/x/term"

	"github.com/d44b7504/vault/env"
	"github.com/d44b7504/vault/internal/creds"
)

// Shells with a descriptor 3 do not hand it to a native program on Windows.
func codeChannel() io.Writer { return nil }

func asker() func(context.Context, string, bool) (creds.Secret, error) {
	in, err := os.OpenFile("CONIN$", os.O_RDWR, 0)
	if err != nil {
		return nil
	}
	_ = in.Close()
	return ask
}

// openConsole opens the console to write to it. Without the right to read it too, Go does not know it for a console,
// and would write UTF-8 where the console expects its code page.
func openConsole() (*os.File, error) {
	out, err := os.OpenFile("CONOUT$", os.O_RDWR, 0)
	if err != nil {
		return nil, fmt.Errorf("open the console: %w", err)
	}
	return out, nil
}

func tell(lines string) error {
	out, err := openConsole()
	if err != nil {
		return err
	}
	_, err = io.WriteString(out, lines)
	return errors.Join(err, out.Close())
}

func ask(ctx context.Context, question string, hidden bool) (creds.Secret, error) {
	in, err := os.OpenFile("CONIN$", os.O_RDWR, 0)
	if err != nil {
		return creds.Secret{}, fmt.Errorf("open the console: %w", err)
	}
	defer func() { _ = in.Close() }()
	defer borrow(in, "")()
	out, err := openConsole()
	if err != nil {
		return creds.Secret{}, err
	}
	defer func() { _ = out.Close() }()
	fmt.Fprint(out, question)
	line, err := typed(in, hidden)
	if hidden || err != nil {
		fmt.Fprintln(out)
	}
	switch {
	case ctx.Err() != nil: // Ctrl-C ends the reading
		err = ctx.Err()
	case errors.Is(err, io.EOF): // Ctrl-Z is a no
		err = context.Canceled
	}
	s := creds.New(string(line))
	clear(line)
	return s, err
}

// typed is one line, without its end. It may be empty, and have spaces.
func typed(in *os.File, hidden bool) ([]byte, error) {
	if hidden {
		return term.ReadPassword(int(in.Fd()))
	}
	var line []byte
	var b [1]byte
	for {
		n, err := in.Read(b[:])
		switch {
		case err != nil:
			return line, err
		case n == 0:
			return line, io.EOF
		case b[0] == '\n':
			return bytes.TrimSuffix(line, []byte("\r")), nil
		}
		line = append(line, b[0])
	}
}

// execute runs the program and waits: Windows cannot replace a process. Ctrl-C reaches the program by
// itself, and it says what that means: this process outlives it.
func execute(path string, argv, environ []string) (int, error) {
	defer YieldSignals(func(os.Signal) bool { return true })()
	c := exec.Command(path, argv[1:]...)
	c.Env, c.Stdin, c.Stdout, c.Stderr = environ, os.Stdin, os.Stdout, os.Stderr
	if err := prepare(c); err != nil {
		return 0, err
	}
	err := c.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exit.ExitCode(), nil
	}
	return 0, err
}

// environ is the environment of this process, in which the case of names makes no difference.
func environ() []string { return env.Spelled(os.Environ()) }

// onlyFromPath keeps programs from being looked for in the current directory before the PATH: whoever made that
// directory would choose what gets the keys. PowerShell does not look there either.
func onlyFromPath() { _ = os.Setenv("NoDefaultCurrentDirectoryInExePath", "1") }
