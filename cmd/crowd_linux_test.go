package cmd_test

// A crowd is people who work in real shells of every kind, with one agent and one store, while
// things happen to them. After each of their prompts it is checked what they are shown and
// what they have.

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/d44b7504/vault/internal/fakeaws"
	"github.com/d44b7504/vault/internal/shelltest"
	"github.com/d44b7504/vault/internal/testenv"
)

// crowd is the people of one test and what has happened to them.
type crowd struct {
	t       *testing.T
	w       *world
	environ []string
	homes   string // what the shells keep for themselves is below it
	socket  string
	began   time.Time
	seed    uint64
	life    time.Duration // of the sessions
	think   time.Duration // the longest pause between two lines

	mu        sync.Mutex
	shells    []*worker
	questions int
	locked    int // how often a store that was open had to be opened again: kills and locks
	unheld    int // questions whose answer perhaps no agent could hold, because the disk was full
	full      bool
	wasFull   time.Time // when the disk last had room again
	refreshes int       // that people asked for
	steps     int
	prompts   map[string]map[bool][]drawing // by shell; whether something had happened
	troubled  bool                          // something has begun to happen
	// excuse says whether a line may end with this status, or a prompt show this note, because
	// of what happens at the moment; nil: neither a failure nor another note than the agent's.
	excuse func(k *worker, status, note string) bool
	// set says whether the machine's clock was set between two moments of AWS's clock, and that clock's time
	// is now; nil: nobody sets it.
	set    func(from, to time.Time) bool
	isOff  func() bool // whether that clock is wrong now; nil: it is right
	now    func() time.Time
	loads  []load
	closes atomic.Int32 // of so many lines that a worker types, one is cut off by the end of the terminal; 0: none
}

// newCrowd is a world with three roles, whose store only a person opens, and as many shells of each
// kind. The seed is that of AWS_VAULT_TEST_SEED, or a new one, and is printed.
func newCrowd(t *testing.T, w *world, of int, extra ...string) *crowd {
	t.Helper()
	for _, sh := range shelltest.All(t) {
		testenv.Require(t, sh.Name)
	}
	config := "[profile base]\nregion = eu-west-1\n"
	arn := w.stored("alice", "base")
	for _, role := range []string{"a", "b", "c"} {
		config += "[profile " + role + "]\nsource_profile = base\nregion = eu-west-1\nrole_arn = arn:aws:iam::" + account + ":role/" + role + "\n"
		w.role(role, fakeaws.Trust{Principals: []string{arn}})
	}
	w.write("home/.aws/config", config)
	check(os.MkdirAll(w.path("tools"), 0o700))
	check(os.WriteFile(w.path("tools/is"), []byte("#!/bin/sh\n[ \"$AWS_VAULT\" = \"$1\" ] && [ \"$AWS_SECRET_ACCESS_KEY\" ] || exit 99\n"), 0o700))
	environ := with(w.withAgent(t, extra...), "TERM=xterm", "fish_features=qmark-noglob,no-query-term", "PATH="+w.path("tools")+":"+bin+":"+os.Getenv("PATH"))
	environ = with(environ, extra...)
	c := &crowd{t: t, w: w, environ: environ, socket: filepath.Join(value(environ, "XDG_RUNTIME_DIR"), "vault/agent.sock"),
		seed: rand.Uint64(), life: 20 * time.Second, think: 1500 * time.Millisecond, prompts: map[string]map[bool][]drawing{}, began: time.Now(), now: time.Now, homes: t.TempDir()}
	if s := os.Getenv("AWS_VAULT_TEST_SEED"); s != "" {
		c.seed = must(strconv.ParseUint(s, 10, 64))
	}
	t.Logf("AWS_VAULT_TEST_SEED=%d repeats what is done here, though not when", c.seed)
	for _, sh := range shelltest.All(t) {
		c.prompts[sh.Name] = map[bool][]drawing{}
		for range of {
			c.shells = append(c.shells, &worker{crowd: c, sh: sh, r: c.random(len(c.shells))})
		}
	}
	return c
}

