//go:build unix

package host

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/d44b7504/vault/internal/creds"
)

// codeChannel is descriptor 3, if a hook has opened it for us. It is not inherited: a
// daemon started on the way would keep the shell waiting for its end.
func codeChannel() io.Writer {
	const fd = 3
	flags, err := unix.FcntlInt(fd, unix.F_GETFL, 0)
	if err != nil || flags&unix.O_ACCMODE == unix.O_RDONLY {
		return nil
	}
	unix.CloseOnExec(fd)
	return os.NewFile(fd, "code")
}

// asker asks on the terminal itself, wherever standard input and output lead. It is
// nil when the process has no terminal.
func asker() func(context.Context, string, bool) (creds.Secret, error) {
	tty, err := os.OpenFile("/dev/tty", os.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil
	}
	_ = tty.Close()
	return ask
}

func tell(lines string) error {
	tty, err := os.OpenFile("/dev/tty", os.O_WRONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("open the terminal: %w", err)
	}
	_, err = io.WriteString(tty, lines)
	return errors.Join(err, tty.Close())
}

func ask(ctx context.Context, question string, hidden bool) (creds.Secret, error) {
	tty, err := os.OpenFile("/dev/tty", os.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return creds.Secret{}, fmt.Errorf("open the terminal: %w", err)
	}
	defer func() { _ = tty.Close() }()
	fd := int(tty.Fd())
	defer borrow(tty, "\r\n")()
	// Stopped half-way, a shell's command substitution could not be resumed. The signal is
	// caught: ignored, it would stay so for a program that runs in our place.
	stops := make(chan os.Signal, 1)
	signal.Notify(stops, syscall.SIGTSTP)
	defer signal.Stop(stops)
	if hidden { // first, because some people type before they are asked
		if err := hideTyping(fd); err != nil {
			return creds.Secret{}, fmt.Errorf("turn the terminal's echo off: %w", err)
		}
	}
	fmt.Fprint(tty, question)
	line, err := readLine(ctx, tty)
	if hidden || err != nil {
		fmt.Fprintln(tty)
	}
	return line, err
}

// readLine gives up as soon as ctx ends; the reading goroutine dies with the process.
func readLine(ctx context.Context, tty *os.File) (creds.Secret, error) {
	type answer struct {
		text []byte
		err  error
	}
	done := make(chan answer, 1)
	go func() {
		b, err := readBytes(tty)
		done <- answer{b, err}
	}()
	select {
	case <-ctx.Done():
		return creds.Secret{}, ctx.Err()
	case a := <-done:
		if errors.Is(a.err, io.EOF) {
			return creds.Secret{}, context.Canceled // Ctrl-D is a no
		}
		s := creds.New(string(a.text))
		clear(a.text)
		return s, a.err
	}
}

// hideTyping makes the terminal collect a line without showing it.
func hideTyping(fd int) error {
	t, err := unix.IoctlGetTermios(fd, getTermios)
	if err != nil {
		return err
	}
	t.Lflag = t.Lflag&^unix.ECHO | unix.ICANON | unix.ISIG
	t.Iflag |= unix.ICRNL
	return unix.IoctlSetTermios(fd, setTermios, t)
}

// readBytes reads one line, a byte at a time: what is typed ahead belongs to the shell.
// At Ctrl-D, and when the terminal is gone, a read gives nothing and no error.
func readBytes(tty *os.File) ([]byte, error) {
	var line []byte
	var b [1]byte
	for {
		n, err := tty.Read(b[:])
		if n == 0 || err != nil {
			return line, errors.Join(err, io.EOF)
		}
		if b[0] == '\n' || b[0] == '\r' {
			return line, nil
		}
		line = append(line, b[0])
	}
}

// execute replaces this process: signals, job control, the terminal and the exit
// status are then the program's own.
func execute(path string, argv, environ []string) (int, error) {
	EndChildren()
	restoreLimits()
	return 0, syscall.Exec(path, argv, environ)
}

// environ is the environment of this process.
func environ() []string { return os.Environ() }

// onlyFromPath has nothing to do: a program is looked for on the PATH alone.
func onlyFromPath() {}

// prepare has nothing to do: a program is given its arguments one by one.
func prepare(*exec.Cmd) error { return nil }

// shellCommand is a command line for the system's shell.
func shellCommand(ctx context.Context, line string) *exec.Cmd {
	return exec.CommandContext(ctx, "/bin/sh", "-c", line)
}
