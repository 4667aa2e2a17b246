package cmd_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/d44b7504/vault/internal/fakeaws"
	"github.com/d44b7504/vault/internal/testenv"
)

// killings is how often the agent is killed; AWS_VAULT_TEST_KILLS=200 says another number.
func killings() int {
	if v := os.Getenv("AWS_VAULT_TEST_KILLS"); v != "" {
		return must(strconv.Atoi(v))
	}
	return 20
}

// Twenty shells of four kinds, with sessions of twenty seconds: whenever the agent is killed, the
// next one who needs the store is asked once, and the others notice nothing.
func TestAnAgentThatIsKilledWhileTwentyShellsWork(t *testing.T) {
	testenv.OnlyLong(t, "twenty real shells")
	w := must(makeWorld(worldDir(t), fakeaws.Options{MinDuration: time.Second}))
	t.Cleanup(func() { _ = w.aws.Close() })
	c := newCrowd(t, w, 5)
	ctx, stop := context.WithCancel(t.Context())
	var all sync.WaitGroup
	all.Go(func() { c.watch(ctx) })
	c.begin(max(10, killings()/2))

	working, rest := context.WithCancel(ctx)
	all.Go(func() { c.work(working, math.MaxInt) })
	r := c.random(-1)
	for kills := 0; kills < killings() && !t.Failed(); {
		time.Sleep(100*time.Millisecond + within(r, 1500*time.Millisecond))
		if c.kill() {
			kills++
		}
	}
	rest()
	stop()
	all.Wait()
	c.report()
	if c.questions > c.locked+1 {
		t.Errorf("%d questions after %d kills", c.questions, c.locked)
	}
	due := int(time.Since(c.began)/(crowdLife/2)) + 1
	if made := w.aws.Calls("AssumeRole"); made > 3*due+c.refreshes+c.locked {
		t.Errorf("%d sessions were made; three were due every ten seconds, %d times; %d were asked for", made, due, c.refreshes)
	}
	c.leave()
}

// soaking is the variable that says how much time passes in the soak, which takes a minute and a half
// for half an hour. It runs only if that is set.
const soaking = "AWS_VAULT_TEST_SOAK"

// Half an hour, in which a minute takes two seconds, of twenty shells with sessions of twenty
// seconds, to whom everything happens that can.
func TestHalfAnHourInWhichEverythingHappens(t *testing.T) {
	if os.Getenv(soaking) == "" {
		testenv.Missing(t, "soak", soaking+" does not say for how long, as in 30m")
	}
	if os.Getenv("VAULT_TEST_SOAK_INSIDE") == "" {
		runWithMounts(t)
		return
	}
	s := newSoak(t)
	c := s.crowd
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var all sync.WaitGroup
	all.Go(func() { c.watch(ctx) })
	c.begin(6)
	c.excuse, c.closes = s.excuse, 40

	working, rest := context.WithCancel(ctx)
	all.Go(func() { c.work(working, math.MaxInt) })
	r := c.random(-1)
	length := must(time.ParseDuration(os.Getenv(soaking)))
	for s.passed < length && !t.Failed() {
		s.pass(10*time.Second + within(r, 30*time.Second))
		s.happen(r)
		time.Sleep(300*time.Millisecond + within(r, 60*time.Millisecond))
	}
	s.calm()
	rest()
	stop()
	all.Wait()
	c.report()
	t.Logf("in %s of %s: %v", time.Since(c.began).Round(time.Second), s.passed.Round(time.Second), s.counts)
	if c.questions > c.locked+1+s.unheld {
		t.Errorf("%d questions, and the store had to be opened %d times, and %d while no agent could be started", c.questions, c.locked+1, s.unheld)
	}
	if !t.Failed() {
		s.recover()
		t.Logf("recovered after %s", time.Since(c.began).Round(time.Second))
		c.wantIdle()
	}
	c.leave()
	t.Logf("left after %s", time.Since(c.began).Round(time.Second))
}

// runWithMounts runs this test again, where it may mount a disk: as root in a namespace of its own.
func runWithMounts(t *testing.T) {
	t.Helper()
	c := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v", "-test.timeout=30m")
	c.Env = append(os.Environ(), "VAULT_TEST_SOAK_INSIDE=1")
	c.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS, Pdeathsig: syscall.SIGKILL,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Geteuid(), Size: 1}}, GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getegid(), Size: 1}}}
	out, err := c.CombinedOutput()
	if c.ProcessState == nil {
		testenv.Missing(t, "unshare", err.Error())
	}
	if t.Log(string(out)); err != nil {
		t.Error(err)
	}
}

// soak is a crowd, what can happen to it, and its clock.
type soak struct {
	*crowd
	clock       *os.File
	passed, off time.Duration
	ballast     string
	counts      map[string]int
	cut         bool
}

