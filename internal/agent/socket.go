package agent

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/d44b7504/vault/internal/app"
	"github.com/d44b7504/vault/refresh"
)

// This file is the socket: where it is, who may have made it, and who may connect.

// socketOf is the path of the agent's socket in a runtime directory.
func socketOf(dir refresh.Directory) string { return filepath.Join(dir.Path, "agent.sock") }

// maxPath is the longest path that every system takes for a socket.
const maxPath = 103

// The reasons why there can be no agent.
var (
	// errRunning says that an agent is running already.
	errRunning = errors.New("an agent is running already")
	errNoDir   = errors.New("there is no directory for its socket that belongs to this user alone")
	errNoUnix  = errors.New("this system has no Unix sockets; Windows has them since version 1803 of Windows 10")
)

// Listener is the agent's socket. It accepts connections of this user only.
type Listener struct {
	net.Listener
	path string
	user int           // whose processes may connect
	gone chan struct{} // closed when the socket is taken away
	once sync.Once
	free func()
}

// Gone is closed when the socket is not where it was made any more: the user's last login
// session has ended, or the directory was removed.
func (l *Listener) Gone() <-chan struct{} { return l.gone }

// Close stops listening and lets another agent be started.
func (l *Listener) Close() error {
	err := l.Listener.Close()
	l.once.Do(l.free)
	return err
}

// Accept returns the next connection of this user. It closes those of others.
func (l *Listener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if ofUser(c, l.user) == nil {
			return c, nil
		}
		_ = c.Close()
	}
}

// takeover is how long a new agent waits for the end of the one that it replaces.
const takeover = 3 * time.Second

// Listen makes the socket in dir, or takes the one that systemd passes on. There is one
// agent at a time: the error is ErrRunning if another one has the lock of dir. The socket
// of an agent that was killed is replaced.
func Listen(dir refresh.Directory, e app.Environment) (*Listener, error) {
	path := socketOf(dir)
	if dir.Path == "" {
		return nil, errNoDir
	}
	if err := dir.Ensure(); err != nil {
		return nil, err
	}
	free, err := alone(dir)
	if err != nil {
		return nil, err
	}
	l, err := inherited(e)
	if l == nil && err == nil {
		l, err = bind(path)
	}
	if err != nil {
		free()
		return nil, err
	}
	listening := &Listener{Listener: l, path: path, user: os.Geteuid(), gone: make(chan struct{})}
	unwatch := watch(path, func() { close(listening.gone) })
	listening.free = func() { unwatch(); free() }
	return listening, nil
}

// alone waits a moment for the lock that the running agent has.
func alone(dir refresh.Directory) (free func(), err error) {
	for end := time.Now().Add(takeover); ; time.Sleep(20 * time.Millisecond) {
		if free, got := dir.TryLock("agent"); got {
			return free, nil
		}
		if c, err := dial(dir); err == nil {
			_ = c.Close()
			return nil, errRunning
		}
		if time.Now().After(end) {
			return nil, errRunning
		}
	}
}

// bind makes the socket. The caller has the lock, so one that is there belongs to an agent
// that was killed.
func bind(path string) (net.Listener, error) {
	if len(path) > maxPath {
		return nil, fmt.Errorf("the path %s is too long for a socket", path)
	}
	if err := checkSocket(path); err == nil {
		if err := os.Remove(path); err != nil {
			return nil, err
		}
	} else if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, inWords(err)
	}
	// The directory keeps others out until this is done.
	if err := os.Chmod(path, 0o600); err != nil && runtime.GOOS != "windows" {
		_ = l.Close()
		return nil, err
	}
	return l, nil
}

// inWords is the error of a system that has no Unix sockets at all, and otherwise err.
func inWords(err error) error {
	const windows = syscall.Errno(10047) // WSAEAFNOSUPPORT
	if errors.Is(err, syscall.EAFNOSUPPORT) || runtime.GOOS == "windows" && errors.Is(err, windows) {
		return errNoUnix
	}
	return err
}

// checkSocket returns an error if what is at path is not a socket of this user.
func checkSocket(path string) error {
	info, err := os.Lstat(path)
	switch {
	case err != nil:
		return err
	case runtime.GOOS == "windows":
		return nil // a socket is a file of an unknown kind there
	case info.Mode().Type() != fs.ModeSocket:
		return fmt.Errorf("%s is not a socket; remove it, and there can be an agent", path)
	case !refresh.OwnedByUser(info):
		return fmt.Errorf("%s is another user's socket; remove it, and there can be an agent", path)
	}
	return nil
}

// dial connects to the agent, if what is at its path was made by this user and another
// process of this user listens there.
func dial(dir refresh.Directory) (net.Conn, error) {
	path := socketOf(dir)
	if dir.Path == "" || len(path) > maxPath {
		return nil, errNoDir
	}
	if err := dir.Check(); err != nil {
		return nil, err
	}
	if err := checkSocket(path); err != nil {
		return nil, err
	}
	c, err := net.DialTimeout("unix", path, time.Second)
	if err != nil {
		return nil, err
	}
	if err := sameUser(c); err != nil {
		_ = c.Close()
		return nil, err
	}
	return c, nil
}

// sameUser returns an error if the process at the other end is another user's.
func sameUser(c net.Conn) error { return ofUser(c, os.Geteuid()) }

func ofUser(c net.Conn, wanted int) error {
	unix, is := c.(*net.UnixConn)
	if !is {
		return errors.New("this is not a Unix socket")
	}
	uid, known, err := peer(unix)
	switch {
	case err != nil:
		return err
	case known && uid != wanted:
		return fmt.Errorf("the process at the other end belongs to user %d", uid)
	}
	return nil
}

// firstPassed is the number of the first descriptor that systemd passes on.
const firstPassed = 3

// inherited is the socket that systemd listens on for us (sd_listen_fds), nil if there is
// none.
func inherited(e app.Environment) (net.Listener, error) {
	if e.Get("LISTEN_PID") != strconv.Itoa(os.Getpid()) || e.Get("LISTEN_FDS") == "" {
		return nil, nil
	}
	if n, err := strconv.Atoi(e.Get("LISTEN_FDS")); err != nil || n != 1 {
		return nil, fmt.Errorf("LISTEN_FDS is %q: exactly one socket is expected", e.Get("LISTEN_FDS"))
	}
	f := os.NewFile(firstPassed, "socket")
	defer func() { _ = f.Close() }() // the listener has a copy
	l, err := net.FileListener(f)
	if err != nil {
		return nil, fmt.Errorf("use the socket that was passed on: %w", err)
	}
	if l.Addr().Network() != "unix" {
		_ = l.Close()
		return nil, errors.New("the socket that was passed on is not a Unix socket")
	}
	return l, nil
}