// random is a source of chance that depends on the seed.
func (c *crowd) random(of int) *rand.Rand { return rand.New(rand.NewPCG(c.seed, uint64(of))) }

// live has everybody type some lines as usual, and then work while something happens to them, and
// checks the prompts that were drawn meanwhile.
func (c *crowd) live(usual int, happen func(*rand.Rand)) {
	ctx, stop := context.WithCancel(c.t.Context())
	defer stop()
	var watching, working sync.WaitGroup
	watching.Go(func() { c.watch(ctx) })
	watching.Go(func() { c.watchLoad(ctx) })
	watching.Go(func() { c.watchSecrets(ctx) })
	c.work(ctx, usual)
	c.mu.Lock()
	c.troubled = true
	c.mu.Unlock()
	until, rest := context.WithCancel(ctx)
	defer rest()
	working.Go(func() { c.work(until, math.MaxInt) })
	happen(c.random(-1))
	rest()
	working.Wait()
	stop()
	watching.Wait()
	c.report()
}

// work has everybody type some lines, or work until ctx ends, and returns when all prompts are there.
func (c *crowd) work(ctx context.Context, lines int) {
	var all sync.WaitGroup
	for _, k := range c.shells {
		all.Go(func() { k.work(ctx, lines) })
	}
	all.Wait()
}

// within is a time up to most.
func within(r *rand.Rand, most time.Duration) time.Duration {
	return time.Duration(r.Int64N(int64(most)))
}

// worker is one person at one shell.
type worker struct {
	*crowd
	sh *shelltest.Shell
	r  *rand.Rand

	x     *shelltest.Terminal
	in    string // the profile that was switched to last
	line  int    // the number of the last line that was typed
	read  int    // how much of the transcript was searched for a question
	asked int    // how often the last line was asked for the passphrase
	from  int    // how long the transcript was before the last line

	typed time.Time // when the last line was typed
	since time.Time // the same by AWS's clock
	ended time.Time // when it ended and its prompt was next; only that of a line that does nothing is seen
}

// crowdPrompts are start-file code for a prompt that has the number of the line before it, that
// line's status, and what the environment says one is.
var crowdPrompts = map[string]string{
	"bash": "M=0; PS1='<$M $? ${AWS_VAULT-} ${AWS_ACCESS_KEY_ID-}>R> '\n",
	"zsh":  "M=0; setopt prompt_subst; PROMPT='<$M %? ${AWS_VAULT-} ${AWS_ACCESS_KEY_ID-}>R> '\n",
	"fish": "set -g M 0\nfunction fish_prompt; set -l s $status; builtin echo -n \"<$M $s $AWS_VAULT $AWS_ACCESS_KEY_ID>R> \"; end\n",
	"pwsh": "$global:M = 0\nfunction prompt { $s = if ($?) { 0 } else { 1 }; \"<$global:M $s $env:AWS_VAULT $env:AWS_ACCESS_KEY_ID>R> \" }\n",
}

// numbering gives a line its number.
var numbering = map[string]string{"bash": "M=%d; ", "zsh": "M=%d; ", "fish": "set -g M %d; ", "pwsh": "$global:M = %d; "}

// nothing is a line that does nothing but tell its end, before its prompt.
const nothing = `echo "end$M"`

// start opens the terminal, in a home of its own for what the shell itself keeps.
func (k *worker) start() bool {
	home := must(os.MkdirTemp(k.homes, k.sh.Name))
	cmd := k.sh.Start(home, k.sh.Prompt+shelltest.In(k.t, k.sh.Name, crowdPrompts)+must(k.sh.RCLine("vault"))+"\n")
	cmd.Env = with(k.environ, "ZDOTDIR="+home, "XDG_CONFIG_HOME="+home, "XDG_DATA_HOME="+home, "XDG_CACHE_HOME="+home, "TMPDIR="+home, "HISTFILE=")
	k.x, k.in, k.line, k.read, k.from = shelltest.Open(k.t, cmd, 200, 50), "", 0, 0, 0
	_, ok := k.await("start")
	return ok
}

