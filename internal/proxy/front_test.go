//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package proxy

import (
	"bufio"
	"io"
	"net"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// tell sends a line to a front and returns its answer, "" if it hangs up. The connection
// stays open.
func tell(t *testing.T, f *front, line string) (c net.Conn, answer string) {
	t.Helper()
	ours, theirs := net.Pipe()
	t.Cleanup(func() { _ = ours.Close() })
	go f.obey(theirs)
	go func() { _, _ = io.WriteString(ours, line+"\n") }()
	answer, _ = bufio.NewReader(ours).ReadString('\n')
	return ours, strings.TrimSpace(answer)
}

const good = `{"Op":"join","URL":"http://127.0.0.1:1/x","Token":"t"}`

func TestTheFrontServesOneAtATime(t *testing.T) {
	f := &front{}
	first, answer := tell(t, f, good)
	if answer != `{"Error":""}` {
		t.Fatal(answer)
	}
	if _, answer = tell(t, f, good); answer != `{"Error":"busy"}` {
		t.Error(answer)
	}
	_ = first.Close()
	for answer == `{"Error":"busy"}` { // until it has noticed
		_, answer = tell(t, f, good)
	}
	if answer != `{"Error":""}` {
		t.Error(answer)
	}
}

func TestTheFrontAsksNoOtherAddress(t *testing.T) {
	for _, line := range []string{
		`{"Op":"join","URL":"http://192.0.2.1:80/x"}`, `{"Op":"join","URL":"http://localhost:80/x"}`, `{"Op":"join","URL":"https://127.0.0.1:1/x"}`,
		`{"Op":"join","URL":"http://127.0.0.1/x"}`, `{"Op":"join","URL":"%"}`, `{"Op":"join"}`, `{"Op":"delete"}`, `{}`,
	} {
		f := &front{}
		if _, answer := tell(t, f, line); !strings.Contains(answer, "not a command") || f.joined {
			t.Errorf("%s: %q", line, answer)
		}
	}
}

func TestTheFrontHangsUpOnGarbage(t *testing.T) {
	for _, line := range []string{"", "GET / HTTP/1.1", strings.Repeat("x", 2*maxCommand), "[]"} {
		if _, answer := tell(t, &front{}, line); answer != "" {
			t.Errorf("%.20q: %q", line, answer)
		}
	}
}

func TestTheOwnerStopsTheFront(t *testing.T) {
	stopped := false
	f := &front{stop: func() { stopped = true }}
	c, answer := tell(t, f, `{"Op":"stop"}`)
	_, _ = c.Read(make([]byte, 1)) // until it has hung up
	if answer != `{"Error":""}` || !stopped {
		t.Errorf("%q, stopped %v", answer, stopped)
	}
}

func TestTheFrontIsNeverRoot(t *testing.T) {
	for _, o := range []Owner{{}, {UID: 0, GID: 5}, {UID: 1000, GID: 100}} {
		if uid, gid := o.front(); uid == 0 || gid == 0 {
			t.Errorf("%+v: %d %d", o, uid, gid)
		}
	}
}

// A connection has the limit of the socket that accepted it.
func TestAnAnswerOfTheProxyDoesNotLeaveTheMachine(t *testing.T) {
	l, err := oneHop.Listen(t.Context(), "tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	client, err := net.Dial("tcp4", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = client.Close() }()
	c, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	raw, err := c.(*net.TCPConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	hops := 0
	if e := raw.Control(func(fd uintptr) { hops, err = unix.GetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_TTL) }); e != nil || err != nil || hops != 1 {
		t.Errorf("%d hops: %v %v", hops, e, err)
	}
}