func newSoak(t *testing.T) *soak {
	t.Helper()
	gcc := testenv.Require(t, "gcc")
	dir := must(os.MkdirTemp("", "vs")) // a socket wants a short path
	check(syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=4m"))
	t.Cleanup(func() { check(syscall.Unmount(dir, syscall.MNT_DETACH)); check(os.Remove(dir)) })
	tools := t.TempDir()
	build := func(name string, args ...string) {
		if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", name, err, out)
		}
	}
	build("go", "build", "-o", filepath.Join(tools, "vault"), "./testdata/clocked")
	build(gcc, "-shared", "-fPIC", "-O1", "-o", filepath.Join(tools, "clock.so"), "testdata/clock.c")
	s := &soak{clock: must(os.Create(filepath.Join(tools, "clock"))), ballast: filepath.Join(dir, "ballast"), counts: map[string]int{}}
	t.Cleanup(func() { _ = s.clock.Close() })
	s.set()
	bin = tools // this process runs nothing else
	var mu sync.Mutex
	w := must(makeWorld(dir, fakeaws.Options{MinDuration: time.Second, Now: func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		b := make([]byte, 8)
		must(s.clock.ReadAt(b, 0))
		return time.Now().Add(time.Duration(binary.NativeEndian.Uint64(b)))
	}}))
	t.Cleanup(func() { _ = w.aws.Close() })
	s.crowd = newCrowd(t, w, 5, "XDG_RUNTIME_DIR="+w.path("run"), "VAULT_TEST_CLOCK="+s.clock.Name(), "LD_PRELOAD="+filepath.Join(tools, "clock.so"))
	s.think = 2500 * time.Millisecond
	return s
}

// set writes the clock, which every process reads.
func (s *soak) set() {
	b := binary.NativeEndian.AppendUint64(nil, uint64(s.passed))
	must(s.clock.WriteAt(binary.NativeEndian.AppendUint64(b, uint64(s.off)), 0))
}

func (s *soak) pass(by time.Duration) {
	s.passed += by
	s.set()
}

// happen has one thing begin, or one that goes on end.
func (s *soak) happen(r *rand.Rand) {
	things := []struct {
		name string
		do   func()
	}{
		{"agent killed", func() { s.kill() }},
		{"network cut", func() { s.connect(s.cut) }},
		{"clock set", func() { s.off = time.Duration(r.IntN(3)-1) * time.Hour; s.set() }},
		{"locked", s.lock},
		{"disk filled", func() { s.free(s.full) }},
		{"nothing", func() {}},
	}
	x := things[r.IntN(len(things))]
	s.mu.Lock()
	s.happened++
	s.counts[x.name]++
	s.mu.Unlock()
	x.do()
}

// connect mends the network, or cuts it.
func (s *soak) connect(mend bool) {
	s.mu.Lock()
	s.cut = !mend
	s.mu.Unlock()
	if s.w.aws.Heal(); !mend {
		s.w.aws.Inject("*", fakeaws.Fault{Drop: true, Times: -1})
	}
}

// free makes room on the disk, or fills it.
func (s *soak) free(room bool) {
	s.mu.Lock()
	s.full = !room
	s.mu.Unlock()
	if room {
		check(os.Remove(s.ballast))
	} else {
		fill(s.ballast)
	}
}

func (s *soak) lock() {
	s.count(&s.locked)
	s.w.vault(s.t, s.environ, "lock")
}

// calm ends whatever goes on.
func (s *soak) calm() {
	s.connect(true)
	if s.full {
		s.free(true)
	}
	s.off = 0
	s.set()
}

// excuse says what may be seen while such things happen, or because of what has happened. The
// caller has locked.
func (s *soak) excuse(k *worker, status, note string) bool {
	if note != "" {
		return slices.Contains([]string{"offline!", "disk!"}, note)
	}
	return (status == "1" || status == "3") && (s.cut || s.full || s.off != 0 || s.happened != k.seen)
}

// recover has everybody go on as usual, and checks that each shell reads the clock of this test.
func (s *soak) recover() {
	s.crowd.excuse = nil
	s.everyone("use", func(k *worker) bool {
		return k.types("vault use a -d 1h", "a") && k.types("", "a")
	})
	s.connect(false)
	s.pass(2 * time.Hour)
	s.crowd.excuse = s.excuse
	s.everyone("expired", func(k *worker) bool {
		if !k.types("", "a") {
			return false
		}
		if row := k.x.Row(); !strings.Contains(row, "[a expired") {
			return k.wrong("two hours", "the session of one hour is "+row)
		}
		return true
	})
	s.connect(true)
}

func (s *soak) everyone(what string, does func(*worker) bool) {
	var all sync.WaitGroup
	for _, k := range s.shells {
		all.Go(func() {
			if k.x != nil && !does(k) {
				s.t.Errorf("%s: %s fails", k.sh.Name, what)
			}
		})
	}
	all.Wait()
}

// wantIdle waits until no process of this world uses the processor while nobody types.
func (c *crowd) wantIdle() {
	for end := time.Now().Add(crowdPatience); ; {
		before := c.ticks()
		time.Sleep(500 * time.Millisecond)
		busy := ""
		for pid, now := range c.ticks() {
			if was, is := before[pid]; is && now-was > 5 { // a twentieth of a second
				busy = pid
			}
		}
		if busy == "" {
			return
		}
		if time.Now().After(end) {
			c.t.Errorf("process %s spins: %s", busy, readAll("/proc/"+busy+"/cmdline"))
			return
		}
	}
}

// ticks is how much processor time each process of this world has had.
func (c *crowd) ticks() map[string]int {
	all := map[string]int{}
	for _, f := range must(filepath.Glob("/proc/[0-9]*/environ")) {
		text, _ := os.ReadFile(f)
		if !strings.Contains(string(text), c.w.dir) {
			continue
		}
		stat, _ := os.ReadFile(filepath.Join(filepath.Dir(f), "stat"))
		_, rest, _ := strings.Cut(string(stat), ") ")
		if field := strings.Fields(rest); len(field) > 12 {
			var user, system int
			_, _ = fmt.Sscan(field[11]+" "+field[12], &user, &system)
			all[filepath.Base(filepath.Dir(f))] = user + system
		}
	}
	return all
}
