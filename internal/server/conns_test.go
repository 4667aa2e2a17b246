package server

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func dial(t testing.TB, s *Server) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", s.listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// memory is what the process holds once garbage is collected: heap and stacks.
func memory() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapInuse + m.StackInuse
}

// grown fails a test in whose course memory grew by more than a limit.
func grown(t *testing.T, before uint64, limit uint64) {
	t.Helper()
	if after := memory(); after > before+limit {
		t.Errorf("%d kB before, %d kB after", before>>10, after>>10)
	}
}

func TestAThousandIdleConnectionsKeepNoClientOut(t *testing.T) {
	s := listen(t, Options{})
	l := add(t, s, Grant{Source: fixed("A")})
	before := memory()
	for range 1000 {
		dial(t, s)
	}
	for range 20 {
		if status, body := ask(t, l, nil); status != http.StatusOK {
			t.Fatalf("%d %s", status, body)
		}
		http.DefaultClient.CloseIdleConnections()
	}
	grown(t, before, 6<<20) // half of it is our own end of the connections
}

// A header that never ends, byte by byte, holds a connection for a while and no more.
func TestSlowWritersKeepNoClientOut(t *testing.T) {
	s := listen(t, Options{})
	l := add(t, s, Grant{Source: fixed("A")})
	for range 2 * maxConns {
		if _, err := io.WriteString(dial(t, s), "GET / HTTP/1.1\r\nX: "); err != nil {
			t.Fatal(err)
		}
	}
	if status, body := ask(t, l, nil); status != http.StatusOK {
		t.Fatalf("%d %s", status, body)
	}
}

// One that asks and never reads the answers fills its own connection alone.
func TestSlowReadersKeepNoClientOut(t *testing.T) {
	s := listen(t, Options{})
	l := add(t, s, Grant{Source: fixed("A")})
	request := fmt.Sprintf("GET %s HTTP/1.1\r\nHost: %s\r\nAuthorization: %s\r\n\r\n",
		strings.TrimPrefix(l.URL(), "http://"+s.listener.Addr().String()), s.listener.Addr(), l.Token().Reveal())
	before := memory()
	for range 4 {
		c := dial(t, s)
		_ = c.(*net.TCPConn).SetReadBuffer(1 << 10)
		for err := error(nil); err == nil; { // until the buffers between us are full
			_ = c.SetWriteDeadline(time.Now().Add(50 * time.Millisecond))
			_, err = io.WriteString(c, strings.Repeat(request, 1000))
		}
	}
	if status, body := ask(t, l, nil); status != http.StatusOK {
		t.Fatalf("%d %s", status, body)
	}
	grown(t, before, 6<<20)
}

func TestHeadersAreBounded(t *testing.T) {
	s := listen(t, Options{})
	add(t, s, Grant{Source: fixed("A")})
	c := dial(t, s)
	go func() { _, _ = io.WriteString(c, "GET / HTTP/1.1\r\nX: "+strings.Repeat("x", 1<<20)) }()
	res, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil || res.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("%v %v", res, err)
	}
}

// A request that waits for its answer is not the one that is cut.
func TestConnectionsAreCutInTheOrderOfTheirSilence(t *testing.T) {
	cs := limit(nil).open
	var all []*conn
	for range maxConns {
		a, b := net.Pipe()
		_ = b.Close()
		all = append(all, cs.add(a))
	}
	all[0].working.Store(true)
	all[1].heard(http.StateActive)
	if cs.oldest() != all[2] {
		t.Error("not the longest silent one")
	}
	for _, c := range all[:maxConns-1] {
		c.working.Store(true)
	}
	if cs.oldest() != all[maxConns-1] {
		t.Error("one that is at work is cut before an idle one")
	}
	all[maxConns-1].working.Store(true)
	if cs.oldest() != all[1] {
		t.Error("not the newest, where all are at work")
	}
	for _, c := range all {
		_ = c.Close()
		_ = c.Close()
		c.heard(http.StateActive)
	}
	if n := cs.order.Len(); n != 0 {
		t.Errorf("%d are left", n)
	}
}

// One sweep for all takes the place of net/http's timeouts.
func TestAConnectionIsCutWhenItTakesTooLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cs := limit(nil).open
		open := func(state http.ConnState, working bool) (cut chan struct{}) {
			a, b := net.Pipe()
			c, cut := cs.add(a), make(chan struct{})
			c.heard(state)
			c.working.Store(working)
			go func() {
				defer close(cut)
				_, _ = b.Read(make([]byte, 1)) // until it is cut
			}()
			return cut
		}
		silent, slow := open(http.StateNew, false), open(http.StateActive, false)
		idle, working := open(http.StateIdle, false), open(http.StateActive, true)
		began := time.Now()
		for _, c := range []struct {
			cut  chan struct{}
			want time.Duration
		}{{silent, 15 * time.Second}, {slow, 15 * time.Second}, {idle, 65 * time.Second}} {
			if <-c.cut; time.Since(began) != c.want {
				t.Errorf("cut after %s, not %s", time.Since(began), c.want)
			}
		}
		time.Sleep(time.Hour)
		select {
		case <-working:
			t.Error("cut while it waited for its answer")
		default:
		}
		_ = cs.oldest().Close()
		time.Sleep(time.Hour)
		if n := cs.sweeps.Load(); n > 1441 {
			t.Errorf("%d sweeps, though there was nothing to sweep", n)
		}
	})
}

func TestTenThousandGarbageRequestsLeaveNothingBehind(t *testing.T) {
	s := listen(t, Options{})
	l := add(t, s, Grant{Source: fixed("A")})
	before, goroutines := memory(), runtime.NumGoroutine()
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 10_000 {
		c, err := net.Dial("tcp", s.listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		_, _ = c.Write(garbage(rnd))
		_ = c.Close()
	}
	if status, body := ask(t, l, nil); status != http.StatusOK {
		t.Fatalf("%d %s", status, body)
	}
	http.DefaultClient.CloseIdleConnections()
	for end := time.Now().Add(10 * time.Second); runtime.NumGoroutine() > goroutines+4 && time.Now().Before(end); {
		time.Sleep(10 * time.Millisecond)
	}
	if n := runtime.NumGoroutine(); n > goroutines+4 {
		t.Errorf("%d goroutines before, %d after", goroutines, n)
	}
	grown(t, before, 2<<20)
}

// garbage is half noise and half a request that is wrong somewhere.
func garbage(rnd *rand.Rand) []byte {
	if rnd.IntN(2) == 0 {
		b := make([]byte, rnd.IntN(2000))
		for i := range b {
			b[i] = byte(rnd.Uint32())
		}
		return b
	}
	b := []byte("GET /prod HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: x\r\nContent-Length: 9\r\n\r\n")
	for range 3 {
		b[rnd.IntN(len(b))] = byte(rnd.Uint32())
	}
	return b
}
