package cmd_test

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
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
	c.live(max(10, killings()/2), func(r *rand.Rand) {
		for kills := 0; kills < killings() && !t.Failed(); {
			time.Sleep(100*time.Millisecond + within(r, 1500*time.Millisecond))
			if c.kill() {
				kills++
			}
		}
	})
	if c.questions > c.locked+1 {
		t.Errorf("%d questions after %d kills", c.questions, c.locked)
	}
	due := int(time.Since(c.began)/(c.life/2)) + 1
	if made := w.aws.Calls("AssumeRole"); made > 3*due+c.refreshes+c.locked {
		t.Errorf("%d sessions were made; three were due every ten seconds, %d times; %d were asked for", made, due, c.refreshes)
	}
	c.leave()
}

// soaking is how much time passes in the soak; AWS_VAULT_TEST_SOAK=3h says another length.
func soaking() time.Duration {
	return must(time.ParseDuration(cmp.Or(os.Getenv("AWS_VAULT_TEST_SOAK"), "30m")))
}

// ofEachKind is how many shells of each kind there are in the soak; AWS_VAULT_TEST_CROWD=20 says another
// number.
func ofEachKind() int { return must(strconv.Atoi(cmp.Or(os.Getenv("AWS_VAULT_TEST_CROWD"), "5"))) }

// Half an hour, in which a minute takes a second, of twenty shells in four kinds with sessions of twenty
// seconds, to whom everything happens that can.
func TestHalfAnHourInWhichEverythingHappens(t *testing.T) {
	if os.Getenv("AWS_VAULT_TEST_SOAK") == "" {
		testenv.OnlyLong(t, "twenty real shells")
	}
	if os.Getenv("VAULT_TEST_SOAK_INSIDE") == "" {
		t.Parallel()
		runWithMounts(t)
		return
	}
	s := newSoak(t)
	s.live(6, func(r *rand.Rand) {
		s.mu.Lock()
		s.excuse = s.causeFor
		s.mu.Unlock()
		s.closes.Store(40)
		for length := soaking(); s.passed < length && !t.Failed(); {
			s.pass(10*time.Second + within(r, 30*time.Second))
			s.happen(r)
			time.Sleep(300*time.Millisecond + within(r, 60*time.Millisecond))
		}
		s.calm()
	})
	t.Logf("in %s of %s: %v", time.Since(s.began).Round(time.Second), s.passed.Round(time.Second), s.counts)
	if s.questions > s.locked+1+s.unheld {
		t.Errorf("%d questions, and the store had to be opened %d times, and %d while no agent could be started", s.questions, s.locked+1, s.unheld)
	}
	if !t.Failed() {
		s.recover()
		s.wantIdle()
	}
	s.leave()
	t.Logf("left after %s", time.Since(s.began).Round(time.Second))
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
	sets        []time.Time // when the clock was set, by AWS's
	ballast     string
	counts      map[string]int
	network     string
	changing    bool
	changed     time.Time // when a cause for commands to fail last began or ended
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
	s := &soak{clock: must(os.Create(filepath.Join(tools, "clock"))), ballast: filepath.Join(dir, "ballast"), counts: map[string]int{}, network: mended}
	t.Cleanup(func() { _ = s.clock.Close() })
	s.write()
	bin = tools // this process runs nothing else
	w := must(makeWorld(dir, fakeaws.Options{MinDuration: time.Second, Now: s.aws}))
	t.Cleanup(func() { _ = w.aws.Close() })
	s.crowd = newCrowd(t, w, ofEachKind(), "XDG_RUNTIME_DIR="+w.path("run"), "VAULT_TEST_CLOCK="+s.clock.Name(), "LD_PRELOAD="+filepath.Join(tools, "clock.so"))
	s.think, s.now, s.set, s.isOff = 2500*time.Millisecond, s.aws, s.wasSet, s.clockIsOff
	return s
}

// aws is the time by the clock of AWS, which nobody sets.
func (s *soak) aws() time.Time {
	b := make([]byte, 8)
	must(s.clock.ReadAt(b, 0))
	return time.Now().Add(time.Duration(binary.NativeEndian.Uint64(b)))
}

// clockIsOff reports whether the machine's clock is wrong: what is then known of AWS's is an estimate, by
// which a session ends too early where the answer was slow.
func (s *soak) clockIsOff() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.off != 0
}

// wasSet reports whether the machine's clock was set between two moments of AWS's, or is just being set.
func (s *soak) wasSet(from, to time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.changing || slices.ContainsFunc(s.sets, func(at time.Time) bool { return at.After(from) && at.Before(to) })
}

// write writes the clock, which every process reads.
func (s *soak) write() {
	b := binary.NativeEndian.AppendUint64(nil, uint64(s.passed))
	must(s.clock.WriteAt(binary.NativeEndian.AppendUint64(b, uint64(s.off)), 0))
}

func (s *soak) pass(by time.Duration) {
	s.passed += by
	s.write()
}

