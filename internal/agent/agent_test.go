package agent

import (
	"bufio"
	"context"
	"errors"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/d44b7504/vault/internal/app"
	"github.com/d44b7504/vault/internal/creds"
	"github.com/d44b7504/vault/internal/profiles"
	"github.com/d44b7504/vault/internal/testenv"
	"github.com/d44b7504/vault/refresh"
	"github.com/d44b7504/vault/store"
)

// clock can be set, and tells how long the machine has slept.
type clock struct {
	mu         sync.Mutex
	off, slept time.Duration
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.off)
}

func (c *clock) sinceBoot() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Hour + time.Since(began) + c.off + c.slept
}

func (c *clock) move(off, slept time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.off, c.slept = c.off+off, c.slept+slept
}

var began = time.Now()

const passphrase = "open sesame, says the test"

// stage is an agent in this process, with a directory of its own.
type stage struct {
	t     *testing.T
	dir   refresh.Directory
	clock *clock
	agent *Agent
	over  chan error // what Serve returned
	ref   store.Reference
}

// shortDir is a directory whose path fits into a socket's address.
func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "va")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// newStage starts an agent, and makes a store of the file back end with one item.
func newStage(t *testing.T, o Options) *stage {
	t.Helper()
	s := &stage{t: t, dir: refresh.Directory{Path: filepath.Join(shortDir(t), "vault")}, clock: &clock{}, over: make(chan error, 1)}
	s.ref = store.Reference{Backend: "file", Settings: map[string]string{"file-dir": t.TempDir()}}
	given := creds.New(passphrase)
	options, err := s.ref.Options()
	s.check(err)
	options.FilePassphrase = &given
	items, err := store.Open(t.Context(), options)
	s.check(err)
	s.check(store.PutKey(t.Context(), items, "base", creds.Key{ID: "AKIAFAKE", Secret: creds.New("fake")}))
	o.Core = &app.Core{OpenStore: store.Open, Policy: refresh.Default, Now: s.clock.now, SinceBoot: s.clock.sinceBoot, Who: func() (string, string) { return "me", "here" }}
	o.Dir, o.Env = s.dir, app.NewEnvironment(nil, nil)
	s.agent = New(o)
	l, err := Listen(s.dir, o.Env)
	s.check(err)
	go func() { s.over <- s.agent.Serve(context.Background(), l, nil) }()
	t.Cleanup(func() {
		s.agent.Stop()
		s.ended()
	})
	return s
}

func (s *stage) check(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

// ended waits for the end of the agent.
func (s *stage) ended() {
	select {
	case err := <-s.over:
		if err != nil {
			s.t.Error(err)
		}
		s.over <- nil
	case <-time.After(20 * time.Second):
		s.t.Error("the agent does not end")
	}
}

func (s *stage) client() *Client {
	return &Client{
		Dir: func() refresh.Directory { return s.dir }, Built: func() time.Time { return time.Time{} },
		Launch: func(context.Context) error { return errors.New("not here") },
	}
}

func (s *stage) unlock(typed string, ttl time.Duration, untilSuspended bool) (bool, error) {
	return s.client().Unlock(s.t.Context(), app.Unlocking{Store: s.ref, Passphrase: creds.New(typed), For: ttl, UntilSuspended: untilSuspended})
}

func (s *stage) holds() bool { return s.client().Holds(s.t.Context(), s.ref) }

func TestOnlyTheRightPassphraseUnlocks(t *testing.T) {
	s := newStage(t, Options{})
	if opens, err := s.unlock("not this", time.Hour, false); opens || err != nil || s.holds() {
		t.Errorf("the wrong one: %v, %v", opens, err)
	}
	if opens, err := s.unlock(passphrase, time.Hour, false); !opens || err != nil || !s.holds() {
		t.Errorf("the right one: %v, %v", opens, err)
	}
	other := s.ref
	other.Settings = map[string]string{"file-dir": t.TempDir()}
	if s.client().Holds(t.Context(), other) {
		t.Error("another store is held too")
	}
}

func TestAStoreIsForgottenWhenItsTimeIsOver(t *testing.T) {
	for name, c := range map[string]struct {
		off, slept     time.Duration
		untilSuspended bool
		held           bool
	}{
		"a moment ago":                  {0, 0, true, true},
		"half of the time":              {30 * time.Minute, 0, true, true},
		"all of the time":               {time.Hour, 0, false, false},
		"slept, and that is allowed":    {0, 10 * time.Minute, false, true},
		"slept, and that ends it":       {0, 10 * time.Minute, true, false},
		"the clock was set back a year": {-365 * 24 * time.Hour, 0, false, true},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t, Options{})
			if _, err := s.unlock(passphrase, time.Hour, c.untilSuspended); err != nil {
				t.Fatal(err)
			}
			s.clock.move(c.off, c.slept)
			if got := s.holds(); got != c.held {
				t.Errorf("held: %v", got)
			}
			if status, err := s.client().Status(t.Context()); err != nil || (len(status.Stores) == 1) != c.held {
				t.Errorf("%+v, %v", status, err)
			}
		})
	}
}

