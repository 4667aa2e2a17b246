package sessions

import (
	"cmp"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"github.com/d44b7504/vault/internal/creds"
	"github.com/d44b7504/vault/internal/fakeaws"
	"github.com/d44b7504/vault/internal/profiles"
	"github.com/d44b7504/vault/store"
)

// between is a port in front of AWS that counts the connections to it.
func (b *bench) between() (accepted chan net.Conn, url string) {
	b.t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	noError(b.t, err)
	b.t.Cleanup(func() { _ = l.Close() })
	accepted = make(chan net.Conn, 10)
	to := b.aws.URL()[len("http://"):]
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			accepted <- conn
			go func() {
				aws, err := net.Dial("tcp", to)
				if err != nil {
					return
				}
				go func() { _, _ = io.Copy(conn, aws); _ = conn.Close() }()
				_, _ = io.Copy(aws, conn)
				_ = aws.Close()
			}()
		}
	}()
	return accepted, "http://" + l.Addr().String()
}

// keyring is a store that calls reading before it is read.
type keyring struct {
	store.Store
	reading func() error
}

func (k keyring) Get(ctx context.Context, name string) (creds.Secret, error) {
	if err := k.reading(); err != nil {
		return creds.Secret{}, err
	}
	return k.Store.Get(ctx, name)
}

func TestTheConnectionIsMadeWhileTheKeyIsRead(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	accepted, url := b.between()
	b.Endpoint = func(_ profiles.Profile, _, region string) Endpoint { return Endpoint{Region: region, URL: url} }
	connected := func() error {
		select {
		case c := <-accepted:
			accepted <- c
			return nil
		case <-time.After(20 * time.Second):
			return errors.New("there is no connection before the key is read")
		}
	}
	items := b.Store
	b.Store = keyring{items, connected}
	prod := over("prod", b.role("prod", time.Hour, fakeaws.Trust{}), key(""))
	if _, err := b.Make(t.Context(), prod); err != nil {
		t.Fatal(err)
	}
	if n := len(accepted); n != 1 {
		t.Errorf("%d connections", n)
	}

	// Without a key there is no call, and no connection is left.
	<-accepted
	b.Store = keyring{items, func() error { return cmp.Or(connected(), store.ErrLocked) }}
	if _, err := b.Make(t.Context(), prod); !errors.Is(err, store.ErrLocked) {
		t.Fatal(err)
	}
	conn := <-accepted
	_ = conn.SetReadDeadline(time.Now().Add(20 * time.Second))
	if _, err := conn.Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("the connection is left: %v", err)
	}
}

func TestTheCallIsPreparedWhileTheKeyIsRead(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	prepared := make(chan struct{}, 1)
	b.SessionName = func() string { prepared <- struct{}{}; return "alice@laptop" }
	waits := func() error {
		select {
		case <-prepared:
			return nil
		case <-time.After(20 * time.Second):
			return errors.New("the key is read first")
		}
	}
	items := b.Store
	b.Store = keyring{items, waits}
	prod := over("prod", b.role("prod", time.Hour, fakeaws.Trust{}), key(""))
	s, err := b.Make(t.Context(), prod)
	noError(t, err)
	if s.Key.ID == "" {
		t.Error("nothing says which key it was made with")
	}

	// Without a key there is the keyring's error and no call.
	calls := b.aws.Calls("*")
	b.Store = keyring{items, func() error { return cmp.Or(waits(), store.ErrLocked) }}
	if _, err := b.Make(t.Context(), prod); !errors.Is(err, store.ErrLocked) || b.aws.Calls("*") != calls {
		t.Errorf("%d calls, %v", b.aws.Calls("*")-calls, err)
	}
}

func TestNoConnectionIsMadeBeforeAPersonIsAsked(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	accepted, url := b.between()
	b.Endpoint = func(_ profiles.Profile, _, region string) Endpoint { return Endpoint{Region: region, URL: url} }
	b.Ask = func(context.Context, string, string) (creds.Secret, bool, error) {
		if len(accepted) > 0 {
			t.Error("it would be idle for as long as the person types")
		}
		return creds.Secret{}, true, context.Canceled
	}
	if _, err := b.Make(t.Context(), profiles.Profile{Name: "base", Region: "eu-west-1", Source: key(b.phone.Serial)}); err == nil {
		t.Error("there is a session without a code")
	}
}

// A server closes a connection that is idle, and only the request would notice.
func TestAConnectionThatWaitedForTooLongIsNotUsed(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	_, url := b.between()
	for _, x := range []struct {
		age  time.Duration
		used bool
	}{{0, true}, {freshFor, false}} {
		ours, theirs := net.Pipe()
		c := &early{address: url[len("http://"):], made: make(chan madeConn, 1), cancel: func() {}}
		c.made <- madeConn{ours, time.Now().Add(-x.age)}
		conn, err := c.dial(t.Context(), "tcp", c.address)
		noError(t, err)
		if used := conn == ours; used != x.used {
			t.Errorf("after %v: used is %v", x.age, used)
		}
		c.close()
		_ = conn.Close()
		if _, err := theirs.Read(make([]byte, 1)); err == nil {
			t.Error("it is left open")
		}
		if other, err := c.dial(t.Context(), "tcp", c.address); err != nil || other == ours {
			t.Errorf("used twice, or %v", err)
		}
	}
}