// happen has one thing begin, or one that goes on end.
func (s *soak) happen(r *rand.Rand) {
	things := []struct {
		name string
		do   func()
	}{
		{"agent killed", func() { s.kill() }},
		{"network", func() { s.connect([]string{mended, mended, cut, silent}[r.IntN(4)]) }},
		{"clock set", func() { s.setClock(time.Duration(r.IntN(3)-1) * time.Hour) }},
		{"locked", s.lock},
		{"disk", func() { s.free(s.full) }},
		{"terminals", func() {}}, // which the people close themselves
	}
	x := things[r.IntN(len(things))]
	x.do()
	s.mu.Lock()
	s.counts[x.name]++
	s.mu.Unlock()
}

const mended, cut, silent = "mended", "cut", "silent"

// change does something that begins or ends a cause for commands to fail, of which those that run
// at the moment may see the half, and then notes it.
func (s *soak) change(do, note func()) {
	s.mu.Lock()
	s.changing = true
	s.mu.Unlock()
	do()
	s.mu.Lock()
	note()
	s.changing, s.changed = false, time.Now()
	s.mu.Unlock()
}

// connect mends the network, cuts it, or has it answer only after longer than a prompt may take.
func (s *soak) connect(to string) {
	s.change(func() {
		s.w.aws.Heal()
		switch to {
		case cut:
			s.w.aws.Inject("*", fakeaws.Fault{Drop: true, Times: -1})
		case silent:
			s.w.aws.Inject("*", fakeaws.Fault{Delay: 3 * time.Second, Times: -1})
		}
	}, func() { s.network = to })
}

// free makes room on the disk, or fills it.
func (s *soak) free(room bool) {
	s.mu.Lock()
	s.full = true // from the first moment on
	s.mu.Unlock()
	s.change(func() {
		if room {
			check(os.Remove(s.ballast))
		} else {
			fill(s.ballast)
		}
	}, func() { s.full, s.wasFull = !room, time.Now() })
}

func (s *soak) setClock(off time.Duration) {
	s.change(func() {
		s.mu.Lock()
		s.off = off
		s.mu.Unlock()
		s.write()
	}, func() { s.sets = append(s.sets, s.aws()) })
}

func (s *soak) lock() {
	s.count(&s.locked)
	s.w.vault(s.t, s.environ, "lock")
}

// calm ends whatever goes on.
func (s *soak) calm() {
	s.connect(mended)
	if s.full {
		s.free(true)
	}
	s.setClock(0)
}

// causeFor says what may be seen while the network or the disk fails or the clock is set, or because
// it did so since the line was typed; a note may be older. A clock that is wrong, an agent that is
// killed and a store that is locked are no cause for a failure. The caller has locked.
func (s *soak) causeFor(k *worker, status, note string) bool {
	if note != "" {
		return slices.Contains([]string{"offline!", "disk!"}, note)
	}
	return (status == "1" || status == "3") && (s.network != mended || s.full || s.changing || k.typed.Before(s.changed))
}

// recover has everybody go on as usual, and checks that each shell reads the clock of this test.
func (s *soak) recover() {
	s.excuse, s.life = nil, time.Hour
	s.everyone("use", func(k *worker) bool {
		return k.types("vault use a -d "+s.life.String(), "a") && k.types("", "a")
	})
	s.connect(cut)
	s.pass(40 * time.Minute)
	s.everyone("a prompt", func(k *worker) bool { return s.hasLeft(k, 20*time.Minute) })
	for _, off := range []time.Duration{-30 * time.Minute, 0} {
		s.setClock(off)
		s.everyone("the clock set", func(k *worker) bool { return s.hasLeft(k, 20*time.Minute) })
	}
	s.pass(80 * time.Minute)
	s.excuse = s.causeFor
	s.everyone("expired", func(k *worker) bool {
		if !k.types("", "a") {
			return false
		}
		if row := k.x.Row(); !strings.Contains(row, "[a expired") {
			return k.wrong("two hours", "the session of one hour is "+row)
		}
		return true
	})
	s.connect(mended)
}

// hasLeft checks what a prompt, and the variable that other programs read, say is left of a session.
func (s *soak) hasLeft(k *worker, left time.Duration) bool {
	if !k.types("", k.in) { // bash and PowerShell look at the clock at a prompt, and not before a command
		return false
	}
	from := len(k.x.Transcript())
	if !k.types("printenv AWS_CREDENTIAL_EXPIRATION", k.in) {
		return false
	}
	var shown []string
	if !k.x.Await(crowdPatience, func() bool { // fish may draw a prompt before the line has ended
		shown = regexp.MustCompile(`(20\d\d-\S+Z)\s`).FindStringSubmatch(escapeSequence.ReplaceAllString(k.x.Transcript()[from:], ""))
		return shown != nil
	}) || !k.types("", k.in) {
		return k.wrong("printenv", "there is no expiry")
	}
	off := make([]byte, 8)
	must(s.clock.ReadAt(off, 8))
	told := must(time.Parse(time.RFC3339, shown[1])).Sub(k.now().Add(time.Duration(binary.NativeEndian.Uint64(off))))
	minutes, _ := strconv.Atoi(strings.TrimSuffix(strings.TrimPrefix(k.label(), k.in+" "), "m"))
	if off := left - told; off.Abs() > time.Minute || (left-time.Duration(minutes)*time.Minute).Abs() > time.Minute {
		return k.wrong("a set clock", fmt.Sprintf("%s are left, the label is %q, and other programs read %s", left, k.label(), told))
	}
	return true
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