func TestTheAgentEndsWhenNothingNeedsIt(t *testing.T) {
	s := newStage(t, Options{Idle: 50 * time.Millisecond})
	s.ended()
	if status, err := s.client().Status(t.Context()); err != nil || status.Running {
		t.Errorf("%+v, %v", status, err)
	}
	if _, err := os.Lstat(socketOf(s.dir)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("its socket: %v", err)
	}
}

func TestAHeldStoreKeepsTheAgentUntilItIsForgotten(t *testing.T) {
	s := newStage(t, Options{Idle: 500 * time.Millisecond}) // it must not end before the store is unlocked
	if opens, err := s.unlock(passphrase, 300*time.Millisecond, false); !opens {
		t.Fatal(err)
	}
	s.ended()
}

func TestLockEndsAnAgentThatHasNothingElseToDo(t *testing.T) {
	s := newStage(t, Options{})
	if opens, err := s.unlock(passphrase, time.Hour, false); !opens {
		t.Fatal(err)
	}
	if running, err := s.client().Lock(t.Context()); !running || err != nil {
		t.Errorf("%v, %v", running, err)
	}
	s.ended()
}

func TestOfManyAgentsOneListens(t *testing.T) {
	dir := refresh.Directory{Path: filepath.Join(shortDir(t), "vault")}
	var all sync.WaitGroup
	won, lost := make(chan *Listener, 50), make(chan error, 50)
	for range 50 {
		all.Go(func() {
			l, err := Listen(dir, app.NewEnvironment(nil, nil))
			if err != nil {
				lost <- err
				return
			}
			won <- l
		})
	}
	all.Wait()
	if len(won) != 1 || len(lost) != 49 {
		t.Fatalf("%d listen", len(won))
	}
	for range 49 {
		if err := <-lost; !errors.Is(err, errRunning) {
			t.Error(err)
		}
	}
	_ = (<-won).Close()
}

// What is at the socket's place is replaced only if it is a socket that a killed agent has left.
func TestAStaleSocketIsReplacedAndNothingElse(t *testing.T) {
	for name, c := range map[string]struct {
		put  func(path string) error
		says string
	}{
		"a stale socket": {func(path string) error {
			l, err := net.Listen("unix", path)
			if err == nil {
				l.(*net.UnixListener).SetUnlinkOnClose(false)
				err = l.Close()
			}
			return err
		}, ""},
		"a file":      {func(path string) error { return os.WriteFile(path, []byte("mine"), 0o600) }, "is not a socket"},
		"a link":      {func(path string) error { return os.Symlink(path+".elsewhere", path) }, "is not a socket"},
		"a directory": {func(path string) error { return os.Mkdir(path, 0o700) }, "is not a socket"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := refresh.Directory{Path: filepath.Join(shortDir(t), "vault")}
			if err := errors.Join(os.Mkdir(dir.Path, 0o700), c.put(socketOf(dir))); err != nil {
				t.Fatal(err)
			}
			l, err := Listen(dir, app.NewEnvironment(nil, nil))
			if c.says == "" && err != nil || c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says)) {
				t.Errorf("%v", err)
			}
			if l != nil {
				_ = l.Close()
			} else if _, err := os.Lstat(socketOf(dir)); err != nil {
				t.Error("it was removed")
			}
		})
	}
}

