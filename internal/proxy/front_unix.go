//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package proxy

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/url"
	"os"
	"sync"
	"time"

	"github.com/d44b7504/vault/internal/creds"
	"github.com/d44b7504/vault/internal/server"
)

// The files that the front inherits.
const (
	httpFile    = 3
	controlFile = 4
)

// front answers requests for metadata and commands of its owner.
type front struct {
	metadata server.Metadata
	stop     context.CancelFunc

	mu     sync.Mutex
	joined bool
}

// Front runs until it is told to stop, or its standard input ends: that is held open by
// the keeper.
func Front(ctx context.Context) error {
	requests, err := net.FileListener(os.NewFile(httpFile, "requests"))
	if err != nil {
		return err
	}
	commands, err := net.FileListener(os.NewFile(controlFile, "commands"))
	if err != nil {
		return err
	}
	f := &front{}
	ctx, f.stop = context.WithCancel(ctx)
	defer f.stop()
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		f.stop()
	}()
	context.AfterFunc(ctx, func() { _ = commands.Close() })
	go f.accept(commands)
	return f.metadata.Serve(ctx, requests)
}

func (f *front) accept(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			f.stop()
			return
		}
		go f.obey(c)
	}
}

// obey carries out the one command of a connection.
func (f *front) obey(c net.Conn) {
	defer func() { _ = c.Close() }()
	_ = c.SetDeadline(time.Now().Add(patience))
	in := bufio.NewReader(io.LimitReader(c, maxCommand))
	line, err := in.ReadBytes('\n')
	var cmd command
	if err != nil || json.Unmarshal(line, &cmd) != nil {
		return
	}
	answer := func(text string) { _ = json.NewEncoder(c).Encode(reply{text}) }
	switch u, err := url.Parse(cmd.URL); {
	case cmd.Op == stopOp:
		answer("")
		f.stop()
	case cmd.Op != joinOp || err != nil || u.Scheme != "http" || !loopback(u.Host):
		answer("this is not a command of the metadata proxy")
	case !f.join(cmd.Instance):
		answer(busy)
	default:
		defer f.leave()
		answer("")
		_ = c.SetDeadline(time.Time{})
		_, _ = io.Copy(io.Discard, c) // until the command, or the process that served it, has ended
	}
}

func (f *front) join(i Instance) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.joined {
		return false
	}
	f.joined = true
	token := creds.New(i.Token)
	f.metadata.Set(&server.Instance{
		Source: func(ctx context.Context) (creds.Session, error) { return server.Fetch(ctx, i.URL, token) },
		Role:   i.Role, Region: i.Region, V1: i.V1,
	})
	return true
}

func (f *front) leave() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.metadata.Set(nil)
	f.joined = false
}
