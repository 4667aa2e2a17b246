//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package proxy

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/d44b7504/vault/internal/server"
)

// Keep gives this machine the address, starts the front with argv, and calls ready. When
// ctx ends, or the front does, it takes the address away again. taken reports an address
// that a killed proxy had left, which is then ours.
func Keep(ctx context.Context, owner Owner, argv, environ []string, ready func(taken bool)) (err error) {
	if os.Geteuid() != 0 {
		return ErrNotRoot
	}
	if Running() {
		return ErrRunning
	}
	taken, err := leftover()
	if err != nil {
		return err
	}
	if !taken {
		if err := addAddress(); err != nil {
			return fmt.Errorf("add the address %s: %w", server.MetadataAddr, err)
		}
	}
	defer func() { _ = os.Remove(socket) }() // last: it tells Stop that all is done
	defer func() { err = errors.Join(err, removeAddress()) }()
	files, err := listeners(ctx, owner)
	if err != nil {
		return err
	}
	end, done, err := startFront(owner, argv, environ, files)
	if err != nil {
		return fmt.Errorf("start the front of the proxy: %w", err)
	}
	ready(taken)
	select {
	case err = <-done:
	case <-ctx.Done():
		end()
		err = <-done
	}
	return err
}

// oneHop listens with a hop limit of one: an answer never leaves this machine, whoever forwards it.
var oneHop = net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) (err error) {
	e := c.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_TTL, 1) })
	return errors.Join(e, err)
}}

// listeners binds what only root can bind.
func listeners(ctx context.Context, owner Owner) ([]*os.File, error) {
	requests, err := oneHop.Listen(ctx, "tcp4", server.MetadataAddr+":80")
	if errors.Is(err, unix.EADDRINUSE) {
		return nil, errors.New("another program listens at port 80 of every address of this machine")
	}
	if err != nil {
		return nil, err
	}
	if err := os.Remove(socket); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	old := unix.Umask(0o177) // the owner's alone from the first moment on
	commands, err := net.ListenUnix("unix", &net.UnixAddr{Name: socket, Net: "unix"})
	unix.Umask(old)
	if err == nil {
		commands.SetUnlinkOnClose(false)
		err = os.Chown(socket, owner.UID, owner.GID)
	}
	if err != nil {
		return nil, err
	}
	defer func() { _, _ = requests.Close(), commands.Close() }()
	var files []*os.File
	for _, l := range []interface{ File() (*os.File, error) }{requests.(*net.TCPListener), commands} {
		f, err := l.File()
		if err != nil {
			return nil, err
		}
		files = append(files, f)
	}
	return files, nil
}

// startFront starts the process that answers, without any of root's rights. end asks it to
// stop, and stops it if it does not; done has how it ended.
func startFront(owner Owner, argv, environ []string, files []*os.File) (end func(), done <-chan error, err error) {
	c := exec.Command(argv[0], argv[1:]...)
	c.Env, c.ExtraFiles, c.Stderr, c.Dir = environ, files, os.Stderr, "/"
	uid, gid := owner.front()
	c.SysProcAttr = &syscall.SysProcAttr{
		Setsid:     true, // Ctrl-C is for the keeper, which ends it in good order
		Credential: &syscall.Credential{Uid: uid, Gid: gid},
	}
	life, err := c.StdinPipe()
	if err != nil {
		return nil, nil, err
	}
	if err := c.Start(); err != nil {
		return nil, nil, err
	}
	for _, f := range files {
		_ = f.Close()
	}
	ended := make(chan error, 1)
	go func() { ended <- c.Wait() }()
	return func() {
		_ = life.Close()
		time.AfterFunc(patience, func() { _ = c.Process.Kill() })
	}, ended, nil
}