func TestADirectoryThatIsALinkOrOthersCanWriteToIsNotUsed(t *testing.T) {
	base := shortDir(t)
	real := filepath.Join(base, "real")
	if err := errors.Join(os.Mkdir(real, 0o700), os.Symlink(real, filepath.Join(base, "link"))); err != nil {
		t.Fatal(err)
	}
	dir := refresh.Directory{Path: filepath.Join(base, "link")}
	if l, err := Listen(dir, app.NewEnvironment(nil, nil)); err == nil {
		_ = l.Close()
		t.Error("an agent listens behind a link")
	}
	l, err := Listen(refresh.Directory{Path: real}, app.NewEnvironment(nil, nil))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	if c, err := dial(dir); err == nil {
		_ = c.Close()
		t.Error("a client connects behind a link")
	}
	if _, err := Listen(refresh.Directory{}, app.NewEnvironment(nil, nil)); !errors.Is(err, errNoDir) {
		t.Errorf("no directory: %v", err)
	}
	long := refresh.Directory{Path: filepath.Join(base, strings.Repeat("long", 30))}
	if _, err := Listen(long, app.NewEnvironment(nil, nil)); err == nil || !strings.Contains(err.Error(), "too long for a socket") {
		t.Errorf("a long path: %v", err)
	}
}

func TestTheSocketIsItsOwnersAlone(t *testing.T) {
	s := newStage(t, Options{})
	for path, mode := range map[string]fs.FileMode{socketOf(s.dir): 0o600, s.dir.Path: 0o700} {
		info, err := os.Lstat(path)
		if err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != mode {
			t.Errorf("%s: %v, %v", path, info.Mode(), err)
		}
	}
}

func TestAnOlderAgentIsReplacedIfAPersonIsThere(t *testing.T) {
	s := newStage(t, Options{Built: time.Unix(1000, 0)})
	if opens, err := s.unlock(passphrase, time.Hour, false); !opens {
		t.Fatal(err)
	}
	newer := s.client()
	newer.Built = func() time.Time { return time.Unix(2000, 0) }
	r := app.SessionRequest{Op: app.OpCurrent, Store: s.ref, Profile: profiles.Profile{Name: "base", Source: profiles.Source{Stored: &profiles.Stored{Profile: "base"}}}}
	if _, err := newer.Session(t.Context(), r, nil); !errors.Is(err, refresh.ErrNoSession) { // a prompt goes on with it
		t.Errorf("without a person: %v", err)
	}
	r.CanOpen = true
	if _, err := newer.Session(t.Context(), r, nil); !errors.Is(err, app.ErrNotHeld) {
		t.Errorf("a person there: %v", err)
	}
	s.ended()
}

func TestAnAgentOfAnotherProtocolIsNotAsked(t *testing.T) {
	dir := refresh.Directory{Path: filepath.Join(shortDir(t), "vault")}
	l, err := Listen(dir, app.NewEnvironment(nil, nil))
	if err != nil {
		t.Fatal(err)
	}
	h := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set(versionHeader, "99 0")
		_, _ = io.WriteString(w, `{"OK":true}`)
	})}
	go func() { _ = h.Serve(l) }()
	defer func() { _ = h.Close() }()
	c := &Client{Dir: func() refresh.Directory { return dir }, Built: func() time.Time { return time.Time{} }}
	if _, err := c.Session(t.Context(), app.SessionRequest{CanOpen: true}, nil); !errors.Is(err, app.ErrNotHeld) {
		t.Error(err)
	}
	if err := c.Start(t.Context()); !errors.Is(err, errNewer) {
		t.Error(err)
	}
}