// work types some lines, or until ctx ends. It stops where a check has failed.
func (k *worker) work(ctx context.Context, lines int) {
	if k.x == nil && !k.start() {
		return
	}
	for i := 0; ctx.Err() == nil && i < lines && !k.t.Failed() && k.step(); i++ {
		select {
		case <-ctx.Done():
		case <-time.After(within(k.r, k.think)):
		}
	}
}

// step types one line and checks the prompt after it.
func (k *worker) step() bool {
	profile := string(rune('a' + k.r.IntN(3)))
	if n := int(k.closes.Load()); n > 0 && k.in != "" && k.r.IntN(n) == 0 {
		return k.cutOff() && k.start()
	}
	switch n := k.r.IntN(20); {
	case n < 4:
		return k.types("vault use "+profile+" -d "+k.life.String(), profile)
	case n < 5:
		return k.types("vault off", "")
	case n < 6 && k.in != "":
		k.count(&k.refreshes)
		return k.types("vault refresh", k.in)
	case n < 8:
		return k.types("vault exec "+profile+" -d "+k.life.String()+" -- is "+profile, k.in)
	}
	return k.types("", k.in)
}

// cutOff closes the terminal in the middle of a renewal: one that was asked for, or one that a
// prompt began.
func (k *worker) cutOff() bool {
	line := []string{"vault refresh\r", "\r"}[k.r.IntN(2)]
	k.count(&k.locked) // if it was asked for the passphrase, another one will be
	_ = k.x.Send(line)
	time.Sleep(within(k.r, 60*time.Millisecond))
	return k.hangUp()
}

func (k *worker) hangUp() bool {
	if !k.x.HangUp(crowdPatience) {
		return k.wrong("the end of the terminal", "the shell does not end")
	}
	if k.w.leak(noKeyIDs(k.x.Transcript())) != "" {
		return k.wrong("the end of the terminal", "a secret was on the screen")
	}
	return true
}

// types types a line, after which the shell is to be in a profile.
func (k *worker) types(line, in string) bool {
	k.line++
	if label := k.label(); k.life <= time.Minute && minutes.MatchString(label) {
		return k.wrong(line, fmt.Sprintf("before it the label of a session of %s became %q", k.life, label))
	}
	k.typed, k.since, k.ended, k.from = time.Now(), k.now(), time.Time{}, len(k.x.Transcript())
	if k.x.Send(fmt.Sprintf(shelltest.In(k.t, k.sh.Name, numbering), k.line)+cmp.Or(line, nothing)+"\r") != nil {
		return k.wrong(line, "the shell has ended")
	}
	s, ok := k.await(line)
	k.mu.Lock()
	if k.full || k.typed.Before(k.wasFull) {
		k.unheld += k.asked
	}
	k.asked = 0
	k.mu.Unlock()
	if !ok {
		return false
	}
	if line == "" {
		k.mu.Lock()
		k.prompts[k.sh.Name][k.troubled] = append(k.prompts[k.sh.Name][k.troubled], drawing{k.ended, time.Since(k.ended)})
		k.mu.Unlock()
	}
	k.count(&k.steps)
	return k.check(line, in, s)
}

// check says whether a prompt is right after a line which was to switch to a profile.
func (k *worker) check(line, in string, s seen) bool {
	failed := s.status != "0"
	switch {
	case failed && (s.profile != k.in || !k.excused(k, s.status, "")):
		return k.wrong(line, fmt.Sprintf("status %s in %q, which was %q", s.status, s.profile, k.in))
	case !failed:
		k.in = in
	}
	label := strings.Fields(s.label)
	switch owner := k.w.aws.Owner(s.id); {
	case s.profile != k.in:
		return k.wrong(line, fmt.Sprintf("AWS_VAULT is %q, and it switched to %q", s.profile, k.in))
	case k.in == "" && (s.id != "" || s.label != ""):
		return k.wrong(line, "something is left after off: "+s.id+" "+s.label)
	case k.in == "":
		return true
	case !strings.Contains(owner, ":assumed-role/"+k.in+"/"):
		return k.wrong(line, fmt.Sprintf("the key is %q, and it switched to %q", owner, k.in))
	case len(label) == 0 || label[0] != k.in || !labels.MatchString(s.label):
		return k.wrong(line, fmt.Sprintf("the label is %q, and it switched to %q", s.label, k.in))
	}
	if what := k.untrue(s); what != "" {
		return k.wrong(line, what)
	}
	if note := label[len(label)-1]; strings.HasSuffix(note, "!") && note != "locked!" && !k.excused(k, "", note) {
		return k.wrong(line, "the label is "+s.label)
	}
	return true
}

