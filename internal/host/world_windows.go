package host

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"

	"golang.org/x/term"

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

func tell(lines string) error {
	out, err := os.OpenFile("CONOUT$", os.O_WRONLY, 0)
	if err != nil {
		return fmt.Errorf("open the console: %w", err)
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
	out, err := os.OpenFile("CONOUT$", os.O_WRONLY, 0)
	if err != nil {
		return creds.Secret{}, fmt.Errorf("open the console: %w", err)
	}
	defer func() { _ = out.Close() }()
	fmt.Fprint(out, question)
	if hidden {
		b, err := term.ReadPassword(int(in.Fd()))
		fmt.Fprintln(out)
		s := creds.New(string(b))
		clear(b)
		return s, err
	}
	var line string
	_, err = fmt.Fscanln(in, &line)
	if ctx.Err() != nil {
		err = ctx.Err()
	}
	return creds.New(line), err
}

// execute runs the program and waits: Windows cannot replace a process.
func execute(path string, argv, environ []string) (int, error) {
	c := exec.Command(path, argv[1:]...)
	c.Env, c.Stdin, c.Stdout, c.Stderr = environ, os.Stdin, os.Stdout, os.Stderr
	err := c.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exit.ExitCode(), nil
	}
	return 0, err
}

// ShellLine is a configured command as the system's shell takes it.
func ShellLine(command string) []string { return []string{"cmd.exe", "/C", command} }
