//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package proxy

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"syscall"
	"time"
)

// Join makes the running proxy serve i until the returned connection is closed, or this
// process ends.
func Join(ctx context.Context, i Instance) (io.Closer, error) {
	return say(ctx, command{Op: joinOp, Instance: i})
}

// Stop ends the running proxy, and returns when its address is gone. As root it also
// removes an address that a killed one has left.
func Stop(ctx context.Context) error {
	c, err := say(ctx, command{Op: stopOp})
	if errors.Is(err, errNotRunning) && os.Geteuid() == 0 {
		if left, err := leftover(); err != nil || !left {
			return errors.Join(errNotRunning, err)
		}
		return removeAddress()
	}
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if _, err := os.Lstat(socket); errors.Is(err, fs.ErrNotExist) {
			return nil
		}
	}
	return errors.New("the proxy was told to stop, and has not done so")
}

// Running reports whether a proxy answers that this user may join.
func Running() bool {
	c, err := dial()
	if err == nil {
		_ = c.Close()
	}
	return err == nil
}

// Possible reports why this user can have no proxy: none runs that they may join, and they
// are not root, who could start one.
func Possible() error {
	if os.Geteuid() == 0 {
		return nil
	}
	c, err := dial()
	switch {
	case errors.Is(err, errNotRunning):
		return ErrNotRoot
	case err != nil:
		return err
	}
	return c.Close()
}

// say sends a command and returns the open connection if it was carried out.
func say(ctx context.Context, cmd command) (net.Conn, error) {
	c, err := dial()
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { _ = c.Close() })
	defer stop()
	_ = c.SetDeadline(time.Now().Add(patience))
	var answer reply
	line, err := json.Marshal(cmd)
	if err == nil {
		_, err = c.Write(append(line, '\n'))
	}
	if err == nil {
		err = json.NewDecoder(bufio.NewReader(io.LimitReader(c, maxCommand))).Decode(&answer)
	}
	switch {
	case err != nil:
	case answer.Error == busy:
		err = errBusy
	case answer.Error != "":
		err = errors.New(answer.Error)
	default:
		_ = c.SetDeadline(time.Time{})
		return c, nil
	}
	_ = c.Close()
	return nil, fmt.Errorf("ask the metadata proxy: %w", err)
}

// dial connects to the proxy. The token that is sent there must reach what root has
// started: no other user can make a socket in a directory that only root can write.
func dial() (net.Conn, error) {
	info, err := os.Lstat(socketDir)
	if err != nil {
		return nil, errNotRunning
	}
	if st := info.Sys().(*syscall.Stat_t); st.Uid != 0 || info.Mode().Perm()&0o022 != 0 {
		return nil, fmt.Errorf("others than root can write the directory %s", socketDir)
	}
	c, err := net.Dial("unix", socket)
	switch {
	case errors.Is(err, fs.ErrPermission):
		return nil, errors.New("the metadata proxy is another user's")
	case err != nil:
		return nil, errNotRunning
	}
	return c, nil
}