// untrue says what is wrong with the time that a prompt shows, which was drawn after the line was typed.
// By a clock that is wrong or was set a session may have expired that AWS would still take, and by one that
// was set what is left of it may not be known; but nothing may be shown to be left that is not.
func (k *worker) untrue(s seen) string {
	const rounding = 2 * time.Second
	ends, now := k.w.aws.Ends(s.id), k.now()
	wasSet := func(from time.Time) bool { return k.set != nil && k.set(from.Add(-rounding), now) }
	text := fmt.Sprintf("the label is %q, and of the session of %s was left %s, and %s when the line was typed", s.label, k.life, ends.Sub(now), ends.Sub(k.since))
	switch m := timed.FindString(s.label); {
	case k.life > time.Minute: // see recover
	case minutes.MatchString(m):
		return text
	case m == " <1m" && ends.Before(k.since.Add(-rounding)):
		return text
	case m == " expired" && ends.After(now.Add(rounding)) && !wasSet(ends.Add(-k.life)) && (k.isOff == nil || !k.isOff()):
		return text
	case m == "" && !wasSet(k.since):
		return text
	}
	return ""
}

// label is what the row with the cursor shows.
func (k *worker) label() string {
	row := k.x.Row()
	if l := crowdLabel.FindStringSubmatch(crowdPrompt.ReplaceAllString(row, "")); l != nil {
		return l[1]
	}
	return ""
}

var (
	timed   = regexp.MustCompile(` (expired|<1m|\d+m|\d+h\d+m)`)
	labels  = regexp.MustCompile(`^\w( expired| <1m| \d+m| \d+h\d+m)?( [a-z]+!)?$`)
	minutes = regexp.MustCompile(` \d`)
)

func (c *crowd) excused(k *worker, status, note string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.excuse != nil && c.excuse(k, status, note)
}

func (c *crowd) count(what *int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	*what++
}

// wrong fails the test, with what the person saw.
func (k *worker) wrong(line, what string) bool {
	k.t.Errorf("%s, after %q, line %d: %s\n%s", k.sh.Name, line, k.line, what, k.w.masked(k.x.Text()))
	return false
}

// seen is what a prompt shows.
type seen struct{ status, profile, id, label string }

var (
	crowdPrompt = regexp.MustCompile(`<(\d+) (\d*) (\w*) (\w*)>R>`)
	crowdLabel  = regexp.MustCompile(`\[([^\[\]]*)\]`)
)

// await waits for the prompt after the line that was typed last, and answers what is asked before
// it.
func (k *worker) await(line string) (s seen, ok bool) {
	ok = k.x.Await(crowdPatience, func() bool {
		k.answer()
		if k.ended.IsZero() && strings.Contains(k.x.Transcript()[k.from:], fmt.Sprintf("end%d\r\n", k.line)) {
			k.ended = time.Now()
		}
		if line == "" && k.ended.IsZero() {
			return false // fish may draw its prompt between two commands of a line
		}
		row := k.x.Row()
		m := crowdPrompt.FindStringSubmatch(row)
		if m == nil || m[1] != strconv.Itoa(k.line) {
			return false
		}
		s = seen{status: m[2], profile: m[3], id: m[4]}
		if l := crowdLabel.FindStringSubmatch(strings.Replace(row, m[0], "", 1)); l != nil {
			s.label = l[1]
		}
		return (s.label == "") == (s.profile == "") // the rest of the row is on its way
	})
	if !ok {
		return s, k.wrong(line, "there is no prompt, or a label is missing")
	}
	return s, true
}

// crowdPatience is how long a line may take on a machine that is busy.
const crowdPatience = 2 * time.Minute