// A process of another user cannot be had here, so the user that is expected is another one.
func TestAConnectionOfAnotherUserIsRefused(t *testing.T) {
	s := newStage(t, Options{})
	c, err := dial(s.dir)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	uid, known, err := peer(c.(*net.UnixConn))
	if err != nil || known && uid != os.Geteuid() || !known && runtime.GOOS == "linux" {
		t.Errorf("%d, %v, %v", uid, known, err)
	}
	if err := ofUser(c, os.Geteuid()+1); known && (err == nil || !strings.Contains(err.Error(), "belongs to user")) {
		t.Errorf("%v", err)
	}
}

// The agent itself cuts a process of another user, which could get past the directory, and goes
// on: here it takes us for one.
func TestTheAgentCutsAProcessOfAnotherUser(t *testing.T) {
	if runtime.GOOS == "windows" {
		testenv.Missing(t, "unix", "the system does not tell whose process connects")
	}
	dir := refresh.Directory{Path: filepath.Join(shortDir(t), "vault")}
	l, err := Listen(dir, app.NewEnvironment(nil, nil))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	l.user++
	accepted := make(chan error, 1)
	go func() {
		c, err := l.Accept()
		if err == nil {
			_ = c.Close()
		}
		accepted <- err
	}()
	for range 3 {
		c, err := dial(dir)
		if err != nil {
			t.Fatal(err)
		}
		_ = c.SetDeadline(time.Now().Add(20 * time.Second))
		if _, err := c.Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("it was not cut: %v", err)
		}
		_ = c.Close()
	}
	_ = l.Close()
	if err := <-accepted; !errors.Is(err, net.ErrClosed) {
		t.Errorf("it was accepted: %v", err)
	}
}

// More clients than the agent has connections, which write or read a part and then nothing.
func TestSlowClientsKeepNoClientOut(t *testing.T) {
	for name, text := range map[string]string{
		"writers": string(head(http.MethodPost, pathSession, 1000)) + `{"Op"`,
		"readers": strings.Repeat("GET "+pathStatus+" HTTP/1.1\r\nHost: "+hostName+"\r\n\r\n", 4000),
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t, Options{})
			if opens, err := s.unlock(passphrase, time.Hour, false); !opens {
				t.Fatal(err)
			}
			before := runtime.NumGoroutine()
			var open []net.Conn
			for range 200 {
				c, err := dial(s.dir)
				if err != nil {
					break
				}
				open = append(open, c)
				_ = c.SetDeadline(time.Now().Add(50 * time.Millisecond)) // until the kernel takes no more
				_, _ = io.WriteString(c, text)
			}
			if !s.holds() {
				t.Error("another client is kept out")
			}
			for _, c := range open {
				_ = c.Close()
			}
			settle(t, before)
		})
	}
}

// say sends bytes and returns how the answer begins, "" for none.
func (s *stage) say(text string) string {
	c, err := dial(s.dir)
	if err != nil {
		return ""
	}
	defer func() { _ = c.Close() }()
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	_, _ = io.WriteString(c, text)
	line, _ := bufio.NewReader(c).ReadString('\n')
	return line
}

func TestGarbageIsRefusedAndLeavesNothingBehind(t *testing.T) {
	s := newStage(t, Options{})
	if opens, err := s.unlock(passphrase, time.Hour, false); !opens {
		t.Fatal(err)
	}
	post := func(path, body string) string {
		return string(head(http.MethodPost, path, len(body))) + body
	}
	garbage := []string{
		"\x00\x01\x02\r\n\r\n", "GET / HTTP/1.1\r\n\r\n", "GET /status HTTP/1.1\r\nHost: evil.example\r\n\r\n",
		post(pathSession, "{}"), post(pathSession, "[1,2"), post(pathUnlock, `{"For":-1}`), post(pathUnlock, `{"Store":{"Backend":"keychain9"},"For":1}`),
		post(pathHolds, "7"), post("/1/keys", ""), post("/status", ""), string(head(http.MethodGet, pathSession, 0)),
		post(pathSession, strings.Repeat("x", maxBody+1)), "POST " + pathSession + " HTTP/1.1\r\nHost: vault-agent\r\nContent-Length: 99999999\r\n\r\n" + strings.Repeat("y", maxBody+1),
		"GET /status HTTP/1.1\r\nHost: vault-agent\r\nX: " + strings.Repeat("h", 64<<10) + "\r\n\r\n",
	}
	rounds := 1
	if testenv.Long() {
		rounds = 10_000 / len(garbage)
	}
	before := runtime.NumGoroutine()
	for range rounds {
		for _, text := range garbage {
			if line := s.say(text); strings.Contains(line, " 200 ") && !strings.Contains(text, `"For"`) {
				t.Errorf("%.60q: %q", text, line)
			}
		}
	}
	if !s.holds() {
		t.Error("the store is gone")
	}
	settle(t, before)
}