// answer types the passphrase if it is asked for.
func (k *worker) answer() {
	text := k.x.Transcript()
	asked := "Passphrase of the keys in " + k.w.path("keys")
	at := strings.Index(text[k.read:], asked)
	if at < 0 {
		k.read = max(k.read, len(text)-len(asked))
		return
	}
	k.read += at + len(asked)
	k.count(&k.questions)
	k.asked++
	_ = k.x.Send(passphrase + "\r")
}

// agentPID is the process that listens on the agent's socket, 0 if there is none.
func (c *crowd) agentPID() (pid int) {
	conn, err := net.DialTimeout("unix", c.socket, time.Second)
	if err != nil {
		return 0
	}
	defer func() { _ = conn.Close() }()
	raw := must(conn.(*net.UnixConn).SyscallConn())
	check(raw.Control(func(fd uintptr) {
		if cred, err := syscall.GetsockoptUcred(int(fd), syscall.SOL_SOCKET, syscall.SO_PEERCRED); err == nil {
			pid = int(cred.Pid)
		}
	}))
	return pid
}

// kill kills the agent, and reports whether there was one.
func (c *crowd) kill() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	pid := c.agentPID()
	if pid == 0 || syscall.Kill(pid, syscall.SIGKILL) != nil {
		return false
	}
	c.locked++
	return true
}

// watch looks until ctx ends that never two agents listen.
func (c *crowd) watch(ctx context.Context) {
	const listening = "00010000"
	for ; ctx.Err() == nil; time.Sleep(20 * time.Millisecond) {
		agents := 0
		for line := range strings.Lines(string(must(os.ReadFile("/proc/net/unix")))) {
			if f := strings.Fields(line); len(f) == 8 && f[3] == listening && f[7] == c.socket {
				agents++
			}
		}
		if agents > 1 {
			c.t.Errorf("%d agents listen at the same time", agents)
			return
		}
	}
}

// watchSecrets looks until ctx ends that no program has a secret among its arguments, and the agent, which
// every shell talks to, none in its environment.
func (c *crowd) watchSecrets(ctx context.Context) {
	for ; ctx.Err() == nil; time.Sleep(200 * time.Millisecond) {
		secrets := c.secrets()
		for _, f := range must(filepath.Glob("/proc/[0-9]*/cmdline")) {
			line, _ := os.ReadFile(f)
			seen := string(line)
			if strings.Contains(seen, "--launched") {
				environ, _ := os.ReadFile(filepath.Join(filepath.Dir(f), "environ"))
				seen += string(environ)
			}
			if slices.ContainsFunc(secrets, func(s string) bool { return strings.Contains(seen, s) }) {
				name, _, _ := strings.Cut(string(line), "\x00")
				c.t.Errorf("a secret is an argument of %s, or in its environment", name)
				return
			}
		}
	}
}

// secrets are the passphrase, and all that AWS has issued.
func (c *crowd) secrets() []string {
	list := []string{passphrase}
	for _, s := range c.w.aws.Secrets() {
		list = append(list, s.Reveal())
	}
	return list
}

// leave has everybody close the terminal, and checks that nothing is left of them: no process, no
// socket, no half-written file, no secret in a file or on a screen.
func (c *crowd) leave() {
	var all sync.WaitGroup
	for _, k := range c.shells {
		all.Go(func() {
			if k.x != nil {
				k.hangUp()
			}
		})
	}
	all.Wait()
	if r := c.w.vault(c.t, c.environ, "agent", "start"); r.status != 0 { // it takes the place of one that was killed
		c.t.Error(r.err)
	}
	pid := c.agentPID()
	c.w.vault(c.t, c.environ, "agent", "stop")
	awaitEnd(c.t, pid)
	c.w.wantNoProcess(c.t)
	c.wantNoFile()
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

// noKeyIDs joins the lines that a terminal has wrapped, and leaves out what the prompts show.
func noKeyIDs(screen string) string {
	return crowdPrompt.ReplaceAllString(escapeSequence.ReplaceAllString(screen, ""), "")
}

// wantNoFile checks that no socket and no half-written file is left, and that no file but those of
// the keyring has a secret.
func (c *crowd) wantNoFile() {
	secrets := c.secrets()
	for _, dir := range []string{c.w.dir, value(c.environ, "XDG_RUNTIME_DIR"), c.homes} {
		check(filepath.WalkDir(dir, func(p string, d os.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			switch rel := must(filepath.Rel(dir, p)); {
			case strings.HasPrefix(d.Name(), "clr-debug-pipe-"), strings.HasPrefix(d.Name(), "dotnet-diagnostic-"):
				return nil // PowerShell's own, of one that was killed
			case d.Type() == os.ModeSocket, strings.HasPrefix(d.Name(), ".vault-tmp-"):
				c.t.Errorf("%s is left", rel)
			case d.Type().IsRegular():
				text := readAll(p)
				if slices.ContainsFunc(secrets, func(s string) bool { return strings.Contains(text, s) }) {
					c.t.Errorf("%s has a secret", rel)
				}
			}
			return nil
		}))
	}
}

// readAll is the text of a file.
func readAll(path string) string {
	f := must(os.Open(path))
	defer func() { _ = f.Close() }()
	return string(must(io.ReadAll(f)))
}

// drawing is when a prompt was begun, and how long it took.
type drawing struct {
	at   time.Time
	took time.Duration
}

// load is how long a program that does nothing took at a time.
type load drawing

// watchLoad starts such a program now and then until ctx ends.
func (c *crowd) watchLoad(ctx context.Context) {
	for ; ctx.Err() == nil; time.Sleep(100 * time.Millisecond) {
		at := time.Now()
		check(exec.Command("sh", "-c", ":").Run())
		c.mu.Lock()
		c.loads = append(c.loads, load{at, time.Since(at)})
		c.mu.Unlock()
	}
}

// late reports whether a prompt waited for something: it took a second longer than twenty programs would have, that
// do nothing and are started one after another at that time. Whoever waits for the network, a lock or
// the agent here waits for three seconds or more.
func (c *crowd) late(d drawing) bool {
	const around = 250 * time.Millisecond
	most := time.Duration(0)
	for _, l := range c.loads {
		if l.at.Before(d.at.Add(d.took+around)) && l.at.Add(l.took).After(d.at.Add(-around)) {
			most = max(most, l.took)
		}
	}
	return d.took > time.Second+20*most
}

// report prints what happened, and how long prompts took: as usual, and while things happened. A prompt that was
// late is an error; one that was only slower than usual is not, because of what else the machine does.
func (c *crowd) report() {
	made := c.w.aws.Calls("AssumeRole")
	c.t.Logf("%d lines; %d times the store had to be opened again, %d questions; %d sessions made, of which %d were asked for", c.steps, c.locked, c.questions, made, c.refreshes)
	for _, sh := range shelltest.All(c.t) {
		usual, then := lengths(c.prompts[sh.Name][false]), lengths(c.prompts[sh.Name][true])
		bound := quantile(usual, 50) + 50*time.Millisecond
		c.t.Logf("%-4s prompts as usual: %s; meanwhile: %s; slower than the usual median + 50 ms: %d of %d, and %d of %d", sh.Name,
			spread(usual), spread(then), slower(usual, bound), len(usual), slower(then, bound), len(then))
		for _, d := range slices.Concat(c.prompts[sh.Name][false], c.prompts[sh.Name][true]) {
			if c.late(d) {
				c.t.Errorf("a prompt of %s was late: it took %s", sh.Name, d.took)
			}
		}
	}
}

func lengths(of []drawing) (all []time.Duration) {
	for _, d := range of {
		all = append(all, d.took)
	}
	return all
}

func quantile(of []time.Duration, percent int) time.Duration {
	if len(of) == 0 {
		return 0
	}
	return slices.Sorted(slices.Values(of))[(len(of)-1)*percent/100]
}

func spread(of []time.Duration) string {
	return fmt.Sprintf("%d, median %.1f, 95%% %.1f, most %.1f ms", len(of), ms(quantile(of, 50)), ms(quantile(of, 95)), ms(quantile(of, 100)))
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

func slower(of []time.Duration, than time.Duration) (n int) {
	for _, d := range of {
		if d > than {
			n++
		}
	}
	return n
}