// settle waits until there are no more goroutines than before, and a few of the server's own.
func settle(t *testing.T, before int) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); runtime.NumGoroutine() > before+8; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d goroutines, %d before", runtime.NumGoroutine(), before)
		}
	}
}

func TestAThousandIdleConnectionsKeepNoClientOut(t *testing.T) {
	s := newStage(t, Options{})
	before := runtime.NumGoroutine()
	idle := 200
	if testenv.Long() {
		idle = 1000
	}
	var open []net.Conn
	for range idle {
		c, err := dial(s.dir)
		if err != nil {
			break // cut already
		}
		open = append(open, c)
	}
	if status, err := s.client().Status(t.Context()); err != nil || !status.Running {
		t.Errorf("%+v, %v", status, err)
	}
	if n := runtime.NumGoroutine(); n > before+300 {
		t.Errorf("%d goroutines serve idle connections", n)
	}
	for _, c := range open {
		_ = c.Close()
	}
	settle(t, before)
}

func TestAClientThatDiesHalfWayEndsItsRequest(t *testing.T) {
	s := newStage(t, Options{})
	c, err := dial(s.dir)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.WriteString(c, "POST "+pathSession+" HTTP/1.1\r\nHost: vault-agent\r\nContent-Length: 1000\r\n\r\n{\"Op\":")
	_ = c.Close()
	if status, err := s.client().Status(t.Context()); err != nil || !status.Running {
		t.Errorf("%+v, %v", status, err)
	}
}

// An agent that was stopped, as a laptop's lid does not, is not waited for.
func TestASilentAgentIsNotWaitedFor(t *testing.T) {
	dir := refresh.Directory{Path: filepath.Join(shortDir(t), "vault")}
	l, err := Listen(dir, app.NewEnvironment(nil, nil))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	c := &Client{Dir: func() refresh.Directory { return dir }, Built: func() time.Time { return time.Time{} }, Patience: 50 * time.Millisecond}
	if _, err := c.Session(t.Context(), app.SessionRequest{}, nil); !errors.Is(err, app.ErrNotHeld) || !strings.Contains(err.Error(), "does not answer") {
		t.Error(err)
	}
	if err := c.Start(t.Context()); !errors.Is(err, errSilent) {
		t.Error(err)
	}
}

func TestAKeyIsGivenToNoClient(t *testing.T) {
	s := newStage(t, Options{})
	if opens, err := s.unlock(passphrase, time.Hour, false); !opens {
		t.Fatal(err)
	}
	stored := &profiles.Stored{Profile: "base", NoSession: true}
	for _, op := range []app.SessionOp{app.OpFresh, app.OpCurrent, app.OpUnattended, app.OpIfDue, "keys"} {
		reply, err := s.client().Session(t.Context(), app.SessionRequest{
			Op: op, Store: s.ref, Policy: refresh.Default, Profile: profiles.Profile{Name: "base", Source: profiles.Source{Stored: stored}},
		}, nil)
		if err == nil || reply.Lease.Session.AccessKeyID != "" || !strings.Contains(err.Error(), "no key that does not expire") {
			t.Errorf("%s: %+v, %v", op, reply, err)
		}
	}
}
